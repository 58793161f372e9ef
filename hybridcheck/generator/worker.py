"""A worker process: joins a Locust master, carries out its share of each plan that comes from there, and reports it there.

Locust gives the connection, the heartbeats and the end; what we say to each other are messages of our own beside Locust's:
`hc_clock` (whose time is it), `hc_order` (plan, secrets, share), `hc_ready` or `hc_refused`, `hc_go` (when the clock starts),
`hc_lines` (reports), `hc_ack` (the last report has come), `hc_stop`. Our parent tells us where the master is, and hears how
it goes. Run as a script.
"""

import base64
import os
import signal
import socket
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, NoReturn

import gevent
import locust
import locust.runners
from gevent.event import Event
from locust import User
from locust.env import Environment

sys.path.append(str(Path(__file__).resolve().parents[2]))  # run as a script, wherever the package lies

from hybridcheck.errors import ExitCode, HybridcheckError
from hybridcheck.generator.allowed_target import refusal
from hybridcheck.generator.command_pipe import CommandPipe
from hybridcheck.generator.kept import die_with_parent, started
from hybridcheck.generator.open_files import make_room
from hybridcheck.generator.orders import Operation, Share, read_orders
from hybridcheck.generator.report_pipe import ReportPipe, Rest, encoded
from hybridcheck.generator.run import LoadRun
from hybridcheck.generator.user_lane import SetupFailed

MASTER_SILENCE_S = 10
"""A worker without a master stops sending after this time; Locust's own patience is a minute."""

ACK_PATIENCE_S = 10.0


class Nobody(User):
    """Locust asks for a user class; what sends here are lanes, and no user of Locust's is ever started."""


class ReportMessages:
    """The way of reports to the master; like `ReportPipe`."""

    def __init__(self, runner: Any, drive: int) -> None:
        self._runner, self._drive = runner, drive
        self._waiting: deque[str] = deque()
        self.lines = 0

    def write(self, report: dict[str, Any], rest: Rest | None = None) -> bool:
        """Queue one report; the 20-ms tick sends what has gathered."""
        line = encoded(report, rest)
        if line is None:
            return False
        self._waiting.append(line)
        self.lines += 1
        return True

    def push(self) -> None:
        """Hand what has gathered to Locust's connection, which never makes us wait."""
        if self._waiting:
            lines, self._waiting = list(self._waiting), deque()
            self._runner.send_message("hc_lines", {"drive": self._drive, "lines": lines})

    def flush(self, patience_s: float) -> bool:
        """Send the rest; that it has come is what `hc_ack` says."""
        self.push()
        return True


class Station:
    """One worker: the plan at hand, and what the master says about it."""

    def __init__(self, runner: Any, said: ReportPipe, only_to: str | None) -> None:
        self._runner, self._said, self._only_to = runner, said, only_to
        self._run: LoadRun | None = None
        self._drive = -1
        self.refused = False
        self._stopped = False
        self._acknowledged = Event()
        for name in ("clock", "order", "go", "stop", "ack"):
            runner.register_message(f"hc_{name}", getattr(self, f"_{name}"), concurrent=name == "order")

    def _clock(self, msg: Any, **_: Any) -> None:
        times = {"perf_ns": time.perf_counter_ns(), "unix_ns": time.time_ns()}
        self._runner.send_message("hc_clock", {**msg.data, **times})

    def _order(self, msg: Any, **_: Any) -> None:
        """Get ready for a plan, or say why not."""
        order = msg.data
        self._drive = order["drive"]
        try:
            run = self._run = self._made_ready(order)
            addresses = run.prepare(needs_address=True)
            about = {"drive": self._drive, "host": socket.gethostname(), "started": started(addresses)}
        except (HybridcheckError, OSError, KeyError, ValueError) as error:
            self._say(f"refused: {error}")
            self.refused = True
            self._runner.send_message(
                "hc_refused", {"drive": self._drive, "why": str(error), "setup": isinstance(error, SetupFailed)}
            )
            self._run = None
            return
        self._stopped, self._acknowledged = False, Event()
        self._say(f"ready for {order['plan']['base_url']}, share {order['share'][0] + 1} of {order['share'][1]}")
        self._runner.send_message("hc_ready", about)

    def _made_ready(self, order: dict[str, Any]) -> LoadRun:
        plan = order["plan"]
        if order["version"] != os.environ["HYBRIDCHECK_VERSION"]:
            mine = os.environ["HYBRIDCHECK_VERSION"]
            raise HybridcheckError(f"the master is hybridcheck {order['version']}, this worker is {mine}")
        refused = refusal(plan["base_url"], self._only_to)
        if refused:
            raise HybridcheckError(refused)
        bodies = {operation["name"]: base64.urlsafe_b64decode(operation["body"]) for operation in plan["operations"]}
        own = {**plan, "addresses": ()}  # this machine's resolver says where the name leads, not whoever is the master
        orders = read_orders(own, order["secrets"], bodies, Share(*order["share"]))
        make_room(orders.connections)
        return LoadRun(orders, ReportMessages(self._runner, self._drive), _no_fold)

    def _go(self, msg: Any, **_: Any) -> None:
        if self._run is not None and msg.data["drive"] == self._drive:
            gevent.spawn(self._carry_out, self._run, msg.data["at_perf_ns"], self._acknowledged)

    def _carry_out(self, run: LoadRun, at_ns: int, acknowledged: Event) -> None:
        run.start(at_ns)
        if self._stopped:  # before the agreed instant there was nothing to end
            run.finish("interrupted")
        run.done.wait()
        came = acknowledged.wait(ACK_PATIENCE_S)
        if self._run is run:  # the next order may come while this one's users are still torn down
            self._run = None
        self._say("done" if came else "done, but the master did not acknowledge the last report")

    def _stop(self, **_: Any) -> None:
        self.stop()

    def _ack(self, **_: Any) -> None:
        self._acknowledged.set()

    def stop(self) -> None:
        """End what is going on; report it."""
        self._stopped = True
        if self._run is not None:
            self._run.finish("interrupted")

    def watch(self) -> None:
        """Without a master nobody would stop us: Locust ends the runner, and we end what it cannot know of."""
        self._runner.greenlet.join()
        self.stop()
        if self._run is not None:
            self._run.leave()

    def _say(self, words: str) -> None:
        self._said.write({"kind": "said", "words": words})


def _no_fold(operation: Operation, report: dict[str, Any]) -> None:
    """Locust's own statistics are kept where they are shown."""


def main() -> None:
    """Join the master and serve it until it, or our parent, ends us."""
    die_with_parent()
    locust.runners.MASTER_HEARTBEAT_TIMEOUT = MASTER_SILENCE_S
    commands = CommandPipe(int(os.environ["HYBRIDCHECK_PLAN_FD"]))
    given = commands.first()
    commands.listen(lambda _: None)
    said = ReportPipe(int(os.environ["HYBRIDCHECK_REPORT_FD"]))
    locust.runners.CONNECT_TIMEOUT = 1
    locust.runners.CONNECT_RETRY_COUNT = max(1, round(given["wait_s"]))
    environment = Environment(user_classes=[Nobody], events=locust.events)
    runner = _joined(environment, given, said)
    station = Station(runner, said, given["only_to"])
    said.write({"kind": "said", "words": f"joined the master at {given['host']}:{given['port']}"})
    gevent.signal_handler(signal.SIGTERM, runner.greenlet.kill, block=False)
    station.watch()
    environment.events.quitting.fire(environment=environment, reverse=True)  # type: ignore[no-untyped-call]
    gevent.sleep(0.1)
    code = ExitCode.USAGE if station.refused else ExitCode.READY
    _leave(said, "the master has ended, or is not heard any more", code)


def _joined(environment: Environment, given: dict[str, Any], said: ReportPipe) -> Any:
    try:
        return environment.create_worker_runner(given["host"], given["port"])
    except OSError:
        return _leave(said, "no master answered", ExitCode.UNREACHABLE)


def _leave(said: ReportPipe, words: str, code: ExitCode) -> NoReturn:
    said.write({"kind": "said", "words": words})
    said.flush(1.0)
    os._exit(code)


if __name__ == "__main__":
    main()
