"""How the end of a load child is called, from what came of it."""

import pytest

from hybridcheck.load.child import Child
from hybridcheck.load.reports import CHILD_REPORT, EndCause
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
