"""Hostile targets: each ends in a named failure or a recorded exchange, in time, in bounded memory, without a crash."""

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from hybridcheck.evidence import Exchange, Failure, GapReason, StreamRecord
from hybridcheck.reference.child import reserved_port
from hybridcheck.target import Ask, EvidenceLost
from hybridcheck.transport.wire import CUT_BODY_BYTES
from tests.targets.hostile import BOMB_BYTES, ESCAPES, FAULTS, authority_file, hostile, hostile_in_thread
from tests.unit.transport.stage import Stage, profile_of, stage_of

DEADLINE_S, SHORT_DEADLINE_S = 10.0, 2.0
CAP_BYTES = 256 * 1024

FAILURES = {
    "endless-body": Failure.TOO_LARGE,
    "endless-headers": Failure.TOO_LARGE,
    "endless-informational": Failure.READ_TIMEOUT,
    "endless-chunk-header": Failure.TOO_LARGE,
    "endless-event": Failure.TOO_LARGE,
    "drip-feed": Failure.DEADLINE,
    "drip-headers": Failure.READ_TIMEOUT,
    "gzip-bomb": Failure.TOO_LARGE,
    "brotli-bomb": Failure.TOO_LARGE,
    "gzip-cut": Failure.DECODING,
    "gzip-that-is-none": Failure.DECODING,
    "encoding-unknown": Failure.DECODING,
    "length-too-long": Failure.CLOSED_EARLY,
    "length-negative": Failure.FRAMING,
    "bad-chunk": Failure.FRAMING,
    "length-twice": Failure.FRAMING,
    "switches-protocols": Failure.FRAMING,
    "nul-in-header": Failure.FRAMING,
    "header-without-colon": Failure.FRAMING,
    "status-000": Failure.NOT_HTTP,
    "http-0.9": Failure.NOT_HTTP,
    "many-headers": Failure.TOO_LARGE,
    "reset-in-body": Failure.RESET,
    "closes-at-once": Failure.CLOSED_EARLY,
    "silent": Failure.READ_TIMEOUT,
    "not-http": Failure.NOT_HTTP,
    "not-http-banner": Failure.CLOSED_EARLY,
    "tls-untrusted": Failure.TLS_UNTRUSTED,
    "tls-other-host": Failure.TLS_HOSTNAME,
    "tls-expired": Failure.TLS_EXPIRED,
    "tls-is-none": Failure.TLS_HANDSHAKE,
}
"""How each fault fails; what is not here answers."""

STATUSES = {
    "redirect-loop": 302,
    "redirect-elsewhere": 302,
    "status-999": 999,
    "no-content-with-content": 204,
    "always-401": 401,
    "always-404": 404,
    "always-429": 429,
    "always-500": 500,
    "always-503": 503,
}
"""What answers with another status than 200."""


def stage_at(folder: Path, base_url: str, *, trusting: bool = True, deadline_s: float = DEADLINE_S) -> Stage:
    """A session with the target over the network; it trusts the test's authority if so told."""
    target: dict[str, object] = {"url": base_url, "environment": "local"}
    if trusting:
        target["tls"] = {"ca_file": str(authority_file(folder))}
    limits = {"max_body_bytes": CAP_BYTES, "request_deadline_s": deadline_s}
    return stage_of(folder, base_url=base_url, profile=profile_of(targets={"t": target}, limits=limits))


def kept_bytes(exchange: Exchange | StreamRecord) -> int:
    """How many bytes of the body the record holds."""
    return len(exchange.response.body.content()) if exchange.response else 0


@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_has_its_name(tmp_path: Path, name: str) -> None:
    """A read of a hostile target returns a record that says what happened, and the ledger holds it."""
    async with hostile(name) as base_url:
        kept = FAILURES.get(name) in {Failure.READ_TIMEOUT, Failure.DEADLINE}
        deadline_s = SHORT_DEADLINE_S if kept else DEADLINE_S
        stage = stage_at(tmp_path, base_url, trusting=name != "tls-untrusted", deadline_s=deadline_s)
        async with stage.session:
            exchange = await asyncio.wait_for(stage.read().read("r", Ask("GET", "/path")), 30)

    assert (name, exchange.failure) == (name, FAILURES.get(name))
    if exchange.failure is None:
        assert exchange.status == STATUSES.get(name, 200)
        assert exchange.response is not None
        assert exchange.response.body.complete
    else:
        assert exchange.status is None
        assert exchange.failure_detail or exchange.failure in {Failure.READ_TIMEOUT, Failure.DEADLINE}
        assert exchange.response is None or not exchange.response.body.complete
    assert kept_bytes(exchange) <= (CUT_BODY_BYTES if exchange.failure is Failure.TOO_LARGE else CAP_BYTES)
    assert [record.n for record in stage.exchanges()] == [exchange.n]
    assert stage.gaps() == []


async def test_script_and_escapes_are_recorded_as_they_came(tmp_path: Path) -> None:
    """Hostile text reaches the ledger as data (control characters escaped by JSON), and reads back the same."""
    async with hostile("hostile-fields") as base_url:
        stage = stage_at(tmp_path, base_url)
        exchange = await stage.read().read("r", Ask("GET", "/"))
    assert exchange.response is not None
    assert ESCAPES in (exchange.response.header("server") or "")
    assert b"\x1b" not in stage.ledger_path.read_bytes()


async def test_a_target_that_dies_in_mid_run_is_seen_to_refuse(tmp_path: Path) -> None:
    """Answers are answers, and after its death every read is a refusal with all its attempts."""
    async with hostile("dies-after-2") as base_url:
        stage = stage_at(tmp_path, base_url)
        view = stage.read()
        found = [await view.read(f"r.{number}", Ask("GET", "/")) for number in range(3)]
    assert [exchange.status for exchange in found] == [200, 200, None]
    assert found[2].failure is Failure.REFUSED
    assert found[2].connect_attempts == 3


@pytest.mark.parametrize("name", ["endless-body", "gzip-bomb", "brotli-bomb", "endless-headers", "endless-event"])
async def test_what_never_ends_takes_little_memory(tmp_path: Path, name: str) -> None:
    """Twenty reads, four at once, take less than half of what one bomb would unfold to, their records included."""
    async with hostile(name) as base_url:
        stage = stage_at(tmp_path, base_url)
        view = stage.read()
        await view.read("warm", Ask("GET", "/"))
        tracemalloc.start()
        try:
            for number in range(5):
                await view.together([view.read(f"r.{number}.{i}", Ask("GET", "/", deadline_s=40)) for i in range(4)])
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert {exchange.failure for exchange in stage.exchanges()[1:]} == {Failure.TOO_LARGE}
    assert peak_bytes < BOMB_BYTES / 2, peak_bytes
    assert all(kept_bytes(exchange) <= CAP_BYTES for exchange in stage.exchanges())


@pytest.mark.parametrize("name", ["silent", "drip-feed", "drip-headers", "endless-informational"])
async def test_the_deadline_is_total(tmp_path: Path, name: str) -> None:
    """Whatever trickles in, the recorded time is the deadline's, not the sum of many small waits."""
    took_ms = 0.0
    async with hostile(name) as base_url:
        view = stage_at(tmp_path, base_url).read()
        for number in range(5):  # what holds this process up before it sends is taken from the request's time
            exchange = await view.read(f"r{number}", Ask("GET", "/", deadline_s=0.3))
            assert exchange.status is None
            took_ms = max(took_ms, exchange.total_ms or 0.0)
            if took_ms >= 290:
                break
    assert took_ms >= 290


async def test_the_runs_own_end_is_a_gap_and_not_the_targets_failure(tmp_path: Path) -> None:
    """A request that the run's deadline cuts short says nothing about the target."""
    async with hostile("silent") as base_url:
        profile = profile_of(limits={"request_deadline_s": 30})
        stage = stage_of(tmp_path, base_url=base_url, profile=profile, deadline_s=3)
        with pytest.raises(EvidenceLost) as lost:
            await stage.read().read("r", Ask("GET", "/"))
    assert lost.value.reason is GapReason.INTERRUPTED
    assert stage.exchanges() == []
    assert [gap.label for gap in stage.gaps()] == ["r"]


async def test_a_cancelled_request_leaves_a_gap(tmp_path: Path) -> None:
    """An interruption in mid-request is on the record, and the cancellation goes on its way."""
    async with hostile("silent") as base_url:
        stage = stage_at(tmp_path, base_url)
        task = asyncio.create_task(stage.read().read("r", Ask("GET", "/", deadline_s=20)))
        while stage.session.requests_left == 200_000:  # noqa: ASYNC110 - the session has no event for it
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [gap.reason for gap in stage.gaps()] == [GapReason.INTERRUPTED]


async def test_a_thread_can_serve_a_fault_too(tmp_path: Path) -> None:
    """For tests that run a command beside it."""
    with hostile_in_thread("always-503") as base_url:
        exchange = await stage_at(tmp_path, base_url).read().read("r", Ask("GET", "/"))
    assert exchange.status == 503


async def test_nothing_listens(tmp_path: Path) -> None:
    """A port that nobody listens on is a refusal; a name that does not exist is a DNS failure."""
    with reserved_port() as silent:
        base_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        refused = await stage_at(tmp_path, base_url).read().read("r", Ask("GET", "/"))
    assert refused.failure is Failure.REFUSED
    nowhere = await stage_of(tmp_path, base_url="http://no-such-host.invalid").read().read("r", Ask("GET", "/"))
    assert nowhere.failure is Failure.DNS
