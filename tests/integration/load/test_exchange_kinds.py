"""Every kind of answer and every kind of failure is counted as what it is, and the books equal the target's own count."""

import socket
from contextlib import ExitStack

import pytest

from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.load.reports import EndCause
from tests.integration.load.conftest import Target, plan_for, run

GOOD = (
    "/ok",
    "/chunked",
    "/close",
    "/until-close",
    "/interim",
    "/interim-until-close",
    "/gzip",
    "/drips",
    "/slow/20",
    "/torn",
)
BAD = {
    "/fails": "status",
    "/fails-and-closes": "status",
    "/redirect": "status",
    "/early": "early_close",
    "/half-chunk": "early_close",
    "/nothing": "early_close",
    "/interim-alone": "early_close",
    "/interim-early": "early_close",
    "/garbage": "framing",
    "/twice": "framing",
    "/once-and-a-bit": "framing",
    "/reset": "reset",
    "/hangs": "timeout",
    "/endless-body": "timeout",
    "/endless-head": "framing",
}


async def test_good_answers_are_ok_however_they_are_framed(target: Target) -> None:
    """Length, chunks, close, end of stream, interim answers, drips: all ok, and as many as the target counted."""
    outcome = await run(plan_for(target.url, *GOOD, level=100, deadline_s=10.0))
    assert outcome.end.cause is EndCause.COMPLETED, outcome.end
    assert outcome.total("planned") == outcome.total("ok") == 200
    counted = target.counts()
    assert {path: outcome.total("ok", path) for path in GOOD} == {path: counted[path] for path in GOOD}


async def test_each_failure_has_its_kind(target: Target) -> None:
    """A failed request is never retried in silence: the target saw each exactly once, and its kind says what happened."""
    silent = [path for path, kind in BAD.items() if kind == "timeout"]
    others = [path for path in BAD if path not in silent]
    for paths, plan in (
        (others, plan_for(target.url, *others, level=50)),
        (silent, plan_for(target.url, *silent, level=6, duration_s=1, deadline_s=3.0)),
    ):
        outcome = await run(plan)
        assert outcome.end.cause is EndCause.COMPLETED, outcome.end
        found = {path: outcome.failures(path) for path in paths}
        assert found == {path: {BAD[path]: outcome.total("planned", path)} for path in paths}
        counted = target.counts()
        assert {path: outcome.total("planned", path) for path in paths} == {path: counted[path] for path in paths}
        examples = {(example.operation, example.failure.value) for example in outcome.examples}
        assert examples == {(path, BAD[path]) for path in paths}


async def test_head_gets_no_body(target: Target) -> None:
    """The answer to HEAD ends with its head whatever Content-Length says, and the connection is used again."""
    operations = (Operation(name="head", method="HEAD", path="/head"), Operation(name="get", path="/ok"))
    outcome = await run(plan_for(target.url, operations=operations, level=40, connections=1))
    assert outcome.total("ok") == outcome.total("planned") == 80
    assert outcome.markers[0].connections_opened == 1


async def test_answers_are_checked(target: Target) -> None:
    """Content type and text are checked on every answer; compressed bodies are read for that."""
    operations = (
        Operation(name="right", path="/ok", content_type="application/json", body_contains='"ok"'),
        Operation(name="split", path="/chunked", body_contains='"status"'),
        Operation(name="packed", path="/gzip", body_contains='"status"'),
        Operation(name="type", path="/ok", content_type="text/html"),
        Operation(name="text", path="/ok", body_contains="not in there"),
    )
    outcome = await run(plan_for(target.url, operations=operations, level=50))
    assert outcome.failures("type") == {"content_type": outcome.total("planned", "type")}
    assert outcome.failures("text") == {"body_check": outcome.total("planned", "text")}
    assert outcome.total("ok") == sum(outcome.total("planned", name) for name in ("right", "split", "packed"))


async def test_keep_alive_keeps_connections(target: Target) -> None:
    """In the closed model each user opens one connection and keeps it."""
    outcome = await run(plan_for(target.url, "/ok", model="closed", level=4, duration_s=1))
    assert outcome.markers[0].connections_opened == 4
    assert outcome.total("ok") == outcome.total("planned") == target.counts()["/ok"] > 4


async def test_refused_connections_are_failures() -> None:
    """Nobody listens: every arrival fails as connect_refused, none is lost."""
    outcome = await run(plan_for("http://127.0.0.1:1", "/ok", level=20, duration_s=1))
    assert outcome.failures() == {"connect_refused": 20}
    assert outcome.end.cause is EndCause.COMPLETED


async def test_target_that_does_not_accept_is_a_connect_timeout() -> None:
    """The backlog is full: connections that the kernel holds back fail by their deadline, under their own name."""
    with socket.socket() as listener, ExitStack() as held:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = held.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        outcome = await run(plan_for(url, "/ok", level=10, duration_s=1, deadline_s=3.0))
    assert outcome.failures() == {"connect_timeout": 10}


async def test_unknown_host_is_a_dns_failure() -> None:
    """A name without an address: every arrival fails as dns."""
    outcome = await run(plan_for("http://nowhere.invalid", "/ok", level=5, duration_s=1))
    assert outcome.failures() == {"dns": 5}


async def test_late_answers_are_counted_for_each_limit(target: Target) -> None:
    """An ok answer beyond a limit is late for it, and only for that one."""
    operation = Operation(name="slow", path="/slow/60", limits_ns=(20_000_000, 9_000_000_000))
    outcome = await run(plan_for(target.url, operations=(operation,), level=30, duration_s=1))
    assert [row.late for row in outcome.rows] == [{"20000000": 30, "9000000000": 0}]
    assert outcome.total("ok") == 30


async def test_weights_decide_how_often(target: Target) -> None:
    """An operation of weight 3 comes exactly three times as often as one of weight 1."""
    operations = (Operation(name="often", path="/ok", weight=3), Operation(name="rare", path="/chunked"))
    outcome = await run(plan_for(target.url, operations=operations, level=40, duration_s=1))
    assert (outcome.total("planned", "often"), outcome.total("planned", "rare")) == (30, 10)


async def test_bodies_and_secrets_arrive(target: Target) -> None:
    """A POST carries its body, and a secret header its value, which the plan does not contain."""
    operation = Operation(
        name="post", method="POST", path="/ok", body=b'{"a": 1}', secret_headers=(("Authorization", "token"),)
    )
    plan = plan_for(target.url, operations=(operation,), level=10, duration_s=1)
    assert "secret-token" not in plan.model_dump_json()
    outcome = await run(plan, {"token": "Bearer secret-token"})
    assert outcome.total("ok") == target.counts()["authorized"] == 10


async def test_arrivals_that_no_connection_can_take_in_time_are_unsent(target: Target) -> None:
    """With one connection and slow answers, arrivals wait; beyond their deadline they are unsent, never dropped."""
    outcome = await run(plan_for(target.url, "/slow/400", level=20, duration_s=2, connections=1, deadline_s=1.0))
    assert outcome.total("planned") == 40
    assert outcome.total("unsent") > 20
    assert outcome.total("ok") + outcome.total("unsent") + sum(outcome.failures().values()) == 40
    assert outcome.end.cause is EndCause.COMPLETED


async def test_warm_up_is_marked(target: Target) -> None:
    """Seconds of the warm-up are reported and marked, and no histogram mixes them with the rest."""
    plan = plan_for(target.url, "/ok", level=20, duration_s=3, warm_up_s=1)
    outcome = await run(plan)
    assert [row.warmup for row in outcome.rows] == [True, False, False]
    assert [(window.warmup, sum(count for _, count in window.response)) for window in outcome.times] == [
        (True, 20),
        (False, 40),
    ]


@pytest.mark.parametrize("spacing", ["even", "poisson"])
async def test_planned_arrivals_are_those_of_the_plan(target: Target, spacing: str) -> None:
    """The parent can compute from the plan alone how many arrivals each second has."""
    shape = Shape(name="ramp", parameters={"from_level": 10, "to_level": 60, "ramp_s": 2})
    plan = LoadPlan.model_validate(plan_for(target.url, "/ok").model_dump() | {"shape": shape, "spacing": spacing})
    outcome = await run(plan)
    due = [start // 1_000_000_000 for start in plan.intended_starts_ns()]
    assert [row.planned for row in outcome.rows] == [due.count(second) for second in range(2)]


async def test_bodies_larger_than_any_buffer_go_both_ways(target: Target) -> None:
    """Three megabytes up and three down: sent in pieces, read in pieces, all counted."""
    upload = Operation(name="upload", method="POST", path="/ok", body=b"x" * 3_000_000)
    download = Operation(name="download", path="/large", body_contains="f0123")
    outcome = await run(plan_for(target.url, operations=(upload, download), level=8, duration_s=1))
    assert outcome.failures() == {}
    assert outcome.total("ok") == 8
    assert outcome.total("bytes_received", "download") > 4 * 3_200_000


async def test_users_follow_a_ramp_in_the_closed_model(target: Target) -> None:
    """With a ramp to 6 users, 6 connections are opened in the end, and only one in the beginning."""
    shape = Shape(name="ramp", parameters={"from_level": 1, "to_level": 6, "ramp_s": 2, "hold_s": 3})
    outcome = await run(plan_for(target.url, "/slow/200", model="closed", shape=shape))
    assert 1 <= outcome.health[0].in_flight < outcome.health[1].in_flight <= 6
    assert outcome.markers[0].connections_opened == 6
    assert outcome.rows[0].planned < max(row.planned for row in outcome.rows[2:])  # one may be held up for a second


async def test_request_budget_ends_the_closed_model(target: Target) -> None:
    """No more requests than the budget, to the last one."""
    outcome = await run(plan_for(target.url, "/ok", model="closed", level=3, duration_s=20, max_requests=50))
    assert outcome.end.cause is EndCause.COMPLETED
    assert outcome.total("planned") == target.counts()["/ok"] == 50
