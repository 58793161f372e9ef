"""What tests do to a native service while a run goes on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hybridcheck.reference.native_keeper import NativeKeeper

EVERY_S = 0.4


@contextmanager
def restarting(keeper: NativeKeeper) -> Iterator[None]:
    """Kills and starts the service over and over; afterwards it runs."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(EVERY_S):
            keeper.restart()

    doing = threading.Thread(target=go_on, daemon=True)
    doing.start()
    try:
        yield
    finally:
        over.set()
        doing.join()
