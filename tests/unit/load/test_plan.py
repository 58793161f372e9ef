"""The load plan: what is refused, and that it survives JSON without a secret in it."""

import pytest
from pydantic import ValidationError

from hybridcheck.load.plan import LoadPlan, Operation, Shape


def plan(**changes: object) -> LoadPlan:
    """A small valid plan with changes."""
    fields: dict[str, object] = {
        "base_url": "http://127.0.0.1:8000/base",
        "operations": (Operation(name="get", path="/a"),),
        "shape": Shape(name="steady", parameters={"level": 10, "duration_s": 2}),
    }
    return LoadPlan.model_validate(fields | changes)


def test_plan_survives_json() -> None:
    """Bytes and tuples come back as they were."""
    operation = Operation(name="post", method="POST", path="/b", body=b"\x00\xff{}", headers=(("X-A", "1"),))
    original = plan(operations=(operation,), seed=9, spacing="poisson")
    assert LoadPlan.model_validate_json(original.model_dump_json()) == original


def test_intended_starts_are_known_beforehand() -> None:
    """The open model's arrivals follow from the plan; the closed model has none that are known."""
    assert len(list(plan().intended_starts_ns())) == 20
    assert plan().seconds == 2
    with pytest.raises(ValueError, match="closed"):
        plan(model="closed").intended_starts_ns()


def test_poisson_respects_the_request_budget() -> None:
    """No more arrivals than `max_requests`, whatever the dice say."""
    for seed in range(5):
        assert len(list(plan(spacing="poisson", max_requests=20, seed=seed).intended_starts_ns())) <= 20


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "ftp://x"},
        {"base_url": "http://user:secret@x/"},
        {"base_url": "http://x/?q=1"},
        {"operations": ()},
        {"operations": (Operation(name="a", path="/"), Operation(name="a", path="/"))},
        {"warm_up_s": 2},
        {"max_requests": 19},
        {"model": "closed", "connections": 9},
        {"shape": Shape(name="nonsense", parameters={})},
        {"deadline_s": 0},
        {"unknown": 1},
    ],
)
def test_contradictions_are_refused(changes: dict[str, object]) -> None:
    """A plan that cannot be carried out as written is no plan."""
    with pytest.raises(ValidationError):
        plan(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "relative"},
        {"path": "/a b"},
        {"path": "/a\r\nX: y"},
        {"method": "GET /x"},
        {"headers": (("X-A", "a\r\nb"),)},
        {"headers": (("X A", "a"),)},
        {"weight": 0},
        {"expected_statuses": ()},
        {"limits_ns": (0,)},
    ],
)
def test_operations_that_would_break_a_request_are_refused(changes: dict[str, object]) -> None:
    """Nothing that is declared can smuggle a line into a request."""
    with pytest.raises(ValidationError):
        Operation.model_validate({"name": "a", "path": "/"} | changes)
