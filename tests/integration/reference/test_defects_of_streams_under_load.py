"""Each defect of streams under load, and the tail of one operation, shows while there is load, not before it, and not on the healthy system."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from hybridcheck.reference.gateway.strain import BUSY_PATH, SLOW_S, STRAINED_RPS, TAILED_EACH, TAILED_PATH
from tests.integration.reference.visitor import Heard, Visitor, visiting

EVENTS = 200
QUERY = f"count={EVENTS}&interval_ms=20"  # four seconds, of which the load is felt in the last two
CALM = 50  # events of the first second


@contextmanager
def loaded(*visitors: Visitor) -> Iterator[None]:
    """Load on each of the systems."""
    over = threading.Event()
    threads = [threading.Thread(target=_load, args=(visitor.system.base_url, over)) for visitor in visitors]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _load(url: str, over: threading.Event) -> None:
    with httpx.Client(base_url=url, trust_env=False) as client:
        while not over.wait(1 / (4 * STRAINED_RPS)):
            client.get(BUSY_PATH)


def listen(visitor: Visitor, into: list[Heard]) -> threading.Thread:
    """Begin to listen in a thread."""
    visitor.token()
    thread = threading.Thread(target=lambda: into.append(visitor.events(QUERY)))
    thread.start()
    return thread


@pytest.mark.slow
def test_streams_suffer_under_load_only(healthy: Visitor) -> None:
    """Late, lost and out of order on one system; cut off and refused on another; the third is healthy."""
    planted = {
        "muddled": ("stream-late-under-load", "stream-lossy-under-load", "stream-shuffled-under-load"),
        "closed": ("streams-cut-under-load", "streams-refused-under-load", "aggregate-tail"),
    }
    heard: dict[str, list[Heard]] = {name: [] for name in ("healthy", *planted)}
    with ExitStack() as stack:
        systems = {name: stack.enter_context(visiting(*defects)) for name, defects in planted.items()}
        systems["healthy"] = healthy
        with loaded(*systems.values()):
            threads = {name: listen(visitor, heard[name]) for name, visitor in systems.items()}
            threads["closed"].join()
            assert systems["closed"].get(f"/stream/events?{QUERY}").status_code == 503
            assert ws_status(systems["closed"]) == 503
            assert ws_status(systems["healthy"]) == 101
            took = [systems["closed"].post(TAILED_PATH, {"values": [1, 2]}).elapsed for _ in range(TAILED_EACH)]
            assert max(took).total_seconds() >= SLOW_S > min(took).total_seconds()
            for thread in threads.values():
                thread.join()
    (whole,), (muddled,), (closed,) = heard.values()
    assert whole.sequence == list(range(1, EVENTS + 1))
    assert whole.ended
    assert not late(whole)
    assert late(muddled)
    assert muddled.sequence[:CALM] == list(range(1, CALM + 1))
    assert len(muddled.sequence) < EVENTS
    assert muddled.sequence != sorted(muddled.sequence)
    assert closed.cut_off
    assert closed.sequence == list(range(1, len(closed.sequence) + 1))
    assert CALM < len(closed.sequence) < EVENTS


def late(heard: Heard) -> bool:
    """Whether a fifth of the events come more than a second after they were sent."""
    delays = [at - sent for at, sent in zip(heard.received_at, heard.sent_at, strict=True)]
    return sum(delay > 1 for delay in delays) > len(delays) / 5


def ws_status(visitor: Visitor) -> int:
    """The status of a handshake."""
    url = visitor.system.base_url.replace("http", "ws") + "/stream/ws?count=2&interval_ms=1"
    try:
        with connect(url, additional_headers={"Authorization": f"Bearer {visitor.token()}"}):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code
