"""Scenarios of a load phase: what they send, how much that is, and which names in them mean nothing."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from hybridcheck.cases import Budget
from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.load_phases import planned_requests, weights
from hybridcheck.profile.load_scenarios import LoadStep
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.step_templates import step_of

OPERATIONS = [{"id": "list", "path": "/books"}, {"id": "read", "path": "/books/{id}"}]
SCENARIOS: dict[str, Any] = {
    "browse": {"weight": 3, "steps": ["list", {"operation": "read", "params": {"id": "7"}}]},
    "look": ["list"],
}


def profile(**phase: Any) -> Profile:
    """A profile with one open phase of 10 arrivals per second for 20 s."""
    spec = {"rate_rps": 10, "duration_s": 20, **phase}
    return Profile.model_validate({"version": 1, "operations": OPERATIONS, "load": {"s": spec}})


def wrong(**phase: Any) -> list[str]:
    """What does not fit, in words."""
    return [found.message for found in contradictions(profile(**phase), date(2026, 11, 20))]


def test_an_arrival_is_a_whole_scenario() -> None:
    """Three of four arrivals are two requests: 350 requests in 200 arrivals, 200 of them lists."""
    found = profile(scenarios=SCENARIOS)
    assert weights(found, found.load["s"]) == {"list": 4, "read": 3}
    assert planned_requests(found.load["s"]) == pytest.approx(350)
    drive = drive_of(found, "s", Budget.FULL)
    assert [(scenario.name, scenario.weight, len(scenario.steps)) for scenario in drive.scenarios] == [
        ("browse", 3, 2),
        ("look", 1, 1),
    ]
    assert wrong(scenarios=SCENARIOS) == []


def test_plain_weighted_operations_have_no_scenarios() -> None:
    """So the generator sends ready bytes; identities of users make each operation a scenario of one step."""
    assert drive_of(profile(operations=["list"]), "s", Budget.FULL).scenarios == ()
    with_users = drive_of(profile(operations={"list": 2}, identities=["ada"]), "s", Budget.FULL)
    assert [(found.name, found.weight) for found in with_users.scenarios] == [("list", 2)]


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        ({"scenarios": {"a": ["nothing"]}}, "no operation has the id 'nothing'"),
        (
            {
                "scenarios": {"a": ["list"]},
                "feeders": {"f": "f.csv"},
                "setup": [{"operation": "list", "query": {"q": "{f.x}"}}],
            },
            "nothing gives '{f.x}' its value",
        ),
        ({"operations": ["list"], "identities": {"feeder": "f", "username": "n", "password": "p"}}, "no feeder 'f'"),
        (
            {
                "scenarios": {"a": ["list"]},
                "feeders": {"f": {"file": "f.csv", "order": "random"}},
                "identities": {"feeder": "f", "username": "n", "password": "p"},
            },
            "order: random means nothing",
        ),
        ({"operations": ["list"], "identities": {"feeder": "f", "username": "n", "password": "p"}}, "how users log in"),
        ({"scenarios": {"a": ["read"]}}, "nothing gives '{id}' its value"),
        (
            {"scenarios": {"a": [{"operation": "list", "query": {"q": "{people.name}"}}]}},
            "nothing gives '{people.name}'",
        ),
        ({"scenarios": {"a": [{"operation": "list", "extract": {"id": "items[0]"}}]}}, "not a path into JSON"),
        ({"scenarios": {"a": ["list"]}, "identities": ["ada"]}, "no identity 'ada'"),
        ({"scenarios": {"a": ["list"] * 30}}, "300 requests per second are more than limits.max_rps"),
    ],
)
def test_what_means_nothing_is_said(phase: dict[str, Any], words: str) -> None:
    """Unknown operations, identities and variables; more requests than the profile allows."""
    assert any(words in message for message in wrong(**phase))


def test_a_variable_is_known_to_the_steps_after_the_one_that_extracts_it() -> None:
    """Setup gives to all; a scenario gives nothing to another."""
    taking = {"operation": "list", "extract": {"id": "$.items[0].id"}}
    assert wrong(scenarios={"a": [taking, "read"]}) == []
    assert wrong(scenarios={"a": ["read"]}, setup=[taking], teardown=["read"]) == []
    assert len(wrong(scenarios={"a": [taking], "b": ["read"]})) == 1


@pytest.mark.parametrize(
    "phase",
    [
        {"scenarios": SCENARIOS, "operations": ["list"]},
        {"setup": ["list"]},
        {"scenarios": {"a": []}},
        {"scenarios": {"a": [{"operation": "list", "think_s": [2, 1]}]}},
    ],
)
def test_contradicting_parts_are_refused(phase: dict[str, Any]) -> None:
    """Two ways to say what is sent; parts that nothing uses; nothing to do; a pause that ends before it begins."""
    with pytest.raises(ValidationError):
        profile(**phase)


def test_a_step_is_cut_where_something_is_filled_in() -> None:
    """Text is encoded beforehand; whole values stay what they are, parts of texts are written into them."""
    operation = Operation.model_validate({"id": "x", "method": "POST", "path": "/a b/{id}", "query": {"old": "1"}})
    step = LoadStep.model_validate(
        {
            "operation": "x",
            "query": {"q&": "{name} é"},
            "headers": {"X-Trace": "t-{iteration}"},
            "body": {"n": "{item}", "text": "for {name}", "fixed": [1, "{{name}}"]},
        }
    )
    found = step_of(operation, step)
    assert found.path == (
        ("text", "/a%20b/"),
        ("url", "id"),
        ("text", "?q%26="),
        ("url", "name"),
        ("text", "%20%C3%A9"),
    )
    assert found.headers == (
        ("X-Trace", (("text", "t-"), ("raw", "iteration"))),
        ("Content-Type", (("text", "application/json"),)),
    )
    assert found.body == (
        ("text", '{"n": '),
        ("json", "item"),
        ("text", ', "text": "for '),
        ("inner", "name"),
        ("text", '", "fixed": [1, "{name}"]}'),
    )


def test_an_operations_own_body_and_query_stand_as_they_are() -> None:
    """Only what a step says itself is filled in: a GraphQL query may have braces."""
    operation = Operation.model_validate(
        {"id": "x", "method": "POST", "path": "/g", "query": {"v": "{a}"}, "body": "{me}"}
    )
    found = step_of(operation, LoadStep(operation="x"))
    assert found.path == (("text", "/g"), ("text", "?v=%7Ba%7D"))
    assert found.body == (("text", "{me}"),)
