"""Requests through the seam: what is sent, what is recorded, and what is retried."""

from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from hybridcheck import __version__
from hybridcheck.evidence import Exchange, Failure, GapReason
from hybridcheck.target import Ask, EvidenceLost
from tests.unit.transport.stage import BASE_URL, profile_of, stage_of


async def test_a_read_is_sent_with_who_we_are_and_recorded_with_what_came(tmp_path: Path) -> None:
    """Run-id and user agent go out; headers come back in order and with their case."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, headers=[("X-One", "1"), ("x-Two", "2"), ("X-One", "3")], content=b"hello")

    stage = stage_of(tmp_path, handler)
    exchange = await stage.read().read("control", Ask("GET", "/a", query=(("q", "x y"),)))

    assert str(seen[0].url) == f"{BASE_URL}/a?q=x%20y"
    assert seen[0].headers["x-hybridcheck-run"] == "run-1"
    assert seen[0].headers["user-agent"] == f"hybridcheck/{__version__}"
    assert exchange.response is not None
    assert [pair for pair in exchange.response.headers if pair[0].lower() != "content-length"] == [
        ("X-One", "1"),
        ("x-Two", "2"),
        ("X-One", "3"),
    ]
    assert (exchange.status, exchange.response.body.text, exchange.label) == (201, "hello", "control")
    assert exchange.stream == "a.check[subject]"
    assert exchange.total_ms is not None
    assert exchange.first_byte_ms is not None
    assert [record.n for record in stage.records] == [exchange.n]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(tmp_path: Path, status: int) -> None:
    """A redirect is an answer; nothing is sent to where it points."""
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(status, headers={"Location": "http://elsewhere.test/"})

    exchange = await stage_of(tmp_path, handler).read().read("r", Ask("GET", "/start"))
    assert exchange.status == status
    assert seen == [f"{BASE_URL}/start"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_refused_connection_of_a_read_is_tried_again_and_every_attempt_is_recorded(
    tmp_path: Path, method: str
) -> None:
    """Two refusals and then an answer: one exchange, three attempts."""
    calls = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise httpx.ConnectError("refused") from ConnectionRefusedError(111, "refused")
        return httpx.Response(200)

    exchange = await stage_of(tmp_path, handler).read().read("r", Ask(method, "/"))
    assert exchange.status == 200
    assert exchange.connect_attempts == 3
    assert exchange.attempt_failures == (Failure.REFUSED, Failure.REFUSED)


async def test_a_target_that_never_accepts_is_a_failed_exchange(tmp_path: Path) -> None:
    """After the last attempt the failure is evidence, not a gap."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("late")

    stage = stage_of(tmp_path, handler, connect_attempts=2)
    exchange = await stage.read().read("r", Ask("GET", "/"))
    assert exchange.failure is Failure.CONNECT_TIMEOUT
    assert exchange.connect_attempts == 2
    assert exchange.attempt_failures == (Failure.CONNECT_TIMEOUT, Failure.CONNECT_TIMEOUT)
    assert stage.gaps() == []


@pytest.mark.parametrize("error", [httpx.ReadError("reset"), httpx.RemoteProtocolError("bad")])
async def test_what_fails_after_the_connection_stood_is_not_tried_again(tmp_path: Path, error: Exception) -> None:
    """The target may have acted on the request already."""
    calls = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        raise error

    exchange = await stage_of(tmp_path, handler).read().read("r", Ask("GET", "/"))
    assert exchange.failure in {Failure.RESET, Failure.FRAMING}
    assert calls == 1


async def test_a_write_is_never_tried_again(tmp_path: Path) -> None:
    """Even where the connection was refused."""
    calls = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        raise httpx.ConnectError("refused") from ConnectionRefusedError(111, "refused")

    profile = profile_of(operations=["POST /things"])
    stage = stage_of(tmp_path, handler, profile=profile)
    exchange = await stage.write().write("w", Ask("POST", "/things", operation="POST /things"))
    assert exchange.failure is Failure.REFUSED
    assert calls == 1


async def test_failures_of_all_kinds_give_their_connection_back(tmp_path: Path) -> None:
    """With one connection allowed, a request after many broken ones still goes out."""
    errors = [RuntimeError("bug"), httpx.ReadError("reset"), httpx.LocalProtocolError("ours"), None]

    def handler(request: httpx.Request) -> httpx.Response:
        error = errors.pop(0)
        if error is not None:
            raise error
        return httpx.Response(200)

    stage = stage_of(tmp_path, handler, profile=profile_of(limits={"max_connections": 1}))
    view = stage.read()
    for _ in range(3):
        with suppress(EvidenceLost):
            await view.read("broken", Ask("GET", "/"))
    with suppress(EvidenceLost):
        await view.read("denied", Ask("GET", "/reset"))
    assert (await view.read("r", Ask("GET", "/"))).status == 200


async def test_a_fault_of_our_own_is_a_gap(tmp_path: Path) -> None:
    """An exception that no target can cause ends the case as a tool fault, never as the target's failure."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise RuntimeError("our bug")

    stage = stage_of(tmp_path, handler)
    with pytest.raises(EvidenceLost) as lost:
        await stage.read().read("r", Ask("GET", "/"))
    assert lost.value.reason is GapReason.TOOL_FAULT
    assert [gap.label for gap in stage.gaps()] == ["r"]
    assert not [record for record in stage.records if isinstance(record, Exchange)]
