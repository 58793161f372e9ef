"""The life of a resource: each place where it may be lost is caught, and half a life proves nothing."""

import json
from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.contract.writes import WritesAnswerAsDeclared
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, finding_of, unmet_of

PROFILE: dict[str, Any] = {
    "identities": {"alice": {"token": "t" * 20}},
    "operations": [
        {
            "id": "create",
            "method": "POST",
            "path": "/things",
            "body": {"name": "{marker}"},
            "auth": "required",
            "identity": "alice",
            "creates": True,
            "id_from": "$.id",
            "marker_field": "$.name",
            "read_back": "read",
            "update": "change",
            "cleanup": "delete",
            "expect": 201,
        },
        {"id": "read", "path": "/things/{id}", "auth": "required", "identity": "alice"},
        {"id": "change", "method": "PUT", "path": "/things/{id}", "body": {"name": "{marker}"}},
        {"id": "delete", "method": "DELETE", "path": "/things/{id}", "expect": 204},
    ],
}


class Things:
    """A small REST service with one fault; `times` bounds how often the fault shows."""

    def __init__(self, fault: str = "", times: int = 1_000) -> None:
        self.things: dict[str, Any] = {}
        self.fault, self.times = fault, times
        self.made = 0

    def faulty(self, name: str) -> bool:
        """Whether the fault shows now."""
        if self.fault != name or self.times <= 0:
            return False
        self.times -= 1
        return True

    def answer(self, ask: Ask) -> Answer:
        """Play the target."""
        body = json.loads(ask.body) if ask.body else {}
        if ask.method == "POST":
            self.made += 1
            if not self.faulty("not stored"):
                self.things[str(self.made)] = body
            if self.faulty("no id"):
                return 201, {}, body
            return (500 if self.faulty("create 500") else 201), {}, {**body, "id": str(self.made)}
        name = ask.path.rpartition("/")[2]
        if name not in self.things:
            return 404, {}, {"title": "Not Found"}
        if ask.method == "PUT":
            if not self.faulty("not changed"):
                self.things[name] = body
            return 200, {}, {**body, "id": name}
        if ask.method == "DELETE":
            if not self.faulty("not deleted"):
                del self.things[name]
            return 204, {}, b""
        return 200, {}, {**self.things[name], "id": name}


def lived(things: Things) -> Finding:
    """The finding over one service."""
    return finding_of(WritesAnswerAsDeclared(), PROFILE, FakeTarget(things.answer))


def test_a_whole_life_passes_and_leaves_nothing() -> None:
    """Created, read, changed, deleted, gone."""
    things = Things()
    finding = lived(things)
    assert (finding.outcome, finding.observed) == (Outcome.PASS, "6 steps as declared")
    assert things.things == {}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("not stored", "read: "),
        ("no id", "names no id"),
        ("create 500", "create: "),
        ("not changed", "after 'hybridcheck-"),
        ("not deleted", "instead of 404"),
    ],
)
def test_a_lost_state_fails_after_two_lives(fault: str, words: str) -> None:
    """Each step that is answered and not done is a fail, and is named."""
    finding = lived(Things(fault))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 2)
    assert words in finding.observed


@pytest.mark.parametrize("fault", ["not stored", "not changed", "not deleted"])
def test_once_is_flaky(fault: str) -> None:
    """A second life that is whole does not make the first one good, nor bad."""
    finding = lived(Things(fault, times=1))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


def test_a_throttled_life_is_undecided() -> None:
    """A 429 says nothing about writes."""
    finding = finding_of(WritesAnswerAsDeclared(), PROFILE, FakeTarget(lambda _: (429, {}, b"")))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.THROTTLED)


def test_without_a_lifecycle_the_profile_is_asked_for_one() -> None:
    """What is not declared is named."""
    assert "read_back" in unmet_of(WritesAnswerAsDeclared(), {"operations": ["GET /"]})[0].needs
