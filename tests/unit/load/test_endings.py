"""Why a load phase was over before its time, in words."""

import pytest

from hybridcheck.load import endings
from hybridcheck.load.plan import LoadPlan, Operation, Shape


def plan(model: str, **fields: object) -> LoadPlan:
    """Two users, or two requests a second, for a minute."""
    return LoadPlan.model_validate(
        {
            "base_url": "http://127.0.0.1:1",
            "operations": (Operation(name="fine", path="/ok"),),
            "model": model,
            "shape": Shape(name="steady", parameters={"level": 2, "duration_s": 60}),
            "connections": 2,
            "deadline_s": 1.0,
            **fields,
        }
    )


def test_a_load_that_had_sent_all_it_may_says_so_and_what_would_let_it_go_on() -> None:
    """Users who spent limits.max_requests after 8 of 60 seconds: second, limit, and a limit that is enough."""
    said = endings.spent(plan("closed", max_requests=1000), planned=1000, seconds=8)
    assert "limits.max_requests (1,000) was reached after 8 s of 60 s" in said
    assert "limits: {max_requests: 9000}" in said


@pytest.mark.parametrize(("model", "planned", "seconds"), [("closed", 999, 8), ("closed", 1000, 60), ("open", 1000, 8)])
def test_whoever_went_to_the_end_or_had_requests_left_was_not_kept_by_the_limit(
    model: str, planned: int, seconds: int
) -> None:
    """Nothing is said where something else ended it."""
    assert endings.spent(plan(model, max_requests=1000), planned, seconds) == ""
    assert endings.spent(plan(model), planned, seconds) == ""


def test_a_stop_by_hand_has_its_second() -> None:
    """Before the first second there was no load."""
    assert endings.by_hand(5) == "stopped by hand after 5 s"
    assert endings.by_hand(0) == "stopped by hand before the load began"
