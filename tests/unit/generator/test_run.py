"""A run in Locust's process: it never waits for itself, and whatever ends it is told. In a process of its own (gevent)."""

import json
import subprocess
import sys
from typing import Any

import pytest

RUN = """
import json, sys
import gevent
from hybridcheck.generator import lane
from hybridcheck.generator.orders import read_orders
from hybridcheck.generator.run import LoadRun
from hybridcheck.load.plan import LoadPlan
told = []
class Pipe:
    lines = 0
    def write(self, report, rest=None):
        told.append(report)
        return True
    def push(self): pass
    def flush(self, patience_s): return True
def nobody(*_):
    raise ConnectionRefusedError("nobody listens")
lane.open_connection = nobody
def fold(operation, report):
    if given.get("slow"):
        gevent.sleep(0.2)
def dies(self, *_):
    raise LookupError("nobody thought of this")
given = json.load(sys.stdin)
plan = LoadPlan.model_validate({
    "base_url": "http://127.0.0.1:1", "operations": [{"name": "a", "path": "/"}], "model": "closed", "connections": 3,
    "shape": {"name": "steady", "parameters": {"level": 3, "duration_s": 0.5}}, "deadline_s": 0.5, **given["plan"],
})
run = LoadRun(read_orders(plan.model_dump(mode="json"), {}, {"a": b""}), Pipe(), fold)
"""
TO_THE_END = "run.prepare(); run.start(); run.done.wait()"


def told(story: str, *, slow: bool = False, **plan: Any) -> list[dict[str, Any]]:
    """What a run of three users reports, for half a second at a port where nobody listens."""
    program = f"{RUN}\n{story}\nprint(json.dumps(told))"
    given = json.dumps({"slow": slow, "plan": plan})
    done = subprocess.run([sys.executable, "-c", program], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def end_of(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The one end marker."""
    (end,) = [report for report in reports if report["kind"] == "end"]
    return end


def sending(name: str) -> dict[str, Any]:
    """Users whose only step has the one row of a feeder in a header."""
    step = {"operation": "a", "path": [["text", "/"]], "headers": [["X-Name", [["raw", "people.name"]]]]}
    feeders = [{"name": "people", "order": "circular", "rows": [{"name": name}]}]
    return {"scenarios": [{"name": "only", "weight": 1, "steps": [step]}], "feeders": feeders}


@pytest.mark.parametrize(("name", "kind"), [("日", "other"), ("ada", "connect_refused")])
def test_users_whose_first_request_cannot_be_made_try_again_like_those_who_get_no_connection(
    name: str, kind: str
) -> None:
    """After a tenth of a second: at most six times in half a second. At once, nobody else in the process would come to act."""
    end = end_of(told(TO_THE_END, script=sending(name)))
    assert end["failed"] == {kind: end["planned"]}
    assert 3 <= end["planned"] <= 18


def test_a_lane_that_dies_ends_the_run_and_is_told() -> None:
    """A fault of ours that nobody foresaw: from then on less is sent than the plan says."""
    end = end_of(told(f"run._lanes = [run._new_lane(n) for n in range(3)]\nlane.Lane._exchange = dies\n{TO_THE_END}"))
    assert end["cause"] == "interrupted"
    assert end["lost_lanes"] == {"LookupError: nobody thought of this": 3}


def test_a_run_whose_lanes_live_has_lost_none() -> None:
    """Requests that fail are no fault of ours."""
    end = end_of(told(TO_THE_END))
    assert (end["cause"], end["lost_lanes"]) == ("completed", {})


@pytest.mark.parametrize("slow", [True, False])
def test_who_leaves_waits_for_the_end_that_is_being_reported(slow: bool) -> None:
    """SIGTERM while the last reports are folded: the end marker is that of a run that was complete."""
    story = """
run.prepare()
run.start()
gevent.sleep(0.6 if given["slow"] else 0)
ending = gevent.spawn(run.finish, "completed")
gevent.sleep(0.05)
run.leave()
"""
    assert end_of(told(story, slow=slow))["cause"] == "completed"


def test_who_leaves_before_the_clock_has_started_has_nothing_to_wait_for() -> None:
    """Nor to report."""
    assert told("run.prepare(); run.leave()") == []


def test_an_example_can_always_be_written() -> None:
    """Half of a surrogate pair in a target's answer is told as an escape: who reads the reports would refuse it."""
    operation = "run.orders.operations[0]"
    reports = told(f'run.example({operation}, 0, "schema", "at $.a" + chr(0xD83D) + "é")')
    assert [report["detail"] for report in reports] == ["at $.a\\ud83dé"]


def test_a_setup_that_fails_can_always_be_told() -> None:
    """What a target answered to it is in the words, too."""
    script = sending("ada")
    script["setup"] = script["scenarios"][0]["steps"]
    story = """
from hybridcheck.generator import user_lane
user_lane.UserLane._unbooked = lambda self, step: "nothing at $.a" + chr(0xD83D)
try:
    run.prepare()
except user_lane.SetupFailed as failed:
    told.append({"detail": str(failed)})
"""
    words = "the setup of 3 of 3 users failed: " + "; ".join(3 * ["nothing at $.a\\ud83d"])
    assert told(story, script=script) == [{"detail": words}]


@pytest.mark.parametrize(
    ("deaf", "left"),
    [
        ([], ["127.0.0.1:1", "::1:1"]),
        (["AF_INET6"], ["127.0.0.1:1"]),
        (["AF_INET", "AF_INET6"], ["127.0.0.1:1", "::1:1"]),
    ],
)
def test_where_this_machine_has_no_address_to_send_from_nobody_is_asked(deaf: list[str], left: list[str]) -> None:
    """A target that refuses on the other address has refused; where no way is left, what is tried tells why."""
    story = f"""
import errno, socket
from hybridcheck.generator import connection
class Asking:
    def __init__(self, family, kind): self.family = family
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def connect(self, where):
        if socket.AddressFamily(self.family).name in {deaf}:
            raise OSError(errno.EADDRNOTAVAIL, "cannot assign requested address")
connection.RawSocket = Asking
found = connection.resolve("localhost", 1, ("127.0.0.1", "::1"))
told.append({{"addresses": [str(address) for address in found]}})
"""
    assert told(story) == [{"addresses": left}]
