"""Forged, expired and misplaced tokens: each defect is caught, the healthy twin is silent, and nothing is guessed."""

import asyncio
from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.auth.tokens import (
    RefusesExpiredToken,
    RefusesForgedToken,
    RefusesTamperedToken,
    RefusesTokenInUrl,
    RefusesUnsignedToken,
    jwt_parts,
)
from hybridcheck.evidence import Failure, Gap
from hybridcheck.target import EvidenceLost
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import (
    assert_less_evidence_decides_nothing_else,
    cases_of,
    finding_of,
    reason_of,
    unmet_of,
)
from tests.unit.checks.session_server import PROFILE, SessionServer, signature_of

FORGED = [(RefusesTamperedToken(), "tampered"), (RefusesUnsignedToken(), "none"), (RefusesTokenInUrl(), "url")]


@pytest.mark.parametrize(("check", "wrong"), FORGED)
def test_a_forged_token_that_is_accepted_fails(check: RefusesForgedToken, wrong: str) -> None:
    """Two answers that name the owner are proof."""
    finding = finding_of(check, PROFILE, SessionServer(wrong))
    assert finding.outcome is Outcome.FAIL
    assert "names alice for it, twice" in finding.observed


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize(("check", "wrong"), FORGED)
def test_a_target_that_verifies_passes(check: RefusesForgedToken, wrong: str, opaque: bool) -> None:
    """Every variant is refused and the valid token still works; also where tokens are no JWTs."""
    assert finding_of(check, PROFILE, SessionServer(opaque=opaque)).outcome is Outcome.PASS


@pytest.mark.parametrize(("check", "wrong"), FORGED)
def test_a_whoami_that_names_the_same_user_to_anybody_is_no_oracle(check: RefusesForgedToken, wrong: str) -> None:
    """A hard-coded answer would make every token look accepted."""
    assert reason_of(check, PROFILE, SessionServer("hardcoded")) is Reason.CATCH_ALL


@pytest.mark.parametrize(("check", "wrong"), FORGED)
@pytest.mark.parametrize(
    ("label", "answer", "reason"),
    [
        ("control.before", (401, {}, {}), Reason.AUTH_NOT_EFFECTIVE),
        ("control.after", (401, {}, {}), Reason.AUTH_NOT_EFFECTIVE),
        ("control.before", (429, {}, {}), Reason.THROTTLED),
    ],
)
def test_without_working_controls_nothing_is_said(
    check: RefusesForgedToken, wrong: str, label: str, answer: Any, reason: Reason
) -> None:
    """A target that refuses the valid token too has shown nothing."""
    server = SessionServer()
    server.answers[label] = answer
    assert reason_of(check, PROFILE, server) is reason


@pytest.mark.parametrize("answer", [(500, {}, {}), (200, {}, "<html>log in</html>"), Failure.RESET])
def test_neither_refused_nor_accepted_is_suspected(answer: Any) -> None:
    """A crash, a page or silence is no refusal and no acceptance."""
    server = SessionServer()
    server.answers["probe.signature.1"] = answer
    assert reason_of(RefusesTamperedToken(), PROFILE, server) is Reason.SUSPECTED


def test_one_acceptance_is_only_suspected() -> None:
    """A fail needs the same answer twice."""
    server = SessionServer("tampered")
    server.answers["probe.signature.2"] = (401, {}, {})
    server.answers["probe.payload.2"] = (401, {}, {})
    assert reason_of(RefusesTamperedToken(), PROFILE, server) is Reason.SUSPECTED


def test_an_envelope_that_names_nobody_is_a_refusal() -> None:
    """Some APIs answer 200 with an error inside; the effect counts, not the status."""
    server = SessionServer()
    server.answers["probe.signature.1"] = (200, {}, {"status": "fail"})
    assert finding_of(RefusesTamperedToken(), PROFILE, server).outcome is Outcome.PASS


def test_the_bit_is_flipped_inside_the_signature() -> None:
    """The forged signature differs in one byte in the middle, and decodes to the same length."""
    server = SessionServer()
    variants = RefusesTamperedToken().variants(
        server.credentials["alice"], cases_of(RefusesTamperedToken(), PROFILE)[0]
    )
    before, after = signature_of(server.credentials["alice"].token), signature_of(variants["signature"])
    assert [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [16]
    assert jwt_parts(variants["payload"]) != jwt_parts(server.credentials["alice"].token)
    assert signature_of(variants["payload"]) == before


def test_taking_any_record_away_never_decides_otherwise() -> None:
    """A judge that misses a part of its evidence gives the same outcome or none."""
    for check, wrong in (*FORGED, (RefusesExpiredToken(), "expired")):
        for server in (SessionServer(), SessionServer(wrong)):
            assert_less_evidence_decides_nothing_else(check, PROFILE, server)


def test_an_expired_token_that_is_accepted_fails() -> None:
    """The old token is still recognised twice after its time."""
    finding = finding_of(RefusesExpiredToken(), PROFILE, SessionServer("expired"))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 2)


def test_an_expired_token_that_is_refused_passes() -> None:
    """The old token is refused and a fresh one works."""
    assert finding_of(RefusesExpiredToken(), PROFILE, SessionServer()).outcome is Outcome.PASS


def test_a_token_that_lives_long_is_not_waited_for() -> None:
    """Nothing is said about an expiry that nobody saw; the finding says what to declare."""
    server = SessionServer(lifetime_s=900)
    finding = finding_of(RefusesExpiredToken(), PROFILE, server)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)
    assert "short-lived" in finding.observed
    assert server.now_s() == 0


def test_the_wait_follows_the_clock_of_the_target() -> None:
    """A target whose clock is ten seconds behind ours expires its token ten seconds later."""
    server, behind = SessionServer(), SessionServer()
    case = cases_of(RefusesExpiredToken(), PROFILE)[0]
    late = {"Date": "Fri, 15 Jan 2027 07:59:50 GMT"}  # unix_s() is 08:00:00 at the fake clock's zero
    behind.answers["control.1"] = (200, late, {"username": "short"})
    for target in (server, behind):
        asyncio.run(RefusesExpiredToken().probe(case, target))
    assert behind.now_s() == server.now_s() + 10


def test_a_lost_login_is_a_gap() -> None:
    """A login of the case's own that gives nothing leaves the case undecided."""
    server = SessionServer()
    server.answers["login.1"] = (401, {}, {})
    with pytest.raises(EvidenceLost):
        asyncio.run(RefusesExpiredToken().probe(cases_of(RefusesExpiredToken(), PROFILE)[0], server))
    assert any(isinstance(record, Gap) for record in server.records)


@pytest.mark.parametrize("check", [check for check, _ in FORGED] + [RefusesExpiredToken()])
def test_without_whoami_the_profile_line_is_named(check: Any) -> None:
    """What is not declared is named, not passed."""
    session = {"login": PROFILE["session"]["login"]}
    assert "session.whoami" in unmet_of(check, {**PROFILE, "session": session})[0].needs


def test_a_session_whose_token_was_in_a_url_is_ended() -> None:
    """The target's logs have the token now."""
    server = SessionServer()
    finding_of(RefusesTokenInUrl(), PROFILE, server)
    last = [record for record in server.records if getattr(record, "label", "") == "farewell"]
    assert last
