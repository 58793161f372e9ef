"""Does a failure make more calls than the caller asked for."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Phase, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import boundary_of, number_in, numbers_of, operation_of, probed
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for
from hybridcheck.evidence import Evidence
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

CALLS = (3, 5)
"""Requests that fail, by round: more of ours have to be more calls in the same proportion."""

ROUNDS = len(CALLS)
MOST_QUIET_S = 1.0


class NoRetryStorm(ReadCheck):
    """A request that fails in the callee reaches it no more often than declared.

    Reads the callee's own count of calls, sends requests that make it fail, and reads again; where there were more
    calls than the boundary's `max_calls_per_request` allows, once more after as long a silence. The same whole number
    of calls too many per request for three requests and for five, and none in the silences, is a fail: retries
    multiply at every hop, and keep a service down that could recover. Any other number may be of others' requests.
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
        for number, calls in enumerate(CALLS, 1):
            before = number_in(await target.read(f"round.{number}.before", count), case.params["out"])
            began_s = target.now_s()
            for call in range(1, calls + 1):
                await target.read(f"round.{number}.call.{call}", ask)
            after = number_in(await target.read(f"round.{number}.after", count), case.params["out"])
            if before is None or after is None or after - before <= case.params["most"] * calls:
                return
            await target.sleep(min(target.now_s() - began_s, MOST_QUIET_S))
            await target.read(f"round.{number}.quiet", count)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Divide."""
        most: int = case.params["most"]
        expected = f"at most {most} calls of the callee per request that fails there"
        numbers = numbers_of(evidence.exchanges("round"))
        first, second = (self._ratio(case, evidence, number) for number in range(1, ROUNDS + 1))
        if first is None or first <= 0:
            text = "the count does not move with the requests, or not all was recorded"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        text = f"{first:g} calls per request"
        if first <= most:
            return passed(expected, text, exchanges=numbers, n=CALLS[0], figures={"calls_per_request": first})
        if second is None or second <= most:
            reason = Reason.EVIDENCE_INCOMPLETE if second is None else Reason.FLAKY
            return undecided(reason, expected, f"{text}, once", exchanges=numbers)
        if first != second or not first.is_integer() or not self._quiet(case, evidence):
            text = f"{first:g} and {second:g} calls per request: others' requests may be among them"
            return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)
        return failed(expected, text, exchanges=numbers, n=sum(CALLS), figures={"calls_per_request": second})

    def _ratio(self, case: Case, evidence: Evidence, number: int) -> float | None:
        """Calls per request of a round; None where it was not recorded whole."""
        calls = evidence.exchanges(f"round.{number}.call")
        start, end = (self._count(case, evidence, f"round.{number}.{part}") for part in ("before", "after"))
        if start is None or end is None or len(calls) != CALLS[number - 1]:
            return None
        return (end - start) / len(calls)

    def _quiet(self, case: Case, evidence: Evidence) -> bool:
        """Whether the count stood still in every silence."""
        looks = [
            [self._count(case, evidence, f"round.{number}.{part}") for part in ("after", "quiet")]
            for number in range(1, ROUNDS + 1)
        ]
        return all(after is not None and after == quiet for after, quiet in looks)

    def _count(self, case: Case, evidence: Evidence, label: str) -> float | None:
        found = evidence.exchanges(label)
        return number_in(found[0], case.params["out"]) if len(found) == 1 else None
