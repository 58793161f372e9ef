"""Analytics, detection and monitoring as functions from a validated document to a result, over a set of kernels."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Protocol

from hybridcheck.reference.native.conversions import parts_of, shifted, truncated
from hybridcheck.reference.native.plain_kernels import within_int64
from hybridcheck.reference.web import Problem

Document = dict[str, Any]

MOST_DEPTH = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kernels(Protocol):
    """What is computed natively. Results follow Python's rules; what cannot be represented raises ArithmeticError."""

    def sum_integers(self, values: Sequence[int]) -> int:
        """The exact sum; OverflowError if 64 bits do not hold it or a value."""

    def sum_floats(self, values: Sequence[float]) -> float:
        """The sum, compensated."""

    def moments(self, values: Sequence[float]) -> tuple[float, float]:
        """Mean and sum of squared deviations."""

    def sort_integers(self, values: Sequence[int]) -> list[int]:
        """Ascending order."""

    def sort_floats(self, values: Sequence[float]) -> list[float]:
        """Ascending order."""

    def integer_operation(self, operation: str, a: int, b: int) -> int:
        """`floordiv`, `mod`, or `pow` with b ≥ 0, within 64 bits."""

    def float_operation(self, operation: str, a: float, b: float) -> float:
        """`floordiv`, `mod`, `pow`, or `round` to b digits."""

    def raw_division(self, a: int, b: int) -> int:
        """C's `/` without a look at the divisor: ends the process where it is 0. Only a planted defect calls it."""

    def text_length(self, text: str) -> int:
        """Code points."""

    def zscores(self, values: Sequence[float]) -> list[float]:
        """Distances from the mean in population standard deviations."""

    def ewma_scores(self, values: Sequence[float], alpha: float) -> list[float]:
        """Distances from the moving mean in moving deviations."""

    def congruential_sum(self, count: int, seed: int) -> int:
        """Sum of the first `count` numbers of a linear congruential sequence modulo 2^31."""

    def percentile(self, ordered: Sequence[float], rank: float) -> float:
        """Nearest rank of an ascending sequence."""

    def counter_increase(self, values: Sequence[float]) -> float:
        """Sum of the rises; a fall is a restart from zero."""


@contextmanager
def refuse_arithmetic() -> Iterator[None]:
    """Arithmetic that has no representable result is the caller's 422, not our 500."""
    try:
        yield
    except ZeroDivisionError as error:
        raise Problem(422, "division by zero") from error
    except (ArithmeticError, ValueError) as error:
        raise Problem(422, "the result is out of range") from error


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise OverflowError("not finite")
    return value


def _integral(values: Sequence[float]) -> bool:
    return all(type(value) is int for value in values)


def aggregate(kernels: Kernels, document: Document) -> Document:
    """Count, sum, mean, sample variance (null for one value), median, extremes and ascending order."""
    values = document["values"]
    count = len(values)
    floats = [float(value) for value in values]
    integral = _integral(values)
    total = kernels.sum_integers(values) if integral else _finite(kernels.sum_floats(floats))
    ordered: list[Any] = kernels.sort_integers(values) if integral else kernels.sort_floats(floats)
    mean, squares = kernels.moments(floats)
    middle = ordered[count // 2] if count % 2 else ordered[count // 2 - 1] / 2 + ordered[count // 2] / 2
    return {
        "count": count,
        "sum": total,
        "mean": _finite(mean),
        "variance": _finite(squares) / (count - 1) if count > 1 else None,
        "median": middle,
        "minimum": ordered[0],
        "maximum": ordered[-1],
        "sorted": ordered,
    }


def scalar(kernels: Kernels, document: Document) -> Document:
    """Floor division, modulo, power, shift, rounding and truncation, with Python's rules for signs and ties."""
    operation, a, b = document["operation"], document["a"], document["b"]
    if operation == "truncate":
        return {"result": truncated(a)}
    if operation == "shift":
        if type(a) is not int or type(b) is not int:
            raise Problem(422, "$: two integers expected")
        return {"result": shifted(a, b)}
    if operation == "round":
        if not (float(b).is_integer() and 0 <= b <= 15):
            raise Problem(422, "$.b: a whole number of digits from 0 to 15 expected")
        return {"result": a if type(a) is int else _finite(kernels.float_operation("round", a, float(b)))}
    if type(a) is int and type(b) is int and not (operation == "pow" and b < 0):
        return {"result": kernels.integer_operation(operation, a, b)}
    return {"result": _finite(kernels.float_operation(operation, float(a), float(b)))}


def text(kernels: Kernels, document: Document) -> Document:
    """Length in code points, upper case, parts. The case mapping is CPython's in every build: it needs Unicode's tables."""
    found = {"length": kernels.text_length(document["text"]), "upper": document["text"].upper()}
    return found | parts_of(document["text"], document.get("limit"))


def echo(_: Kernels, document: Document) -> Document:
    """The value that was sent; integers beyond 64 bits and numbers beyond any double are refused."""
    left = [(document["value"], 0)]
    while left:
        value, depth = left.pop()
        if depth > MOST_DEPTH:
            raise Problem(422, f"$.value: at most {MOST_DEPTH} levels expected")
        if type(value) is int:
            within_int64(value)
        elif type(value) is float:
            _finite(value)
        elif isinstance(value, dict | list):
            left += [(child, depth + 1) for child in (value.values() if isinstance(value, dict) else value)]
    return {"value": document["value"]}


def rank(_: Kernels, document: Document) -> Document:
    """The rows by falling score; equal ones stay in the order in which they came."""
    return {"rows": sorted(document["rows"], key=lambda row: -row["score"])}


def parse_instant(_: Kernels, document: Document) -> Document:
    """Unix seconds of an ISO 8601 instant. One without an offset is refused: nobody knows when it is."""
    try:
        found = datetime.fromisoformat(document["at"])
    except ValueError as error:
        raise Problem(422, "$.at: an ISO 8601 date and time expected") from error
    if found.tzinfo is None:
        raise Problem(422, "$.at: an offset from UTC expected")
    return {"at": document["at"], "epoch_s": found.timestamp()}


def format_instant(_: Kernels, document: Document) -> Document:
    """The ISO 8601 instant, in UTC, of Unix seconds, also of negative ones."""
    found = EPOCH + timedelta(seconds=document["epoch_s"])
    return {"at": found.isoformat(), "epoch_s": document["epoch_s"]}


def score(kernels: Kernels, document: Document) -> Document:
    """A score for each number and whether it is further from the expected than the threshold."""
    method, threshold = document.get("method", "zscore"), document.get("threshold", 3.0)
    values = [float(value) for value in document["values"]]
    if method == "zscore":
        scores = kernels.zscores(values)
    else:
        scores = kernels.ewma_scores(values, float(document.get("alpha", 0.3)))
    points = [
        {
            "index": index,
            "value": value,
            "score": _finite(found),
            "label": "anomaly" if abs(found) > threshold else "normal",
        }
        for index, (value, found) in enumerate(zip(document["values"], scores, strict=True))
    ]
    anomalies = sum(point["label"] == "anomaly" for point in points)
    return {"method": method, "threshold": threshold, "anomalies": anomalies, "scores": points}


def percentiles(kernels: Kernels, document: Document) -> Document:
    """Nearest-rank percentiles: the smallest value with at least that share of the values at or below it."""
    ordered = kernels.sort_floats([float(value) for value in document["values"]])
    found = [{"rank": rank, "value": kernels.percentile(ordered, float(rank))} for rank in document["ranks"]]
    return {"count": len(ordered), "percentiles": found}


def rate(kernels: Kernels, document: Document) -> Document:
    """Increase and rate of a counter over its samples; a fall counts as a restart from zero."""
    samples = document["samples"]
    times = [float(sample["at_s"]) for sample in samples]
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise Problem(422, "$.samples: at_s has to grow from sample to sample")
    increase = _finite(kernels.counter_increase([float(sample["value"]) for sample in samples]))
    elapsed_s = _finite(times[-1] - times[0])
    return {"increase": increase, "elapsed_s": elapsed_s, "rate_per_s": _finite(increase / elapsed_s)}


def compute(kernels: Kernels, document: Document) -> Document:
    """Work of the wanted size, with a result that shows that it was done."""
    size, seed = document["size"], document.get("seed", 1)
    return {"size": size, "checksum": kernels.congruential_sum(size, seed)}


@dataclass(frozen=True, slots=True)
class Computation:
    """A computation, where it is offered, and the schemas of what goes in and out. A `long` one gets a thread."""

    path: str
    operation: str
    compute: Callable[[Kernels, Document], Document]
    body: str
    answer: str
    long: bool = False


COMPUTATIONS = (
    Computation("/analytics/aggregate", "aggregate", aggregate, "Values", "Aggregate"),
    Computation("/analytics/scalar", "scalar", scalar, "ScalarOperation", "Scalar"),
    Computation("/analytics/text", "text", text, "Text", "TextFacts"),
    Computation("/analytics/echo", "echo", echo, "Echo", "Echoed"),
    Computation("/analytics/rank", "rank", rank, "Ranking", "Ranked"),
    Computation("/analytics/instant", "parseInstant", parse_instant, "IsoInstant", "Instant"),
    Computation("/analytics/calendar", "formatInstant", format_instant, "Epoch", "Instant"),
    Computation("/analytics/compute", "compute", compute, "Workload", "Computed", long=True),
    Computation("/detection/score", "score", score, "DetectionInput", "Detection"),
    Computation("/monitoring/percentiles", "percentiles", percentiles, "PercentileInput", "Percentiles"),
    Computation("/monitoring/rate", "rate", rate, "CounterSamples", "CounterRate"),
)
