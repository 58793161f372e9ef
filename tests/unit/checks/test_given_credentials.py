"""A refused credential that stands in the profile may be the profile's mistake: no defect of the target is proved."""

from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.contract.declared import AnswersAsDeclared
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import FakeTarget, finding_of

GIVEN: dict[str, Any] = {"alice": {"token": "a-token-of-alice"}}
LOGGED_IN: dict[str, Any] = {"alice": {"username": "alice", "password": "wonderland"}}


def profile(identities: dict[str, Any]) -> dict[str, Any]:
    """One protected operation, called by alice."""
    operation = {"request": "GET /me", "auth": "required", "identity": "alice"}
    return {"identities": identities, "operations": [operation], "session": {"login": {"path": "/login"}}}


@pytest.mark.parametrize(
    "identities,status,outcome,reason",
    [
        (GIVEN, 401, Outcome.INCONCLUSIVE, Reason.AUTH_NOT_EFFECTIVE),
        (GIVEN, 403, Outcome.INCONCLUSIVE, Reason.AUTH_NOT_EFFECTIVE),
        (GIVEN, 404, Outcome.FAIL, None),
        (GIVEN, 200, Outcome.PASS, None),
        (LOGGED_IN, 401, Outcome.FAIL, None),
    ],
)
def test_only_a_credential_that_a_login_gave_proves_a_refusal_wrong(
    identities: dict[str, Any], status: int, outcome: Outcome, reason: Reason | None
) -> None:
    """The target itself gave the session, so that refusing it breaks the promise; a token of ours may be a stale one."""
    target = FakeTarget(
        lambda ask: (status, {}, {"path": ask.path}) if ask.path == "/me" else (404, {}, {"no": "page"})
    )
    finding = finding_of(AnswersAsDeclared(), profile(identities), target)
    assert (finding.outcome, finding.reason) == (outcome, reason)


def test_a_refusal_once_is_flaky_as_ever() -> None:
    """A token that works and then does not is no question of its validity."""
    answers = iter([401, 200, 404])
    target = FakeTarget(lambda ask: (next(answers), {}, {"path": ask.path}))
    assert finding_of(AnswersAsDeclared(), profile(GIVEN), target).reason is Reason.FLAKY
