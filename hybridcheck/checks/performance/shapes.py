"""Does the first request of its kind wait for a compiler: shapes of documents that nobody has sent before."""

from collections.abc import Callable, Iterator, Sequence

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, params_of, suite_of
from hybridcheck.checks.paired import duration_ms, emulated
from hybridcheck.checks.repeats import describe, numbered
from hybridcheck.diagnosis.signatures import WORDS, Signature
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.probes import Roundtrip
from hybridcheck.statistics.medians import median
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.tokens.document import placed, write
from hybridcheck.verdict import Finding, failed, passed, undecided

SHAPES = 6
"""How many new shapes a round sends; a second round follows where the first shows a slow one."""

CALLS = 4
"""How often each shape is sent: the first call against the median of the others."""

LENGTH = 7
SLOWER_RATIO, SLOWER_MS = 10.0, 200.0
"""A first call is slow when it takes ten times, and 200 ms more than, what the next ones take (JITWARM)."""

FAIL_SHARE, PASS_SHARE = 2 / 3, 1 / 4
"""Slow in two thirds of all shapes is a compiler; in less than a quarter it is the machine's own noise."""

EXPECTED = (
    f"the first request of a new shape takes less than {SLOWER_RATIO:g} times, or {SLOWER_MS:g} ms more than, the next"
)
NEEDS = "probes: {roundtrip: {operation: ID, in: $.value, out: $.value, types: [json]}}"


class FlatFirstCall(ReadCheck):
    """The first request of a new shape is answered as fast as the next ones of its kind.

    Sends lists of seven values whose types nobody has sent before in that order, each four times with other values. A
    service that is compiled ahead of time does not care; one that compiles when it first sees a combination of types
    (codon.jit) lets the first request wait. Slow first requests in two thirds of twelve shapes are a fail; a process
    that has just started is not what is measured here.
    """

    id = "performance.flat-first-call"
    dimension = Dimension.PERFORMANCE
    severity = Severity.MEDIUM
    phase = Phase.WRITE  # runs alone: nobody else's traffic is timed
    remedy = "Compile ahead of time (codon build -release), or send each expected shape once before taking traffic."
    refs = ("docs.exaloop.io/codon/interoperability/decorator",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the round trip, where it takes any JSON."""
        probe = scene.profile.probes.roundtrip
        for name, service, operation in scene.profile.all_operations():
            usable = operation.reads and operation.sendable
            if probe is not None and operation.id == probe.operation and "json" in probe.types and usable:
                needs = emulated(name, service)
                params = params_of(operation, suite_of(service)) | {
                    "probe": probe.model_dump(mode="json", by_alias=True)
                }
                case = Case(check=self.id, subject=operation.id, params=params)
                yield Unmet(subject=operation.id, needs=needs) if needs else case
                return
        yield Unmet(subject="roundtrip", needs=NEEDS)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send six shapes, and six more where one of them began slowly."""
        operation, probe = operation_in(case.params), Roundtrip.model_validate(case.params["probe"])
        for first in (0, SHAPES):
            slow = False
            for shape in range(first, first + SHAPES):
                makers = [target.random.choice(MAKERS) for _ in range(LENGTH)]
                calls = [
                    await target.read(f"shape.{shape}.{call + 1}", _ask(operation, probe, makers, target))
                    for call in range(CALLS)
                ]
                if any(call.status not in operation.expect.status or call.total_ms is None for call in calls):
                    return
                slow = slow or _is_slow(calls)
            if not slow:
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Count the shapes whose first request was slow."""
        shapes = _shapes_in(operation_in(case.params), evidence)
        slow = [calls for calls in shapes if _is_slow(calls)]
        observed = f"the first request was slow in {len(slow)} of {len(shapes)} shapes"
        numbers = tuple(call.n for calls in (slow or shapes[:1]) for call in calls[:2])
        firsts, others = (median([duration_ms(c[0]) for c in shapes]), median([_later_ms(c) for c in shapes]))
        details: dict[str, object] = {"exchanges": numbers, "n": len(shapes), "value": len(slow) / len(shapes)}
        details |= {"unit": "ratio", "figures": {"first_ms": firsts, "later_ms": others}}
        if not slow:
            return passed(EXPECTED, f"it was in none of {len(shapes)}", **details)
        if len(shapes) < 2 * SHAPES:
            return undecided(Reason.EVIDENCE_INCOMPLETE, EXPECTED, f"{observed}; not repeated", **details)
        if len(slow) >= FAIL_SHARE * len(shapes):
            details["figures"] = {"first_ms": firsts, "later_ms": others, "signature": Signature.JITWARM.value}
            text = f"{WORDS[Signature.JITWARM]}. {observed}: {firsts:.0f} ms against {others:.0f} ms afterwards"
            return failed(EXPECTED, text, **details)
        if len(slow) < PASS_SHARE * len(shapes):
            return passed(EXPECTED, f"{observed}, which is the machine's own noise", **details)
        return undecided(Reason.FLAKY, EXPECTED, observed, **details)


def _integer(target: ReadTarget) -> Json:
    return target.random.randrange(1_000_000)


def _float(target: ReadTarget) -> Json:
    return target.random.randrange(1_000_000) + 0.5


def _text(target: ReadTarget) -> Json:
    return f"t{target.random.randrange(1_000_000)}"


def _flag(target: ReadTarget) -> Json:
    return target.random.random() < 0.5


def _list(target: ReadTarget) -> Json:
    return [_integer(target)]


def _texts(target: ReadTarget) -> Json:
    return [_text(target), _text(target)]


Maker = Callable[[ReadTarget], Json]

MAKERS: tuple[Maker, ...] = (_integer, _float, _text, _flag, _list, _texts)
"""Six kinds in seven places: 279,936 shapes, so that a run hardly meets one twice."""


def _ask(operation: Operation, probe: Roundtrip, makers: Sequence[Maker], target: ReadTarget) -> Ask:
    values = [maker(target) for maker in makers]
    own = probe.body if probe.body is not None else operation.body if isinstance(operation.body, dict) else {}
    return ask_for(operation.model_copy(update={"body": write(placed(own, probe.into, values))}))


def _shapes_in(operation: Operation, evidence: Evidence) -> list[tuple[Exchange, ...]]:
    """The calls of each shape.

    Raises:
        Undecided: where calls are throttled, refused or missing.
    """
    every = evidence.exchanges("shape")
    if any(call.status == 429 for call in every):
        raise Undecided(Reason.THROTTLED, "the target throttled the tester (429)")
    bad = next((call for call in every if call.status not in operation.expect.status), None)
    if bad is not None:
        raise Undecided(Reason.NO_TEST_DATA, f"a list of mixed values is not echoed: {describe(bad)}")
    shapes = [evidence.exchanges(f"shape.{index}") for index in range(len(every) // CALLS)]
    whole = all(len(calls) == CALLS and numbered(calls, f"shape.{index}") for index, calls in enumerate(shapes))
    if not whole or len(every) not in (SHAPES * CALLS, 2 * SHAPES * CALLS):
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{len(every)} calls are recorded")
    return shapes


def _later_ms(calls: Sequence[Exchange]) -> float:
    return median([duration_ms(call) for call in calls[1:]])


def _is_slow(calls: Sequence[Exchange]) -> bool:
    first, later = duration_ms(calls[0]), _later_ms(calls)
    return first >= SLOWER_RATIO * later and first - later >= SLOWER_MS
