"""Before the plan: whether anything answers HTTP at all, and what is said where nothing does."""

import asyncio
from typing import Any, cast

import pytest

from hybridcheck.evidence import Exchange, GapReason
from hybridcheck.integrators.preflight import ATTEMPTS, silence
from hybridcheck.messages import Failure, ReceivedResponse, SentRequest
from hybridcheck.profile.models import Profile
from hybridcheck.target import Ask, EvidenceLost, ReadTarget


class Door:
    """A target that gives these answers, one after the other; the last one for ever."""

    def __init__(self, *answers: Failure | int | EvidenceLost) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def sleep(self, seconds: float) -> None:
        """No time passes."""

    async def read(self, label: str, ask: Ask) -> Exchange:
        """The next answer."""
        self.asked.append(ask.path)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, EvidenceLost):
            raise answer
        known: dict[str, Any] = {"label": label, "request": SentRequest(method="GET", url=f"http://a.test{ask.path}")}
        if isinstance(answer, int):
            return Exchange(**known, response=ReceivedResponse(status=answer))
        return Exchange(**known, failure=answer)


def heard(door: Door, **declared: Any) -> str | None:
    """What is said about a door."""
    return asyncio.run(silence(cast("ReadTarget", door), Profile.model_validate({"version": 1, **declared})))


@pytest.mark.parametrize("answers", [(200,), (503,), (Failure.RESET, Failure.REFUSED, 404)])
def test_any_answer_is_one(answers: tuple[Failure | int, ...]) -> None:
    """Whatever its status, and if it comes at the last attempt."""
    assert heard(Door(*answers), ready="/readyz") is None


@pytest.mark.parametrize(
    "failure,words",
    [
        (Failure.REFUSED, "nothing listens there"),
        (Failure.DNS, "no address is known"),
        (Failure.TLS_HANDSHAKE, "is it http:// there?"),
        (Failure.NOT_HTTP, "is it https:// there?"),
        (Failure.TLS_UNTRUSTED, "ca_file"),
        (Failure.CONNECT_TIMEOUT, "connect timeout"),
    ],
)
def test_silence_says_what_was_asked_and_what_came_of_it(failure: Failure, words: str) -> None:
    """After all attempts: the URL, and words that somebody who mistyped it understands."""
    door = Door(failure)
    said = heard(door, ready="/readyz")
    assert said is not None
    assert said.startswith("GET http://a.test/readyz: ")
    assert words in said
    assert door.asked == ["/readyz"] * ATTEMPTS


def test_what_may_not_be_asked_is_said() -> None:
    """A gap in the place of an exchange is no answer either."""
    said = heard(Door(EvidenceLost(GapReason.OUT_OF_SCOPE, "not there")))
    assert said is not None
    assert "not there" in said
