"""One generator process carries out plan after plan, as workers do: nothing of the last one is left when the next begins."""

from typing import Any, cast

import pytest

from hybridcheck.load.plan import Operation
from hybridcheck.load.script import Script, ScriptScenario, ScriptStep
from tests.integration.load.conftest import Target, plan_for, told

RUN_AFTER_RUN = """
import json, os, sys, weakref
import gevent
from hybridcheck.generator import alarm
from hybridcheck.generator.orders import read_orders
from hybridcheck.generator.run import LoadRun
class Lines:
    lines = 0
    def write(self, report, rest=None):
        self.lines += 1
        if report["kind"] == "end":
            ends.append({name: report[name] for name in ("planned", "ok", "cut", "connections_opened")})
        return True
    def push(self): pass
    def flush(self, patience_s): return True
def no_timerfd(*_):
    raise OSError("no timerfd")
def under_way(run):
    with gevent.Timeout(60):
        while run.under_way() < given["plan"]["connections"]:
            gevent.sleep(0.01)
given, ends, left, runs = json.load(sys.stdin), [], [], []
if given["coarse"]:
    alarm.FineAlarm = no_timerfd
for _ in range(3):
    run = LoadRun(read_orders(given["plan"], {}, {"a": b""}), Lines(), lambda *_: None)
    runs.append(weakref.ref(run))
    run.prepare()
    run.start()
    if given["cut"]:
        under_way(run)
        run.finish("interrupted")
    run.done.wait()
    gevent.sleep(0.1)
    del run
    ours = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    left.append(sorted(os.readlink(one).split(":")[0] for one in ours if os.path.lexists(one)))
print(json.dumps({"ends": ends, "left": left, "kept": [before() is not None for before in runs[:-1]]}))
"""


def carried_out(
    target: Target, *, path: str, cut: bool = False, coarse: bool = False, **changes: Any
) -> dict[str, list[Any]]:
    """The end markers of three runs in one process, which descriptors were open after each, and which runs were kept."""
    operations = (Operation(name="a", path=path),)
    plan = plan_for(target.url, operations=operations, connections=8, duration_s=1, **changes)
    given = {"plan": plan.model_dump(mode="json"), "cut": cut, "coarse": coarse}
    return cast("dict[str, list[Any]]", told(RUN_AFTER_RUN, given))


@pytest.mark.parametrize("coarse", [False, True])
def test_no_connection_and_no_timer_outlives_its_run(target: Target, coarse: bool) -> None:
    """After each of three runs the process has the same descriptors, and none of the runs before in its memory."""
    found = carried_out(target, path="/ok", coarse=coarse)
    assert found["left"] == [found["left"][0]] * 3
    assert "socket" not in found["left"][0]
    assert found["kept"] == [False, False]
    assert all(end["ok"] == end["planned"] == 50 and end["connections_opened"] for end in found["ends"])
    assert sum(end["ok"] for end in found["ends"]) == target.counts()["/ok"]


def test_what_is_under_way_at_the_end_is_cut_and_leaves_nothing(target: Target) -> None:
    """Eight users wait for an answer when the run is ended: they are counted, and let go of their connections."""
    found = carried_out(target, path="/slow/5000", cut=True, model="closed", level=8)
    assert found["left"] == [found["left"][0]] * 3
    assert "socket" not in found["left"][0]
    assert [(end["planned"], end["cut"]) for end in found["ends"]] == [(8, 8)] * 3


def test_users_that_are_torn_down_let_go_of_their_connections(target: Target) -> None:
    """Setup and teardown send through connections of their own: they are counted by the target, and closed."""
    step = ScriptStep(operation="a", path=(("text", "/ok"),))
    of_setup = ScriptStep(operation="a", path=(("text", "/gzip"),))
    script = Script(
        scenarios=(ScriptScenario(name="s", weight=1, steps=(step,)),), setup=(of_setup,), teardown=(of_setup,)
    )
    found = carried_out(target, path="/ok", script=script)
    assert found["left"] == [found["left"][0]] * 3
    assert "socket" not in found["left"][0]
    assert target.counts()["/gzip"] == 3 * 8 * 2
