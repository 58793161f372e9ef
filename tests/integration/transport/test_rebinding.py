"""DNS rebinding: a name that leads elsewhere after it was judged is not followed, whichever way something is sent."""

import asyncio
import socket
from asyncio import BaseEventLoop
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from hybridcheck.evidence import GapReason, TlsRecord
from hybridcheck.target import Ask, EvidenceLost, Manner
from tests.targets.hostile import authority_file, hostile
from tests.unit.transport.stage import Stage, profile_of, stage_of

NAME = "rebinding.test"
GOOD, BAD = "127.0.0.1", "127.0.0.2"

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Place:
    """Two servers on the same port of two loopback addresses, and a name that leads to the first one or, later, the other."""

    def __init__(self) -> None:
        self.leads_to = GOOD
        self.asked = 0
        self.heads: dict[str, list[bytes]] = {GOOD: [], BAD: []}
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL, by name."""
        return f"http://{NAME}:{self.port}"

    async def getaddrinfo(self, name: str | bytes, port: object, **_: object) -> list[tuple[object, ...]]:
        """Resolve."""
        host = name.decode() if isinstance(name, bytes) else name
        self.asked += host == NAME
        address = self.leads_to if host == NAME else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def served_at(self, address: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        """A server that notes what it is asked."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                self.heads[address].append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(ANSWER)
                await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        return serve


@pytest.fixture
async def place(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """Both servers, and the name."""
    made = Place()
    first = await asyncio.start_server(made.served_at(GOOD), GOOD, 0)
    made.port = first.sockets[0].getsockname()[1]
    second = await asyncio.start_server(made.served_at(BAD), BAD, made.port)
    monkeypatch.setattr(BaseEventLoop, "getaddrinfo", lambda _loop, *a, **k: made.getaddrinfo(*a, **k))
    async with first, second:
        yield made


async def read(stage: Stage) -> None:
    """A request."""
    assert (await stage.read().read("r", Ask("GET", "/"))).status == 200


async def kept(stage: Stage) -> None:
    """Requests over one connection, which is opened anew where the target closes it."""
    asks = (Ask("GET", "/"), Ask("GET", "/"))
    assert [exchange.status for exchange in await stage.read().on_one_connection("r", asks, Manner())] == [200, 200]


async def raw(stage: Stage) -> None:
    """Raw bytes."""
    assert b"200 OK" in await stage.abuse().raw("r", b"GET / HTTP/1.1\r\nHost: rebinding.test\r\n\r\n", most_s=5)


async def sse(stage: Stage) -> None:
    """An event stream, or what is none."""
    heard = await stage.read().listen("r", Ask("GET", "/"), protocol="sse", most_events=1, most_s=5)
    assert heard.response is not None


async def websocket(stage: Stage) -> None:
    """A WebSocket that is not let in."""
    heard = await stage.read().listen("r", Ask("GET", "/"), protocol="websocket", most_events=1, most_s=5)
    assert heard.response is not None
    assert heard.response.status == 200


WAYS = [read, kept, raw, sse, websocket]


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_follows_a_name_that_has_moved(
    way: Callable[[Stage], Awaitable[None]], place: Place, tmp_path: Path
) -> None:
    """Judged once, connected to there; the request still names the host that it was meant for."""
    stage = stage_of(tmp_path, base_url=place.url, profile=profile_of())
    await way(stage)
    place.leads_to = BAD
    await way(stage)
    assert place.heads[BAD] == []
    assert len(place.heads[GOOD]) >= 2
    assert all(b"\r\nhost: " + NAME.encode() in head.lower() for head in place.heads[GOOD])
    assert place.asked == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_name_of_the_clouds_credentials_is_never_connected_to(
    way: Callable[[Stage], Awaitable[None]], place: Place, tmp_path: Path
) -> None:
    """Whatever way is asked for, the gap says why."""
    place.leads_to = "169.254.169.254"
    stage = stage_of(tmp_path, base_url=place.url, profile=profile_of())
    with pytest.raises(EvidenceLost) as lost:
        await way(stage)
    assert lost.value.reason is GapReason.OUT_OF_SCOPE
    assert place.heads == {GOOD: [], BAD: []}


async def test_a_target_that_moved_away_leaves_a_gap_and_no_failure(place: Place, tmp_path: Path) -> None:
    """Its old address refuses, its name leads elsewhere: what the target does there is not known to this run."""
    place.leads_to = "127.0.0.3"
    stage = stage_of(tmp_path, base_url=place.url, profile=profile_of())
    refused = await stage.read().read("r", Ask("GET", "/"))
    assert refused.failure == "refused"
    place.leads_to = BAD
    with pytest.raises(EvidenceLost, match=r"leads to 127\.0\.0\.2 now"):
        await stage.read().read("r", Ask("GET", "/"))
    assert place.heads == {GOOD: [], BAD: []}


@pytest.mark.parametrize(("name", "sound"), [("other.test", True), ("rebinding.test", False)])
async def test_tls_is_verified_by_name(name: str, sound: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connected to an address, the certificate still has to be the name's: with every way over TLS."""

    async def leads_here(_loop: object, host: str, port: object, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (GOOD, port))]

    async with hostile("tls-other-host") as served:
        monkeypatch.setattr(BaseEventLoop, "getaddrinfo", leads_here)
        base_url = served.replace(GOOD, name)
        target = {"url": base_url, "environment": "local", "tls": {"ca_file": str(authority_file(tmp_path))}}
        stage = stage_of(tmp_path, base_url=base_url, profile=profile_of(targets={"t": target}))
        record = await stage.read().handshake("tls")
        exchange = await stage.read().read("r", Ask("GET", "/"))
        said = await stage.abuse().raw("raw", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", most_s=5)
    assert isinstance(record, TlsRecord)
    if sound:
        assert (record.failure, exchange.status) == (None, 200)
        assert said.startswith(b"HTTP/1.1 200")
    else:
        assert (record.failure, exchange.failure, said) == ("tls_hostname", "tls_hostname", b"")
