"""Failed logins: telling users from strangers is caught, everything else that differs is not."""

from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.auth.enumeration import LoginErrorDoesNotEnumerate
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import (
    assert_less_evidence_decides_nothing_else,
    cases_of,
    finding_of,
    reason_of,
    unmet_of,
)
from tests.unit.checks.session_server import PROFILE, SessionServer

WRONG: Any = (401, {}, {"detail": "wrong name or password"})
NOBODY: Any = (401, {}, {"detail": "no such user"})


class Doorman(SessionServer):
    """Answers failed logins by label."""

    def __init__(self, known: Any = WRONG, unknown: Any = WRONG, **labels: Any) -> None:
        super().__init__()
        given = {"known.1": known, "known.2": known, "unknown.1": unknown, "unknown.2": unknown}
        self.answers = given | {label.replace("_", "."): answer for label, answer in labels.items()}

    async def unknown_user(self, label: str, like: str) -> Any:
        """Under a name that nobody has."""
        self._label = label
        return await super().unknown_user(label, like)


@pytest.mark.parametrize("unknown", [NOBODY, (404, {}, WRONG[2]), (401, {}, "wrong name or password")])
def test_an_answer_of_its_own_for_users_fails(unknown: Any) -> None:
    """Other words, another status or another media type, for two declared users, are proof."""
    assert finding_of(LoginErrorDoesNotEnumerate(), PROFILE, Doorman(unknown=unknown)).outcome is Outcome.FAIL


def test_one_answer_for_all_passes() -> None:
    """One wrong password is enough then."""
    server = Doorman()
    assert finding_of(LoginErrorDoesNotEnumerate(), PROFILE, server).outcome is Outcome.PASS
    assert not [record for record in server.records if getattr(record, "label", "") == "known.2"]


def test_what_differs_anyway_is_no_sign() -> None:
    """The name that was sent, trace ids, times and numbers differ in any two answers."""
    known: Any = (401, {}, {"detail": "short was refused", "trace": "0f" * 16, "at": "2026-11-20T10:00:01Z"})
    answers: dict[str, Any] = {
        f"unknown_{n}": (401, {}, {"detail": f"{name} was refused", "trace": "a1" * 16, "at": "2026-11-20T10:00:02Z"})
        for n, name in ((1, "nobody-0"), (2, "nobody-2"))
    }
    assert finding_of(LoginErrorDoesNotEnumerate(), PROFILE, Doorman(known, **answers)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (Doorman(known_2=NOBODY, unknown=NOBODY), Reason.SUSPECTED),
        (Doorman(unknown=NOBODY, unknown_2=(401, {}, {"detail": "who?"})), Reason.SUSPECTED),
        (Doorman(known=(500, {}, {})), Reason.SUSPECTED),
        (Doorman(known=(200, {}, {"access_token": "x"})), Reason.SUSPECTED),
        (Doorman(unknown_2=(429, {}, {})), Reason.THROTTLED),
    ],
)
def test_half_a_proof_is_none(server: SessionServer, reason: Reason) -> None:
    """One user of two, an unsteady baseline, a crash, an open door or a limit leave the case undecided."""
    assert reason_of(LoginErrorDoesNotEnumerate(), PROFILE, server) is reason


def test_taking_any_record_away_never_decides_otherwise() -> None:
    """A judge that misses a part of its evidence gives the same outcome or none."""
    for server in (Doorman(), Doorman(unknown=NOBODY)):
        assert_less_evidence_decides_nothing_else(LoginErrorDoesNotEnumerate(), PROFILE, server)


def test_it_never_spends_the_wrong_password_of_the_other_check() -> None:
    """One wrong password per user and run: the user that is missed least belongs to the check of wrong passwords."""
    assert cases_of(LoginErrorDoesNotEnumerate(), PROFILE)[0].params["users"] == ["short", "alice"]
    alone = {**PROFILE, "identities": {"bob": PROFILE["identities"]["bob"]}}
    assert "second identity" in unmet_of(LoginErrorDoesNotEnumerate(), alone)[0].needs
