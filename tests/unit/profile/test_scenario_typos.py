"""Slips of the pen in scenarios that would change what is sent without a word."""

from datetime import date
from typing import Any

import pytest

from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.feeders import Row
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile
from hybridcheck.profile.scenario_consistency import feeder_faults

OPERATIONS = [{"id": "list", "path": "/books"}, {"id": "read", "path": "/books/{id}"}]


def wrong(step: dict[str, Any], **phase: Any) -> list[str]:
    """What does not fit in a phase of one step."""
    load = {"s": {"rate_rps": 10, "duration_s": 20, "scenarios": {"a": [step]}, **phase}}
    profile = Profile.model_validate({"version": 1, "operations": OPERATIONS, "load": load})
    found = [one for one in contradictions(profile, date(2026, 11, 20)) if one.path[:1] == ("load",)]
    return [f"{'.'.join(map(str, one.path[2:]))}: {one.message} [{one.hint}]" for one in found]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"operation": "read", "params": {"id": "4"}}, ""),
        (
            {"operation": "read", "params": {"id": "4", "ID": "5"}},
            "steps.0.params.ID: the path of 'read' (/books/{id})",
        ),
        ({"operation": "list", "params": {"id": "4"}}, "params.id: the path of 'list' (/books) has no '{id}'"),
        (
            {"operation": "list", "query": {"q": "{user"}},
            "'{user' is not closed, and would be sent as it stands [{user}]",
        ),
        ({"operation": "list", "query": {"q": "a {user b"}}, "'{user' is not closed"),
        ({"operation": "list", "query": {"q": "{user}{iteration"}}, "'{iteration' is not closed"),
        ({"operation": "list", "body": {"deep": ["{user"]}}, "'{user' is not closed"),
        ({"operation": "list", "body": "query {user {id title}}"}, ""),  # GraphQL closes what it opens
        ({"operation": "list", "query": {"q": "{nobody"}}, ""),  # no variable: a text like any other
        ({"operation": "list", "extract": {"user": "$.id"}}, "extract.user: '{user}' is there for every user already"),
    ],
)
def test_a_step_that_means_something_else(step: dict[str, Any], words: str) -> None:
    """Parts that a path does not have, names that are not closed, variables that hide others."""
    found = wrong(step)
    assert [words in text for text in found] == [True] * bool(words), found


def test_feeders_are_used_and_hide_nothing() -> None:
    """A file that no step takes anything from was meant for something; a name is one thing."""
    row = {"operation": "list", "query": {"q": "{words.term}"}}
    assert wrong(row, feeders={"words": "w.csv"}) == []
    assert wrong({"operation": "list"}, feeders={"words": "w.csv"})[0].startswith(
        "feeders.words: no step takes anything from 'words'"
    )
    assert "'{user}' is there for every user already" in wrong(row, feeders={"words": "w.csv", "user": "u.csv"})[0]
    hidden = {**row, "extract": {"words": "$.id"}}
    assert "extract.words: '{words}' is a feeder's" in wrong(hidden, feeders={"words": "w.csv"})[0]


def test_a_whole_row_has_to_say_which_column() -> None:
    """Not that there is no column without a name."""
    given = {
        "rate_rps": 1,
        "scenarios": {"a": [{"operation": "list", "query": {"q": "{w}"}}]},
        "feeders": {"w": "w.csv"},
    }
    rows: list[tuple[int, Row]] = [(2, {"term": "x"})]
    (fault,) = feeder_faults(LoadPhaseSpec.model_validate(given), "w", rows)
    assert fault == ("'{w}' is a whole row: it has to say which column", "{w.term}")


@pytest.mark.parametrize(
    ("text", "where", "is_fault"),
    [
        ("日", "headers", True),
        ("a\r\nX: y", "headers", True),
        ("é", "headers", False),
        ("日", "query", False),
        ("日", "body", False),
    ],
)
def test_a_row_that_no_header_can_carry_is_told_with_its_line(text: str, where: str, is_fault: bool) -> None:
    """Every request with it would fail, and none be sent; elsewhere it is encoded."""
    steps = [{"operation": "list", where: {"X-Term": "{w.term}"}}]
    given = {"rate_rps": 1, "scenarios": {"a": steps}, "feeders": {"w": "w.csv"}}
    rows: list[tuple[int, Row]] = [(2, {"term": "x"}), (3, {"term": text})]
    faults = list(feeder_faults(LoadPhaseSpec.model_validate(given), "w", rows))
    assert [message for message, _ in faults] == (
        ["line 3: 'term' stands in a header, and has a character that no header carries"] if is_fault else []
    )
