"""Reports of many operations: they may take long, and neither the generator's health nor the requests wait for them."""

from typing import Any, cast

from hybridcheck.load.plan import LoadPlan, Operation, Shape
from tests.integration.load.conftest import told

BEGINNING = """
import json, sys
import gevent
from gevent.event import Event
from hybridcheck.generator import run as running
from hybridcheck.generator.orders import read_orders
from hybridcheck.generator.recording import book_answer
given = json.load(sys.stdin)
def made(pipe):
    bodies = {operation["name"]: b"" for operation in given["plan"]["operations"]}
    return running.LoadRun(read_orders(given["plan"], {}, bodies), pipe, lambda *_: None)
"""

STUCK = (
    BEGINNING
    + """
class Stuck:
    lines = 0
    def __init__(self):
        self.kinds, self.health, self.rows, self.times, self.enough = [], [], [], [], Event()
    def write(self, report, rest=None):
        if report["kind"] == "times" and rest is not None:
            self.enough.wait(60)
            if not rest():
                return False
        self.kinds.append(report["kind"])
        if report["kind"] == "generator":
            self.health.append(report["second"])
            if len(self.health) == 2:
                self.enough.set()
        elif report["kind"] in ("second", "times"):
            second = report.get("second", report.get("from_second"))
            (self.rows if report["kind"] == "second" else self.times).append([second, report["operation"]])
        return True
    def push(self): pass
    def flush(self, patience_s): return True
pipe = Stuck()
run = made(pipe)
run.prepare()
run.start()
came = pipe.enough.wait(20)
if given["stop"]:
    run.finish("interrupted")
run.done.wait(60)
gevent.sleep(0.1)
print(json.dumps({"came": came, "rows": pipe.rows, "times": pipe.times, "last": pipe.kinds[-1], "ends": pipe.kinds.count("end")}))
"""
)

RESTS = (
    BEGINNING
    + """
class Pipe:
    def write(self, report, rest=None):
        return rest is None or rest()
now, slept = [0], []
def clock():
    now[0] += given["work_ns"]
    return now[0]
run = made(Pipe())
run.pace.open_before = lambda until: False
for operation in run.orders.operations:
    cell = operation.book.cell_at(0)
    cell.planned += 1
    book_answer(operation.book, cell, 1_000_000, 1_000_000)
running._clock, running.gevent.sleep = clock, slept.append
run._settle(1)
run._send_reports(pause=True)
print(json.dumps({"rests": len(slept), "left": len(run._outgoing)}))
"""
)


def of_many(operations: int, duration_s: float) -> dict[str, Any]:
    """A plan for a port that nobody listens on, with a window for each second."""
    plan = LoadPlan(
        base_url="http://127.0.0.1:1",
        operations=tuple(Operation(name=f"o{number}", path="/") for number in range(operations)),
        shape=Shape(name="steady", parameters={"level": 20, "duration_s": duration_s}),
        connections=2,
        deadline_s=1.0,
        window_s=1,
    )
    return plan.model_dump(mode="json")


def test_health_does_not_wait_for_reports() -> None:
    """The first second's report is stuck until a later second has told its health: it does, and every row still comes once."""
    found = cast("dict[str, Any]", told(STUCK, {"plan": of_many(3, 3), "stop": False}))
    assert found["came"]
    each = [[second, f"o{number}"] for second in range(3) for number in range(3)]
    assert found["rows"] == each
    assert sorted(found["times"]) == each
    assert (found["last"], found["ends"]) == ("end", 1)


def test_a_run_that_is_ended_while_a_report_is_stuck_reports_everything_once() -> None:
    """What was on its way is told by the end, whoever is still at it; nothing comes after the end marker."""
    found = cast("dict[str, Any]", told(STUCK, {"plan": of_many(3, 60), "stop": True}))
    assert found["came"]
    seconds = len(found["rows"]) // 3
    assert found["rows"] == [[second, f"o{number}"] for second in range(seconds) for number in range(3)]
    assert sorted(found["times"]) == found["rows"]
    assert (found["last"], found["ends"]) == ("end", 1)


def test_reporting_rests_by_the_work_that_was_done_and_not_by_the_line() -> None:
    """Two hundred operations with hardly any work rest a few times; where each line is much work, after each line."""
    light = cast("dict[str, int]", told(RESTS, {"plan": of_many(200, 1), "work_ns": 1_000}))
    heavy = cast("dict[str, int]", told(RESTS, {"plan": of_many(200, 1), "work_ns": 200_000}))
    assert light["left"] == heavy["left"] == 0
    assert light["rests"] < 10
    assert heavy["rests"] >= 400
