"""Refresh, logout and the session cookie: each defect is caught, the healthy twin is silent."""

from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.auth.cookies import SessionCookieFlags, missing_flags
from hybridcheck.checks.auth.sessions import LogoutEndsSession, RefreshReuseRefused, RefreshWorks, SessionCheck
from hybridcheck.evidence import GapReason
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import (
    FakeTarget,
    assert_less_evidence_decides_nothing_else,
    cases_of,
    finding_of,
    reason_of,
    unmet_of,
)
from tests.unit.checks.session_server import PROFILE, SessionServer

CHECKS = [(RefreshWorks(), "refresh"), (RefreshReuseRefused(), "reuse"), (LogoutEndsSession(), "logout")]

HARDCODED: dict[str, Any] = {"control": (200, {}, {"username": "alice"}), "logout": (204, {}, b"")}
"""A control and a logout that look right, before a whoami that names alice to anybody."""


WITH_READS: dict[str, Any] = {
    **PROFILE,
    "operations": [
        {"id": "readDashboard", "path": "/dashboards/overview", "auth": "required", "identity": "bob"},
        {"id": "listItems", "path": "/items", "auth": "required", "identity": "bob"},
    ],
}
"""Two protected reads beside whoami."""


@pytest.mark.parametrize(("check", "wrong"), CHECKS)
def test_a_broken_session_fails(check: SessionCheck, wrong: str) -> None:
    """Twice the wrong answer is proof."""
    assert finding_of(check, PROFILE, SessionServer(wrong)).outcome is Outcome.FAIL


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize(("check", "wrong"), CHECKS)
def test_a_right_session_passes(check: SessionCheck, wrong: str, opaque: bool) -> None:
    """The healthy twin stays silent."""
    assert finding_of(check, PROFILE, SessionServer(opaque=opaque)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("check", "wrong", "answers", "reason"),
    [
        (RefreshWorks(), (), {"control.1": (401, {}, {})}, Reason.AUTH_NOT_EFFECTIVE),
        (RefreshWorks(), (), {"refresh.1": (500, {}, {})}, Reason.FLAKY),
        (RefreshWorks(), (), {"refresh.1": (429, {}, {}), "refresh.2": (429, {}, {})}, Reason.THROTTLED),
        (RefreshReuseRefused(), (), {"refresh": (500, {}, {})}, Reason.AUTH_NOT_EFFECTIVE),
        (RefreshReuseRefused(), (), {"reuse.1": (500, {}, {})}, Reason.SUSPECTED),
        (RefreshReuseRefused(), (), {"reuse.1": (429, {}, {})}, Reason.THROTTLED),
        (RefreshReuseRefused(), ("reuse",), {"probe.2": (401, {}, {})}, Reason.SUSPECTED),
        (LogoutEndsSession(), (), {"logout": (404, {}, {})}, Reason.AUTH_NOT_EFFECTIVE),
        (LogoutEndsSession(), (), {"probe.3": (503, {}, {})}, Reason.SUSPECTED),
        (LogoutEndsSession(), ("logout",), {"probe.3": (401, {}, {})}, Reason.FLAKY),
        (LogoutEndsSession(), (), {"after": (401, {}, {})}, Reason.AUTH_NOT_EFFECTIVE),
        (LogoutEndsSession(), ("hardcoded",), HARDCODED, Reason.CATCH_ALL),
    ],
)
def test_half_a_proof_is_none(
    check: SessionCheck, wrong: tuple[str, ...], answers: dict[str, Any], reason: Reason
) -> None:
    """A missing control, a crash, a limit or one of two answers leave the case undecided."""
    server = SessionServer(*wrong)
    server.answers = answers
    assert reason_of(check, PROFILE, server) is reason


def test_a_logout_may_take_its_grace() -> None:
    """What is recognised right after the logout does not count."""
    server = SessionServer()
    server.answers["probe.1"] = (200, {}, {"username": "bob"})
    assert finding_of(LogoutEndsSession(), PROFILE, server).outcome is Outcome.PASS


def test_a_token_that_opens_another_read_after_the_logout_fails() -> None:
    """Whoami refuses it, a dashboard still answers its content twice and refuses nobody's request: the finding names it."""
    server = SessionServer("dashboards")
    finding = finding_of(LogoutEndsSession(), WITH_READS, server)
    assert finding.outcome is Outcome.FAIL
    assert "still opens readDashboard, twice" in finding.observed
    healthy = finding_of(LogoutEndsSession(), WITH_READS, SessionServer())
    assert (healthy.outcome, healthy.n) == (Outcome.PASS, 4)
    assert "2 other protected reads too" in healthy.observed


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"ended.2.1": (503, {}, {})}, Reason.SUSPECTED),
        ({"ended.2.1": (429, {}, {})}, Reason.THROTTLED),
        ({"ended.1.2": (401, {}, {})}, Reason.FLAKY),
        ({"ended.1.nobody": (429, {}, {})}, Reason.THROTTLED),
    ],
)
def test_half_a_proof_of_another_read_is_none(answers: dict[str, Any], reason: Reason) -> None:
    """A crash, a limit, or one of two answers leave the case undecided."""
    server = SessionServer("dashboards" if "ended.2.1" not in answers else "none")
    server.answers = answers
    with pytest.raises(Undecided) as raised:
        finding_of(LogoutEndsSession(), WITH_READS, server)
    assert raised.value.reason is reason


@pytest.mark.parametrize(
    "answers",
    [
        {"open.1": (403, {}, {})},
        {"ended.1.nobody": (200, {}, {"username": "bob"})},
        {"ended.1.1": (200, {}, {"error": "who are you"})},
    ],
)
def test_what_the_token_does_not_open_is_no_proof(answers: dict[str, Any]) -> None:
    """A read that it never opened, that opens for everybody, or that refuses in a 200: no matter of the logout."""
    server = SessionServer("dashboards")
    server.answers = answers
    assert finding_of(LogoutEndsSession(), WITH_READS, server).outcome is Outcome.PASS


def test_the_other_reads_are_taken_from_every_service() -> None:
    """At most ten, none of a second turn before every service had its first; not the session's own, not another role's."""
    many = [{"id": f"a{i}", "path": f"/a{i}", "auth": "required", "identity": "bob"} for i in range(12)]
    others = [
        {"id": "me", "path": "/whoami", "auth": "required", "identity": "bob"},
        {"id": "users", "path": "/users", "auth": "required", "identity": "bob", "roles": ["admin"]},
        {"id": "open", "path": "/open"},
        {"id": "change", "method": "POST", "path": "/change", "auth": "required", "identity": "bob"},
        {"id": "late", "path": "/late", "auth": "required", "identity": "bob"},
    ]
    services = {"late": {"kind": "api", "operations": others}}
    case = cases_of(LogoutEndsSession(), {**PROFILE, "operations": many, "services": services})[0]
    assert [kept["id"] for kept in case.params["reads"]] == ["a0", "late", *(f"a{i}" for i in range(1, 9))]


def test_taking_any_record_away_never_decides_otherwise() -> None:
    """A judge that misses a part of its evidence gives the same outcome or none."""
    for check, wrong in (*CHECKS, (LogoutEndsSession(), "dashboards")):
        for server in (SessionServer(), SessionServer(wrong)):
            assert_less_evidence_decides_nothing_else(check, WITH_READS, server)


@pytest.mark.parametrize(
    ("check", "change", "needs"),
    [
        (RefreshWorks(), {"refresh": None}, "session.refresh"),
        (RefreshWorks(), {"login": {"path": "/login", "token": "$.t"}}, "session.login.refresh_token"),
        (RefreshReuseRefused(), {"refresh_rotates": False}, "session.refresh_rotates: true"),
        (LogoutEndsSession(), {"logout": None}, "session.logout"),
        (LogoutEndsSession(), {"logout_policy": "client_only"}, "session.logout_policy: server_side"),
        (LogoutEndsSession(), {"whoami": None}, "session.whoami"),
    ],
)
def test_what_is_not_declared_is_named(check: SessionCheck, change: dict[str, Any], needs: str) -> None:
    """Each missing line of the profile is said, and nothing is passed."""
    profile = {**PROFILE, "session": {**PROFILE["session"], **change}}
    assert needs in unmet_of(check, profile)[0].needs
    assert not cases_of(check, profile)


COOKIE = {"exposure": {"session_cookie": "sid"}}


def cookie_target(*cookies: str, base_url: str = "https://target.test") -> FakeTarget:
    """A target that has set these cookies, one answer each."""
    answers = iter(cookies)
    target = FakeTarget(lambda _: (200, {"Set-Cookie": next(answers)}, b""), base_url=base_url)
    for number, _ in enumerate(cookies):
        target._exchange(f"seen.{number}", Ask("GET", "/"))
    return target


@pytest.mark.parametrize(
    ("cookie", "missing"),
    [
        ("sid=x; Secure; SameSite=Lax", "HttpOnly"),
        ("sid=x; HttpOnly; SameSite=Lax", "Secure"),
        ("sid=x; HttpOnly; Secure", "SameSite"),
        ("sid=x; HttpOnly; Secure; SameSite=sometimes", "SameSite"),
    ],
)
def test_a_cookie_without_a_flag_fails(cookie: str, missing: str) -> None:
    """One witness among good ones is proof; the finding names the flag."""
    target = cookie_target("sid=y; httponly; secure; samesite=strict", cookie)
    finding = finding_of(SessionCookieFlags(), COOKIE, target)
    assert (finding.outcome, finding.observed) == (Outcome.FAIL, f"without {missing}")


def test_a_cookie_with_all_flags_passes() -> None:
    """Other cookies and deletions do not count."""
    good = "sid=x; Path=/; HttpOnly; Secure; SameSite=None"
    finding = finding_of(SessionCookieFlags(), COOKIE, cookie_target(good, "theme=dark", "sid=; Max-Age=0"))
    assert (finding.outcome, finding.n) == (Outcome.PASS, 1)


def test_over_plain_http_secure_is_not_asked_for() -> None:
    """A browser would not store the cookie then."""
    target = cookie_target("sid=x; HttpOnly; SameSite=Lax", base_url="http://127.0.0.1:8000")
    assert finding_of(SessionCookieFlags(), COOKIE, target).outcome is Outcome.PASS


def test_a_cookie_that_was_not_seen_is_undecided() -> None:
    """Nothing seen, or a part of the run not recorded, is never a pass."""
    target = cookie_target("theme=dark")
    assert finding_of(SessionCookieFlags(), COOKIE, target).reason is Reason.NO_TEST_DATA
    target = cookie_target("sid=x; HttpOnly; Secure; SameSite=Lax")
    target.lost(GapReason.BUDGET_SPENT)
    assert finding_of(SessionCookieFlags(), COOKIE, target).reason is Reason.EVIDENCE_INCOMPLETE


def test_the_login_cookie_is_the_session_cookie() -> None:
    """Without either, the profile line is named."""
    session = {"session": {"login": {"path": "/login", "cookie": "sid"}}}
    assert [case.subject for case in cases_of(SessionCookieFlags(), session)] == ["sid"]
    assert "exposure.session_cookie" in unmet_of(SessionCookieFlags(), {})[0].needs


def test_samesite_none_needs_secure() -> None:
    """Browsers drop `SameSite=None` without Secure, so it protects nothing."""
    assert missing_flags({"httponly": "", "samesite": "None"}, https=False) == ["SameSite"]
