"""The order of knowledge over generated ledgers: less evidence never decides otherwise, more fails never help."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridcheck.cases import Group, PlannedCase, Reason
from hybridcheck.evidence import (
    RUN_STREAM,
    CaseError,
    Exchange,
    Failure,
    Gap,
    GapReason,
    LoadEnd,
    LoadSecond,
    Observation,
    Record,
    RunCause,
    RunFault,
    RunStart,
)
from hybridcheck.verdict import Ruling
from tests.property.fake_checks import CHECKS
from tests.property.ledgers import answering_all_core_questions, exchange, lines_of, planned, start
from tests.property.order_of_knowledge import assert_order_of_knowledge, gapped, judged, outcomes, without

RANK = {Ruling.NOT_READY: 0, Ruling.INCONCLUSIVE: 1, Ruling.READY: 2}
"""How good a ruling is for who wants to deploy."""

Drawing = Callable[[st.SearchStrategy[Any]], Any]

STATUSES = st.sampled_from([200, 200, 200, 401, 429, 500, Failure.RESET])
TEXTS = st.sampled_from(["ok", "ok", "ok", "trace"])


@st.composite
def cases_with_records(draw: Drawing) -> tuple[list[PlannedCase], dict[str, list[Record]]]:
    """Planned cases of every style of judging, and what was recorded for each."""
    plan: list[PlannedCase] = []
    streams: dict[str, list[Record]] = {}
    for number in range(draw(st.integers(1, 4))):
        check = draw(st.sampled_from(["fake.repeated", "fake.control", "fake.unique"]))
        case = planned(check, str(number), group=draw(st.sampled_from([Group.REQUIRED] * 3 + [Group.ADVISORY])))
        plan.append(case)
        streams[case.case.id] = [*draw(records_of(check)), *draw(st.sampled_from([(), (), (), spoiling()]))]
    if draw(st.booleans()):
        plan.append(planned("fake.passive", shared=["*"]))
        streams[plan[-1].case.id] = []
    if draw(st.booleans()):
        rate, seconds = draw(rate_case())
        plan.append(rate)
        streams[rate.case.id] = []
        streams["load/steady"] = seconds
    return plan, streams


def spoiling() -> tuple[Record, ...]:
    """What ends a case without an answer."""
    return (CaseError(error="KeyError", detail="x"), Gap(reason=GapReason.LOGIN_FAILED))


@st.composite
def records_of(draw: Drawing, check: str) -> list[Exchange]:
    """What a probe of that check would record."""
    if check == "fake.repeated":
        answers = draw(st.lists(STATUSES, min_size=0, max_size=3))
        return [exchange(f"probe.{i}", status, draw(TEXTS)) for i, status in enumerate(answers, 1)]
    if check == "fake.control":
        return [exchange(label, draw(STATUSES), draw(TEXTS)) for label in ("control", "probe")]
    claims = draw(st.lists(st.sampled_from("abcdef"), max_size=4))
    return [exchange(f"claim.{i}", 200, text) for i, text in enumerate(claims)]


@st.composite
def rate_case(draw: Drawing) -> tuple[PlannedCase, list[Record]]:
    """A load phase whose errors come evenly, in one burst, or not at all."""
    seconds, per_second = draw(st.sampled_from([(12, 40), (20, 100)]))
    bad = draw(st.lists(st.sampled_from([0, 0, 1, 5, per_second]), min_size=seconds, max_size=seconds))
    bad = draw(st.sampled_from([bad, [0] * seconds, [per_second // 2] * seconds]))
    records: list[Record] = [
        LoadSecond(second=s, operation="x", planned=per_second, ok=per_second - wrong, failed={"status": wrong})
        for s, wrong in enumerate(bad)
    ]
    total = seconds * per_second
    ok, failed = total - sum(bad), sum(bad)
    end = LoadEnd(cause="completed", seconds=seconds, planned=total, ok=ok, failed=failed, unsent=0, cut=0)
    params = {"stream": "load/steady", "limit": 0.01, "per_second": per_second, "seconds": seconds}
    case = planned("fake.rate", shared=["load/steady"], params=params, fail_alpha=0.01)
    return case, [*records, end]


@st.composite
def ledgers(draw: Drawing) -> list[bytes]:
    """Whole ledgers: sealed and unsealed streams, all ends of a run, a target that changed."""
    plan, streams = draw(cases_with_records())
    if draw(st.booleans()):
        plan = list(answering_all_core_questions(plan))
    if draw(st.integers(0, 4)) == 0:
        builds = draw(st.sampled_from([("a", "a"), ("a", "b")]))
        labels = zip(("before", "after"), builds, strict=True)
        streams["build"] = [Observation(label=label, values={"build": build}) for label, build in labels]
    if draw(st.integers(0, 4)) == 0:
        streams[RUN_STREAM] = [RunFault(reason=Reason.SECRET_IN_ARTEFACT, detail="a known secret is in core.dump")]
    words = {"not_applicable": dict.fromkeys(("access", "exposure", "load", "recovery"), "declared so")}
    first = start(
        plan, scoped=draw(st.booleans()), profile={"version": 1, "name": "p", **draw(st.sampled_from([{}, words]))}
    )
    cause = draw(st.sampled_from([RunCause.COMPLETED] * 4 + list(RunCause)))
    unsealed = draw(st.sampled_from([(), (), (), (plan[0].case.id,)]))
    return lines_of(first, streams, cause=cause, unsealed=unsealed)


SLOWLY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOWLY
@given(ledgers(), st.integers(0, 2**16))
def test_less_evidence_never_decides_otherwise(lines: list[bytes], seed: int) -> None:
    """Any line deleted, any record or subset replaced by gaps: the verdict stays or becomes inconclusive."""
    assert_order_of_knowledge(lines, CHECKS, subsets=6, seed=seed)


def ready() -> tuple[tuple[PlannedCase, ...], dict[str, Sequence[Record]]]:
    """A plan that earns READY, in every style of judging."""
    good = [exchange("probe.1", 200)]
    rate_params = {"stream": "load/steady", "limit": 0.01, "per_second": 100, "seconds": 20}
    plan = answering_all_core_questions(
        [
            planned("fake.repeated"),
            planned("fake.unique"),
            planned("fake.control"),
            planned("fake.passive", shared=["*"]),
            planned("fake.rate", shared=["load/steady"], params=rate_params, fail_alpha=0.01),
            planned("fake.repeated", "after"),
        ]
    )
    seconds: list[Record] = [LoadSecond(second=s, operation="x", planned=100, ok=100) for s in range(20)]
    end = LoadEnd(cause="completed", seconds=20, planned=2000, ok=2000, failed=0, unsent=0, cut=0)
    streams: dict[str, Sequence[Record]] = {
        plan[0].case.id: good,
        plan[1].case.id: [exchange("claim.1", 200, "a"), exchange("claim.2", 200, "b")],
        plan[2].case.id: [exchange("control", 200), exchange("probe", 401)],
        plan[3].case.id: [],
        "load/steady": [*seconds, end],
        plan[4].case.id: [],
        plan[5].case.id: good,
        "build": [Observation(label=label, values={"build": "b1"}) for label in ("before", "after")],
    }
    return plan, streams


def test_a_ready_run_keeps_the_order_of_knowledge() -> None:
    """A run that is READY stays so or becomes INCONCLUSIVE, whatever is taken away."""
    plan, streams = ready()
    assert assert_order_of_knowledge(lines_of(start(plan), streams), CHECKS, subsets=60).verdict is Ruling.READY


@pytest.mark.parametrize("reason", [Reason.SECRET_IN_ARTEFACT, Reason.TOOL_ERROR])
def test_a_fault_that_is_taken_out_of_the_ledger_leaves_a_hole(reason: Reason) -> None:
    """Everything is in order but for a fault of ours: without that line, or a gap in its place, it is still not READY."""
    plan, streams = ready()
    lines = lines_of(start(plan), {**streams, RUN_STREAM: [RunFault(reason=reason)]})
    assert assert_order_of_knowledge(lines, CHECKS).verdict is Ruling.INCONCLUSIVE
    [fault] = [number for number, line in enumerate(lines) if b'"kind":"run_fault"' in line]
    for less in (without(lines, {fault}), gapped(lines, {fault}), without(lines, {fault, fault + 1})):
        assert judged(less, CHECKS).verdict is Ruling.INCONCLUSIVE


@pytest.mark.parametrize("broken", range(6))
def test_a_not_ready_run_keeps_the_order_of_knowledge(broken: int) -> None:
    """A run with one proved defect in any style of judging is NOT_READY and stays so or becomes INCONCLUSIVE."""
    plan, streams = ready()
    trace = [exchange("probe.1", 200, "trace")]
    bad: Mapping[int, tuple[str, Sequence[Record]]] = {
        0: (plan[0].case.id, [exchange(f"probe.{i}", 500) for i in (1, 2, 3)]),
        1: (plan[1].case.id, [exchange("claim.1", 200, "a"), exchange("claim.2", 200, "a")]),
        2: (plan[2].case.id, [exchange("control", 200), exchange("probe", 200)]),
        3: (plan[5].case.id, trace),
        4: (
            "load/steady",
            [
                *(LoadSecond(second=s, operation="x", planned=100, ok=80, failed={"status": 20}) for s in range(20)),
                LoadEnd(cause="completed", seconds=20, planned=2000, ok=1600, failed=400, unsent=0, cut=0),
            ],
        ),
        5: (plan[5].case.id, [exchange(f"probe.{i}", Failure.REFUSED) for i in (1, 2, 3)]),
    }
    stream, records = bad[broken]
    verdict = assert_order_of_knowledge(lines_of(start(plan), {**streams, stream: records}), CHECKS, subsets=60)
    assert verdict.verdict is Ruling.NOT_READY
    assert verdict.reasons[0].case == plan[broken].case.id


@SLOWLY
@given(cases_with_records(), st.randoms(use_true_random=False))
def test_the_order_of_cases_does_not_matter(
    made: tuple[list[PlannedCase], dict[str, list[Record]]], random: Random
) -> None:
    """A plan in another order gives the same document but for the ledger's digest."""
    plan, streams = made
    shuffled = list(plan)
    random.shuffle(shuffled)
    first, second = (
        judged(lines_of(start(order), streams), CHECKS).model_dump(exclude={"evidence"}) for order in (plan, shuffled)
    )
    assert first == second


@SLOWLY
@given(cases_with_records())
def test_adding_a_fail_never_improves(made: tuple[list[PlannedCase], dict[str, list[Record]]]) -> None:
    """One more required case that fails makes any run NOT_READY; an advisory one changes no ruling."""
    plan, streams = made
    before = judged(lines_of(start(plan), streams), CHECKS)
    bad: list[Record] = [exchange(f"probe.{i}", 500) for i in (1, 2, 3)]
    for group in (Group.REQUIRED, Group.ADVISORY):
        more = planned("fake.repeated", "more", group=group)
        after = judged(lines_of(start([*plan, more]), {**streams, more.case.id: bad}), CHECKS)
        assert outcomes(after)[more.case.id] == "fail"
        if group is Group.REQUIRED:
            assert after.verdict is Ruling.NOT_READY
        assert RANK[after.verdict] <= RANK[before.verdict]


@SLOWLY
@given(cases_with_records(), st.data())
def test_removing_a_waiver_never_improves(
    made: tuple[list[PlannedCase], dict[str, list[Record]]], data: st.DataObject
) -> None:
    """Without a waiver the ruling is the same or worse, and as `ruling_without` says; it never covers the undecided."""
    plan, streams = made
    plan = list(answering_all_core_questions(plan))
    names = data.draw(st.lists(st.sampled_from([name for case in plan for name in (case.case.id, case.case.check)])))
    days = data.draw(st.sampled_from(["2026-03-03", "2026-03-10", "2026-09-01"]))
    waivers = [{"case": n, "reason": "known", "owner": "o", "ticket": "t", "expires": days} for n in names]

    def ruled(entries: list[dict[str, str]]) -> RunStart:
        words = dict.fromkeys(("access", "exposure", "load", "recovery"), "declared so")
        return start(plan, profile={"version": 1, "name": "p", "not_applicable": words, "waivers": entries})

    with_all = judged(lines_of(ruled(waivers), streams), CHECKS)
    with_fewer = judged(lines_of(ruled(waivers[1:]), streams), CHECKS)
    with_none = judged(lines_of(ruled([]), streams), CHECKS)
    assert RANK[with_none.verdict] <= RANK[with_fewer.verdict] <= RANK[with_all.verdict]
    assert with_all.waivers.ruling_without == with_none.verdict
    assert outcomes(with_all) == outcomes(with_none)
