"""What a master makes of workers whose clocks are far off, who say nothing, or who are silent: without a network or a wait."""

from typing import Any

import pytest

from tests.integration.load.conftest import told as said_by

CONDUCTOR = """
import json, sys, time
from types import SimpleNamespace
import gevent
from hybridcheck.generator import master
master.PINGS, master.SILENCE_S = 3, 0.3
class Runner:
    clients = SimpleNamespace(ready=[SimpleNamespace(id="a"), SimpleNamespace(id="b")])
    events = SimpleNamespace(worker_connect=SimpleNamespace(add_listener=lambda heard: None))
    environment = SimpleNamespace(events=events)
    get_worker_index = staticmethod("ab".index)
    def __init__(self, ahead_ns, deaf, mute, leaves):
        self.ahead_ns, self.deaf, self.mute, self.leaves = ahead_ns, deaf, mute, leaves
        self.handlers, self.sent = {}, []
    def register_message(self, name, handler):
        self.handlers[name] = handler
    def send_message(self, kind, data, client):
        self.sent.append((kind, client, data))
        gevent.spawn(self.answer, kind, data, client)
    def hear(self, kind, client, data):
        self.handlers[kind](SimpleNamespace(node_id=client, data=data))
    def answer(self, kind, data, client):
        drive, ahead_ns = data.get("drive"), self.ahead_ns if client == "b" else 0
        if kind == "hc_clock" and client != self.deaf:
            times = {"perf_ns": time.perf_counter_ns() + ahead_ns, "unix_ns": time.time_ns() + ahead_ns}
            self.hear(kind, client, {**data, **times})
        elif kind == "hc_order":
            self.hear("hc_ready", client, {"drive": drive, "host": client, "started": {"pid": 1}})
        elif kind == "hc_stop" and client != self.mute or kind == "hc_go" and client == self.leaves:
            self.clients.ready = [one for one in self.clients.ready if one.id != self.leaves]
            self.hear("hc_lines", client, {"drive": drive, "lines": ['{"kind":"end","cause":"interrupted"}']})
        elif kind == "hc_go" and self.mute is self.leaves:
            self.hear("hc_lines", client, {"drive": drive, "lines": ['{"kind":"end","cause":"completed"}']})
found = []
for given in json.load(sys.stdin):
    runner, told = Runner(*given), []
    master.PING_PATIENCE_S = 10.0 if runner.deaf is None else 0.05
    about = {"expect": 2, "wait_s": 1, "version": "1"}
    conductor = master.Conductor(runner, SimpleNamespace(write=told.append), about)
    conductor._carry_out({"connections": 9, "script": None, "deadline_s": 1}, {})
    found.append({"sent": runner.sent, "told": {line["kind"]: line for line in told}})
print(json.dumps(found))
"""
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def conducted() -> list[Any]:
    """Four plans with two workers, a and b: what is sent to them, and the last line of each kind that the parent is told."""
    far_off, leaves = (HOUR_MS * 1_000_000, None, None, None), (0, None, None, "b")
    found = said_by(CONDUCTOR, [far_off, (0, "b", None, None), (0, None, "b", None), leaves])
    assert isinstance(found, list)
    return found


def test_a_clock_that_is_an_hour_off_starts_at_the_same_instant(conducted: list[Any]) -> None:
    """Each is told the start in its own clock; the parent is told by how much they differ, before and after."""
    sent, told = conducted[0]["sent"], conducted[0]["told"]
    starts = {client: data["at_perf_ns"] for kind, client, data in sent if kind == "hc_go"}
    assert (starts["b"] - starts["a"]) / 1e6 == pytest.approx(HOUR_MS, abs=50)
    here, ahead = told["crew"]["processes"]
    assert here["clock_offset_ms"] == pytest.approx(0, abs=50)
    assert ahead["clock_offset_ms"] == pytest.approx(HOUR_MS, abs=50)
    assert told["clocks"]["clocks"]["1"]["offset_ms"] == pytest.approx(HOUR_MS, abs=50)
    assert told["carried_out"]["failed"] == ""


def test_a_worker_that_does_not_say_how_its_clock_stands_has_no_start(conducted: list[Any]) -> None:
    """Nobody is ordered anything: its start would be at a time that nobody chose."""
    sent, told = conducted[1]["sent"], conducted[1]["told"]
    assert {kind for kind, _, _ in sent} == {"hc_clock"}
    assert told["carried_out"]["failed"] == "worker 1 (b): it did not say how its clock stands"


def test_a_worker_that_reports_nothing_is_lost(conducted: list[Any]) -> None:
    """However lively its connection is. The phase ends, and both are told to stop: the silent one may be sending."""
    sent, told = conducted[2]["sent"], conducted[2]["told"]
    assert (told["lost"]["name"], told["lost"]["detail"]) == ("1", "it reported nothing for 0.3 s")
    assert {client for kind, client, _ in sent if kind == "hc_stop"} == {"a", "b"}
    assert told["carried_out"]["failed"] == ""


def test_a_worker_that_is_ended_ends_the_others(conducted: list[Any]) -> None:
    """It has reported in order and is gone: it is named, nobody goes on with half a load, nor waits for its clock."""
    sent, told = conducted[3]["sent"], conducted[3]["told"]
    assert {client for kind, client, _ in sent if kind == "hc_stop"} == {"a"}
    assert (told["lost"]["name"], told["lost"]["detail"]) == ("1", "it was ended where it runs")
    assert set(told["clocks"]["clocks"]) == {"0"}
