"""Requests over one connection, in pieces, to a slow reader; aborted and held connections: against real sockets."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hybridcheck.evidence import Failure, GapReason, Observation
from hybridcheck.target import Ask, EvidenceLost, Manner
from tests.unit.transport.stage import Stage, profile_of, stage_of

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serving = Callable[["Seen", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Seen:
    """What a server saw of its clients."""

    url: str = ""
    connections: int = 0
    arrivals: list[bytes] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def serving(serve: Serving) -> AsyncIterator[Seen]:
    """A server on loopback; what it saw."""
    seen = Seen()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        try:
            await serve(seen, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            seen.ends.append(type(error).__name__)
        finally:
            seen.ended.set()
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    seen.url = f"http://{host}:{port}"
    async with server:
        yield seen


async def polite(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers one request after the other, keeping what arrives at a time."""
    buffer = b""
    while data := await reader.read(65536):
        seen.arrivals.append(data)
        buffer += data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            length = int((re.search(rb"[Cc]ontent-[Ll]ength: (\d+)", buffer[:end]) or [b"", b"0"])[1])
            if len(buffer) < end + 4 + length:
                break
            seen.heads.append(buffer[:end])
            buffer = buffer[end + 4 + length :]
            writer.write(ANSWER)
    seen.ends.append("EOF")


async def curt(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers once and closes without a word."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    await writer.drain()


def lavish(size_bytes: int) -> Serving:
    """Answers with so many bytes, written as the reader takes them."""

    async def serve(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size_bytes)
        for _ in range(size_bytes // 65536):
            writer.write(b"x" * 65536)
            await writer.drain()
        await reader.read(1)
        seen.ends.append("EOF")

    return serve


def observed(stage: Stage) -> dict[str, object]:
    """The values of the one observation in the ledger."""
    (found,) = [record for record in stage.records if isinstance(record, Observation)]
    return found.values


async def test_requests_share_a_kept_connection(tmp_path: Path) -> None:
    """Recorded one by one, each with the connection that it came over."""
    async with serving(polite) as seen:
        view = stage_of(tmp_path, base_url=seen.url).read()
        exchanges = await view.on_one_connection("k", [Ask("GET", "/")] * 3, Manner(idle_s=0.01))
    assert [(e.label, e.status, e.facts["connection"]) for e in exchanges] == [(f"k.{n}", 200, 1) for n in (1, 2, 3)]
    assert seen.connections == 1


async def test_a_connection_that_was_closed_is_opened_anew_and_numbered(tmp_path: Path) -> None:
    """The answer before did not say that it would be."""
    async with serving(curt) as seen:
        view = stage_of(tmp_path, base_url=seen.url).read()
        exchanges = await view.on_one_connection("k", [Ask("GET", "/")] * 2, Manner(idle_s=0.05))
    assert [(e.status, e.facts["connection"]) for e in exchanges] == [(200, 1), (200, 2)]


async def test_requests_travel_in_pieces(tmp_path: Path) -> None:
    """Head and body apart, or in pieces of a few bytes, and the same is understood."""
    profile = profile_of(operations=[{"request": "POST /x", "id": "x", "safe": True}])
    ask = Ask("POST", "/x", body=b"0123456789", operation="x")
    async with serving(polite) as seen:
        view = stage_of(tmp_path, base_url=seen.url, profile=profile).read()
        await view.on_one_connection("apart", [ask], Manner(pause_s=0.05))
        assert seen.arrivals[-1] == b"0123456789"
        before = len(seen.arrivals)
        (exchange,) = await view.on_one_connection("pieces", [ask], Manner(piece_bytes=16, pause_s=0.005))
    assert exchange.status == 200
    assert len(seen.arrivals) - before > 5


async def test_a_slow_reader_gets_everything(tmp_path: Path) -> None:
    """A mebibyte through a small window."""
    async with serving(lavish(1 << 20)) as seen:
        view = stage_of(tmp_path, base_url=seen.url).read()
        (exchange,) = await view.on_one_connection("slow", [Ask("GET", "/")], Manner(read_pause_s=0.001))
    assert exchange.response is not None
    assert exchange.response.body.size_bytes == 1 << 20


async def test_what_the_read_class_may_not_send_is_a_gap(tmp_path: Path) -> None:
    """Whatever the way: over one connection, aborted, held, or with a head by hand."""
    stage = stage_of(tmp_path, base_url="http://127.0.0.1:9")
    view, ask = stage.abuse(), Ask("POST", "/orders")
    ways: list[Awaitable[object]] = [
        view.on_one_connection("a", [ask], Manner()),
        view.abort("b", ask, times=1, most_s=1),
        view.raw("c", b"", most_s=1, head_of=ask),
        view.holding("d", ask, count=1, half=True).__aenter__(),
    ]
    for way in ways:
        with pytest.raises(EvidenceLost):
            await way
    assert [gap.reason for gap in stage.gaps()] == [GapReason.OUT_OF_SCOPE] * 4


async def test_an_abort_resets_the_connection_at_the_first_byte(tmp_path: Path) -> None:
    """The server's writes meet a reset, not an end."""
    async with serving(lavish(1 << 24)) as seen:
        stage = stage_of(tmp_path, base_url=seen.url)
        await stage.abuse().abort("abort", Ask("GET", "/"), times=1, most_s=5)
        await asyncio.wait_for(seen.ended.wait(), 5)
    assert observed(stage) == {"times": 1, "answered": 1, "broken": 0, "failures": {}}
    assert seen.ends == ["ConnectionResetError"]


async def test_aborts_of_what_is_not_there_are_broken(tmp_path: Path) -> None:
    """Refused, each of them."""
    stage = stage_of(tmp_path, base_url="http://127.0.0.1:9")
    await stage.abuse().abort("abort", Ask("GET", "/"), times=3, most_s=5)
    assert observed(stage) == {"times": 3, "answered": 0, "broken": 3, "failures": {Failure.REFUSED.value: 3}}


async def test_held_connections_stand_until_they_are_let_go(tmp_path: Path) -> None:
    """Half a head has arrived on each, and nothing ended them."""
    async with serving(polite) as seen:
        stage = stage_of(tmp_path, base_url=seen.url)
        view = stage.abuse()
        async with view.holding("held", Ask("GET", "/"), count=3, half=True):
            assert (await view.read("beside", Ask("GET", "/"))).status == 200
            assert seen.ends.count("EOF") <= 1
    assert observed(stage) == {"asked": 3, "opened": 3, "ended_by_target": 0, "failures": {}}
    assert sum(data.startswith(b"GET / HTTP/1.1") for data in seen.arrivals) == 4


async def test_connections_that_the_target_ends_are_counted(tmp_path: Path) -> None:
    """It closed them while they were held."""
    both = asyncio.Barrier(3)

    async def impatient(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await both.wait()

    async with serving(impatient) as seen:
        stage = stage_of(tmp_path, base_url=seen.url)
        async with stage.abuse().holding("held", Ask("GET", "/"), count=2, half=False):
            await asyncio.wait_for(both.wait(), 5)
            await asyncio.sleep(0.05)  # the ends are under way, and nothing tells when they have arrived here
    assert observed(stage)["ended_by_target"] == 2


async def test_a_head_by_hand_goes_where_the_ask_goes(tmp_path: Path) -> None:
    """Beside the gateway, with the headers that the service wants, and without a framing of ours."""
    async with serving(polite) as seen:
        services = {"native": {"direct_url": seen.url, "direct_headers": {"X-Key": "sesame-42"}}}
        stage = stage_of(tmp_path, base_url="http://127.0.0.1:9", profile=profile_of(services=services))
        payload = b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n1"
        await stage.abuse().raw("raw", payload, most_s=0.3, head_of=Ask("GET", "/x", via="native"))
    (head,) = seen.heads
    assert head.startswith(b"GET /x HTTP/1.1\r\n")
    assert b"X-Key: sesame-42\r\n" in head
    assert head.count(b"Content-Length") == 2
