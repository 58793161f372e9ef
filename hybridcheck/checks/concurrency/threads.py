"""Is native code safe where requests meet: many computations at once give what they give one after the other."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Phase, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.analytics.examples import reordered
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.computing import compute_in, compute_params, computed, sized
from hybridcheck.checks.overlaps import at_once, require_meeting, require_unthrottled
from hybridcheck.checks.repeats import describe
from hybridcheck.checks.survival import crash_finding, look_after, look_before, watch_of
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS, AT_ONCE = 3, 16
STEP = 7
"""Between the sizes of two computations: each has a result of its own."""

NEEDS = "probes: {compute: {operation: ID, in: $.size, out: $.result, sizes: [10000, 20000, 40000]}}"


class ThreadSafe(ReadCheck):
    """Native computations that meet give the same results as one after the other, and the service lives on.

    Sends sixteen computations of different sizes one after the other, then three times all at once, then one after the
    other again. A result that differs beside others, where alone it was the same both times, is proof of shared state;
    last digits of floats are none, for threads that share the work add it up in another order.
    Where the service declares its `liveness`, a process that ends over it is a crash.
    """

    id = "concurrency.thread-safe"
    dimension = Dimension.RELIABILITY
    severity = Severity.CRITICAL
    suite = "boundary"
    phase = Phase.WRITE  # runs alone: the budget of the rate is its own, so that requests meet
    remedy = "Give each call its own buffers; let one thread call a runtime whose collector knows only its own threads."
    refs = ("CWE-362", "CWE-366")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the compute probe."""
        params = compute_params(scene, self.suite)
        if params is None:
            yield Unmet(subject="compute", needs=NEEDS)
            return
        params["watch"] = watch_of(scene.profile, str(params["service"]))
        yield Case(check=self.id, subject=f"{params['service']}: {params['operation']['id']}", params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """One after the other, at once, one after the other."""
        operation, probe = compute_in(case)
        smallest, watch = min(probe.sizes), case.params["watch"]
        asks = [sized(operation, probe, max(smallest // 4, 1) + STEP * index) for index in range(AT_ONCE)]
        if watch is not None:
            await look_before(target, watch)
        for index, ask in enumerate(asks):
            await target.read(f"before.{index}", ask)
        for number in range(1, ROUNDS + 1):
            await at_once(target, [target.read(f"beside.{index}.{number}", ask) for index, ask in enumerate(asks)])
        for index, ask in enumerate(asks):
            await target.read(f"after.{index}", ask)
        if watch is not None:
            await look_after(target, watch)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the results."""
        expected = f"{AT_ONCE} computations at once give what they give one after the other"
        beside = evidence.exchanges("beside")
        require_unthrottled(beside)
        if case.params["watch"] is not None:
            did = f"{AT_ONCE} computations at once"
            crash = crash_finding(evidence, case.params["watch"], expected, beside, did)
            if crash is not None:
                return crash
        wrong = [pair for index in range(AT_ONCE) for pair in _differing(case, evidence, index)]
        if wrong:
            single, other = wrong[0]
            text = f"{len(wrong)} of {len(beside)} results differ from those of the same computation alone"
            return failed(expected, text, exchanges=(single.n, other.n), n=len(beside), figures={"wrong": len(wrong)})
        if len(beside) != ROUNDS * AT_ONCE:
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{len(beside)} computations are recorded")
        unanswered = next((exchange for exchange in beside if exchange.status is None or exchange.status >= 400), None)
        if unanswered is not None:
            text = f"a computation beside others was not answered: {describe(unanswered)}"
            return undecided(Reason.SUSPECTED, expected, text, exchanges=(unanswered.n,), n=len(beside))
        met = require_meeting(beside)
        text = f"all {len(beside)} did, up to {met} under way at once"
        return passed(expected, text, exchanges=(beside[0].n, beside[-1].n), n=len(beside), figures={"at_once": met})


def _differing(case: Case, evidence: Evidence, index: int) -> list[tuple[Exchange, Exchange]]:
    """The answers to one computation beside others that are not what it gives alone, each with the one alone.

    Raises:
        Undecided: where alone it gives none, or not always the same.
    """
    _, probe = compute_in(case)
    before, after = evidence.exchange(f"before.{index}"), evidence.exchange(f"after.{index}")
    alone = computed(before, probe)
    if alone is None:
        raise Undecided(Reason.NO_TEST_DATA, f"a computation alone is not answered: {describe(before)}")
    if computed(after, probe) != alone:
        raise Undecided(Reason.NO_TEST_DATA, "a computation alone does not always give the same")
    others = evidence.exchanges(f"beside.{index}")
    found = [(other, computed(other, probe)) for other in others]
    return [(before, other) for other, got in found if got not in (None, alone) and not reordered([alone, got])]
