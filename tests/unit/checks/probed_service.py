"""A service with every kind of probe, right in all it does; tests spoil what they want to see found."""

import json
import math
import statistics
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hybridcheck.evidence import Failure
from hybridcheck.target import Ask
from tests.unit.checks.fake_target import Answer, FakeTarget

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PROFILE: dict[str, Any] = {
    "operations": [
        {"id": name, "method": "POST", "path": f"/{name}", "safe": True, "body": {}}
        for name in (
            *("echo", "aggregate", "floordiv", "mod", "round", "pow", "shift", "truncate", "text", "rank"),
            *("instant", "calendar"),
        )
    ],
    "probes": {
        "roundtrip": {"operation": "echo", "types": ["int", "float", "text", "json"]},
        "aggregate": {
            "operation": "aggregate",
            "out": {"sum": "$.sum", "mean": "$.mean", "median": "$.median", "variance": "$.variance"},
        },
        "scalar": {name: {"operation": name} for name in ("floordiv", "mod", "round", "pow", "shift", "truncate")},
        "text": {
            "operation": "text",
            "limit": "$.limit",
            "out": {name: f"$.{name}" for name in ("length", "upper", "prefix", "stripped", "decimal")},
        },
        "rank": {"operation": "rank"},
        "time": {"parse": {"operation": "instant"}, "format": {"operation": "calendar"}},
    },
    "contract": {
        "integers": "int64",
        "overflow": "reject",
        "nonfinite": "reject",
        "sum": "compensated",
        "key_order": "insertion",
    },
}

Spoil = Callable[[str, dict[str, Any]], Any]
"""Given the operation and the request's document: another answer's document, or `Answer`; None leaves it right."""


def refused(value: Any) -> bool:
    """Whether int64 and doubles cannot hold it."""
    if isinstance(value, list | dict):
        return any(refused(child) for child in (value if isinstance(value, list) else value.values()))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value is None
    return not -(2**63) <= value < 2**63 if isinstance(value, int) else not math.isfinite(value)


def right(operation: str, document: dict[str, Any]) -> dict[str, Any] | None:
    """The right answer; None for a refusal."""
    found = COMPUTED[operation](document)
    numbers = found["value"] if operation == "echo" else found
    unknown = numbers is None or (isinstance(numbers, dict) and operation == "echo")
    return None if not unknown and operation != "text" and refused(numbers) else found


def aggregate(document: dict[str, Any]) -> dict[str, Any]:
    """Figures of a list."""
    values = document["values"]
    whole = all(type(value) is int for value in values)
    try:
        total = sum(values) if whole else math.fsum(values)
    except (OverflowError, TypeError):
        return {"sum": None}
    mean, median, variance = statistics.mean(values), statistics.median(values), statistics.variance(values)
    return {"sum": total, "mean": mean, "median": median, "variance": variance}


def power(document: dict[str, Any]) -> dict[str, Any]:
    """A power; none where it is out of range."""
    try:
        return {"result": document["a"] ** document["b"]}
    except OverflowError:
        return {"result": None}


def text_facts(text: str, limit: int | None = None) -> dict[str, Any]:
    """All that is told of a text."""
    parts = {"prefix": text[:limit], "stripped": text.strip(), "decimal": text.isdecimal()}
    return {"length": len(text), "upper": text.upper(), **parts}


COMPUTED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "echo": lambda document: {"value": document["value"]},
    "aggregate": aggregate,
    "floordiv": lambda document: {"result": document["a"] // document["b"]},
    "mod": lambda document: {"result": document["a"] % document["b"]},
    "round": lambda document: {"result": round(document["a"], document["b"])},
    "pow": power,
    "shift": lambda document: {"result": document["a"] << document["b"]},
    "truncate": lambda document: {"result": int(document["a"])},
    "text": lambda document: text_facts(**document),
    "rank": lambda document: {"rows": sorted(document["rows"], key=lambda row: -row["score"])},
    "instant": lambda document: {"epoch_s": datetime.fromisoformat(document["at"]).timestamp()},
    "calendar": lambda document: {"at": (EPOCH + timedelta(seconds=document["epoch_s"])).isoformat()},
}


def service(spoil: Spoil = lambda *_: None, *, lone: Answer = (400, {}, {})) -> FakeTarget:
    """The target; `spoil` may answer in the place of what is right, `lone` is the answer to half a surrogate pair."""

    def answering(ask: Ask) -> Answer | Failure:
        try:
            document = json.loads(ask.body or b"", parse_constant=float)
            if "NaN" in (ask.body or b"").decode() or "Infinity" in (ask.body or b"").decode():
                raise ValueError
        except ValueError:
            spoilt = spoil("malformed", {})
            return spoilt if spoilt is not None else (400, {}, {})
        operation = ask.path.removeprefix("/")
        if b'\\ud83d"' in (ask.body or b""):
            return lone
        spoilt = spoil(operation, document)
        if isinstance(spoilt, tuple | Failure):
            return spoilt
        found = spoilt if spoilt is not None else right(operation, document)
        return (422, {}, {}) if found is None else (200, {}, found)

    return FakeTarget(answering)
