"""Workflows: each way in which a journey can stop is named, only twice counts, and half a record proves nothing."""

from typing import Any

import pytest

from hybridcheck.cases import Case, Reason, Undecided
from hybridcheck.checks.workflows.completes import ReadingWorkflowCompletes, WorkflowCompletes
from hybridcheck.checks.workflows.faulted import WorkflowUnderFaults
from hybridcheck.checks.workflows.timing import ReadingWorkflowInTime, WorkflowInTime
from hybridcheck.evidence import Created, Evidence, Exchange, Observation, Record
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import FakeTarget, cases_of, finding_of, unmet_of
from tests.unit.checks.journey_service import STEPS, Service, profile
from tests.unit.checks.session_server import PROFILE as SESSIONS
from tests.unit.checks.session_server import SessionServer

STEP = {"command": ["true"]}
HOOK = {
    "class": "disrupt",
    "breaks": ["x"],
    "does": "down",
    "apply": STEP,
    "verify_active": STEP,
    "revert": STEP,
    "verify_clean": STEP,
}


def found(service: FakeTarget, data: dict[str, Any] | None = None, index: int = 0) -> Finding:
    """The finding about one journey of a profile."""
    return finding_of(WorkflowCompletes(), data or profile(), service, index=index)


def reading(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A profile with one workflow that only reads."""
    return profile(steps=list(steps), **changes)


def test_a_journey_that_arrives_passes_once_and_leaves_nothing() -> None:
    """One round, every step in its order, and the set is gone."""
    service = Service()
    finding = found(service)
    assert finding.outcome is Outcome.PASS
    assert service.sent[0] == "POST /sets"
    assert service.sent[-2:] == ["DELETE /sets/1", "GET /sets/1"]
    assert service.sets == {}
    (begun,) = [record for record in service.records if isinstance(record, Observation)]
    assert set(begun.values["variables"]["rows"]) == {"values", "count"}, "only what is used is recorded"
    assert finding.n == 1


@pytest.mark.parametrize(
    ("fault", "step", "words"),
    [
        ("truncates", "show", "$.values has 299 entries instead of 300"),
        ("never ends", "wait", '$.state is "running" instead of "done" after 2.'),
        ("fails", "wait", '$.state "failed": it will not come'),
        ("mixes up", "labels", '$.set is "another" instead of'),
        ("stays", "gone", "status 200"),
        ("no id", "upload", "nothing at $.id"),
        ("resets", "upload", "no complete answer (reset"),
    ],
)
def test_a_journey_that_stops_twice_fails_and_names_its_step(fault: str, step: str, words: str) -> None:
    """The step, what was expected, what came."""
    finding = found(Service(fault))
    assert finding.outcome is Outcome.FAIL
    assert f"step '{step}'" in finding.observed
    assert words in finding.observed
    assert f"step '{step}': " in finding.expected
    assert finding.exchanges


def test_once_is_flaky() -> None:
    """A second journey that arrives, or stops elsewhere, proves nothing."""
    finding = found(Service("mixes up", times=1))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


def test_a_throttled_journey_is_undecided() -> None:
    """429 says nothing about the workflow."""
    assert found(Service("throttles")).reason is Reason.THROTTLED


def test_what_was_left_behind_is_named() -> None:
    """The executor's clean-up records what it could not remove."""
    service = Service("stays")
    case = cases_of(WorkflowCompletes(), profile())[0]
    assert found(service).outcome is Outcome.FAIL
    left = Created(label="cleanup.1", operation="upload", cleanup="drop", resource="1", removed=False)
    finding = WorkflowCompletes().judge(case, Evidence((*service.records, left), {}))
    assert finding.observed.endswith("left behind: upload 1")


def test_a_journey_that_cannot_be_undone_is_undecided() -> None:
    """It arrives, and its data are still there: half of the promise."""
    service = Service()
    case = cases_of(WorkflowCompletes(), profile())[0]
    assert found(service).outcome is Outcome.PASS
    left = Created(label="cleanup.1", operation="upload", cleanup="drop", resource="1", removed=False)
    finding = WorkflowCompletes().judge(case, Evidence((*service.records, left), {}))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


@pytest.mark.parametrize(
    ("stays_down", "expected"),
    [(False, (Outcome.FAIL, None)), (True, (Outcome.INCONCLUSIVE, Reason.SUSPECTED))],
)
def test_an_outage_is_no_workflow_that_stops(stays_down: bool, expected: tuple[Outcome, Reason | None]) -> None:
    """The training is answered 503 in both rounds: of a service that answers beside it, or that is down."""
    service, down = Service(), [False]
    whole = service._answering

    def answering(ask: Ask) -> Any:
        if ask.path == "/sets":
            down[0] = False  # it comes back, and breaks again
        if ask.path.endswith("/training"):
            down[0] = stays_down
            return 503, {}, {}
        return (503, {}, {}) if down[0] else whole(ask)

    service._answering = answering
    finding = found(service)
    assert (finding.outcome, finding.reason) == expected
    assert "step 'train'" in finding.observed


def test_scenarios_vary_data_steps_end_and_copies() -> None:
    """A refused upload ends the failure scenario; four copies have data of their own."""
    scenarios = {
        "edge": {"data": {"rows": {"rows": 1}}, "steps": {"labels": {"expect": {"values": {"$.labels": ["normal"]}}}}},
        "failure": {"steps": {"upload": {"body": {"values": []}, "expect": 422, "extract": {}}}, "last": "upload"},
        "stress": {"concurrency": 4},
    }
    data = profile(scenarios=scenarios)
    assert [case.subject for case in cases_of(WorkflowCompletes(), data)] == [
        "detect edge",
        "detect failure",
        "detect stress",
    ]
    assert found(Service(), data, 0).outcome is Outcome.PASS
    refusing = Service()
    assert found(refusing, data, 1).outcome is Outcome.PASS
    assert refusing.sent == ["POST /sets"]
    stressed = Service()
    finding = found(stressed, data, 2)
    assert finding.outcome is Outcome.PASS
    assert stressed.sent.count("POST /sets") == 4
    bodies = [
        e.request.body.content()
        for e in stressed.records
        if isinstance(e, Exchange) and e.label.endswith(".upload") and e.request.body
    ]
    assert len(set(bodies)) == 4
    taking = found(Service("takes nothing"), data, 1)
    assert taking.outcome is Outcome.FAIL
    assert "status 201" in taking.observed


def test_loops_collect_and_parallel_steps_see_only_what_was_before() -> None:
    """A loop's extraction is a list; parallel steps go out in one batch; the next step knows what both learned."""
    data = reading(
        {"name": "loop", "operation": "score", "each": {"value": [[1.5], [2.5]]}, "body": {"values": "{value}"}, "extract": {"firsts": "$.first"}},
        {"parallel": [
            {"name": "left", "operation": "score", "body": {"values": "{firsts}"}, "extract": {"first": "$.first"}},
            {"name": "right", "operation": "health", "extract": {"seen": "$.requests"}},
        ]},
        {"name": "both", "operation": "score", "body": {"values": ["{first}", 9]}, "expect": {"values": {"$.first": "{first}", "$.labels": ["normal", "anomaly"]}}},
    )  # fmt: skip
    service = Service()
    finding = finding_of(ReadingWorkflowCompletes(), data, service)
    assert finding.outcome is Outcome.PASS, finding.observed
    labels = [record.label for record in service.records if isinstance(record, Exchange)]
    assert labels == [f"round1.copy1.{name}" for name in ("loop.row0", "loop.row1", "left", "right", "both")]
    wrong = reading({"name": "loop", "operation": "score", "each": {"value": [[1.5], [9.5]]}, "body": {"values": "{value}"},
                     "expect": {"values": {"$.labels": ["normal"]}}})  # fmt: skip
    assert "row 1 of 2: $.labels[0]" in finding_of(ReadingWorkflowCompletes(), wrong, Service()).observed


def test_a_step_may_send_a_request_of_its_own_and_read_headers() -> None:
    """`request` needs no declaration; `{{name}}` stays text; a header can be extracted and sent back."""
    data = profile(
        steps=[
            {"name": "make", "request": "POST /sets -> 201", "body": {"values": [1], "name": "{{name}}"}, "extract": {"tag": "header:ETag", "id": "$.id"}, "cleanup": "drop", "id_from": "$.id"},
            {"name": "look", "request": "GET /sets/{set-id}?tag={tag}", "params": {"set-id": "{id}"}, "headers": {"If-None-Match": "{tag}"}, "identity": "none", "expect": {"values": {"$.name": "{{name}}"}}},
        ]
    )  # fmt: skip
    service = Service()
    finding = found(service, data)
    assert finding.outcome is Outcome.PASS, finding.observed
    last = [record for record in service.records if isinstance(record, Exchange)][-1]
    assert ("If-None-Match", "e1") in last.request.headers
    assert (last.identity, last.operation) == (None, "detect/look")


def test_polling_takes_from_the_answer_that_has_the_awaited_values() -> None:
    """Earlier answers may lack what is extracted; `unless` may hold a variable; a wrong status ends it at once."""
    answers = [{"state": "busy"}, {"state": "busy"}, {"state": "done", "result": 7}]

    def answered(ask: Any) -> Any:
        if ask.path == "/job":
            return 200, {}, answers.pop(0) if len(answers) > 1 else answers[0]
        return (200, {}, {"value": 7}) if ask.path == "/results/7" else (404, {}, {})

    wait = {
        "name": "wait",
        "request": "GET /job",
        "until": {"values": {"$.state": "done"}, "unless": {"$.state": "{bad}"}, "within_s": 9},
    }
    steps = [{**wait, "extract": {"result": "$.result"}}, {"name": "use", "request": "GET /results/{result}"}]
    data = {"workflows": {"job": {"variables": {"bad": "lost"}, "steps": steps}}}
    assert finding_of(ReadingWorkflowCompletes(), data, FakeTarget(answered)).outcome is Outcome.PASS
    answers[:] = [{"state": "busy"}, {"state": "lost"}]
    lost = finding_of(ReadingWorkflowCompletes(), data, FakeTarget(answered))
    assert '$.state "lost": it will not come' in lost.observed
    gone = finding_of(ReadingWorkflowCompletes(), data, FakeTarget(lambda _: (500, {}, {})))
    assert "step 'wait' (GET /job): status 500" in gone.observed


def test_a_path_may_name_a_figure_of_a_data_set() -> None:
    """`/count/{rows.count}` is filled like any other text."""
    data = profile(steps=[{"name": "n", "request": "GET /count/{rows.count}", "expect": 404}])
    service = Service()
    assert finding_of(ReadingWorkflowCompletes(), data, service).outcome is Outcome.PASS
    assert service.sent == ["GET /count/300"]


def test_a_requirement_that_is_not_met_leaves_the_journey_undecided() -> None:
    """A dependency that is down is not this workflow's fault; another workflow's variables are there."""
    needing = profile(requires=[{"operation": "health"}])
    assert found(Service("down"), needing).reason is Reason.NO_TEST_DATA
    assert found(Service(), needing).outcome is Outcome.PASS
    two = profile()
    two["workflows"]["after"] = {
        "requires": [{"workflow": "first"}],
        "steps": [{"operation": "show", "identity": "alice"}],
    }
    two["workflows"]["first"] = {"data": {"rows": {"rows": 3}}, "identity": "alice", "steps": STEPS[:2]}
    cases = {case.subject: index for index, case in enumerate(cases_of(WorkflowCompletes(), two))}
    assert found(Service(), two, cases["after normal"]).outcome is Outcome.PASS
    broken = found(Service("truncates"), two, cases["after normal"])
    assert broken.reason is Reason.NO_TEST_DATA
    assert "'first', which it requires" in broken.observed


def test_sessions_are_the_journeys_own() -> None:
    """After a login every step of that identity carries the session's token; logout ends it."""
    data = {
        **SESSIONS,
        "workflows": {
            "sign-in": {
                "identity": "alice",
                "steps": [
                    {"session": "login"},
                    {"name": "known", "session": "whoami"},
                    {"session": "logout"},
                    {"name": "forgotten", "session": "whoami", "expect": 401},
                ],
            }
        },
    }
    assert [case.params["suite"] for case in cases_of(ReadingWorkflowCompletes(), data)] == ["auth"]
    good = finding_of(ReadingWorkflowCompletes(), data, SessionServer())
    assert good.outcome is Outcome.PASS, good.observed
    bad = finding_of(ReadingWorkflowCompletes(), data, SessionServer("logout"))
    assert bad.outcome is Outcome.FAIL
    assert "step 'forgotten'" in bad.observed


@pytest.mark.parametrize("fault", ["", "mixes up", "never ends"])
def test_less_evidence_never_decides_otherwise(fault: str) -> None:
    """Each single record taken away leaves the outcome or makes it undecided."""
    check, service = WorkflowCompletes(), Service(fault)
    case = cases_of(check, profile())[0]
    whole = found(service)
    assert whole.outcome is (Outcome.FAIL if fault else Outcome.PASS)
    for index in range(len(service.records)):
        less = (*service.records[:index], *service.records[index + 1 :])
        assert outcome(check, case, less) in {whole.outcome, Outcome.INCONCLUSIVE}
    needed = [r for r in service.records if isinstance(r, Exchange)]
    assert all(
        outcome(check, case, tuple(r for r in service.records if r is not one)) is Outcome.INCONCLUSIVE
        for one in needed
    )


def outcome(check: WorkflowCompletes, case: Case, records: tuple[Record, ...]) -> Outcome:
    """What a judge says of records."""
    try:
        return check.judge(case, Evidence(records, {})).outcome
    except Undecided:
        return Outcome.INCONCLUSIVE


def timed(
    slow_ms: float,
    times: int = 99,
    check: WorkflowInTime | ReadingWorkflowInTime | None = None,
    data: dict[str, Any] | None = None,
) -> Finding:
    """The finding about times over a service whose labels take so long."""
    service, left = Service(), [times]

    class Slow(Service):
        def _record(self, record: Any) -> Any:
            if isinstance(record, Exchange) and record.label.endswith(".labels") and left[0] > 0:
                left[0] -= 1
                record = record.model_copy(update={"total_ms": slow_ms})
            return super()._record(record)

    service = Slow()
    return finding_of(check or WorkflowInTime(), data or profile(max_s=30), service)


def test_a_step_that_is_late_three_times_fails() -> None:
    """Its time and limit are in the finding; late once is flaky; in time passes."""
    late = timed(250.0)
    assert (late.outcome, late.value, late.limit, late.n) == (Outcome.FAIL, 250.0, 100.0, 3)
    assert "step 'labels' took 250 ms" in late.observed
    assert timed(250.0, times=1).reason is Reason.FLAKY
    assert timed(90.0).outcome is Outcome.PASS


def test_a_step_of_a_journey_that_only_reads_is_late_as_well() -> None:
    """Three of three, and in time."""
    data = reading({"name": "labels", "operation": "score", "body": {"values": [1]}, "max_ms": 100})
    assert timed(250.0, check=ReadingWorkflowInTime(), data=data).outcome is Outcome.FAIL
    assert timed(90.0, check=ReadingWorkflowInTime(), data=data).outcome is Outcome.PASS


def test_a_whole_journey_that_is_late_fails() -> None:
    """`max_s` holds for all of it; a journey that stops says nothing."""
    late = finding_of(WorkflowInTime(), profile(max_s=0.2), Service())
    assert late.outcome is Outcome.FAIL
    assert "the whole journey" in late.observed
    assert finding_of(WorkflowInTime(), profile(max_s=30), Service("fails")).reason is Reason.NO_TEST_DATA


def test_what_is_missing_is_named_in_lines_of_a_profile() -> None:
    """Without workflows, or without times, there is one unmet case each."""
    for check in (WorkflowCompletes(), ReadingWorkflowCompletes(), WorkflowInTime(), ReadingWorkflowInTime()):
        assert len(unmet_of(check, {})) == 1
    assert "max_ms" in unmet_of(ReadingWorkflowInTime(), profile())[0].needs


def faulted(service: Service, *, works: bool = True) -> Finding:
    """The finding about a journey under a hook."""
    service.hooks_work = works
    scenarios = {
        "normal": {},
        "failure-down": {
            "hooks": ["down"],
            "steps": {"wait": {"until": {"values": {"$.state": "failed"}, "within_s": 2}}},
            "last": "wait",
        },
    }
    data = {**profile(scenarios=scenarios), "hooks": {"down": HOOK}}
    assert [case.subject for case in cases_of(WorkflowCompletes(), data)] == ["detect normal"]
    return finding_of(WorkflowUnderFaults(), data, service)


def test_a_scenario_with_hooks_is_made_while_they_are_applied() -> None:
    """Its expectations are those of the fault; a hook that does not work proves nothing."""
    service = Service("fails")
    assert faulted(service).outcome is Outcome.PASS
    labels = [record.label for record in service.records if isinstance(record, Observation)]
    assert labels[:2] == ["hook1.round1.apply", "hook1.round1.active"]
    assert labels[-1] == "hook1.round1.clean"
    hanging = faulted(Service("never ends"))
    assert hanging.outcome is Outcome.FAIL
    assert '$.state is "running" instead of "failed"' in hanging.observed
    idle = Service("fails")
    assert faulted(idle, works=False).reason is Reason.EVIDENCE_INCOMPLETE
    assert idle.sent == []
    assert len(unmet_of(WorkflowUnderFaults(), profile())) == 1


def test_without_the_proof_that_a_hook_worked_nothing_is_decided() -> None:
    """The observation is needed for a pass and for a fail."""
    for fault in ("fails", "never ends"):
        service = Service(fault)
        whole = faulted(service)
        assert whole.outcome is not Outcome.INCONCLUSIVE
        data = {**profile(scenarios={"failure": {"hooks": ["down"]}}), "hooks": {"down": HOOK}}
        (case,) = cases_of(WorkflowUnderFaults(), data)
        less = tuple(r for r in service.records if getattr(r, "label", "") != "hook1.round1.active")
        with pytest.raises(Undecided):
            WorkflowUnderFaults().judge(case, Evidence(less, {}))


def test_the_suite_is_the_kind_of_service_that_is_touched() -> None:
    """One kind gives its leaf, several communication, a declared word stands over both."""
    one = {"kind": "analytics", "operations": [{"id": "a", "path": "/a"}]}
    two = {"kind": "dashboard", "operations": [{"id": "d", "path": "/d"}]}
    steps = [{"operation": "a"}, {"operation": "d"}]
    data: dict[str, Any] = {"services": {"one": one, "two": two}, "workflows": {
        "only": {"steps": steps[:1]}, "both": {"steps": steps}, "said": {"suite": "monitoring", "steps": steps},
        "other": {"steps": [{"name": "x", "request": "GET /x"}]},
    }}  # fmt: skip
    found = {case.subject: case.params["suite"] for case in cases_of(ReadingWorkflowCompletes(), data)}
    assert found == {
        "only normal": "analytics",
        "both normal": "communication",
        "said normal": "monitoring",
        "other normal": "api",
    }


@pytest.mark.parametrize(
    ("given", "use"),
    [
        ("null", {"request": "GET /x", "expect": {"headers": {"ETag": "{found}"}}}),
        ('"\\ud800"', {"request": "GET /x/{found}"}),
        ('"\\ud800"', {"request": "GET /x?tag={found}"}),
    ],
)
def test_an_answer_whose_value_cannot_be_sent_stops_the_journey(given: str, use: dict[str, Any]) -> None:
    """Null where a header is expected, half a character in an address: the step is named, and nothing breaks."""
    steps = [{"name": "first", "request": "GET /first", "extract": {"found": "$.v"}}, {"name": "use", **use}]
    json_header = {"Content-Type": "application/json"}
    target = FakeTarget(lambda _: (200, json_header, f'{{"v": {given}}}'))
    finding = finding_of(ReadingWorkflowCompletes(), {"workflows": {"w": {"steps": steps}}}, target)
    assert finding.outcome is Outcome.FAIL
    assert "step 'use'" in finding.observed
