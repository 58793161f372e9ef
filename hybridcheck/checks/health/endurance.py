"""Is the target still alive when everything else has been asked."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Phase, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.health.readiness import ReadinessAnswers
from hybridcheck.checks.operations import ask_for, complaint_about, operation_in
from hybridcheck.checks.repeats import PAUSE_S, REPEATS, describe, numbered
from hybridcheck.evidence import Evidence
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

SLACK_S = 2.0
"""What one question may take beside its answer: the pause after it, and the pauses between attempts to connect."""


class ReadyToTheEnd(ReadCheck):
    """The target is still ready when all other requests of the run have been answered.

    Asks the same path as `health.ready` after everything else, until the answer is as declared, or the declared
    recovery time is over where load came before. Fails where every answer until then, and at least three, was wrong:
    a target that dies in mid-run is not ready, however well its first answers looked.
    """

    id = "health.ready-to-the-end"
    dimension = Dimension.RELIABILITY
    severity = Severity.CRITICAL
    phase = Phase.AFTER
    remedy = "Look at the target's log for what ended or blocked it, beginning at the first request without an answer."
    refs = ("RFC 9110 §15",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per case of `health.ready`."""
        within_s = scene.profile.thresholds.max_recovery_s if scene.profile.load else 0.0
        for case in ReadinessAnswers().cases(scene):
            if isinstance(case, Unmet):
                yield case
            else:
                yield Case(check=self.id, subject=case.subject, params={**case.params, "within_s": within_s})

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask until one answer is good or the time is over."""
        operation, started_s, asked = operation_in(case.params), target.now_s(), 0
        while asked < REPEATS or target.now_s() - started_s <= float(case.params["within_s"]):
            asked += 1
            exchange = await target.read(f"end.{asked}", ask_for(operation))
            if complaint_about(exchange, operation.expect) is None:
                break
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass where the last answer is good; fail where none was in all the time."""
        operation = operation_in(case.params)
        expected = f"at the end {operation.method} {operation.url_path()} still answers as declared"
        asked = evidence.exchanges("end")
        if not asked or not numbered(asked, "end"):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked is recorded")
        details = {"exchanges": tuple(exchange.n for exchange in asked[-REPEATS:]), "n": len(asked)}
        complaints = [complaint_about(exchange, operation.expect) for exchange in asked]
        if complaints[-1] is None:
            return passed(expected, describe(asked[-1]), **details)
        if any(exchange.status == 429 for exchange in asked):
            return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", **details)
        waited_s = asked[-1].at_s - asked[0].at_s + (asked[-1].total_ms or 0) / 1000
        if None in complaints or len(asked) < REPEATS or waited_s + SLACK_S < float(case.params["within_s"]):
            return undecided(
                Reason.EVIDENCE_INCOMPLETE, expected, f"{complaints[-1]}; not asked often enough", **details
            )
        return failed(expected, f"{complaints[-1]}, {len(asked)} times of {len(asked)}", **details)
