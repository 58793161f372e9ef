"""How the end of a load child is called, from what came of it."""

import pytest

from hybridcheck.load.child import Child
from hybridcheck.load.reports import CHILD_REPORT, EndCause
from hybridcheck.load.script import Script, ScriptScenario, ScriptStep
from tests.unit.load.test_plan import plan

STARTED = {
    "kind": "started", "pid": 1, "started_unix_ns": 0, "start_up_s": 0.1, "addresses": (), "versions": {},
}  # fmt: skip
EXAMPLE = {"kind": "failure_example", "second": 0, "operation": "get", "failure": "reset", "detail": ""}


@pytest.mark.parametrize(
    ("came", "cause"),
    [([], EndCause.ABORTED), ([STARTED], EndCause.ABORTED), ([STARTED, EXAMPLE], EndCause.NO_END_MARKER)],
)
async def test_a_stopped_child_without_end_marker_is_lost_once_it_reported(
    came: list[dict[str, object]], cause: EndCause
) -> None:
    """Its books cannot be checked: that is a gap, also where we asked it to stop ourselves."""
    child = Child(plan(), 0.1, 0.1)
    child._stopped = True
    for report in came:
        child._take(CHILD_REPORT.validate_python(report))
    assert (await child.end()).cause is cause


@pytest.mark.parametrize(("lost", "cause"), [({}, EndCause.COMPLETED), ({"KeyError: 'x'": 1}, EndCause.INCOMPLETE)])
async def test_a_child_that_lost_a_lane_has_not_carried_out_its_plan(lost: dict[str, int], cause: EndCause) -> None:
    """Though everything that it did is in its books; the exception is what is told."""
    child = Child(plan(), 0.1, 0.1)
    books: dict[str, object] = {"planned": 0, "ok": 0, "failed": {}, "unsent": 0, "cut": 0, "connections_opened": 0}
    spent = {"cpu_s": 0.1, "wall_s": 1.0}
    marker = {"kind": "end", "cause": "completed", "lines": 1, "seconds": 0, "lost_lanes": lost, **books, **spent}
    for report in (STARTED, marker):
        child._take(CHILD_REPORT.validate_python(report))
    end = await child.end()
    assert end.cause is cause
    assert all(words in end.detail for words in lost)


async def test_a_child_may_be_silent_while_its_users_are_set_up() -> None:
    """Each step of the setup may take a deadline; once there are rows, silence is silence."""
    step = ScriptStep(operation="get", path=(("text", "/a"),))
    script = Script(scenarios=(ScriptScenario(name="s", weight=1, steps=(step,)),), setup=(step, step))
    child = Child(plan(script=script, deadline_s=10.0), 0.1, 15.0)
    assert child._patience_s() == 35.0
    for report in (STARTED, EXAMPLE):
        child._take(CHILD_REPORT.validate_python(report))
    assert child._patience_s() == 15.0
    assert Child(plan(), 0.1, 15.0)._patience_s() == 15.0
