"""Can a sender slow the service down with names that collide in its hash tables."""

import math
from collections.abc import Iterator
from enum import Enum
from itertools import islice, product
from statistics import median
from string import ascii_letters

from hybridcheck.cases import Budget, Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.check import AbuseCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, params_of, suite_of
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence
from hybridcheck.target import AbuseTarget, Ask
from hybridcheck.tokens.document import placed, write
from hybridcheck.verdict import Finding, failed, passed, undecided

SIZES = (256, 512, 1024)
"""Names in the object. A table that compares with all that collide needs 16 times as long for four times as many."""

PAIRS = 10
"""`Aa` and `BB` have the same hash where it is 31 times the last one plus the byte; so have all texts of ten of them."""

ROUNDS = {Budget.QUICK: 5, Budget.STANDARD: 9, Budget.FULL: 15}
SLOWER = 2.0
"""How many times longer the fastest answer to colliding names has to take than the fastest to random ones, for a fail."""

ALIKE = 1.5
"""Up to here the fastest answers count as equally long: colliding names were read in that time, so they can be."""

GROWTH = 5.0
"""By how much the extra time has to grow from the smallest to the largest size: linear work grows by 4, quadratic by 16."""

SURE = 2.576
"""Standard errors by which colliding times have to rank above random ones, at two sizes: by chance 1 in 200 each."""

MORE = 4
"""How many times as many rounds there are at most, while nothing is clear."""

MOST_MS, MOST_ALL_MS = 1000.0, 20_000.0
"""The dose: no object more after an answer that took so long, and no round more after so long for all of them together."""

KINDS = ("colliding", "random")
Times = dict[tuple[str, int], list[float]]
"""Milliseconds by kind and size, in the order of the rounds."""


class Shape(Enum):
    """What the times show."""

    ALIKE = "alike"
    QUADRATIC = "quadratic"
    BETWEEN = "between"


class FloodingResisted(AbuseCheck):
    """Names that collide in a hash table without salt cost no more than others.

    Sends objects of 256, 512 and 1024 members through the round trip, in turn with random names and with names of the
    same length whose polynomial hash is the same. Where the answers to colliding names rank clearly above those to
    random ones, the fastest at least twice as long, and the extra time grows with the square of the number, it is a
    fail: a request of 27 kB that costs a million comparisons is a cheap way to stop a service. Where the fastest answers
    take equally long it is a pass; anything between is undecided, since noise can hide it. It goes from small to large,
    one at a time, and stops at an answer that takes a second. Needs `--allow abuse`.
    """

    id = "json.hash-flooding-resisted"
    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    remedy = (
        "Use a salted hash (SipHash) for tables of names from outside, a balanced tree, or limit the number of members."
    )
    refs = ("CWE-407", "CWE-328", "ocert.org advisory 2011-003")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where any JSON value makes the round trip."""
        probe, found = scene.profile.probes.roundtrip, False
        for _, service, operation in scene.profile.all_operations() if probe and "json" in probe.types else ():
            if probe is not None and operation.id == probe.operation and operation.reads and operation.sendable:
                found = True
                params = {**params_of(operation, suite_of(service)), "rounds": ROUNDS[scene.budget]}
                params["probe"] = probe.model_dump(mode="json", by_alias=True)
                yield Case(check=self.id, subject=operation.id, params=params)
        if not found:
            yield Unmet(subject="roundtrip", needs="probes: {roundtrip: {operation: ID, types: [json]}}")

    async def probe(self, case: Case, target: AbuseTarget) -> None:
        """Send both kinds of each size in turn, after one of each that warms up; more rounds while noise hides it."""
        times: Times = {(kind, size): [] for kind in KINDS for size in SIZES}
        rounds: int = case.params["rounds"]
        for round_ in range(MORE * rounds + 1):
            for size in SIZES:
                letters = ["".join(target.random.choices(ascii_letters, k=2 * PAIRS)) for _ in range(size)]
                names = dict(zip(KINDS, (colliding(size), letters), strict=True))
                for kind in KINDS if round_ % 2 else reversed(KINDS):
                    exchange = await target.read(f"{kind}.{size}.{round_}", _ask(case, names[kind]))
                    if exchange.total_ms is None or exchange.status != 200 or exchange.total_ms > MOST_MS:
                        return
                    times[kind, size] += [exchange.total_ms] if round_ else []
            clear = round_ >= rounds and _shape(times) is not Shape.BETWEEN
            if clear or sum(map(sum, times.values())) > MOST_ALL_MS:
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the times."""
        expected = "an object whose names collide is read as fast as any other"
        rounds: int = case.params["rounds"]
        everything = evidence.exchanges()
        if any(exchange.status == 429 for exchange in everything):
            return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)")
        odd = next((e for e in everything if e.status is None or not 200 <= e.status < 300), None)
        if odd is not None:
            return undecided(Reason.NO_TEST_DATA, expected, f"not every object was taken: {describe(odd)}")
        slow = next((e for e in everything if e.total_ms is not None and e.total_ms > MOST_MS), None)
        if slow is not None:
            kind, size, _ = slow.label.split(".")
            text = f"{size} {kind} names took {slow.total_ms or 0:.0f} ms: no more were sent"
            return undecided(Reason.SUSPECTED, expected, text, exchanges=(slow.n,))
        found = {(kind, size): _times(evidence, kind, size) for kind in KINDS for size in SIZES}
        counts = {len(times) for times in found.values()}
        if len(counts) != 1 or counts.pop() < rounds:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not every answer was recorded")
        return _judged(found, expected, tuple(exchange.n for exchange in everything))


def colliding(size: int) -> list[str]:
    """That many texts of one length and one polynomial hash (31 h + byte)."""
    return ["".join(parts) for parts in islice(product(("Aa", "BB"), repeat=PAIRS), size)]


def _ask(case: Case, names: list[str]) -> Ask:
    operation, probe = operation_in(case.params), case.params["probe"]
    own = probe["body"]
    body = own if own is not None else operation.body if isinstance(operation.body, dict) else {}
    body = placed(body, probe["in"], dict.fromkeys(names, 0))
    return ask_for(operation.model_copy(update={"body": write(body)}))


def _times(evidence: Evidence, kind: str, size: int) -> list[float]:
    """The times in ms of all rounds after the first; empty where one is missing."""
    exchanges = evidence.exchanges(f"{kind}.{size}")
    labels = [f"{kind}.{size}.{round_}" for round_ in range(len(exchanges))]
    found = [exchange.total_ms for exchange in exchanges[1:] if exchange.total_ms is not None]
    return found if [e.label for e in exchanges] == labels and len(found) == len(exchanges) - 1 else []


def _shape(times: Times) -> Shape:
    """What the times show."""
    small, middle, large = SIZES
    ratio = min(times["colliding", large]) / min(times["random", large])
    if ratio <= ALIKE:
        return Shape.ALIKE
    apart = all(_ranks_above(times, size) for size in (middle, large))
    extra = _extra(times)
    growing = extra[large] >= GROWTH * max(extra[small], 0.0)
    return Shape.QUADRATIC if ratio >= SLOWER and apart and growing else Shape.BETWEEN


def _ranks_above(times: Times, size: int) -> bool:
    """Whether colliding times rank above random ones (Mann and Whitney's U, without ties, in its normal form)."""
    slow, fast = times["colliding", size], times["random", size]
    share = sum(one > other for one, other in product(slow, fast)) / (len(slow) * len(fast))
    error = math.sqrt((len(slow) + len(fast) + 1) / (12 * len(slow) * len(fast)))
    return share >= min(0.5 + SURE * error, 1.0)


def _extra(times: Times) -> dict[int, float]:
    """How much longer colliding names take, in ms, by the fastest answers: noise only ever adds."""
    return {size: min(times["colliding", size]) - min(times["random", size]) for size in SIZES}


def _judged(times: Times, expected: str, numbers: tuple[int, ...]) -> Finding:
    small, _, large = SIZES
    ratio, extra = min(times["colliding", large]) / min(times["random", large]), _extra(times)
    figures: dict[str, Json] = {f"{kind}_{size}_ms": round(median(values), 3) for (kind, size), values in times.items()}
    rounds = len(times["random", large])
    text = f"{large} colliding names take {ratio:.1f} times as long as random ones (the fastest of {rounds})"
    details: dict[str, Json] = {"exchanges": numbers, "n": sum(map(len, times.values())), "figures": figures}
    shape = _shape(times)
    if shape is Shape.ALIKE:
        return passed(expected, text, value=ratio, limit=ALIKE, **details)
    if shape is Shape.QUADRATIC:
        words = (
            f"{text}; the extra time grows from {extra[small]:.2f} ms at {small} to {extra[large]:.2f} ms at {large}"
        )
        return failed(expected, words, value=ratio, limit=SLOWER, **details)
    why = f"{text}, which is neither alike nor clearly growing: noise hides it"
    return undecided(Reason.TOO_FEW_SAMPLES, expected, why, **details)
