"""Who generates, as the options say it, and how limits stand while a phase runs."""

from pathlib import Path

import pytest

from hybridcheck.cases import Budget, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.load.limits import KeepsErrorLimit, KeepsLatencyLimit
from hybridcheck.cli.generators import ONLY_WITH, Generators, Ui, refuse_contradictions, refuse_what_the_master_says
from hybridcheck.cli.live_limits import LiveLimits
from hybridcheck.cli.options import Load, Run, Showing
from hybridcheck.cli.serving import label
from hybridcheck.errors import UsageError
from hybridcheck.evidence import LoadSecond, RunStart
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Environment, Profile

PROFILE = Profile.model_validate(
    {
        "version": 1,
        "operations": [{"id": "a", "request": "GET /"}],
        "load": {"rush": {"rate_rps": 20, "duration_s": 30, "shape": "spike", "peak_rps": 60, "peak_s": 5}},
        "thresholds": {"max_latency_ms": 200, "max_error_ratio": 0.05},
    }
)


@pytest.mark.parametrize(
    "asked",
    [Generators(processes=2, master=True), Generators(master=True, worker=True), Generators(processes=1, worker=True)],
)
def test_one_way_of_generating_at_a_time(asked: Generators) -> None:
    """Processes, master and worker exclude each other; each alone is fine."""
    with pytest.raises(UsageError, match="choose one of"):
        refuse_contradictions(asked)
    for alone in (Generators(), Generators(processes=3), Generators(master=True), Generators(worker=True)):
        refuse_contradictions(alone)


@pytest.mark.parametrize(
    ("asked", "ui", "where"),
    [
        (Generators(expect_workers=2), Ui(), "--expect-workers"),
        (Generators(worker=True, trusted_network=True), Ui(), "--trusted-network"),
        (Generators(master=True, master_host="ctrl"), Ui(), "--master-host"),
        (Generators(expect_workers_max_wait=5), Ui(), "--expect-workers-max-wait"),
        (Generators(), Ui(ui_host="0.0.0.0"), "--ui-host"),
        (Generators(worker=True), Ui(ui=True), "--worker --ui"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(asked: Generators, ui: Ui, where: str) -> None:
    """It is no silent no."""
    with pytest.raises(UsageError) as refused:
        refuse_contradictions(asked, ui)
    assert refused.value.where == where


@pytest.mark.parametrize(
    ("group", "where"),
    [
        (Load(rate=9), "--rate"),
        (Run(timeout=9), "--timeout"),
        (Run(profile=Path("a.yaml")), "--profile"),
        (Showing(output_file=Path("a.json")), "--output-file"),
    ],
)
def test_a_worker_is_told_by_its_master(group: Load | Run | Showing, where: str) -> None:
    """What to send, for how long, and what is judged is said there; where to is the worker's own."""
    with pytest.raises(UsageError, match="does nothing with --worker") as refused:
        refuse_what_the_master_says(Run(base_url="http://127.0.0.1:1"), group)
    assert refused.value.where == where
    refuse_what_the_master_says(Run(base_url="http://127.0.0.1:1"), Load(), Showing())


def test_options_that_belong_together_are_fine() -> None:
    """Master with its own, worker with its own, the UI beside a master; every name in the table is an option."""
    refuse_contradictions(Generators(master=True, expect_workers=2, trusted_network=True), Ui(ui=True, ui_port=0))
    refuse_contradictions(Generators(worker=True, master_host="ctrl", expect_workers_max_wait=5.0))
    assert {name for names in ONLY_WITH.values() for name in names} <= {*Generators.__slots__, *Ui.__slots__}


def test_a_phase_is_chosen_by_name_shape_height_and_length() -> None:
    """What is driven is what is said: scaled to the budget."""
    assert label("rush", drive_of(PROFILE, "rush", Budget.FULL).spec) == "rush (spike, up to 60 req/s, 30 s)"
    assert label("rush", drive_of(PROFILE, "rush", Budget.QUICK).spec) == "rush (spike, up to 60 req/s, 13 s)"


def started() -> RunStart:
    """The start of a run with the latency and the error limit of the phase."""
    scene = Scene(PROFILE, "http://127.0.0.1:1", Environment.LOCAL, Budget.FULL)
    cases = [case for check in (KeepsLatencyLimit(), KeepsErrorLimit()) for case in check.cases(scene)]
    about = {"group": Group.REQUIRED, "severity": Severity.HIGH, "dimension": Dimension.PERFORMANCE}
    more = {"safety": SafetyClass.LOAD, "phase": Phase.LOAD, "fail_alpha": 0.01}
    planned = tuple(PlannedCase.model_validate({"case": case, **about, **more}) for case in cases)
    run = {"tool_version": "1", "run_id": "r", "started_utc": "", "seed": 1, "budget": "full", "scoped": True}
    target = {"target": "t", "base_url": "http://127.0.0.1:1", "environment": "local", "profile": {}, "catalogue": 1}
    return RunStart.model_validate({**run, **target, "plan": planned})


def test_limits_as_they_stand() -> None:
    """Nothing yet, not decided, would be kept, would be broken: by the bounds that the verdict uses, on judged seconds."""
    limits = LiveLimits({check.id: check for check in (KeepsLatencyLimit(), KeepsErrorLimit())})
    limits.take(started())
    assert {row["state"] for row in limits.rows()} == {"no judged second yet"}
    for second in range(30):
        counts = {"planned": 20, "ok": 20, "late": {"200": 10}, "counts": second > 1}
        record = {"stream": "load/rush", "second": second, "operation": "a", **counts}
        limits.take(LoadSecond.model_validate(record))
        assert limits.changed
        if second == 3:
            assert {row["state"] for row in limits.rows()} == {"not decided yet"}
    latency, errors = sorted(limits.rows(), key=lambda row: row["name"], reverse=True)
    assert not limits.changed
    assert (latency["state"], errors["state"]) == ("would be broken", "would be kept")
    assert latency["seen"] == "280 of 560 late, wrong or unanswered (50.00%)"


def test_a_row_that_comes_after_a_look_counts() -> None:
    """The rows of one second come one after the other, and somebody may look between them."""
    limits = LiveLimits({KeepsErrorLimit().id: KeepsErrorLimit()})
    limits.take(started())
    for operation in ("a", "b"):
        record = {"stream": "load/rush", "second": 5, "operation": operation, "planned": 20, "ok": 20, "counts": True}
        limits.take(LoadSecond.model_validate(record))
        seen = [row["seen"] for row in limits.rows()]
        assert seen == [f"0 of {20 if operation == 'a' else 40} wrong or unanswered (0.00%)"]
