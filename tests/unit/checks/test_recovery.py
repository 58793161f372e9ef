"""Recovery after the load: what is worse than before is a defect, what was broken before is another case's matter."""

import asyncio
from typing import Any

import pytest

from hybridcheck.cases import Case, Phase, Reason, Undecided
from hybridcheck.checks.recovery.after_load import AnswersAfterLoad
from hybridcheck.evidence import Evidence, Exchange, LoadEnd, Record
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, unmet_of

CHECK = AnswersAfterLoad()
PROFILE: dict[str, Any] = {
    "operations": [{"id": "items", "path": "/items", "expect": {"schema": {"required": ["items"]}}}],
    "load": {"steady": {"rate_rps": 10, "duration_s": 5, "operations": ["items"]}},
    "thresholds": {"max_latency_ms": 200, "max_recovery_s": 3},
}
GOOD: Answer = (200, {}, {"items": []})
BAD: Answer = (503, {}, {})
LOAD_END = LoadEnd(cause="completed", seconds=5, planned=50, ok=50, failed=0, unsent=0, cut=0)


def recorded(before: Answer, after: list[Answer]) -> tuple[Case, tuple[Record, ...]]:
    """The case and its records where the target answers `before` ahead of the load, then `after`, its last for ever."""
    answers, loaded = list(after), False

    def answering(_: Ask) -> Answer:
        if not loaded:
            return before
        return answers.pop(0) if len(answers) > 1 else answers[0]

    case, target = cases_of(CHECK, PROFILE)[0], FakeTarget(answering)
    asyncio.run(CHECK.before_load(case, target))
    loaded = True
    asyncio.run(CHECK.probe(case, target))
    return case, tuple(target.records)


def judged(case: Case, records: tuple[Record, ...], *load: Record) -> Finding:
    """The finding over these records and this load stream."""
    return CHECK.judge(case, Evidence(records, {"load/steady": load}))


def test_an_operation_that_answers_as_before_has_recovered() -> None:
    """Good before, a few bad answers after the load, then a whole good second in time: pass."""
    finding = judged(*recorded(GOOD, [BAD, BAD, GOOD]), LOAD_END)
    assert finding.outcome is Outcome.PASS
    assert finding.value == pytest.approx(0.2)


def test_an_operation_that_stays_broken_after_the_load_fails() -> None:
    """Good before and bad for the whole recovery time: fail."""
    assert judged(*recorded(GOOD, [BAD]), LOAD_END).outcome is Outcome.FAIL


def test_a_load_that_the_generator_could_not_send_was_none() -> None:
    """Out of open files or ports for every request, the target heard of none, and has nothing to recover from."""
    end = LOAD_END.model_copy(update={"ok": 0, "failed": 50, "not_sent": 49})
    assert judged(*recorded(GOOD, [GOOD]), end).outcome is Outcome.PASS
    with pytest.raises(Undecided, match="no load came before"):
        judged(*recorded(GOOD, [GOOD]), end.model_copy(update={"not_sent": 50}))


@pytest.mark.parametrize(("slow_for_s", "outcome"), [(20.0, Outcome.FAIL), (1.0, Outcome.PASS)])
def test_right_answers_beyond_the_latency_limit_are_no_recovery(slow_for_s: float, outcome: Outcome) -> None:
    """Right and 0.6 s late for the whole recovery time: fail; in time again before it is over: pass."""
    case, target = cases_of(CHECK, PROFILE)[0], FakeTarget(lambda _: GOOD)
    asyncio.run(CHECK.before_load(case, target))
    target.takes_ms = lambda _: 601.0 if target.now_s() < slow_for_s else 1.0
    asyncio.run(CHECK.probe(case, target))
    assert judged(case, tuple(target.records), LOAD_END).outcome is outcome


def test_recovery_is_asked_for_when_the_load_ends() -> None:
    """Not behind abuse and faults, whose time would hide what the load left behind."""
    assert CHECK.phase is Phase.LOAD


def test_what_was_broken_before_the_load_is_no_question_of_recovery() -> None:
    """Bad before and bad after: undecided, with what was wrong before; the contract's own case fails for it."""
    finding = judged(*recorded((200, {}, {"wrong": 1}), [BAD]), LOAD_END)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)
    assert "before the load: body at $" in finding.observed


def test_without_a_baseline_a_bad_answer_proves_nothing() -> None:
    """The good answer before the load is the control: where it is not recorded, a fail becomes undecided."""
    case, records = recorded(GOOD, [BAD])
    kept = tuple(record for record in records if isinstance(record, Exchange) and record.label != "before.1")
    assert judged(case, kept, LOAD_END).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("after", [[GOOD], [BAD], [BAD, GOOD, BAD, GOOD]])
def test_taking_any_record_away_decides_nothing_anew(after: list[Answer]) -> None:
    """Each record of the case, one at a time: the outcome stays or becomes inconclusive."""
    case, records = recorded(GOOD, after)
    whole = judged(case, records, LOAD_END).outcome
    for number in range(len(records)):
        assert judged(case, records[:number] + records[number + 1 :], LOAD_END).outcome in (whole, Outcome.INCONCLUSIVE)


def test_without_a_load_there_is_nothing_to_recover_from() -> None:
    """No load before: undecided; no load in the profile: unmet."""
    with pytest.raises(Undecided):
        judged(*recorded(GOOD, [GOOD]))
    assert unmet_of(CHECK, {**PROFILE, "load": {}})
