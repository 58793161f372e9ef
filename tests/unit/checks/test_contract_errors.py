"""How errors are told: RFC 9457 where it is declared; what is no error proves nothing."""

from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.contract.errors import ErrorFormat
from hybridcheck.checks.witnesses import RECORDED
from hybridcheck.evidence import Evidence, Exchange, Gap, GapReason
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, recorded_of, unmet_of

PROFILE: dict[str, Any] = {
    "identities": {"alice": {"token": "t" * 20}},
    "operations": [{"id": "item", "path": "/items/{i}", "params": {"i": "7"}, "auth": "required", "identity": "alice"}],
    "exposure": {"errors": "problem+json"},
}
PROBLEM = {"Content-Type": "application/problem+json"}


def told(document: Any, headers: dict[str, str], status: int = 404) -> FakeTarget:
    """A target that tells every error like this."""
    return FakeTarget(lambda _: (status, headers, document))


def test_errors_are_provoked_in_three_ways() -> None:
    """An unknown path as somebody who is logged in, no credentials, an unknown id."""
    asked: list[Ask] = []

    def answering(ask: Ask) -> Answer:
        asked.append(ask)
        return 404, PROBLEM, {"title": "x", "status": 404}

    cases = cases_of(ErrorFormat(), PROFILE)
    assert [case.subject for case in cases] == ["unknown path", "missing credentials", "unknown id", RECORDED]
    for index in range(3):
        assert finding_of(ErrorFormat(), PROFILE, FakeTarget(answering), index=index).outcome is Outcome.PASS
    assert [ask.identity for ask in asked] == ["alice", None, "alice"]
    assert asked[1].path == "/items/7"
    assert asked[2].path.startswith("/items/7-hc")


@pytest.mark.parametrize(
    ("headers", "document", "words"),
    [
        ({"Content-Type": "text/html"}, "<h1>404</h1>", "text/html"),
        ({"Content-Type": "application/json"}, {"title": "x"}, "application/json"),
        (PROBLEM, "no json", "not JSON"),
        (PROBLEM, ["x"], "no JSON object"),
        (PROBLEM, {"status": 400}, "`status` is 400"),
        (PROBLEM, {"status": "404"}, "`status` is '404'"),
        (PROBLEM, {"type": "not a uri"}, "no URI reference"),
        (PROBLEM, {"detail": {"a": 1}}, "`detail` is no text"),
    ],
)
def test_another_format_fails(headers: dict[str, str], document: Any, words: str) -> None:
    """Each rule of RFC 9457, three of three."""
    finding = finding_of(ErrorFormat(), PROFILE, told(document, headers))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3)
    assert words in finding.observed


def test_what_is_no_error_is_undecided() -> None:
    """A catch-all answers 200 to a path that cannot exist."""
    finding = finding_of(ErrorFormat(), PROFILE, told("hello", {}, 200))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.CATCH_ALL)


def test_json_asks_for_an_object_only() -> None:
    """The looser declaration."""
    profile = {**PROFILE, "exposure": {"errors": "json"}}
    assert finding_of(ErrorFormat(), profile, told({"error": "x"}, {})).outcome is Outcome.PASS
    assert finding_of(ErrorFormat(), profile, told("x", {})).outcome is Outcome.FAIL
    assert "errors" in unmet_of(ErrorFormat(), {"operations": ["GET /"]})[0].needs


ITEM = Ask("GET", "/items/8", operation="item", identity="alice")
PAGE: Answer = (404, {"Content-Type": "text/html"}, "<h1>Not Found</h1>")
TOLD: Answer = (404, PROBLEM, {"title": "Not Found", "status": 404})


def heard(*told: tuple[Ask, Answer], profile: dict[str, Any] = PROFILE) -> Finding:
    """What is said of answers that others recorded."""
    return judged([recorded_of(ask, answer) for ask, answer in told], profile)


def judged(records: list[Exchange | Gap], profile: dict[str, Any] = PROFILE) -> Finding:
    """The finding of the case over everything recorded."""
    check = ErrorFormat()
    return check.judge(cases_of(check, profile)[-1], Evidence((), {"*": tuple(records)}))


def test_pages_in_the_place_of_problems_are_found_wherever_they_were_recorded() -> None:
    """Two of a declared operation are proof; one is a suspicion; the declared format passes."""
    assert heard((ITEM, TOLD), (ITEM, PAGE), (ITEM, PAGE)).outcome is Outcome.FAIL
    assert "text/html" in heard((ITEM, PAGE), (ITEM, PAGE)).observed
    assert heard((ITEM, TOLD), (ITEM, PAGE)).reason is Reason.SUSPECTED
    assert heard((ITEM, TOLD), (ITEM, TOLD)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (Ask("HEAD", "/items/8", operation="item"), PAGE),
        (Ask("GET", "/elsewhere", operation="item"), PAGE),
        (Ask("GET", "/items/8/more", operation="item"), PAGE),
        (Ask("GET", "/items/8"), PAGE),
        (Ask("GET", "/items/8", operation="session:whoami"), PAGE),
        (Ask("GET", "/items/8", (), (("Accept", "text/html"),), operation="item"), PAGE),
        (ITEM, (400, {"Content-Type": "text/plain", "Connection": "close"}, "Invalid HTTP request received.")),
        (ITEM, (431, {"Content-Type": "text/html"}, "<h1>too large</h1>")),
        (ITEM, (502, {"Content-Type": "text/html"}, "<h1>Bad Gateway</h1>")),
        (ITEM, (304, {}, "")),
        (ITEM, (200, {}, "hello")),
    ],
)
def test_what_the_application_did_not_tell_of_an_operation_is_no_error_of_it(ask: Ask, answer: Answer) -> None:
    """Other paths and methods, sessions, asked for as a page, servers, proxies, successes: nothing was seen."""
    assert heard((ask, answer), (ask, answer)).reason is Reason.EVIDENCE_INCOMPLETE
    assert heard((ask, answer), (ask, answer), (ITEM, TOLD)).outcome is Outcome.PASS


def test_another_address_and_a_cut_answer_are_not_looked_at() -> None:
    """A service that is asked beside its gateway has a format of its own; half a document is no document."""
    direct = recorded_of(ITEM, PAGE, base_url="http://native.test")
    whole = recorded_of(ITEM, PAGE)
    assert whole.response is not None
    body = whole.response.body.model_copy(update={"complete": False})
    cut = whole.model_copy(update={"response": whole.response.model_copy(update={"body": body})})
    good = recorded_of(ITEM, TOLD)
    assert judged([direct, direct, cut, cut]).outcome is Outcome.INCONCLUSIVE
    assert judged([direct, direct, cut, cut, good]).outcome is Outcome.PASS


def test_a_gap_forbids_the_pass_and_not_the_fail() -> None:
    """What is missing may have been a page; what was seen was seen. A gap of a case of its own leaves it undecided."""
    gap, page, good = Gap(reason=GapReason.LOST), recorded_of(ITEM, PAGE), recorded_of(ITEM, TOLD)
    assert judged([gap, good]).outcome is Outcome.INCONCLUSIVE
    assert judged([gap, page, page]).outcome is Outcome.FAIL
    assert judged([gap, page]).outcome is Outcome.INCONCLUSIVE
    check = ErrorFormat()
    with pytest.raises(Undecided):
        check.judge(cases_of(check, PROFILE)[0], Evidence((gap, good), {}))


def test_errors_that_are_declared_and_those_of_pages_are_what_they_are() -> None:
    """An operation that answers 404 by promise, one that serves pages, and GraphQL, whose errors have their own form."""
    (operation,) = PROFILE["operations"]
    asking = {"method": "POST", "safe": True, "body": {"query": "{ me { id } }"}, "path": "/graphql"}
    protected = {"id": "me", "path": "/me", "auth": "required", "identity": "alice"}
    for other in ({"expect": {"status": 404}}, {"expect": {"content_type": "text/html"}}, {**asking, "params": {}}):
        profile = {**PROFILE, "operations": [{**operation, **other}, protected]}
        ask = Ask(str(other.get("method", "GET")), str(other.get("path", "/items/8")), operation="item")
        assert heard((ask, PAGE), (ask, PAGE), profile=profile).outcome is Outcome.INCONCLUSIVE


def test_where_no_operation_need_tell_an_error_nobody_waits_for_one() -> None:
    """Nothing protected and nothing made: there is the unknown path alone."""
    profile = {"operations": ["GET /"], "exposure": {"errors": "problem+json"}}
    assert [case.subject for case in cases_of(ErrorFormat(), profile)] == ["unknown path"]
