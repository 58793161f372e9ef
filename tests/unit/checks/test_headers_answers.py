"""Headers of declared operations: caching, CORS, framing."""

from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.headers.answers import FramingForbidden, NoCorsReflection, PrivateNotCacheable
from hybridcheck.checks.headers.errors import NoSniffOnErrors
from hybridcheck.evidence import Evidence, Exchange, Gap, GapReason
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, recorded_of, unmet_of

PROFILE: dict[str, Any] = {
    "identities": {"alice": {"token": "t" * 20}},
    "operations": [{"id": "me", "path": "/me", "auth": "required", "identity": "alice", "private": True}],
}


def cached(value: str | None, status: int = 200) -> Finding:
    """The finding for this Cache-Control."""
    headers = {"Cache-Control": value} if value is not None else {}
    return finding_of(PrivateNotCacheable(), PROFILE, FakeTarget(lambda _: (status, headers, {"name": "alice"})))


@pytest.mark.parametrize("value", ["no-store", "private, max-age=60", "No-Cache", "public, no-store"])
def test_private_answers_are_kept_by_nobody_else(value: str) -> None:
    """Each of the directives that keep shared caches out."""
    assert cached(value).outcome is Outcome.PASS


@pytest.mark.parametrize("value", ["public, max-age=600", "max-age=600", "private, s-maxage=60", None])
def test_private_answers_that_others_may_keep_fail(value: str | None) -> None:
    """Allowed, or not forbidden, three of three."""
    finding = cached(value)
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3)


@pytest.mark.parametrize(
    ("status", "reason"), [(401, Reason.AUTH_NOT_EFFECTIVE), (429, Reason.THROTTLED), (500, Reason.NO_TEST_DATA)]
)
def test_without_a_good_answer_nothing_is_said(status: int, reason: Reason) -> None:
    """Headers of refusals and errors are not what is promised."""
    finding = cached(None, status)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, reason)


BY_ID: dict[str, Any] = {
    "identities": {"alice": {"token": "t" * 20}},
    "operations": [
        {"id": "make", "method": "POST", "path": "/items", "auth": "required", "identity": "alice", "creates": True},
        {"id": "item", "path": "/items/{i}", "auth": "required", "identity": "alice", "private": True},
    ],
}


def item(value: str, ask: Ask | None = None, status: int = 200, base_url: str = "http://target.test") -> Exchange:
    """An answer of the operation that needs an id, with this Cache-Control."""
    asked = ask or Ask("GET", "/items/7", (("q", "1"),), operation="item", identity="alice")
    return recorded_of(asked, (status, {"Cache-Control": value}, {"name": "a"}), base_url=base_url)


def over_all(*records: Exchange | Gap) -> Finding:
    """The finding over everything recorded."""
    (case,) = cases_of(PrivateNotCacheable(), BY_ID)
    return PrivateNotCacheable().judge(case, Evidence((), {"*": records}))


def test_private_things_behind_an_id_are_looked_at_wherever_they_were_read() -> None:
    """Two good answers that others may keep are proof, with or without a gap; one is a suspicion; no-store passes."""
    public, kept, gap = item("public, max-age=60"), item("no-store"), Gap(reason=GapReason.LOST)
    assert over_all(kept, public, public).outcome is Outcome.FAIL
    assert "public, max-age=60" in over_all(public, public, gap).observed
    assert over_all(kept, public).reason is Reason.SUSPECTED
    assert over_all(kept, kept).outcome is Outcome.PASS
    assert over_all(kept, kept, gap).reason is Reason.EVIDENCE_INCOMPLETE


def test_only_good_answers_of_private_operations_at_their_own_address_are_looked_at() -> None:
    """Errors, other operations and methods, and the service beside its gateway show nothing."""
    public = "public, max-age=60"
    others = [
        item(public, status=404),
        item(public, Ask("POST", "/items", operation="make")),
        item(public, Ask("HEAD", "/items/7", operation="item")),
        item(public, Ask("GET", "/items/7")),
        item(public, base_url="http://native.test"),
    ]
    assert over_all(*others, *others).reason is Reason.EVIDENCE_INCOMPLETE
    assert over_all(*others, *others, item("private")).outcome is Outcome.PASS


def test_a_gap_leaves_the_case_of_one_operation_undecided() -> None:
    """The passive case alone judges beside gaps."""
    case = cases_of(PrivateNotCacheable(), PROFILE)[0]
    with pytest.raises(Undecided):
        PrivateNotCacheable().judge(case, Evidence((Gap(reason=GapReason.LOST),), {}))


def test_what_nothing_reads_is_named() -> None:
    """A private operation whose id nothing makes: no answer of it will be recorded."""
    profile = {**BY_ID, "operations": BY_ID["operations"][1:]}
    assert cases_of(PrivateNotCacheable(), profile) == []
    assert "private: true" in unmet_of(PrivateNotCacheable(), profile)[0].needs


def cors(allow: str, *, credentials: bool = True, only: str = "", status: int = 200) -> Finding:
    """The finding where `Origin` gets this (`{}` stands for itself); `only` is the one origin that gets anything."""

    def answer(ask: Ask) -> Answer:
        origin = dict(ask.headers).get("Origin", "")
        headers = {"Access-Control-Allow-Origin": allow.format(origin)} if not only or origin == only else {}
        return status, {**headers, **({"Access-Control-Allow-Credentials": "true"} if credentials else {})}, {"a": 1}

    return finding_of(NoCorsReflection(), PROFILE, FakeTarget(answer))


@pytest.mark.parametrize("only", ["", "null"])
def test_a_foreign_origin_with_credentials_fails(only: str) -> None:
    """Any origin that is sent back, and `null` alone."""
    finding = cors("{}", only=only)
    assert finding.outcome is Outcome.FAIL
    assert "with credentials, twice" in finding.observed


def test_other_answers_to_a_foreign_origin_pass() -> None:
    """A wildcard, an origin without credentials, the site's own origin."""
    assert cors("*").outcome is Outcome.PASS
    assert cors("{}", credentials=False).outcome is Outcome.PASS
    assert cors("https://app.test").outcome is Outcome.PASS
    assert cors("https://app.test", status=403).outcome is Outcome.PASS


def test_a_refusal_that_names_the_origin_gives_nothing_away() -> None:
    """A 401 with CORS headers shows no answer; nothing is said."""
    assert cors("{}", status=401).outcome is Outcome.INCONCLUSIVE
    assert cors("https://app.test", status=401).reason is Reason.AUTH_NOT_EFFECTIVE


PAGES: dict[str, Any] = {"operations": [{"id": "home", "path": "/", "expect": {"content_type": "text/html"}}]}


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'"}, Outcome.PASS),
        ({"X-Frame-Options": "DENY"}, Outcome.PASS),
        ({"Content-Security-Policy": "default-src 'self'"}, Outcome.FAIL),
        ({}, Outcome.FAIL),
    ],
)
def test_pages_say_who_may_frame_them(headers: dict[str, str], outcome: Outcome) -> None:
    """Either header is enough."""
    target = FakeTarget(lambda _: (200, {"Content-Type": "text/html", **headers}, "<html></html>"))
    assert finding_of(FramingForbidden(), PAGES, target).outcome is outcome


def test_what_is_not_declared_is_named() -> None:
    """Each check says which line would bring it in."""
    plain = {"operations": ["GET /"]}
    assert "private: true" in unmet_of(PrivateNotCacheable(), plain)[0].needs
    assert "auth: required" in unmet_of(NoCorsReflection(), plain)[0].needs
    assert "text/html" in unmet_of(FramingForbidden(), plain)[0].needs


GUARDED = {"X-Content-Type-Options": "nosniff"}


def refusing(anonymous: Answer, unknown: Answer) -> Finding:
    """The finding where these are the answers to nobody, and to a path that is not there."""
    target = FakeTarget(lambda ask: anonymous if ask.path == "/me" else unknown)
    return finding_of(NoSniffOnErrors(), PROFILE, target)


@pytest.mark.parametrize(
    ("anonymous", "unknown", "expected"),
    [
        ((401, GUARDED, {"e": 1}), (404, GUARDED, {"e": 1}), (Outcome.PASS, None)),
        ((401, GUARDED, {"e": 1}), (404, {}, "<p>not here</p>"), (Outcome.FAIL, None)),
        ((401, {}, {"e": 1}), (404, GUARDED, {"e": 1}), (Outcome.FAIL, None)),
        ((401, {}, ""), (404, GUARDED, {"e": 1}), (Outcome.PASS, None)),
        ((429, {}, {"e": 1}), (200, {}, {"e": 1}), (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)),
        ((401, {}, ""), (502, {}, "bad gateway"), (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)),
    ],
)
def test_errors_with_content_have_nosniff(
    anonymous: Answer, unknown: Answer, expected: tuple[Outcome, Reason | None]
) -> None:
    """Three of three without; what is empty, throttled, or somebody else's 502 is not looked at."""
    finding = refusing(anonymous, unknown)
    assert (finding.outcome, finding.reason) == expected, finding.observed


def test_once_without_nosniff_is_flaky() -> None:
    """The next error has it."""
    answers = iter([{}, GUARDED, GUARDED, GUARDED])
    finding = finding_of(NoSniffOnErrors(), PROFILE, FakeTarget(lambda _: (404, next(answers), {"e": 1})))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


def test_errors_need_an_operation_to_ask() -> None:
    """With the line that would bring it in."""
    assert "GET /path" in unmet_of(NoSniffOnErrors(), {})[0].needs
