"""The locustfile of the load child: one Locust user per process, which runs all lanes of the plan.

Locust gives the process, its statistics, its signals and its shutdown; the plan gives connections and rates. A greenlet
of Locust's per connection would bring nothing but its overhead. The plan comes as one line of JSON through an inherited
pipe, reports leave through another (their descriptors are in the environment). Where several processes share a plan, each
carries out its share of it, and all start their clocks at the same instant.
"""

import base64
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import gevent
import locust.runners
from gevent.event import AsyncResult
from locust import User, events, task
from locust.env import Environment

sys.path.append(str(Path(__file__).resolve().parents[2]))  # Locust loads this file by path, wherever the package lies

from hybridcheck.errors import ExitCode, ToolError
from hybridcheck.generator.command_pipe import CommandPipe
from hybridcheck.generator.kept import die_with_parent, started
from hybridcheck.generator.locust_statistics import LocustFold
from hybridcheck.generator.open_files import make_room
from hybridcheck.generator.orders import Share, read_orders
from hybridcheck.generator.report_pipe import ReportPipe
from hybridcheck.generator.run import LoadRun
from hybridcheck.generator.user_lane import SetupFailed

# Locust's advice on open files is not ours, and its look at its own CPU ends the process where no file is left to open.
logging.getLogger("locust.main").setLevel(logging.ERROR)
locust.runners.CPU_MONITOR_INTERVAL = 1e9

_LAST_WORD_S = 5.0
_current: list[LoadRun] = []
_before_the_start: list[Any] = []
"""Who listens to SIGTERM until Locust does."""

_start_at_ns = AsyncResult()
"""When the clock starts, where several processes share the plan: the parent says it once all are ready."""


@events.init.add_listener
def _prepare(environment: Environment, **_: Any) -> None:
    """Read the plan and get everything ready that takes time, before Locust starts its user."""
    die_with_parent()
    environment.stats.use_response_times_cache = False  # no history of charts: milliseconds each, and nobody reads it
    environment.stats.clear_all()
    commands = CommandPipe(int(os.environ["HYBRIDCHECK_PLAN_FD"]))
    message = commands.first()
    plan = message["plan"]
    bodies = {operation["name"]: base64.urlsafe_b64decode(operation["body"]) for operation in plan["operations"]}
    orders = read_orders(plan, message["secrets"], bodies, Share(*message["share"]))
    pipe = ReportPipe(int(os.environ["HYBRIDCHECK_REPORT_FD"]))
    run = LoadRun(orders, pipe, LocustFold(environment, int(time.time())))
    _before_the_start.append(gevent.signal_handler(signal.SIGTERM, _end_before_the_start, run))
    try:
        make_room(orders.connections)
        pipe.write(started(run.prepare()))
    except SetupFailed as failed:
        pipe.write({"kind": "setup_failed", "detail": str(failed)})
        pipe.flush(_LAST_WORD_S)
        os._exit(0)
    except (ToolError, OSError) as refused:  # Locust would go on without a plan
        sys.stderr.write(f"{refused}\n")
        _leave(ExitCode.TOOL_ERROR)
    commands.listen(lambda command: _start_at_ns.set(command["start_at_ns"]))
    _current.append(run)


def _end_before_the_start(run: LoadRun) -> None:
    """SIGTERM while users are set up: nobody will start them."""
    run.finish("interrupted")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


@events.quitting.add_listener
def _quitting(**_: Any) -> None:
    """SIGTERM, or Locust's own end: report what there is; a run that is complete has nothing to add."""
    for run in _current:
        run.leave()


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
        _before_the_start.pop().cancel()
        run.start(_start_at_ns.get() if run.orders.share.of > 1 else None)
        run.done.wait()
        gevent.spawn(self.environment.runner.quit)
        gevent.sleep(60)
