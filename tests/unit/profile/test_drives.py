"""Load phases: what they send, how a budget shortens them, and how requests are resolved."""

import pytest

from hybridcheck.cases import Budget
from hybridcheck.profile.drives import drive_of, scaled
from hybridcheck.profile.load_phases import planned_requests, weights, with_load_operations
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile

PROFILE = Profile.model_validate(
    {
        "version": 1,
        "identities": {"alice": {"token": "t"}},
        "thresholds": {"max_latency_ms": 200},
        "operations": [
            {"id": "list", "path": "/api/items", "query": {"q": "a b", "n": "1"}},
            {"id": "one", "path": "/api/items/{id}", "params": {"id": "caf\u00e9 1"}, "auth": "required", "identity": "alice"},
            {"id": "make", "method": "POST", "path": "/api/items", "body": {"name": "x"}, "expect": 201},
            {"id": "unfilled", "path": "/api/{x}"},
            {"id": "locked", "path": "/locked", "auth": "required"},
            {"id": "text", "method": "POST", "safe": True, "path": "/t", "body": "raw", "headers": {"content-type": "text/plain"}},
        ],
        "load": {
            "steady": {"rate_rps": 10, "operations": {"list": 2, "one": 1, "make": 1}, "duration_s": 60, "warmup_s": 5,
                       "objectives": {"one": {"p95_ms": 50, "p99_ms": 400}, "*": {"p99_ms": 900}}},
            "all": {"rate_rps": 10},
            "odd": {"rate_rps": 10, "operations": {"list": 0.5, "one": 1.5}},
        },
    }
)  # fmt: skip


def test_a_phase_without_operations_sends_every_reading_one_that_can_be_sent() -> None:
    """Paths with holes, operations without a caller, and what is not of the read class stay out."""
    assert weights(PROFILE, PROFILE.load["all"]) == {"list": 1.0, "one": 1.0, "text": 1.0}
    assert with_load_operations(PROFILE).load["all"].operations == {"list": 1.0, "one": 1.0, "text": 1.0}


def test_a_drive_has_everything_that_the_generator_needs() -> None:
    """Encoded path and query, body with its media type, the caller, expected statuses, and all latency limits."""
    drive = drive_of(PROFILE, "steady", Budget.FULL)
    assert drive.stream == "load/steady"
    assert drive.spec == PROFILE.load["steady"]
    listed, one, make = drive.operations
    assert (listed.path, listed.weight, listed.identity) == ("/api/items?q=a+b&n=1", 2, None)
    assert (one.path, one.identity) == ("/api/items/caf%C3%A9%201", "alice")
    assert (make.method, make.body, make.expected_statuses) == ("POST", '{"name": "x"}', (201,))
    assert make.headers == (("Content-Type", "application/json"),)
    limits = [list(operation.limits_ms) for operation in drive.operations]
    assert limits == [[200, 900], [50, 200, 400, 900], [200, 900]]


def test_a_text_body_keeps_its_own_media_type() -> None:
    """A declared content type is not doubled."""
    text = drive_of(PROFILE, "all", Budget.FULL).operations[2]
    assert (text.body, text.headers) == ("raw", (("content-type", "text/plain"),))


def test_broken_weights_become_whole_numbers_in_proportion() -> None:
    """0.5 to 1.5 is 1 to 3."""
    listed, one = drive_of(PROFILE, "odd", Budget.FULL).operations
    assert one.weight == 3 * listed.weight


@pytest.mark.parametrize(
    "budget,declared,warmup,expected",
    [
        (Budget.QUICK, 60, 5, (13, 2)),
        (Budget.QUICK, 20, 1, (13, 1)),
        (Budget.QUICK, 6, 2, (6, 2)),
        (Budget.STANDARD, 60, 5, (60, 5)),
        (Budget.STANDARD, 3600, 600, (120, 109)),
        (Budget.FULL, 3600, 600, (3600, 600)),
    ],
)
def test_a_budget_shortens_phases_and_nothing_else(
    budget: Budget, declared: float, warmup: float, expected: tuple[float, float]
) -> None:
    """At least eleven seconds stay to be judged; rates and limits are as declared; nothing gets longer."""
    spec = LoadPhaseSpec(rate_rps=50, duration_s=declared, warmup_s=warmup)
    changed = scaled(spec, budget)
    assert (changed.duration_s, changed.warmup_s) == expected
    assert changed.model_copy(update={"duration_s": declared, "warmup_s": warmup}) == spec


@pytest.mark.parametrize("phases,longest_s", [(1, 120), (3, 120), (6, 60), (1000, 13)])
def test_many_phases_share_the_time_of_a_standard_run(phases: int, longest_s: float) -> None:
    """Each keeps at least what a quick run would give it."""
    spec = LoadPhaseSpec(rate_rps=50, duration_s=600)
    assert scaled(spec, Budget.STANDARD, phases).duration_s == longest_s
    assert scaled(spec, Budget.FULL, phases).duration_s == 600


def test_a_shortened_drive_says_so() -> None:
    """The declared length is kept beside the shortened one."""
    assert drive_of(PROFILE, "steady", Budget.QUICK).shortened_from_s == 60
    assert drive_of(PROFILE, "steady", Budget.STANDARD).shortened_from_s is None


def test_planned_requests_are_the_area_under_the_shape() -> None:
    """A ramp from 0 to 100 in 10 s plans 500 arrivals; the closed model plans none ahead."""
    assert planned_requests(LoadPhaseSpec(rate_rps=100, duration_s=10)) == 1000
    assert planned_requests(LoadPhaseSpec(shape="ramp", rate_rps=100, duration_s=10)) == 500
    assert planned_requests(LoadPhaseSpec(model="closed", users=5)) is None
