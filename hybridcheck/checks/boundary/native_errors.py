"""Does what goes wrong in the callee reach the caller as the status that the boundary declares."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Phase, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import boundary_of, is_good, operation_of, probed, with_header
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.evidence import Evidence, Exchange, Failure
from hybridcheck.profile.boundaries import Boundary
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, Outcome, undecided

LIMIT_MS = 300
"""The deadline under which a callee that hangs is asked, where the boundary has a header for it."""


GAVE_UP = frozenset({Failure.READ_TIMEOUT, Failure.DEADLINE})
"""The tester's own patience ended: a boundary may have a longer one."""


class NativeErrorsMapped(ReadCheck):
    """What fails in the callee is answered as the boundary declares: its refusal, its failure, its silence.

    Sends the requests that are declared to make the callee refuse, fail, or hang. Another status than the boundary's
    `errors` names, three times of three, is a fail. (A callee that is gone is asked for by `resilience.native-down`.)
    """

    id = "boundary.native-errors-mapped"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    phase = Phase.WRITE  # alone: a call that hangs holds what others need
    suite = "boundary"
    remedy = "Map each failure of an inner call to a status of its own: refusals as they are, 502, 503, 504."
    refs = ("RFC 9110 §15.6.3", "CWE-755")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per declared way to fail."""
        failing = scene.profile.probes.failing
        for key in ("native_4xx", "native_5xx", "timeout"):
            probe = getattr(failing, key)
            params, boundary = probed(scene, probe), boundary_of(scene, probe.operation) if probe is not None else None
            if params is None or boundary is None:
                needs = f"probes: {{failing: {{{key}: {{operation: ID, body: {{…}}}}}}}}"
                lacking = needs if params is None else "boundaries: {NAME: {…, routes: [{public: ID}]}}"
                yield Unmet(subject=key, needs=lacking)
            else:
                params |= {"status": _wanted(boundary, key, getattr(probe, "status", 422)), "suite": self.suite}
                params |= {"header": boundary.headers.deadline_ms if key == "timeout" else None}
                params |= {"control": probed(scene, probe.model_copy(update={"body": None}))}
                yield Case(check=self.id, subject=key, params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send the control, and what fails."""
        await target.read("control", ask_for(operation_of(case.params["control"])))
        ask = with_header(ask_for(operation_of(case.params)), case.params["header"], str(LIMIT_MS))
        await ask_until_good(target, "probe", ask, lambda e: _complaint(e, case))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the status."""
        expected = f"{case.subject} is answered {case.params['status']}"
        finding = judge_repeats(evidence, "probe", expected, lambda e: _complaint(e, case))
        control = evidence.exchange("control")
        if finding.outcome is not Outcome.INCONCLUSIVE and not is_good(control):
            text = f"the operation does not answer its own request either: {describe(control)}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=(control.n, *finding.exchanges))
        impatient = any(exchange.failure in GAVE_UP for exchange in evidence.exchanges("probe"))
        if finding.outcome is Outcome.FAIL and impatient and case.params["header"] is None:
            text = f"{finding.observed}: the tester gave up, and no deadline that it could have given is declared"
            return undecided(Reason.SUSPECTED, expected, text, exchanges=finding.exchanges)
        return finding


def _wanted(boundary: Boundary, key: str, own: int) -> int:
    declared = getattr(boundary.errors, key)
    return own if declared == "same" else int(declared)


def _complaint(exchange: Exchange, case: Case) -> str | None:
    return None if exchange.status == case.params["status"] else describe(exchange)
