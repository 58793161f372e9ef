"""Logins: the session belongs to who logged in, and a wrong password gives none."""

from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.auth.login import LoginGivesIdentity, RefusesWrongPassword
from hybridcheck.checks.check import Check
from hybridcheck.evidence import Failure
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import cases_of, finding_of, reason_of, unmet_of
from tests.unit.checks.session_server import PROFILE, SessionServer


def test_every_declared_user_is_a_case() -> None:
    """Also the short-lived one; each logs in once."""
    assert [case.subject for case in cases_of(LoginGivesIdentity(), PROFILE)] == ["alice", "bob", "short"]


def test_a_login_that_gives_its_user_passes() -> None:
    """One login and one whoami are enough."""
    server = SessionServer()
    assert finding_of(LoginGivesIdentity(), PROFILE, server).outcome is Outcome.PASS
    assert len(server.sent) == 1


def test_a_login_that_gives_another_user_fails() -> None:
    """Alice is bob, twice."""
    finding = finding_of(LoginGivesIdentity(), PROFILE, SessionServer("another"))
    assert (finding.outcome, finding.observed) == (Outcome.FAIL, "whoami names bob")


def test_a_login_that_breaks_twice_fails() -> None:
    """A server error is no matter of the declared password."""
    server = SessionServer()
    server.answers = {"login.1": (500, {}, {}), "login.2": (500, {}, {})}
    assert finding_of(LoginGivesIdentity(), PROFILE, server).outcome is Outcome.FAIL


def test_a_login_that_breaks_once_is_flaky() -> None:
    """The second try never makes a pass of it."""
    server = SessionServer()
    server.answers = {"login.1": Failure.RESET}
    assert reason_of(LoginGivesIdentity(), PROFILE, server) is Reason.FLAKY


def test_a_refused_login_is_sent_once_and_stays_undecided() -> None:
    """The declared password may be the wrong one, and a second try may lock the account."""
    server = SessionServer()
    server.answers = {"login.1": (401, {}, {})}
    assert reason_of(LoginGivesIdentity(), PROFILE, server) is Reason.AUTH_NOT_EFFECTIVE
    assert not [record for record in server.records if getattr(record, "label", "") == "login.2"]


def test_an_unknown_name_asks_for_known_as() -> None:
    """Whoami may name an address where the profile has a username: that is a matter of the profile."""
    server = SessionServer()
    server.answers = {f"whoami.{n}": (200, {}, {"username": "alice@example.test"}) for n in (1, 2)}
    with pytest.raises(Undecided, match=r"identities\.alice\.known_as: alice@example\.test"):
        finding_of(LoginGivesIdentity(), PROFILE, server)


def test_known_as_decides() -> None:
    """A declared name makes another one a fail, and itself a pass."""
    alice = {**PROFILE["identities"]["alice"], "known_as": "Alice@example.test"}
    profile = {**PROFILE, "identities": {**PROFILE["identities"], "alice": alice}}
    for name, outcome in (("alice@example.test", Outcome.PASS), ("eve@example.test", Outcome.FAIL)):
        server = SessionServer()
        server.answers = {f"whoami.{n}": (200, {}, {"username": name}) for n in (1, 2)}
        assert finding_of(LoginGivesIdentity(), profile, server).outcome is outcome


def test_a_wrong_password_that_is_let_in_fails() -> None:
    """Its credential is one for which whoami names the user."""
    finding = finding_of(RefusesWrongPassword(), PROFILE, SessionServer("wrong-password"))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 2)


def test_a_wrong_password_that_is_refused_passes() -> None:
    """One attempt, no credential."""
    assert finding_of(RefusesWrongPassword(), PROFILE, SessionServer()).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("wrong", "label", "answer", "reason"),
    [
        ((), "attempt", (500, {}, {}), Reason.SUSPECTED),
        ((), "attempt", (429, {}, {}), Reason.THROTTLED),
        ((), "attempt", Failure.RESET, Reason.SUSPECTED),
        ((), "control", (401, {}, {}), Reason.AUTH_NOT_EFFECTIVE),
        (("wrong-password",), "probe.2", (401, {}, {}), Reason.SUSPECTED),
    ],
)
def test_a_wrong_password_is_not_guessed_about(wrong: tuple[str, ...], label: str, answer: Any, reason: Reason) -> None:
    """A crash, a limit, a missing control, or a credential that is worth nothing prove neither."""
    server = SessionServer(*wrong)
    server.answers[label] = answer
    assert reason_of(RefusesWrongPassword(), PROFILE, server) is reason


def test_a_credential_that_is_worth_nothing_is_a_refusal() -> None:
    """Some systems set an anonymous session cookie at every login, also at a failed one."""
    server = SessionServer("wrong-password")
    server.answers = {"probe.1": (401, {}, {}), "probe.2": (401, {}, {})}
    assert finding_of(RefusesWrongPassword(), PROFILE, server).outcome is Outcome.PASS


def test_the_wrong_password_is_spent_on_who_is_missed_least() -> None:
    """Operations are sent as alice; bob's account may be locked."""
    operations = [{"id": "items", "path": "/items", "auth": "required", "identity": "alice"}]
    case = cases_of(RefusesWrongPassword(), {**PROFILE, "operations": operations})[0]
    assert case.subject == "bob"


@pytest.mark.parametrize("check", [LoginGivesIdentity(), RefusesWrongPassword()])
def test_without_whoami_or_users_the_profile_line_is_named(check: Check) -> None:
    """What is not declared is named, not passed."""
    session = {"login": PROFILE["session"]["login"]}
    assert "session.whoami" in unmet_of(check, {**PROFILE, "session": session})[0].needs
    assert "password" in unmet_of(check, {**PROFILE, "identities": {}})[0].needs
