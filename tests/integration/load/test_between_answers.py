"""What comes when no answer is due: the target closes a kept connection, says what nobody asked for, answers before it was asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hybridcheck.load.plan import Operation, Shape
from hybridcheck.load.reports import EndCause
from tests.integration.load.conftest import Target, plan_for, run
from tests.integration.load.target_server import framed


@asynccontextmanager
async def accepting(first: bytes) -> AsyncIterator[tuple[str, list[int]]]:
    """A target that says something at accept and closes, or stays where it has something to say; and its connections."""
    seen: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(1)
        writer.write(first)
        if first:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


@pytest.mark.parametrize("model", ["open", "closed"])
async def test_what_nobody_asked_for_is_a_failure_of_the_answer_before_it(target: Target, model: str) -> None:
    """A second answer that comes later: each request is booked as broken framing, not as ok, and each was sent."""
    plan = plan_for(target.url, "/talks-on", model="closed", level=1, think_s=0.3, max_requests=3)
    if model == "open":  # all within the first half of a second: a row that is out cannot be mended
        shape = Shape(name="ramp", parameters={"from_level": 10, "to_level": 1, "ramp_s": 0.6, "hold_s": 0.4})
        plan = plan_for(target.url, "/talks-on", shape=shape)
    outcome = await run(plan)
    assert outcome.end.cause is EndCause.COMPLETED
    seen = outcome.total("planned") - outcome.total("ok")
    assert outcome.failures() == {"framing": seen}
    assert seen >= outcome.total("planned") - (
        model == "closed"
    )  # a spent budget may end the run before the last one's
    assert outcome.total("planned") == target.counts()["/talks-on"] >= 3
    assert sum(count for window in outcome.times for _, count in window.response) == outcome.total("ok")
    assert "nobody asked for" in outcome.examples[0].detail


async def test_kept_connection_that_the_target_closes_is_no_failure(target: Target) -> None:
    """Between two requests of a user who thinks: the next one goes over a new connection."""
    plan = plan_for(target.url, "/leaves", model="closed", level=1, think_s=0.05, max_requests=10, duration_s=10)
    outcome = await run(plan)
    assert outcome.total("ok") == target.counts()["/leaves"] == 10
    assert outcome.markers[0].connections_opened == 10


async def test_users_of_a_target_that_closes_at_accept_do_not_flood_it() -> None:
    """As with refused connections there is a pause before the next try; each try is a failure of its own."""
    async with accepting(b"") as (url, connections):
        outcome = await run(plan_for(url, "/", model="closed", level=2, duration_s=1))
    assert outcome.total("planned") == sum(outcome.failures().values()) >= 2
    assert set(outcome.failures()) <= {"early_close", "reset"}
    assert len(connections) <= 2 * (10 + 1)


async def test_refusal_before_the_whole_request_was_sent_is_its_answer(target: Target) -> None:
    """Eight megabytes are on their way when the target says 413 and reads no further: that is the answer."""
    operation = Operation(
        name="upload", method="POST", path="/refuses", body=b"x" * 8_000_000, expected_statuses=(413,)
    )
    outcome = await run(plan_for(target.url, operations=(operation,), level=4, duration_s=1, deadline_s=1.5))
    assert outcome.failures() == {}
    assert outcome.total("ok") == target.counts()["/refuses"] == 4
    assert outcome.markers[0].connections_opened == 4


async def test_bytes_of_an_answer_that_breaks_off_are_counted(target: Target) -> None:
    """Also those of failed requests were received."""
    outcome = await run(plan_for(target.url, "/large-early", level=10, duration_s=1))
    assert outcome.failures() == {"early_close": 10}
    assert outcome.total("bytes_received") == 10 * (len(framed(b"x" * 1_000_000)) - 60)
