"""Event streams and WebSockets against real servers on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from hybridcheck.evidence import Failure, GapReason, StreamRecord
from hybridcheck.target import Ask, EvidenceLost
from tests.targets.hostile import hostile, serving
from tests.unit.transport.stage import Stage, profile_of, stage_of

SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
PAUSE_S = 0.1


@asynccontextmanager
async def event_server(count: int) -> AsyncIterator[tuple[str, list[str]]]:
    """Sends `count` events, `PAUSE_S` apart, then closes; gives its address and the requests that it saw."""
    seen: list[str] = []

    async def send(head: str, writer: asyncio.StreamWriter) -> None:
        seen.append(head)
        writer.write(SSE_HEAD)
        for number in range(count):
            writer.write(f'id: {number}\ndata: {{"n": {number}}}\n\n'.encode())
            await asyncio.sleep(PAUSE_S)

    async with serving(send) as base_url:
        yield base_url, seen


@asynccontextmanager
async def socket_server() -> AsyncIterator[tuple[str, list[Request]]]:
    """Echoes; "close" is answered by a clean close, "big" by a large message, "binary" by bytes, "abort" by a reset."""
    seen: list[Request] = []

    async def serve_one(connection: ServerConnection) -> None:
        async for message in connection:
            if message == "close":
                return
            if message == "abort":
                connection.transport.abort()
            special: dict[str, str | bytes] = {"big": "x" * 100_000, "binary": b"\xff\x00"}
            await connection.send(special.get(str(message), str(message)))

    def process(connection: ServerConnection, request: Request) -> Response | None:
        seen.append(request)
        if request.path == "/forbidden":
            return connection.respond(403, "not you")
        if request.path == "/moved":
            response = connection.respond(302, "")
            response.headers["Location"] = "/echo"
            return response
        return None

    async with serve(serve_one, "127.0.0.1", 0, process_request=process) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}", seen


def stage_at(folder: Path, base_url: str, deadline_s: float = 60) -> Stage:
    """A session with an identity that has a fixed token, and a small cap on bodies."""
    profile = profile_of(identities={"bob": {"token": "fixed-token-value"}}, limits={"max_body_bytes": 50_000})
    return stage_of(folder, base_url=base_url, profile=profile, deadline_s=deadline_s)


async def hear(
    stage: Stage,
    path: str,
    protocol: str,
    *,
    body: bytes | None = None,
    most_events: int = 10,
    most_s: float = 5,
    identity: str | None = None,
) -> StreamRecord:
    """Listen, and check that the record reached the ledger."""
    ask = Ask("GET", path, body=body, identity=identity)
    record = await stage.read().listen("stream", ask, protocol=protocol, most_events=most_events, most_s=most_s)
    assert [r.n for r in stage.records if isinstance(r, StreamRecord)] == [record.n]
    return record


async def test_events_have_the_times_at_which_they_came(tmp_path: Path) -> None:
    """Incremental delivery shows in the arrival times; the target's end is the target's."""

    def one_by_one(heard: StreamRecord) -> bool:
        times = [event.at_ms for event in heard.events]
        return all(later - earlier >= 0.5 * PAUSE_S * 1000 for earlier, later in pairwise(times))

    async with event_server(4) as (base_url, seen):
        record = await hear(stage_at(tmp_path, base_url), "/events", "sse", identity="bob")
        for _ in range(4):  # events arrive together where this process was held up between them
            if not one_by_one(record):
                record = await hear(stage_at(tmp_path, base_url), "/events", "sse", identity="bob")
    assert [(event.id, event.data) for event in record.events] == [(str(n), f'{{"n": {n}}}') for n in range(4)]
    assert one_by_one(record)
    assert (record.ended, record.failure, record.identity) == ("by_target", None, "bob")
    assert record.response is not None
    assert record.response.body.complete is False, "the events are kept, not the bytes"
    assert "Authorization: Bearer fixed-token-value" in seen[0]
    assert "Accept: text/event-stream" in seen[0]


async def test_we_end_a_stream_at_its_bounds(tmp_path: Path) -> None:
    """By the number of events, or by time."""
    async with event_server(1000) as (base_url, _):
        few = await hear(stage_at(tmp_path, base_url), "/", "sse", most_events=2)
        short = await hear(stage_at(tmp_path, base_url), "/", "sse", most_events=1000, most_s=2.35)
    assert (few.ended, len(few.events)) == ("by_us", 2)
    assert short.ended == "deadline"
    assert 1 <= len(short.events) <= 24
    assert short.failure is None


async def test_an_answer_that_is_no_stream_is_kept(tmp_path: Path) -> None:
    """A 401 to a listener is evidence, with its body."""
    async with hostile("always-401") as base_url:
        record = await hear(stage_at(tmp_path, base_url), "/", "sse")
    assert record.response is not None
    assert record.response.status == 401
    assert record.response.body.text == '{"error": "unauthorized"}'
    assert (record.ended, record.events) == ("by_target", ())


@pytest.mark.parametrize("protocol", ["sse", "websocket"])
@pytest.mark.parametrize(
    "fault, failures",
    [
        ("silent", {Failure.READ_TIMEOUT}),
        ("closes-at-once", {Failure.CLOSED_EARLY}),
        ("not-http", {Failure.NOT_HTTP}),
        ("drip-headers", {Failure.READ_TIMEOUT}),
        ("reset-in-body", {Failure.RESET, Failure.CLOSED_EARLY}),
        ("endless-event", {Failure.TOO_LARGE, Failure.READ_TIMEOUT}),
        ("endless-body", {Failure.TOO_LARGE, Failure.READ_TIMEOUT}),
    ],
)
async def test_hostile_streams_end(tmp_path: Path, protocol: str, fault: str, failures: set[Failure]) -> None:
    """Each ends in a named failure in time (websockets reads the whole body of a refusal before it gives it)."""
    async with hostile(fault) as base_url:
        most_s = 0.6 if Failure.READ_TIMEOUT in failures else 20.0
        record = await asyncio.wait_for(hear(stage_at(tmp_path, base_url), "/", protocol, most_s=most_s), 30)
    assert record.failure in failures


async def test_a_websocket_echoes(tmp_path: Path) -> None:
    """Each line of the body is a message; text and bytes come back; the target's close is the target's."""
    async with socket_server() as (base_url, seen):
        stage = stage_at(tmp_path, base_url)
        record = await hear(stage, "/echo?x=1", "websocket", body=b"one\nbinary\nclose", identity="bob")
    assert [(event.event, event.data) for event in record.events] == [(None, "one"), ("binary", "/wA=")]
    assert (record.ended, record.failure) == ("by_target", None)
    assert record.response is not None
    assert record.response.status == 101
    assert seen[0].path == "/echo?x=1"
    assert seen[0].headers["Authorization"] == "Bearer fixed-token-value"
    assert seen[0].headers["X-Hybridcheck-Run"] == "run-1"
    assert seen[0].headers["User-Agent"].startswith("hybridcheck/")
    assert b"fixed-token-value" not in stage.ledger_path.read_bytes()


async def test_a_websocket_that_is_refused_or_redirected_is_an_answer(tmp_path: Path) -> None:
    """With its status; no redirect is followed."""
    async with socket_server() as (base_url, seen):
        refused = await hear(stage_at(tmp_path, base_url), "/forbidden", "websocket")
        moved = await hear(stage_at(tmp_path, base_url), "/moved", "websocket")
    assert refused.response is not None
    assert moved.response is not None
    assert (refused.response.status, moved.response.status) == (403, 302)
    assert refused.response.body.text is not None
    assert "not you" in refused.response.body.text
    assert len(seen) == 2


@pytest.mark.parametrize(
    "message, ended, failure",
    [("abort", "abnormal", Failure.CLOSED_EARLY), ("big", "abnormal", Failure.TOO_LARGE), ("x", "deadline", None)],
)
async def test_how_a_websocket_ends(tmp_path: Path, message: str, ended: str, failure: Failure | None) -> None:
    """A reset, a message beyond the cap, and silence after the last message."""
    async with socket_server() as (base_url, _):
        most_s = 2.0 if ended == "deadline" else 20.0
        record = await hear(stage_at(tmp_path, base_url), "/echo", "websocket", body=message.encode(), most_s=most_s)
    assert (record.ended, record.failure) == (ended, failure)


@pytest.mark.parametrize("protocol", ["sse", "websocket"])
async def test_streams_are_within_scope_and_the_run(tmp_path: Path, protocol: str) -> None:
    """A foreign host is never connected; the run's own end is a gap."""
    async with hostile("silent") as base_url:
        stage = stage_at(tmp_path, base_url, deadline_s=3)
        with pytest.raises(EvidenceLost) as cut:
            await stage.read().listen("s", Ask("GET", "/"), protocol=protocol, most_events=1, most_s=30)
        foreign = Ask("GET", "/", service_url="http://127.0.0.1:1")
        with pytest.raises(EvidenceLost) as out:
            await stage.read().listen("s", foreign, protocol=protocol, most_events=1, most_s=1)
    assert cut.value.reason is GapReason.INTERRUPTED
    assert out.value.reason is GapReason.OUT_OF_SCOPE
