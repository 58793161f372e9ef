"""Each defect of streams under load, and the tail of one operation, shows while there is load, not before it, and not on the healthy system."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from hybridcheck.reference.gateway.strain import SLOW_S, TAILED_EACH, TAILED_PATH
from tests.integration.reference.test_defects_of_load import load
from tests.integration.reference.visitor import Heard, Visitor, comes, visiting

EVENTS = 300
QUERY = f"count={EVENTS}&interval_ms=20"  # six seconds, of which the load is felt in the last four
CALM = 50  # the load begins when everybody has heard as many, and is felt a second later


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
    for _ in load(url):
        if over.is_set():
            break


def listen(visitor: Visitor, into: Heard) -> threading.Thread:
    """Begin to listen in a thread."""
    visitor.token()
    thread = threading.Thread(target=visitor.events, args=(QUERY, into))
    thread.start()
    return thread


PLANTED = {
    "healthy": (),
    "muddled": ("stream-late-under-load", "stream-lossy-under-load", "stream-shuffled-under-load"),
    "closed": ("streams-cut-under-load", "streams-refused-under-load", "aggregate-tail"),
}


@pytest.mark.slow
@pytest.mark.timeout(500)  # where the load is held up, what it does to streams is looked for again
def test_streams_suffer_under_load_only() -> None:
    """Late, lost and out of order on one system; cut off and refused on another; the third is healthy."""
    whole = muddled = closed = Heard()
    with ExitStack() as stack:
        systems = {name: stack.enter_context(visiting(*defects)) for name, defects in PLANTED.items()}
        for _ in range(4):
            whole, muddled, closed = listened(systems)
            assert whole.sequence == list(range(1, EVENTS + 1))
            assert whole.ended
            assert not late(whole)
            assert muddled.sequence[:CALM] == list(range(1, CALM + 1))
            assert closed.sequence == list(range(1, len(closed.sequence) + 1))
            assert len(closed.sequence) > CALM
            muddled_as_planted = late(muddled) and muddled.sequence != sorted(muddled.sequence)
            if muddled_as_planted and len(muddled.sequence) < EVENTS and closed.cut_off:
                break
    assert late(muddled)
    assert len(muddled.sequence) < EVENTS
    assert muddled.sequence != sorted(muddled.sequence)
    assert closed.cut_off
    assert len(closed.sequence) < EVENTS


def listened(systems: dict[str, Visitor]) -> list[Heard]:
    """What was heard on each system, in the calm first and then under load; meanwhile one of them refuses streams."""
    heard = {name: Heard() for name in systems}
    threads = {name: listen(visitor, heard[name]) for name, visitor in systems.items()}
    assert comes(lambda: all(len(one.sequence) >= CALM for one in heard.values()))
    with loaded(*systems.values()):
        threads["closed"].join()
        # where the load was held up it is not felt for a moment
        assert comes(lambda: systems["closed"].get("/stream/events?count=1").status_code == 503)
        assert comes(lambda: ws_status(systems["closed"]) == 503)
        assert ws_status(systems["healthy"]) == 101
        assert comes(lambda: tailed(systems["closed"]))
        for thread in threads.values():
            thread.join()
    return list(heard.values())


def late(heard: Heard) -> bool:
    """Whether a fifth of the events come more than a second after they were sent."""
    delays = [at - sent for at, sent in zip(heard.received_at, heard.sent_at, strict=True)]
    return sum(delay > 1 for delay in delays) > len(delays) / 5


def tailed(visitor: Visitor) -> bool:
    """Whether one of eight answers is slow, and another is not."""
    took = [visitor.post(TAILED_PATH, {"values": [1, 2]}).elapsed for _ in range(TAILED_EACH)]
    return max(took).total_seconds() >= SLOW_S > min(took).total_seconds()


def ws_status(visitor: Visitor) -> int:
    """The status of a handshake."""
    url = visitor.system.base_url.replace("http", "ws") + "/stream/ws?count=2&interval_ms=1"
    try:
        with connect(url, additional_headers={"Authorization": f"Bearer {visitor.token()}"}):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code
