"""What a worker does with what its master says, and whom the web UI answers, in processes of their own: without a network."""

from typing import Any, cast

import pytest

from hybridcheck.load.plan import Operation
from hybridcheck.load.script import Script, ScriptScenario, ScriptStep
from tests.integration.load.conftest import plan_for, told

STRANGERS = """
import json, sys
from flask import Flask
from hybridcheck.generator.screen_pages import Pages, Shown
given = {"password": None, "host": "127.0.0.2", "target": "http://127.0.0.1:1"}
class Ui:
    app = Flask("ui")
    def update_template_args(self): pass
pages = Pages(Ui(), None, Shown(given), given)
answers = []
for host, headers in json.load(sys.stdin):
    with Ui.app.test_request_context("/stop", headers={"Host": host, **headers}):
        answer = pages._refuse_strangers()
    answers.append(answer and answer.status_code)
print(json.dumps(answers))
"""

MANY_RUNS = """
import json, re, sys, tempfile
from pathlib import Path
from flask import Flask
from hybridcheck.generator.screen_pages import Pages, Shown
given = {"password": None, "host": "127.0.0.1", "target": "http://127.0.0.1:1"}
class Ui:
    app = Flask("ui")
    def update_template_args(self): pass
shown = Shown(given)
pages = Pages(Ui(), None, shown, given)
folder = Path(tempfile.mkdtemp())
(folder / "verdict.html").write_text("<body></body>")
for n in range(json.load(sys.stdin)):
    run_id = f"20261201T1204{n:02}Z-00000{n % 10}"
    shown.add_run({"run_id": run_id, "phase": "day", "verdict": "PASSED", "folder": str(folder)})
with Ui.app.test_request_context("/"):
    beside = pages._run(run_id).get_data(as_text=True)
    everything = pages._verdicts().get_data(as_text=True)
print(json.dumps([re.findall(">([^<]+)</a>", page) for page in (beside, everything)]))
"""

STATION = """
import json, sys
from types import SimpleNamespace
import gevent
from gevent.event import Event
from hybridcheck.errors import ToolError
from hybridcheck.generator import worker
did, sent, pinned = [], [], []
class Run:
    def __init__(self, *_): self.done = Event()
    def prepare(self, *, needs_address):
        if given["fails"]: raise ToolError("the setup of 1 of 1 users failed")
        return ("127.0.0.1:1",)
    def start(self, at_ns):
        gevent.sleep(0.01)
        did.append("start")
    def finish(self, cause):
        if "start" in did:
            did.append(f"finish {cause}")
            self.done.set()
def until(done):
    for _ in range(2000):
        if done():
            return
        gevent.sleep(0.01)
given = json.load(sys.stdin)
worker.LoadRun, worker.started = Run, lambda addresses: {}
worker.read_orders = lambda plan, *_: pinned.append(list(plan["addresses"])) or SimpleNamespace(connections=1)
runner = SimpleNamespace(register_message=lambda *_, **__: None, send_message=lambda kind, data: sent.append((kind, data)))
station = worker.Station(runner, SimpleNamespace(write=lambda report: None), None)
plan = {"base_url": "http://127.0.0.1:1", "addresses": ["127.0.0.9"], "operations": []}
order = {"drive": 1, "plan": plan, "secrets": {}, "share": [0, 1], "version": "1"}
station._order(SimpleNamespace(data=order))
going = SimpleNamespace(data={"drive": 1, "at_perf_ns": 0})
if given.get("again"):
    worker.ACK_PATIENCE_S = 0.01
    station._go(going)
    until(lambda: did == ["start"])
    first = station._run
    station._order(SimpleNamespace(data={**order, "drive": 2}))
    first.done.set()
    gevent.sleep(0.05)
    station._go(SimpleNamespace(data={"drive": 2, "at_perf_ns": 0}))
    until(lambda: did == ["start", "start"])
    station._stop()
elif not given["fails"]:
    station._go(going)
    gevent.sleep(0)
    station._stop()
    until(lambda: len(did) == 2)
print(json.dumps({"did": did, "sent": sent, "pinned": pinned}))
"""

LOOKS_UP = """
import json, socket, sys
from types import SimpleNamespace
from hybridcheck.generator import run, worker
from hybridcheck.generator.connection import Address
given, sent = json.load(sys.stdin), []
def resolve(host, port, pinned):
    if not given["found"]:
        raise socket.gaierror(-2, "Name or service not known")
    return (Address(socket.AF_INET, ("192.0.2.1", port)),)
run.resolve = resolve
runner = SimpleNamespace(register_message=lambda *_, **__: None, send_message=lambda kind, data: sent.append((kind, data)))
station = worker.Station(runner, SimpleNamespace(write=lambda report: None), given["plan"]["base_url"])
worker.started = lambda addresses: [str(address) for address in addresses]
order = {"drive": 1, "plan": given["plan"], "secrets": {}, "share": [0, 2], "version": "1"}
station._order(SimpleNamespace(data=order))
print(json.dumps([*sent[0], socket.gethostname(), station._run is not None]))
"""

KEPT_ERROR = """
import json, sys, traceback
from types import SimpleNamespace
from hybridcheck.generator.run import LoadRun
run = SimpleNamespace(_no_address=OSError("no address"), _addresses=())
depths = []
for _ in range(json.load(sys.stdin)):
    try:
        LoadRun.addresses(run)
    except OSError as error:
        depths.append(len(traceback.extract_tb(error.__traceback__)))
print(json.dumps(depths))
"""


def test_strangers_are_refused() -> None:
    """Foreign origins, and names that lead here but are not ours; the loopback address that was chosen is ours."""
    answered: list[tuple[str, dict[str, str]]] = [
        ("127.0.0.1:8089", {}),
        ("[::1]", {}),
        ("127.0.0.2:8089", {}),
        ("127.0.0.1:8089", {"Origin": "http://127.0.0.1:8089"}),
    ]
    refused: list[tuple[str, dict[str, str]]] = [
        ("evil.example:8089", {}),
        ("127.0.0.1.evil.example", {}),
        ("127.0.0.1:8089", {"Origin": "http://127.0.0.1:9000"}),
        ("127.0.0.1:8089", {"Origin": "null"}),
        ("127.0.0.1:8089", {"Sec-Fetch-Site": "cross-site"}),
    ]
    assert told(STRANGERS, answered + refused) == [None] * len(answered) + [403] * len(refused)


def test_a_verdict_names_the_last_runs_and_the_way_to_all() -> None:
    """Ten with their times beside it, all of them one link away; with few there is no such link."""
    beside, everything = cast("list[list[str]]", told(MANY_RUNS, 25))
    assert beside[3:5] == ["12:04:23 day: PASSED", "12:04:22 day: PASSED"]
    assert beside[-1] == "all 25 verdicts"
    assert (len(beside), len(everything)) == (3 + 10 + 1, 1 + 25)
    few, _ = cast("list[list[str]]", told(MANY_RUNS, 2))
    assert few[3:] == ["12:04:00 day: PASSED"]


@pytest.mark.parametrize(
    ("fails", "expected"),
    [
        (False, {"did": ["start", "finish interrupted"], "sent": "hc_ready"}),
        (True, {"did": [], "sent": "hc_refused"}),
    ],
)
def test_a_worker_hears_a_stop_before_its_start_and_tells_why_it_cannot(
    fails: bool, expected: dict[str, object]
) -> None:
    """A stop between the order and the agreed instant ends the run; a setup that fails is told with its reason."""
    found = told(STATION, {"fails": fails})
    assert isinstance(found, dict)
    ((kind, said),) = found["sent"]
    assert {"did": found["did"], "sent": kind} == expected
    assert said.get("why") == ("the setup of 1 of 1 users failed" if fails else None)


def test_a_worker_looks_its_target_up_itself() -> None:
    """Where the name leads is said by the worker's own machine: a master could name any address for an allowed host."""
    found = told(STATION, {"fails": False})
    assert isinstance(found, dict)
    assert found["pinned"] == [[]]


@pytest.mark.parametrize("setup", [(), (ScriptStep(operation="a", path=(("text", "/a"),)),)])
def test_a_worker_that_does_not_find_the_target_refuses_and_one_that_does_is_ready(
    setup: tuple[ScriptStep, ...],
) -> None:
    """It could only fail its whole share, which would be held against the target: nor is it a setup that failed."""
    scenario = ScriptScenario(name="s", weight=1, steps=(ScriptStep(operation="a", path=(("text", "/a"),)),))
    script = Script(scenarios=(scenario,), setup=setup)
    plan = plan_for(
        "http://target.invalid", operations=(Operation(name="a", path="/a"),), script=script if setup else None
    )
    given = {"plan": plan.model_dump(mode="json"), "found": False}
    kind, said, machine, kept = cast("list[Any]", told(LOOKS_UP, given))
    assert (kind, said["setup"], kept) == ("hc_refused", False, False)
    assert said["why"].startswith(f"{machine} finds no address of target.invalid, so it would send nothing: ")
    assert said["why"].endswith(f"(make target.invalid known to {machine}: in its DNS, or in its /etc/hosts)")
    if not setup:  # whose users would send theirs now
        kind, said, _, kept = cast("list[Any]", told(LOOKS_UP, {**given, "found": True}))
        assert (kind, said["started"], kept) == ("hc_ready", ["192.0.2.1:80"], True)


def test_a_name_that_is_not_found_costs_no_more_with_each_request() -> None:
    """Every request fails by the resolver's error, and none of them hangs its way there onto it."""
    depths = cast("list[int]", told(KEPT_ERROR, 50))
    assert depths == [depths[0]] * 50


def test_the_next_order_may_come_while_the_last_one_still_ends() -> None:
    """Users may be torn down for a while: the next plan starts all the same, and hears its stop."""
    found = told(STATION, {"fails": False, "again": True})
    assert isinstance(found, dict)
    assert found["did"] == ["start", "start", "finish interrupted"]
