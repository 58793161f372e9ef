"""Operations for some roles: the defect is caught, the healthy twin is silent, and nothing is guessed."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.authz.roles import RoleEnforced
from hybridcheck.evidence import Evidence
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import cases_of, finding_of, reason_of, unmet_of
from tests.unit.checks.object_server import PROFILE, ObjectServer, without


def test_an_answer_for_administrators_that_users_get_fails() -> None:
    """The same items twice are proof, though a time in the answer differs."""
    finding = finding_of(RoleEnforced(), PROFILE, ObjectServer("role"))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 2)


def test_a_refused_role_passes() -> None:
    """A 403 beside working controls is a pass."""
    assert finding_of(RoleEnforced(), PROFILE, ObjectServer()).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("wrong", "answers", "reason"),
    [
        ("filtered", {}, Reason.SUSPECTED),
        ("role", {"probe.2": (403, {}, {})}, Reason.SUSPECTED),
        ("", {"probe.1": (500, {}, {})}, Reason.SUSPECTED),
        ("", {"probe.1": (429, {}, {})}, Reason.THROTTLED),
        ("", {"control.entitled": (403, {}, {})}, Reason.AUTH_NOT_EFFECTIVE),
        ("", {"control.other": (401, {}, {})}, Reason.AUTH_NOT_EFFECTIVE),
        (
            "role",
            {"control.nobody": (200, {}, {"items": ["alice", "bob", "carol", "root"], "at": 0.0})},
            Reason.CATCH_ALL,
        ),
    ],
)
def test_half_a_proof_is_none(wrong: str, answers: dict[str, Any], reason: Reason) -> None:
    """A shorter list of one's own, one of two answers, a crash or a missing control prove nothing."""
    server = ObjectServer(wrong)
    server.answers = answers
    assert reason_of(RoleEnforced(), PROFILE, server) is reason


def test_taking_any_record_away_never_decides_otherwise() -> None:
    """A judge that misses a part of its evidence gives the same outcome or none."""
    for server in (ObjectServer(), ObjectServer("role")):
        case = cases_of(RoleEnforced(), PROFILE)[0]
        asyncio.run(RoleEnforced().probe(case, server))
        whole = RoleEnforced().judge(case, Evidence(tuple(server.records), {})).outcome
        for gone in range(len(server.records)):
            rest = (*server.records[:gone], *server.records[gone + 1 :])
            with suppress(Undecided):
                assert RoleEnforced().judge(case, Evidence(rest, {})).outcome in (whole, Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("profile", "needs"),
    [
        ({}, "roles: [ROLE]"),
        ({**PROFILE, "identities": {"root": PROFILE["identities"]["root"]}}, "role is not in"),
        ({**PROFILE, "operations": PROFILE["operations"][-1:]}, "a protected read operation"),
        (without("users", roles=[]), "roles: [ROLE]"),
    ],
)
def test_what_is_not_declared_is_named(profile: dict[str, Any], needs: str) -> None:
    """Each missing line of the profile is said, and nothing is passed."""
    assert needs in unmet_of(RoleEnforced(), profile)[0].needs
    assert not cases_of(RoleEnforced(), profile)
