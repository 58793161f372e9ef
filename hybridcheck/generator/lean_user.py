"""The locustfile of the load child: one Locust user per process, which runs all lanes of the plan.

Locust gives the process, its statistics, its signals and its shutdown; the plan gives connections and rates. A greenlet
of Locust's per connection would bring nothing but its overhead. The plan comes as one line of JSON through an inherited
pipe, reports leave through another (their descriptors are in the environment); the plan's pipe stays open as a lifeline:
when it closes, the parent is gone and so are we.
"""

import base64
import ctypes
import json
import os
import signal
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gevent
from locust import User, events, task
from locust.env import Environment

sys.path.append(str(Path(__file__).resolve().parents[2]))  # Locust loads this file by path, wherever the package lies

from hybridcheck.generator.locust_statistics import LocustFold
from hybridcheck.generator.orders import read_orders
from hybridcheck.generator.report_pipe import ReportPipe
from hybridcheck.generator.run import LoadRun

_PR_SET_PDEATHSIG = 1
_READ = 1
_current: list[LoadRun] = []


def _die_with_parent() -> None:
    """Ask the kernel to kill us when the parent dies, however it dies; leave at once if it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ["HYBRIDCHECK_PARENT_PID"]):
        os._exit(1)


def _read_line(descriptor: int) -> bytes:
    """The plan: one line, from a pipe that stays open."""
    pieces: list[bytes] = []
    while not pieces or not pieces[-1].endswith(b"\n"):
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            os._exit(1)
        pieces.append(piece)
    return b"".join(pieces)


def _lifeline(descriptor: int) -> None:
    if not os.read(descriptor, 1):
        os._exit(1)


def _started(addresses: tuple[Any, ...]) -> dict[str, Any]:
    return {
        "kind": "started",
        "pid": os.getpid(),
        "started_unix_ns": time.time_ns(),
        "start_up_s": time.time() - float(os.environ["HYBRIDCHECK_SPAWNED_UNIX_S"]),
        "addresses": [str(address) for address in addresses],
        "versions": {name: version(name) for name in ("locust", "gevent", "httptools")}
        | {"python": sys.version.split()[0]},
    }


@events.init.add_listener
def _prepare(environment: Environment, **_: Any) -> None:
    """Read the plan and get everything ready that takes time, before Locust starts its user."""
    _die_with_parent()
    plan_pipe = int(os.environ["HYBRIDCHECK_PLAN_FD"])
    message = json.loads(_read_line(plan_pipe))
    plan = message["plan"]
    bodies = {operation["name"]: base64.urlsafe_b64decode(operation["body"]) for operation in plan["operations"]}
    orders = read_orders(plan, message["secrets"], bodies)
    pipe = ReportPipe(int(os.environ["HYBRIDCHECK_REPORT_FD"]))
    run = LoadRun(orders, pipe, LocustFold(environment, int(time.time())))
    pipe.write(_started(run.prepare()))
    watcher = gevent.get_hub().loop.io(plan_pipe, _READ)
    watcher.start(_lifeline, plan_pipe)
    _current.append(run)


@events.quitting.add_listener
def _quitting(**_: Any) -> None:
    """SIGTERM, or Locust's own end: report what there is; a run that is complete has nothing to add."""
    for run in _current:
        run.finish("interrupted")


@events.quit.add_listener
def _leave(exit_code: int, **_: Any) -> None:
    """Leave without taking the interpreter apart, which costs a tenth of a second: everything is reported by now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


class LeanUser(User):
    """The one Locust user of the process."""

    @task
    def carry_out_the_plan(self) -> None:
        """Run the whole plan, then end Locust."""
        run = _current[0]
        run.start()
        run.done.wait()
        gevent.spawn(self.environment.runner.quit)
        gevent.sleep(60)
