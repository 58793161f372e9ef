"""The checks behind the core questions: each catches its defect, stays silent on its twin, and does not guess."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.auth.refusal import RefusesGarbageCredentials, RefusesMissingCredentials
from hybridcheck.checks.contract.declared import AnswersAsDeclared
from hybridcheck.checks.exposure.traces import NoSecret, NoStackTrace
from hybridcheck.checks.health.readiness import ReadinessAnswers
from hybridcheck.evidence import Evidence, Failure, ReceivedResponse, SentRequest, StreamEvent, StreamRecord
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

OPERATIONS: dict[str, Any] = {
    "identities": {"alice": {"token": "t" * 20}},
    "operations": [
        {
            "id": "items",
            "path": "/items",
            "auth": "required",
            "identity": "alice",
            "expect": {"schema": {"type": "object", "required": ["items"]}},
        },
    ],
}


def is_alice(ask: Ask) -> bool:
    """Whether the request carries the credential that alice was given, and no other in its place."""
    return ask.identity == "alice" and ask.authorization is None


def healthy(ask: Ask) -> Answer:
    """A target that does what it promises."""
    if ask.path == "/items" and is_alice(ask):
        return 200, {}, {"items": [1, 2]}
    if ask.path == "/items":
        return 401, {}, {"title": "Unauthorized"}
    if ask.path == "/ready":
        return 200, {}, {"ready": True}
    return 404, {}, {"title": "Not Found"}


def test_a_ready_target_passes() -> None:
    """A declared readiness answer that a random path does not get is a pass."""
    finding = finding_of(ReadinessAnswers(), {"ready": "/ready"}, FakeTarget(healthy))
    assert finding.outcome is Outcome.PASS


def test_a_target_that_is_not_ready_fails_after_three_answers() -> None:
    """Three of three wrong answers are a fail, with all of them as evidence."""
    target = FakeTarget(lambda ask: (503, {}, {}) if ask.path == "/ready" else (404, {}, {}))
    finding = finding_of(ReadinessAnswers(), {"ready": "/ready"}, target)
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3)


@pytest.mark.parametrize("answer", [(200, {}, {"status": "ok"}), (200, {}, b""), (200, {}, "<html>login</html>")])
def test_a_catch_all_is_never_ready(answer: Answer) -> None:
    """What a random path is answered with shows nothing about readiness."""
    finding = finding_of(ReadinessAnswers(), {"ready": "/ready"}, FakeTarget(lambda _: answer))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.CATCH_ALL)


def test_a_target_that_refuses_connections_fails() -> None:
    """Silence is something the target did, not missing evidence."""
    finding = finding_of(ReadinessAnswers(), {"ready": "/ready"}, FakeTarget(lambda _: Failure.REFUSED))
    assert finding.outcome is Outcome.FAIL


def test_one_bad_answer_of_three_is_flaky() -> None:
    """A retry never turns a fail into a pass."""
    answers: Iterator[Answer] = iter([(500, {}, b""), (200, {}, {"ready": True}), (404, {}, b"")])
    finding = finding_of(ReadinessAnswers(), {"ready": "/ready"}, FakeTarget(lambda _: next(answers)))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


def test_a_body_that_breaks_its_schema_fails() -> None:
    """The declared JSON Schema is part of the promise; the finding says where it is broken."""
    target = FakeTarget(lambda ask: (200, {}, {"rows": []}) if ask.path == "/items" else (404, {}, {}))
    finding = finding_of(AnswersAsDeclared(), OPERATIONS, target)
    assert finding.outcome is Outcome.FAIL
    assert "'items' is a required property" in finding.observed


def test_a_declared_answer_passes() -> None:
    """The healthy twin stays silent."""
    assert finding_of(AnswersAsDeclared(), OPERATIONS, FakeTarget(healthy)).outcome is Outcome.PASS


def test_a_throttled_contract_is_undecided() -> None:
    """A 429 says nothing about the contract."""
    finding = finding_of(AnswersAsDeclared(), OPERATIONS, FakeTarget(lambda _: (429, {}, b"")))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.THROTTLED)


@pytest.mark.parametrize("check", [RefusesMissingCredentials(), RefusesGarbageCredentials()])
def test_a_protected_operation_passes(check: RefusesMissingCredentials) -> None:
    """A 401 to the forbidden request beside a working control is a pass."""
    assert finding_of(check, OPERATIONS, FakeTarget(healthy)).outcome is Outcome.PASS


@pytest.mark.parametrize("check", [RefusesMissingCredentials(), RefusesGarbageCredentials()])
def test_an_open_operation_fails(check: RefusesMissingCredentials) -> None:
    """What the owner gets, given twice to nobody, is proof."""
    target = FakeTarget(lambda ask: healthy(replace(ask, identity="alice", authorization=None)))
    assert finding_of(check, OPERATIONS, target).outcome is Outcome.FAIL


def by_head(nobody: Answer, owner: Answer | None = None) -> FakeTarget:
    """A target that is healthy to GET, and gives HEAD to the owner as GET, or as `owner`, and this to nobody."""

    def answer(ask: Ask) -> Answer:
        if ask.method != "HEAD":
            return healthy(ask)
        return nobody if not is_alice(ask) else owner or (200, healthy(ask)[1], b"")

    return FakeTarget(answer)


JSON_HEAD: Answer = (200, {"Content-Type": "application/json"}, b"")


def test_head_without_credentials_that_tells_what_the_owner_is_told_fails() -> None:
    """Twice, with the owner's HEAD working before and after."""
    target = by_head(JSON_HEAD, JSON_HEAD)
    finding = finding_of(RefusesMissingCredentials(), OPERATIONS, target)
    assert finding.outcome is Outcome.FAIL
    assert "HEAD" in finding.observed
    assert finding_of(RefusesGarbageCredentials(), OPERATIONS, by_head(JSON_HEAD, JSON_HEAD)).outcome is Outcome.PASS
    case = cases_of(RefusesMissingCredentials(), OPERATIONS)[0]
    for gone in range(len(target.records)):
        less = Evidence(tuple(target.records[:gone] + target.records[gone + 1 :]), {})
        assert RefusesMissingCredentials().judge(case, less).outcome is Outcome.INCONCLUSIVE, gone


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_head_that_is_refused_passes(status: int) -> None:
    """The twin; without one of its records nothing is decided."""
    target = by_head((status, {}, b""), JSON_HEAD)
    finding = finding_of(RefusesMissingCredentials(), OPERATIONS, target)
    assert (finding.outcome, finding.n) == (Outcome.PASS, 2)
    case = cases_of(RefusesMissingCredentials(), OPERATIONS)[0]
    for gone in range(len(target.records)):
        less = Evidence(tuple(target.records[:gone] + target.records[gone + 1 :]), {})
        assert RefusesMissingCredentials().judge(case, less).outcome is Outcome.INCONCLUSIVE, gone


@pytest.mark.parametrize(
    "owner", [(405, {}, b""), (404, {}, b""), (200, {}, b""), (200, {"Content-Type": "text/html"}, b"")]
)
def test_head_that_is_not_answered_as_get_is_left_out(owner: Answer) -> None:
    """Not served, or the same empty success to everybody: it tells nobody anything."""
    finding = finding_of(RefusesMissingCredentials(), OPERATIONS, by_head(owner, owner))
    assert finding.outcome is Outcome.PASS
    assert "HEAD is not answered as GET" in finding.observed


@pytest.mark.parametrize(
    ("nobody", "reason"),
    [((200, {"Content-Type": "text/html"}, b""), Reason.SUSPECTED), ((429, {}, b""), Reason.THROTTLED)],
)
def test_head_that_is_neither_refused_nor_told_is_undecided(nobody: Answer, reason: Reason) -> None:
    """A login page is not what the owner is told; a throttled answer is none."""
    assert finding_of(RefusesMissingCredentials(), OPERATIONS, by_head(nobody, JSON_HEAD)).reason is reason


def test_garbage_stands_where_the_identity_has_its_credential() -> None:
    """Whoever takes any API key or cookie is found: the garbage goes out as alice's, not as somebody's bearer token."""
    asked: list[Ask] = []

    def answering(ask: Ask) -> Answer:
        asked.append(ask)
        return healthy(ask)

    finding_of(RefusesGarbageCredentials(), OPERATIONS, FakeTarget(answering))
    (garbage,) = [ask for ask in asked if ask.authorization is not None]
    assert garbage.identity == "alice"
    assert " " not in (garbage.authorization or "")


@pytest.mark.parametrize("check", [RefusesMissingCredentials(), RefusesGarbageCredentials()])
@pytest.mark.parametrize("answer", [{"error": "log in"}, {"items": []}, {}])
def test_a_200_without_the_data_is_only_suspected(check: RefusesMissingCredentials, answer: Any) -> None:
    """An error envelope, or the owner's list without its items: not what the owner gets, so nothing is proved."""
    target = FakeTarget(lambda ask: healthy(ask) if is_alice(ask) else (200, {}, answer))
    finding = finding_of(check, OPERATIONS, target)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_without_a_working_control_nothing_is_said_about_access() -> None:
    """An API that answers 401 to everything is not secure, it is unknown."""
    finding = finding_of(RefusesMissingCredentials(), OPERATIONS, FakeTarget(lambda _: (401, {}, b"")))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.AUTH_NOT_EFFECTIVE)


def test_access_without_protected_operations_says_what_it_needs() -> None:
    """What is not declared is named, not passed."""
    assert "auth: required" in unmet_of(RefusesMissingCredentials(), {"operations": ["GET /"]})[0].needs


TRACE = (
    'Traceback (most recent call last):\n  File "/app/a.py", line 3, in f\n  File "/app/b.py", line 9, in g\nKeyError'
)


def test_a_stack_trace_fails() -> None:
    """Two frames of one language are a trace, also inside a JSON string."""
    target = FakeTarget(lambda _: (500, {}, {"detail": TRACE}))
    finding_of(ReadinessAnswers(), {"ready": "/ready"}, target)
    assert finding_of(NoStackTrace(), {}, target).outcome is Outcome.FAIL


@pytest.mark.parametrize("text", ["Internal Server Error", 'File "a.py", line 3', "at the door (see page:10:2)"])
def test_words_about_errors_are_no_trace(text: str) -> None:
    """One frame or a phrase discloses nothing."""
    target = FakeTarget(lambda _: (500, {}, {"detail": text}))
    finding_of(ReadinessAnswers(), {"ready": "/ready"}, target)
    assert finding_of(NoStackTrace(), {}, target).outcome is Outcome.PASS


MASK = "‹secret:0123456789ab:20›"


def own_secret_used(target: FakeTarget, mask: str = MASK) -> None:
    """The tester sends its secret once, as it would be recorded."""
    target._exchange("used", Ask("GET", "/used", authorization=f"Bearer {mask}"))


@pytest.mark.parametrize("place", ["body", "header", "event"])
def test_a_secret_of_the_tester_in_an_answer_fails(place: str) -> None:
    """A mask that the tester sent elsewhere, in a body, a header or an event whose request did not contain it."""
    said = MASK if place == "body" else ""
    headers = {"X-Debug": MASK} if place == "header" else {}
    target = FakeTarget(lambda ask: (200, {}, {}) if ask.path == "/used" else (200, headers, {"password": said}))
    own_secret_used(target)
    record = target._exchange("probe", Ask("GET", "/users"))
    events = (StreamEvent(at_ms=1, data=MASK),) if place == "event" else ()
    stream = StreamRecord(label="s", protocol="sse", request=record.request, response=record.response, events=events)
    everything = (*target.records, stream)
    finding = NoSecret().judge(next(iter(cases_of(NoSecret(), {}))), Evidence((), {"*": everything}))
    assert finding.outcome is Outcome.FAIL


def test_a_token_that_a_login_gave_is_a_secret_of_the_tester() -> None:
    """A refresh token that was never sent, shown by another answer, is a leak; in the login's answer it is none."""
    for path, outcome in (("/login", Outcome.PASS), ("/sessions", Outcome.FAIL)):
        target = FakeTarget(lambda _: (200, {}, {"refresh": MASK}))
        target._exchange("login", Ask("POST", "/login", operation="session:login"))
        if path != "/login":
            target._exchange("probe", Ask("GET", path))
        assert finding_of(NoSecret(), {}, target).outcome is outcome


def test_a_token_of_somebody_else_is_no_secret_of_the_tester() -> None:
    """What has the shape of a token is masked as well (a ticket for a stream, a cursor); the tester never had it."""
    target = FakeTarget(lambda _: (200, {}, {"ticket": MASK}))
    target._exchange("ticket", Ask("POST", "/tickets"))
    assert finding_of(NoSecret(), {}, target).outcome is Outcome.PASS


def test_a_short_password_that_stands_in_a_text_is_no_leak() -> None:
    """With admin/admin, the user's own name in an answer equals the password; nothing can tell the two apart."""
    target = FakeTarget(lambda _: (200, {}, {"role": "‹secret:0123456789ab:5›"}))
    target._exchange("login", Ask("POST", "/login", body='{"password":"‹secret:0123456789ab:5›"}'.encode()))
    target._exchange("probe", Ask("GET", "/whoami"))
    assert finding_of(NoSecret(), {}, target).outcome is Outcome.PASS


def test_a_stack_trace_in_an_event_of_a_stream_fails() -> None:
    """What a stream says is an answer too."""
    trace = 'Traceback\n  File "a.py", line 3\n  File "b.py", line 4\n'
    stream = StreamRecord(
        label="s",
        protocol="sse",
        request=SentRequest(method="GET", url="http://h/events"),
        response=ReceivedResponse(status=200),
        events=(StreamEvent(at_ms=1, data=trace),),
    )
    case = next(iter(cases_of(NoStackTrace(), {})))
    assert NoStackTrace().judge(case, Evidence((), {"*": (stream,)})).outcome is Outcome.FAIL


def test_an_echo_of_the_request_is_no_leak() -> None:
    """A service that shows the caller its own headers gives away nothing."""
    target = FakeTarget(lambda _: (200, {}, {"headers": {"authorization": MASK}}))
    target._exchange("echo", Ask("GET", "/headers", authorization=MASK))
    assert finding_of(NoSecret(), {}, target).outcome is Outcome.PASS


def test_a_run_that_recorded_nothing_shows_no_clean_answers() -> None:
    """Nothing seen is never a pass."""
    for check in (NoStackTrace(), NoSecret()):
        assert finding_of(check, {}, FakeTarget(healthy)).outcome is Outcome.INCONCLUSIVE
