"""Streams and tokens whose time is over: events are a fail, a refusal a pass, and without controls nothing is said."""

from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.auth.expired_listeners import RefusesExpired
from hybridcheck.evidence import StreamRecord
from hybridcheck.target import Credential
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import FakeTarget, cases_of, finding_of, unmet_of
from tests.unit.checks.test_streams import heard, profile_of, steady

SESSION: dict[str, Any] = {
    "login": {"path": "/login", "body": {"u": "{username}", "p": "{password}"}, "token": "$.access_token"}
}
NOW = 1_800_000_000.0


def profile(protocol: str = "sse", **changes: Any) -> dict[str, Any]:
    """A profile with one stream and an identity whose tokens can be outlived."""
    short = {"username": "short", "password": "a-long-password", "short_lived": True}
    found = profile_of(protocol, **changes)
    return {**found, "session": SESSION, "identities": {**found["identities"], "short": short}}


EVENTS, REFUSED = heard(steady()), heard([], status=401)
WHOLE = {"control.1": EVENTS, "anonymous": REFUSED, "expired.1": REFUSED, "after": EVENTS}


def found(streams: dict[str, StreamRecord], expires_s: float | None = NOW + 2) -> Finding:
    """The finding where the listens hear these streams."""
    target = FakeTarget(lambda _: (200, {}, {}))
    target.streams = streams
    facts = {"exp": expires_s} if expires_s is not None else {}
    target.logins = [Credential("short", "bearer", (), "old", facts=facts) for _ in range(4)]
    finding = finding_of(RefusesExpired(), profile(), target)
    if "expired.1" in [getattr(record, "label", "") for record in target.records]:
        assert target.now_s() > 2, "the token's time was waited for"
    return finding


def test_an_old_token_that_is_refused_is_a_pass() -> None:
    """By status; or by closing a WebSocket without an event."""
    assert found(WHOLE).outcome is Outcome.PASS


def test_events_for_an_old_token_are_a_fail() -> None:
    """Twice; once is flaky."""
    finding = found({**WHOLE, "expired.1": EVENTS, "expired.2": EVENTS})
    assert finding.outcome is Outcome.FAIL
    assert "with the old token: status 200" in finding.observed
    once = found({**WHOLE, "expired.1": EVENTS, "expired.2": REFUSED})
    assert (once.outcome, once.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


@pytest.mark.parametrize(
    ("changes", "expires_s", "reason"),
    [
        ({"control.1": REFUSED, "control.2": REFUSED, "control.3": REFUSED}, NOW + 2, Reason.AUTH_NOT_EFFECTIVE),
        ({"anonymous": EVENTS, "expired.1": EVENTS, "expired.2": EVENTS}, NOW + 2, Reason.AUTH_NOT_EFFECTIVE),
        ({"after": REFUSED}, NOW + 2, Reason.AUTH_NOT_EFFECTIVE),
        ({"expired.1": heard([], status=500)}, NOW + 2, Reason.SUSPECTED),
        ({}, NOW + 3600, Reason.NO_TEST_DATA),
        ({}, None, Reason.NO_TEST_DATA),
    ],
    ids=["never served", "open to all", "nobody served afterwards", "an error", "lives too long", "opaque"],
)
def test_without_its_controls_nothing_is_said(
    changes: dict[str, StreamRecord], expires_s: float | None, reason: Reason
) -> None:
    """A stream that serves nobody, or everybody, refuses no token; nor is one old that lives on."""
    finding = found({**WHOLE, **changes}, expires_s)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, reason), finding.observed


def test_it_needs_a_protected_stream_and_a_short_lived_identity() -> None:
    """Each said with the line that would bring it in."""
    assert [case.params["identity"] for case in cases_of(RefusesExpired(), profile())] == ["short"]
    assert "short_lived: true" in unmet_of(RefusesExpired(), profile_of())[0].needs
    assert "auth: required" in unmet_of(RefusesExpired(), profile(auth="none", identity=None))[0].needs
