"""The decision: NOT_READY, INCONCLUSIVE or READY from what became of the required cases, and nothing else.

NOT_READY     a required case failed and is not validly waived
INCONCLUSIVE  else, a required case is undecided, a core question has no answer, or the run is not whole
READY         else

Scores, means, advisory cases and coverage decide nothing. A run over a selection gives FAILED, INCONCLUSIVE or PASSED.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hybridcheck.cases import CORE_PARTS, CoreQuestion, Group, Reason, missing_parts
from hybridcheck.engine.judged import DECIDED, UNDECIDED, Judged
from hybridcheck.engine.reasons import reason_lines
from hybridcheck.engine.streams import CAUSE_CODES, gap_code
from hybridcheck.engine.subject import BUILD_STREAM, build_identity, changed
from hybridcheck.errors import ExitCode
from hybridcheck.evidence import RUN_STREAM, Gap, Observation, RunCause, RunFault
from hybridcheck.verdict import CoreAnswer, Outcome, ReasonLine, Ruling

NO_WAY_OUT = frozenset({CoreQuestion.ALIVE, CoreQuestion.CONTRACT})
"""Questions that no words can answer."""

FOREIGN_RUN = "foreign_run"
"""Label of the observation in the run's own stream that another run was seen at the target."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided, and why; `open` are the core questions that no required case of the plan could answer."""

    ruling: Ruling
    ruling_without_waivers: Ruling
    exit_code: ExitCode
    core: dict[CoreQuestion, CoreAnswer]
    reasons: tuple[ReasonLine, ...]
    open: tuple[CoreQuestion, ...]


def decide(judged: Judged) -> Decision:
    """Decide from the judged cases and the state of the run."""
    core = core_answers(judged)
    troubles = tuple(run_troubles(judged))
    unanswered = not judged.start.scoped and not all(answer.answered for answer in core.values())
    undecided = any(case.finding.outcome in UNDECIDED for case in judged.required)
    doubt = bool(troubles) or unanswered or undecided
    failed = [case for case in judged.required if case.finding.outcome is Outcome.FAIL]
    ruling = _ruling(failed=any(case.waived is None for case in failed), doubt=doubt, scoped=judged.start.scoped)
    open_questions = tuple(q for q in CoreQuestion if not judged.start.scoped and _is_open(q, core[q], judged))
    return Decision(
        ruling=ruling,
        ruling_without_waivers=_ruling(failed=bool(failed), doubt=doubt, scoped=judged.start.scoped),
        exit_code=exit_code(ruling, judged),
        core=core,
        reasons=tuple(reason_lines(judged, troubles, open_questions)),
        open=open_questions,
    )


def _ruling(*, failed: bool, doubt: bool, scoped: bool) -> Ruling:
    if failed:
        return Ruling.FAILED if scoped else Ruling.NOT_READY
    if doubt:
        return Ruling.INCONCLUSIVE
    return Ruling.PASSED if scoped else Ruling.READY


def exit_code(ruling: Ruling, judged: Judged) -> ExitCode:
    """The number that the ruling ends with; `--exit-zero` turns NOT_READY's and INCONCLUSIVE's own codes into 0."""
    cause = judged.streams.end.cause if judged.streams.end else None
    if ruling in (Ruling.READY, Ruling.PASSED):
        code = ExitCode.READY
    elif ruling in (Ruling.NOT_READY, Ruling.FAILED):
        code = ExitCode.NOT_READY
    elif cause is RunCause.TOOL_ERROR or any(_run_faults(judged)):
        code = ExitCode.TOOL_ERROR
    elif cause is RunCause.UNREACHABLE:
        code = ExitCode.UNREACHABLE
    else:
        code = ExitCode.INCONCLUSIVE
    blocking = code in (ExitCode.NOT_READY, ExitCode.INCONCLUSIVE)
    return ExitCode.READY if blocking and exit_zero(judged) else code


def exit_zero(judged: Judged) -> bool:
    """Whether the run was asked to report without blocking."""
    return bool(judged.start.flags.get("exit_zero"))


def core_answers(judged: Judged) -> dict[CoreQuestion, CoreAnswer]:
    """How each core question was answered: by required cases that are decided, or by the operator in words.

    A question of several parts (`CORE_PARTS`) is answered when each part is.
    """
    words = judged.start.profile.get("not_applicable") or {}
    answers = {}
    for question in CoreQuestion:
        by = tuple(c.id for c in judged.required if c.core is question and c.finding.outcome in DECIDED)
        excuse = None if question in NO_WAY_OUT else words.get(question.value)
        whole = bool(by) and not _undecided_parts(question, judged)
        answers[question] = CoreAnswer(answered=whole or bool(excuse), by=by, not_applicable=excuse or None)
    return answers


def _undecided_parts(question: CoreQuestion, judged: Judged) -> set[str]:
    """The parts of a question that have cases in the plan and no required one that is decided."""
    decided = {case.check for case in judged.required if case.finding.outcome in DECIDED}
    planned = {case.check for case in judged.cases if case.group is not Group.NOT_APPLICABLE}
    return (planned & set(CORE_PARTS.get(question, ()))) - decided


def _is_open(question: CoreQuestion, answer: CoreAnswer, judged: Judged) -> bool:
    if answer.answered:
        return False
    nothing = not any(case.core is question for case in judged.required)
    return nothing or bool(missing_parts(question, judged.start.plan))


def _run_faults(judged: Judged) -> Iterator[RunFault]:
    """What went wrong on our side beside the cases, as the run wrote it down before its end."""
    yield from (record for record in judged.streams.sealed_records(RUN_STREAM) if isinstance(record, RunFault))


def run_troubles(judged: Judged) -> Iterator[tuple[Reason, str]]:
    """What forbids READY whatever the cases say: each with its reason and words."""
    yield from ((fault.reason, fault.detail) for fault in _run_faults(judged))
    streams = judged.streams
    if streams.end is None:
        yield Reason.RUN_NOT_SEALED, f"the run is not sealed: {streams.broken}"
    elif streams.end.cause is not RunCause.COMPLETED:
        detail = f": {streams.end.detail}" if streams.end.detail else ""
        yield CAUSE_CODES[streams.end.cause], f"the run ended as {streams.end.cause}{detail}"
    own = (*streams.sealed_records(RUN_STREAM), *streams.sealed_records(BUILD_STREAM))
    gap = gap_code(record for record in own if isinstance(record, Gap))
    if gap is not None:
        yield gap
    if any(isinstance(record, Observation) and record.label == FOREIGN_RUN for record in own):
        yield Reason.FOREIGN_RUN, "another run of this tool was at the target at the same time"
    difference = changed(build_identity(streams))
    if difference:
        yield Reason.TARGET_CHANGED, difference
    if judged.start.scoped and not any(case.finding.outcome in DECIDED for case in judged.required):
        yield Reason.EVIDENCE_INCOMPLETE, "the selection holds no required case that was decided"
