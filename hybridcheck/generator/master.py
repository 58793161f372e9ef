"""A master process: workers join it through Locust, and it has them carry out the plans that its parent sends.

What comes from the workers goes to the parent as it is, with the worker's name; the parent does the sums. See `worker` for
what is said between the two. Run as a script.
"""

import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import locust
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore
from locust.env import Environment

sys.path.append(str(Path(__file__).resolve().parents[2]))  # run as a script, wherever the package lies

from hybridcheck.generator.command_pipe import CommandPipe
from hybridcheck.generator.kept import die_with_parent
from hybridcheck.generator.report_pipe import ReportPipe
from hybridcheck.generator.worker import Nobody

PINGS = 9
PING_PATIENCE_S = 2.0
READY_PATIENCE_S = 20.0
SILENCE_S = 15.0
"""A worker reports every second; one that has not for so long is lost, however lively its connection is."""

START_AFTER_NS = 300_000_000
NS_PER_MS = 1e6
_WATCH_S = 0.1


@dataclass
class Member:
    """A worker that takes part in a plan."""

    client_id: str
    name: str
    ready: AsyncResult = field(default_factory=AsyncResult)
    perf_offset_ns: int = 0
    heard_s: float = 0.0
    done: bool = False
    lost: bool = False


class Conductor:
    """Carries out one plan after the other with the workers that are there."""

    def __init__(self, runner: Any, pipe: ReportPipe, given: dict[str, Any]) -> None:
        self._runner, self._pipe = runner, pipe
        self._expected: int = given["expect"]
        self._wait_s: float = given["wait_s"]
        self._version: str = given["version"]
        self._drive = 0
        self._crew: dict[str, Member] = {}
        self._under_way = False
        self._stopped = self._halted = self._setup_failed = False
        self._turn = BoundedSemaphore(1)
        self._pongs: dict[tuple[str, int], AsyncResult] = {}
        runner.register_message("hc_clock", self._clock)
        runner.register_message("hc_ready", self._ready)
        runner.register_message("hc_refused", self._refused)
        runner.register_message("hc_lines", self._lines)
        runner.environment.events.worker_connect.add_listener(self._joined)

    def command(self, command: dict[str, Any]) -> None:
        """What the parent says: carry out a plan, or stop."""
        if command.get("stop"):
            self._stopped = True
            self._stop_all()
        else:
            with self._turn:  # a plan that the parent has given up may still be ending
                self._carry_out(command["plan"], command["secrets"])

    def _tell(self, message: dict[str, Any]) -> None:
        """Tell the parent, with the number of the plan that it is about."""
        self._pipe.write({**message, "drive": self._drive})

    def _carry_out(self, plan: dict[str, Any], secrets: dict[str, str]) -> None:
        self._drive += 1
        self._stopped = self._halted = self._setup_failed = False
        present = self._present()
        if len(present) < self._expected:
            detail = f"{len(present)} of {self._expected} workers had joined after {self._wait_s:g} s"
            self._tell({"kind": "carried_out", "failed": detail})
            return
        present = present[: plan["connections"]]  # whoever had none would leave its share of the arrivals unsent
        self._crew = {client: Member(client, str(index)) for index, client in enumerate(present)}
        self._under_way = True
        try:
            failed = self._with_crew(plan, secrets)
            self._tell({"kind": "carried_out", "failed": failed, "setup": self._setup_failed})
        finally:
            self._under_way = False

    def _present(self) -> list[str]:
        """The workers that are there, once enough are or the patience is over; in the order in which they joined."""
        until = time.monotonic() + self._wait_s
        while True:
            present = [client.id for client in self._runner.clients.ready]
            if len(present) >= self._expected or time.monotonic() > until or self._stopped:
                return sorted(present, key=self._runner.get_worker_index)
            gevent.sleep(0.05)

    def _with_crew(self, plan: dict[str, Any], secrets: dict[str, str]) -> str:
        """Everything from the clocks to the last report; what went wrong before the start, empty where nothing did."""
        clocks = self._compare_clocks()
        for member in self._crew.values():
            if member.name not in clocks:  # nobody knows when its start would be
                return f"worker {member.name} ({member.client_id}): it did not say how its clock stands"
        for member in self._crew.values():
            share = [int(member.name), len(self._crew)]
            order = {"drive": self._drive, "plan": plan, "secrets": secrets, "share": share, "version": self._version}
            self._runner.send_message("hc_order", order, member.client_id)
        ready, setup = [], (plan["script"] or {}).get("setup", ())
        patience_s = READY_PATIENCE_S + plan["deadline_s"] * len(setup)
        for member in self._crew.values():
            answer = self._within(member.ready, patience_s)
            if answer is None or "why" in answer:
                why = answer["why"] if answer else f"it was not ready within {patience_s:g} s"
                self._setup_failed = answer is not None and answer.get("setup", False)
                self._stop_all()
                return f"worker {member.name} ({member.client_id}): {why}"
            ready.append(answer)
        if self._stopped:
            self._stop_all()
            return "stopped before the start"
        self._tell({"kind": "crew", "started": ready[0]["started"], "processes": self._about(ready, clocks)})
        at_ns = time.perf_counter_ns() + START_AFTER_NS
        for member in self._crew.values():
            at = {"drive": self._drive, "at_perf_ns": at_ns + member.perf_offset_ns}
            member.heard_s = time.monotonic()
            self._runner.send_message("hc_go", at, member.client_id)
        self._watch()
        compared = {name: {"offset_ms": o, "error_ms": e} for name, (o, e) in self._compare_clocks().items()}
        self._tell({"kind": "clocks", "clocks": compared})
        return ""

    def _about(self, ready: list[dict[str, Any]], clocks: dict[str, tuple[float, float]]) -> list[dict[str, Any]]:
        about = []
        for member, answer in zip(self._crew.values(), ready, strict=True):
            offset_ms, error_ms = clocks[member.name]
            pid, host = answer["started"]["pid"], answer["host"]
            clock = {"clock_offset_ms": offset_ms, "clock_error_ms": error_ms}
            about.append({"name": member.name, "host": host, "pid": pid, **clock})
        return about

    def _watch(self) -> None:
        """Wait until every worker has ended or is lost."""
        while not all(member.done or member.lost for member in self._crew.values()):
            gevent.sleep(_WATCH_S)
            here = {client.id for client in self._runner.clients.ready}
            for member in self._crew.values():
                if member.done or member.lost:
                    continue
                if member.client_id not in here:
                    self._lose(member, "it quit, or sent no heartbeat")
                elif time.monotonic() - member.heard_s > SILENCE_S:
                    self._lose(member, f"it reported nothing for {SILENCE_S:g} s")

    def _lose(self, member: Member, detail: str) -> None:
        """One that is lost ends the others; it is told so itself, since it may be sending all the same."""
        self._tell({"kind": "lost", "name": member.name, "detail": detail})
        self._stop_all()
        member.lost = True

    def _stop_all(self) -> None:
        self._halted = True
        for member in self._crew.values():
            if not (member.lost or member.done):
                self._runner.send_message("hc_stop", {"drive": self._drive}, member.client_id)

    def _compare_clocks(self) -> dict[str, tuple[float, float]]:
        """Name → (wall-clock offset, its error) in ms from the fastest of a few round trips; silent workers are left out."""
        found = {}
        here = {client.id for client in self._runner.clients.ready}
        for member in self._crew.values():
            if member.client_id not in here:
                continue
            trips = [trip for trip in (self._ping(member, number) for number in range(PINGS)) if trip is not None]
            if trips and not member.lost:
                round_trip_ns, perf_offset_ns, wall_offset_ns = min(trips)
                member.perf_offset_ns = perf_offset_ns
                found[member.name] = (wall_offset_ns / NS_PER_MS, round_trip_ns / 2 / NS_PER_MS)
        return found

    def _ping(self, member: Member, number: int) -> tuple[int, int, int] | None:
        """Round trip, and by how much the worker's clocks are ahead at its middle; None where no answer comes."""
        if member.lost:
            return None
        answer: AsyncResult = AsyncResult()
        self._pongs[member.client_id, number] = answer
        wall_ns, sent_ns = time.time_ns(), time.perf_counter_ns()
        self._runner.send_message("hc_clock", {"number": number}, member.client_id)
        pong = self._within(answer, PING_PATIENCE_S)
        if pong is None:
            return None
        data, came_ns = pong
        half = (came_ns - sent_ns) // 2
        return came_ns - sent_ns, data["perf_ns"] - sent_ns - half, data["unix_ns"] - wall_ns - half

    @staticmethod
    def _within(answer: AsyncResult, patience_s: float) -> Any:
        try:
            return answer.get(timeout=patience_s)
        except gevent.Timeout:
            return None

    def _clock(self, msg: Any, **_: Any) -> None:
        came_ns = time.perf_counter_ns()
        waiting = self._pongs.pop((msg.node_id, msg.data["number"]), None)
        if waiting is not None:
            waiting.set((msg.data, came_ns))

    def _ready(self, msg: Any, **_: Any) -> None:
        member = self._crew.get(msg.node_id)
        if member is not None and msg.data["drive"] == self._drive:
            member.ready.set(msg.data)

    _refused = _ready

    def _lines(self, msg: Any, **_: Any) -> None:
        """Reports of a worker: handed on as they are; its last one is acknowledged."""
        member = self._crew.get(msg.node_id)
        if member is None or msg.data["drive"] != self._drive:
            return
        member.heard_s = time.monotonic()
        for line in msg.data["lines"]:
            report = json.loads(line)
            self._tell({"kind": "of", "name": member.name, "report": report})
            if report["kind"] == "end":
                self._runner.send_message("hc_ack", {"drive": self._drive}, member.client_id)
                member.done = True
                if report["cause"] != "completed" and not self._halted:
                    lost = report.get("lost_lanes")
                    self._lose(member, "it ended by a fault of its own" if lost else "it was ended where it runs")

    def _joined(self, client_id: str, **_: Any) -> None:
        known = client_id in self._crew
        if not known and client_id in self._runner.clients:
            return  # it says so again each second until it is answered
        detail = f"{client_id} came back" if known else f"{client_id} joined"
        self._tell({"kind": "joined", "detail": detail, "late": self._under_way})


def main() -> None:
    """Listen for workers and carry out what the parent says until it ends us."""
    die_with_parent()
    commands = CommandPipe(int(os.environ["HYBRIDCHECK_PLAN_FD"]))
    given = commands.first()
    pipe = ReportPipe(int(os.environ["HYBRIDCHECK_REPORT_FD"]))
    environment = Environment(user_classes=[Nobody], events=locust.events)
    runner = environment.create_master_runner(given["bind_host"], given["bind_port"])
    conductor = Conductor(runner, pipe, given)
    pipe.write({"kind": "listening", "port": runner.server.port})
    commands.listen(conductor.command)
    gevent.signal_handler(signal.SIGTERM, runner.greenlet.kill, block=False)
    pusher = gevent.get_hub().loop.timer(0.02, repeat=0.02)
    pusher.start(pipe.push)
    runner.greenlet.join()
    environment.events.quitting.fire(environment=environment, reverse=True)  # type: ignore[no-untyped-call]
    pipe.flush(1.0)
    os._exit(0)


if __name__ == "__main__":
    main()
