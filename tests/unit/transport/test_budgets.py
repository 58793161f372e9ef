"""Budgets: how many requests, how fast, until when, and not after an interruption."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from hybridcheck.cases import SafetyClass
from hybridcheck.errors import ToolError
from hybridcheck.evidence import GapReason
from hybridcheck.profile.models import Environment
from hybridcheck.target import Ask, EvidenceLost
from hybridcheck.transport.budgets import Budgets
from tests.unit.transport.stage import planned_case, profile_of, stage_of


def ok(request: httpx.Request) -> httpx.Response:
    """Answers everything."""
    return httpx.Response(200)


async def test_the_request_budget_is_one_for_all_cases(tmp_path: Path) -> None:
    """When it is spent, the next request is a gap and is not sent."""
    stage = stage_of(tmp_path, ok, profile=profile_of(limits={"max_requests": 3}))
    views = [stage.read() for _ in range(3)]
    for view in views:
        await view.read("r", Ask("GET", "/"))
    with pytest.raises(EvidenceLost) as lost:
        await stage.read().read("one too many", Ask("GET", "/"))
    assert lost.value.reason is GapReason.BUDGET_SPENT
    assert len(stage.exchanges()) == 3
    assert stage.session.requests_left == 0


async def test_a_run_records_so_many_bytes_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target with endless large answers fills neither disk nor memory: from then on requests are gaps."""
    monkeypatch.setattr("hybridcheck.transport.budgets.MOST_ANSWER_BYTES", 2500)
    stage = stage_of(tmp_path, lambda _: httpx.Response(200, content=b"x" * 1000))
    for _ in range(3):
        await stage.read().read("r", Ask("GET", "/"))
    with pytest.raises(EvidenceLost, match="bytes of answers") as lost:
        await stage.read().read("one too many", Ask("GET", "/"))
    assert lost.value.reason is GapReason.BUDGET_SPENT


async def test_requests_go_no_faster_than_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 10 per second the fifth request waits for its turn; the clock is a fake one."""
    clock = {"now": 1000.0}
    turns: list[float] = []

    async def sleep(seconds: float) -> None:
        clock["now"] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(asyncio, "sleep", sleep)
    budgets = Budgets(max_requests=100, max_rps=10, started=1000.0, deadline_s=60)
    for _ in range(5):
        await budgets.take()
        turns.append(round(clock["now"] - 1000.0, 6))
    assert turns == [0.0, 0.1, 0.2, 0.3, 0.4]


async def test_a_burst_is_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 200 per second twenty may go at once after a pause, and the next has to wait."""
    clock = {"now": 1000.0}

    async def sleep(seconds: float) -> None:
        clock["now"] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(asyncio, "sleep", sleep)
    budgets = Budgets(max_requests=100, max_rps=200, started=990.0, deadline_s=60)
    for _ in range(20):
        await budgets.take()
    assert clock["now"] == pytest.approx(1000.0)
    await budgets.take()
    assert clock["now"] == pytest.approx(1000.005)


async def test_what_is_kept_back_is_not_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the last seconds that are kept nothing is sent, until they are given free; at most half of the time is kept."""
    clock = {"now": 1000.0}
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    budgets = Budgets(max_requests=100, max_rps=200, started=1000.0, deadline_s=60)
    budgets.keep_back(20)
    clock["now"] = 1039.0
    await budgets.take()
    assert [budgets.left_s(), budgets.remaining_s()] == pytest.approx([1, 21])
    clock["now"] = 1041.0
    with pytest.raises(EvidenceLost, match="the load, for which the run's last 20 s are kept") as lost:
        await budgets.take()
    assert lost.value.reason is GapReason.DEADLINE_SPENT
    budgets.keep_back(0)
    await budgets.take()
    budgets.keep_back(1000)
    assert budgets.left_s() == pytest.approx(9.5)


async def test_a_refill_takes_as_long_as_what_was_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to wait for at first; after a burst of twenty at 200 per second a tenth of a second, less what has passed."""
    clock = {"now": 1000.0}
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    budgets = Budgets(max_requests=100, max_rps=200, started=990.0, deadline_s=60)
    assert budgets.refilled_in_s() == 0
    for _ in range(20):
        await budgets.take()
    assert budgets.refilled_in_s() == pytest.approx(0.1)
    clock["now"] += 0.04
    assert budgets.refilled_in_s() == pytest.approx(0.06)
    clock["now"] += 0.1
    assert budgets.refilled_in_s() == 0


async def test_a_case_can_wait_for_a_whole_burst(tmp_path: Path) -> None:
    """Whatever was sent before, after a refill the budget has all of it again."""
    stage = stage_of(tmp_path, ok, profile=profile_of(limits={"max_rps": 100}))
    view = stage.read()
    await view.together([view.read(f"before.{number}", Ask("GET", "/")) for number in range(5)])
    await view.refill()
    assert view._means.sender.budgets.refilled_in_s() == pytest.approx(0, abs=1e-4)


async def test_a_turn_after_the_deadline_is_a_gap(tmp_path: Path) -> None:
    """A rate that leaves no turn before the run's end does not make the run longer."""
    stage = stage_of(tmp_path, ok, profile=profile_of(limits={"max_rps": 0.01}), deadline_s=5)
    await stage.read().read("r", Ask("GET", "/"))
    with pytest.raises(EvidenceLost) as lost:
        await stage.read().read("r", Ask("GET", "/"))
    assert lost.value.reason is GapReason.DEADLINE_SPENT


async def test_nothing_is_sent_after_the_runs_deadline(tmp_path: Path) -> None:
    """Neither request nor wait."""
    stage = stage_of(tmp_path, ok, deadline_s=0)
    for call in (stage.read().read("r", Ask("GET", "/")), stage.read().sleep(1)):
        with pytest.raises(EvidenceLost) as lost:
            await call
        assert lost.value.reason is GapReason.DEADLINE_SPENT
    assert stage.exchanges() == []


async def test_no_more_connections_than_declared_are_open_at_once(tmp_path: Path) -> None:
    """The others wait for their turn, before their own deadline begins."""
    open_now, most = 0, 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        open_now -= 1
        return httpx.Response(200)

    stage = stage_of(tmp_path, handler, profile=profile_of(limits={"max_connections": 3}))
    view = stage.read()
    await view.together([view.read(f"r.{i}", Ask("GET", "/")) for i in range(20)])
    assert most == 3


async def test_production_gives_read_views_only(tmp_path: Path) -> None:
    """Whatever a plan says."""
    stage = stage_of(tmp_path, ok, environment=Environment.PRODUCTION)
    assert not hasattr(stage.read(), "write")
    for safety in (SafetyClass.WRITE, SafetyClass.LOAD, SafetyClass.ABUSE, SafetyClass.FAULT):
        with pytest.raises(ToolError):
            stage.session.view(planned_case(safety))


def test_each_class_has_the_methods_of_its_protocol_and_no_more(tmp_path: Path) -> None:
    """What a view may do is what it has methods for."""
    stage = stage_of(tmp_path, ok)
    views = [stage.read(), stage.write(), stage.load(), stage.abuse()]
    methods = ["write", "create", "wrong_password", "unknown_user", "drive", "raw"]
    table = [[name for name in methods if hasattr(view, name)] for view in views]
    assert table == [[], methods[:4], methods[:5], methods]


async def test_together_gives_results_in_order_and_waits_for_all(tmp_path: Path) -> None:
    """Also where one of the calls fails: the others' evidence is complete when the error is raised."""
    stage = stage_of(tmp_path, ok)
    view = stage.read()
    found = await view.together([view.read(f"r.{i}", Ask("GET", f"/{i}")) for i in range(3)])
    assert [exchange.label for exchange in found] == ["r.0", "r.1", "r.2"]
    calls = [view.read("bad", Ask("POST", "/")), view.read("good", Ask("GET", "/"))]
    with pytest.raises(EvidenceLost):
        await view.together(calls)
    assert stage.exchanges()[-1].label == "good"


def test_randomness_belongs_to_seed_and_case(tmp_path: Path) -> None:
    """The same case of the same seed draws the same numbers; another draws others."""
    stage = stage_of(tmp_path, ok)
    draws = [stage.read().random.random(), stage.read().random.random(), stage.write("other").random.random()]
    assert draws[0] == draws[1] != draws[2]
