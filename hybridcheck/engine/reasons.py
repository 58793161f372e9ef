"""Why the run was decided as it was, most important first: core question, severity, earliest phase, id."""

from collections.abc import Iterator

from hybridcheck.cases import CoreQuestion, Reason, missing_parts
from hybridcheck.engine.judged import UNDECIDED, Judged, importance
from hybridcheck.verdict import CaseVerdict, Outcome, ReasonLine


def reason_lines(
    judged: Judged, troubles: tuple[tuple[Reason, str], ...], open_questions: tuple[CoreQuestion, ...]
) -> Iterator[ReasonLine]:
    """Fails, then what is wrong with the run, then undecided cases and open questions, then what blocks nothing."""
    required = sorted(judged.required, key=importance)
    failed = [case for case in required if case.finding.outcome is Outcome.FAIL]
    for case in failed:
        if case.waived is None:
            yield ReasonLine(code="FAIL", message=_words(case), case=case.id)
    for code, message in troubles:
        yield ReasonLine(code=code, message=message)
    for case in required:
        if case.finding.outcome in UNDECIDED:
            yield ReasonLine(code=case.finding.reason or Reason.EVIDENCE_INCOMPLETE, message=_words(case), case=case.id)
    silent = any(code is Reason.TARGET_UNREACHABLE for code, _ in troubles)
    for question in () if silent else open_questions:  # of a target that says nothing every question is open
        begun = any(case.core is question for case in required)
        parts = ", ".join(missing_parts(question, judged.start.plan)) if begun else ""
        message = f"nothing required answers the question '{question}'" + (f" for {parts}" if parts else "")
        yield ReasonLine(code=Reason.CORE_QUESTION_OPEN, message=message)
    yield from _about_waivers(judged, failed)


def _about_waivers(judged: Judged, failed: list[CaseVerdict]) -> Iterator[ReasonLine]:
    for case in failed:
        if case.waived is not None:
            message = f"waived until {case.waived.expires} ({case.waived.ticket}): {_words(case)}"
            yield ReasonLine(code="WAIVED", message=message, case=case.id, blocking=False)
    for covers in judged.waivers.expired():
        yield ReasonLine(code="WAIVER_EXPIRED", message=f"the waiver of {covers} has expired", blocking=False)
    for covers in judged.waivers.too_long(judged.start.plan):
        message = f"the waiver of {covers} expires too late to be valid (at most 14 days for critical, 90 for others)"
        yield ReasonLine(code="WAIVER_TOO_LONG", message=message, blocking=False)


def _words(case: CaseVerdict) -> str:
    return f"expected: {case.finding.expected}; observed: {case.finding.observed}"
