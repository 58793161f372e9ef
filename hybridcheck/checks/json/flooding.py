"""Can a sender slow the service down with names that collide in its hash tables."""

from collections.abc import Iterator
from itertools import islice, product
from statistics import median
from string import ascii_letters

from hybridcheck.cases import Budget, Case, Dimension, Json, Phase, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, params_of, suite_of
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import Ask, ReadTarget
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

GROWTH = 8.0
"""By how much the extra time has to grow from the smallest to the largest size; linear work grows by 4."""


class FloodingResisted(ReadCheck):
    """Names that collide in a hash table without salt cost no more than others.

    Sends objects of 256, 512 and 1024 members through the round trip, in turn with random names and with names of the
    same length whose polynomial hash is the same. Where every answer to colliding names took longer than every answer to
    random ones, the fastest at least twice as long, and the extra time grows with the square of the number, it is a
    fail: a request of 27 kB that costs a million comparisons is a cheap way to stop a service. Where the fastest answers
    take equally long it is a pass; anything between is undecided, since noise can hide it.
    """

    id = "json.hash-flooding-resisted"
    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    phase = Phase.WRITE  # whose cases run alone: nobody else's traffic may be in the times
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

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send both kinds of each size in turn, after one of each that warms up."""
        for size in SIZES:
            kinds = {"colliding": colliding(size), "random": []}
            for round_ in range(case.params["rounds"] + 1):
                letters = ["".join(target.random.choices(ascii_letters, k=2 * PAIRS)) for _ in range(size)]
                kinds["random"] = letters
                order = list(kinds) if round_ % 2 else list(reversed(kinds))
                for kind in order:
                    await target.read(f"{kind}.{size}.{round_}", _ask(case, kinds[kind]))

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
        found = {
            (kind, size): _times(evidence, kind, size, rounds) for kind in ("colliding", "random") for size in SIZES
        }
        if not all(found.values()):
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


def _times(evidence: Evidence, kind: str, size: int, rounds: int) -> list[float]:
    """The times in ms of all rounds after the first; empty where one is missing."""
    labels = {f"{kind}.{size}.{round_}" for round_ in range(1, rounds + 1)}
    found: list[Exchange] = [e for e in evidence.exchanges(f"{kind}.{size}") if e.label in labels]
    return [e.total_ms for e in found if e.total_ms is not None] if len(found) == rounds else []


def _judged(found: dict[tuple[str, int], list[float]], expected: str, numbers: tuple[int, ...]) -> Finding:
    small, middle, large = SIZES
    fastest = {key: min(times) for key, times in found.items()}
    ratio = fastest["colliding", large] / fastest["random", large]
    extra = {size: median(found["colliding", size]) - median(found["random", size]) for size in SIZES}
    apart = all(fastest["colliding", size] > max(found["random", size]) for size in (middle, large))
    figures: dict[str, Json] = {f"{kind}_{n}_ms": round(median(times), 3) for (kind, n), times in found.items()}
    n = sum(map(len, found.values()))
    text = f"{large} colliding names take {ratio:.1f} times as long as random ones (fastest of {n // (2 * len(SIZES))})"
    if ratio <= ALIKE:
        return passed(expected, text, exchanges=numbers, n=n, value=ratio, limit=ALIKE, figures=figures)
    growing = extra[large] >= GROWTH * max(extra[small], 0.0)
    if ratio >= SLOWER and apart and growing:
        words = (
            f"{text}; the extra time grows from {extra[small]:.2f} ms at {small} to {extra[large]:.2f} ms at {large}"
        )
        return failed(expected, words, exchanges=numbers, n=n, value=ratio, limit=SLOWER, figures=figures)
    why = f"{text}, which is neither alike nor clearly growing: noise hides it"
    return undecided(Reason.TOO_FEW_SAMPLES, expected, why, exchanges=numbers, n=n, figures=figures)
