"""Does a failure make more calls than the caller asked for."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Phase, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import boundary_of, number_in, numbers_of, operation_of, probed
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for
from hybridcheck.evidence import Evidence
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

CALLS = 3
ROUNDS = 2


class NoRetryStorm(ReadCheck):
    """A request that fails in the callee reaches it no more often than declared.

    Reads the callee's own count of calls, sends requests that make it fail, and reads again. More calls per request
    than the boundary's `max_calls_per_request`, in two rounds of two, is a fail: retries multiply at every hop, and
    keep a service down that could recover.
    """

    id = "resilience.no-retry-storm"
    dimension = Dimension.RELIABILITY
    severity = Severity.MEDIUM
    phase = Phase.WRITE  # alone: the count is everybody's
    suite = "boundary"
    remedy = "Retry at one layer only, with a budget and a pause that grows; never what has failed for good."
    refs = ("sre.google/sre-book/addressing-cascading-failures", "CWE-770")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where a failing request and a count are declared."""
        failing = scene.profile.probes.failing
        params, calls = probed(scene, failing.native_5xx), probed(scene, failing.calls)
        boundary = boundary_of(scene, failing.native_5xx.operation) if failing.native_5xx is not None else None
        if params is None or calls is None or failing.calls is None or boundary is None:
            needs = "probes: {failing: {native_5xx: {operation: ID, body: {…}}, calls: {operation: ID, out: $.calls}}}"
            yield Unmet(subject="calls", needs=f"{needs}, and a boundary with that route")
        else:
            params |= {"calls": calls, "out": failing.calls.out, "most": boundary.max_calls_per_request}
            yield Case(check=self.id, subject=operation_of(params).id, params={**params, "suite": self.suite})

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Count, fail, count."""
        ask, count = ask_for(operation_of(case.params)), ask_for(operation_of(case.params["calls"]))
        for number in range(1, ROUNDS + 1):
            before = number_in(await target.read(f"round.{number}.before", count), case.params["out"])
            for call in range(1, CALLS + 1):
                await target.read(f"round.{number}.call.{call}", ask)
            after = number_in(await target.read(f"round.{number}.after", count), case.params["out"])
            if before is None or after is None or after - before <= case.params["most"] * CALLS:
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Divide."""
        most: int = case.params["most"]
        expected = f"at most {most} calls of the callee per request that fails there"
        numbers = numbers_of(evidence.exchanges("round"))
        ratios = [self._ratio(case, evidence, f"round.{number}") for number in range(1, ROUNDS + 1)]
        first, second = ratios
        if first is None or first <= 0:
            text = "the count does not move with the requests, or not all was recorded"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        text = f"{first:g} calls per request"
        if first <= most:
            return passed(expected, text, exchanges=numbers, n=CALLS, figures={"calls_per_request": first})
        if second is None or second <= most:
            reason = Reason.EVIDENCE_INCOMPLETE if second is None else Reason.FLAKY
            return undecided(reason, expected, f"{text}, once", exchanges=numbers)
        return failed(expected, text, exchanges=numbers, n=2 * CALLS, figures={"calls_per_request": second})

    def _ratio(self, case: Case, evidence: Evidence, label: str) -> float | None:
        before, after = evidence.exchanges(f"{label}.before"), evidence.exchanges(f"{label}.after")
        calls = evidence.exchanges(f"{label}.call")
        if len(before) != 1 or len(after) != 1 or len(calls) != CALLS:
            return None
        start, end = number_in(before[0], case.params["out"]), number_in(after[0], case.params["out"])
        return None if start is None or end is None else (end - start) / CALLS
