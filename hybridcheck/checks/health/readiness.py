"""Is the target alive: its readiness, or one declared operation, answers."""

from collections.abc import Iterator

from hybridcheck.cases import Case, CoreQuestion, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import complaint_about, operation_in, operations, params_of
from hybridcheck.checks.repeats import alike, ask_as_declared, judge_repeats
from hybridcheck.evidence import Evidence
from hybridcheck.profile.operations import Expect, Operation, Reference
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, Outcome, undecided


class ReadinessAnswers(ReadCheck):
    """The target says that it is ready, and does not say so of just any path.

    Asks the declared readiness or health path (without one: the first declared operation that reads). A wrong answer
    is repeated; three of three are a fail. A random path beside it that is answered alike leaves the case undecided
    (CATCH_ALL): such an answer shows nothing about the target.
    """

    id = "health.ready"
    dimension = Dimension.RELIABILITY
    severity = Severity.CRITICAL
    core = CoreQuestion.ALIVE
    remedy = "Look at the target's start-up log and at what its readiness depends on; then ask the path by hand."
    refs = ("RFC 9110 §15",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per declared health path, else one for the first operation that reads."""
        profile = scene.profile
        declared = [(name, ref) for name, ref in (("ready", profile.ready), ("health", profile.health)) if ref]
        for name, reference in declared:
            yield Case(check=self.id, subject=name, params=params_of(_as_operation(name, reference), "monitoring"))
        if not declared:
            first = next(((suite, op) for suite, op in operations(scene) if op.auth == "none"), None)
            if first is None:
                yield Unmet(subject="ready", needs="ready: /path/of/readiness")
            else:
                yield Case(check=self.id, subject=first[1].id, params=params_of(first[1], first[0]))

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask the path, and a random one beside it."""
        await ask_as_declared(target, operation_in(case.params))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on a declared answer that a random path does not get."""
        operation = operation_in(case.params)
        expected = f"{operation.method} {operation.url_path()} answers {', '.join(map(str, operation.expect.status))}"
        finding = judge_repeats(evidence, "probe", expected, lambda e: complaint_about(e, operation.expect))
        control = evidence.exchange("control")
        if finding.outcome is Outcome.PASS and alike(evidence.exchanges("probe")[0], control):
            text = f"a path that cannot exist ({control.request.url}) is answered alike"
            return undecided(Reason.CATCH_ALL, expected, text, exchanges=(*finding.exchanges, control.n))
        return finding


def _as_operation(name: str, reference: Reference) -> Operation:
    return Operation(id=name, path=reference.path, expect=Expect(status=(reference.status,)))
