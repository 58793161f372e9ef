"""What the gateway does badly under strain, only with a switch on; and the one honest backlog: the audit queue."""

import asyncio
import hashlib
import os
import threading
import time
from collections import deque

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.store import Store, now_text
from hybridcheck.reference.metrics import Metrics
from hybridcheck.reference.web import Problem

BUSY_PATH = "/api/datasets"
LOAD_RPS = 40  # load, for the switches below, is more than this on BUSY_PATH in each of the last LOAD_S whole seconds:
LOAD_S = 4  # functional requests come in bursts, and spread over all paths
STRAINED_RPS, STRAINED_HALVES = 30, 3  # in each of so many half-seconds; a burst is over after one
TAILED_PATH, TAILED_EACH = "/analytics/aggregate", 8  # too few of all requests to break the limit of all
FALLEN_TO = 0.45  # after load, fewer than this share of its best second is the end of the load
WINDOW_S = 0.5
SLOW_S = 0.3
BROKEN_FOR_S = 60.0
KEPT_BYTES = 32 * 1024
KEPT_AT_MOST_BYTES = 400 * 1024 * 1024
KEPT_FILES_AT_MOST = 800  # below the usual limit of 1024
BURNING_THREADS = 3  # one alone gets a third of a core where others are busy on the machine
NEVER_DONE = 10  # every tenth work item, so that the backlog stays far below its limit
QUIET_REQUESTS = 10  # fewer than this many in QUIET_S: what has piled up is worked off
QUIET_S = 0.5


class Audit:
    """Writes are noted in a queue that a task empties into the store."""

    def __init__(self, store: Store, metrics: Metrics, defects: Switches) -> None:
        """The length of the queue is the gauge `work_backlog`."""
        self._store = store
        self._metrics = metrics
        self._defects = defects
        self._waiting: list[tuple[str, str, str]] = []
        self._seen = 0
        self._never_done = 0
        self._piled_up = 0
        self._recent: deque[float] = deque()

    def note(self, username: str, operation: str) -> None:
        """Put a row into the queue."""
        self._waiting.append((now_text(), username, operation))
        self._show()

    def note_request(self) -> None:
        """Called for every request; a healthy gateway has nothing to do here."""
        if self._defects.on("not-back-to-baseline"):
            self._seen += 1
            self._never_done = self._seen // NEVER_DONE
            self._show()
        if self._defects.on("work-piles-up"):
            self._piled_up += 1
            self._recent.append(time.monotonic())
            self._show()

    def _show(self) -> None:
        self._metrics.set_backlog(len(self._waiting) + self._never_done + self._piled_up)

    def _work_off(self) -> None:
        while self._recent and self._recent[0] < time.monotonic() - QUIET_S:
            self._recent.popleft()
        if self._piled_up and len(self._recent) < QUIET_REQUESTS:
            self._piled_up = 0
            self._show()

    async def keep_writing(self) -> None:
        """Empty the queue ten times a second."""
        while True:
            await asyncio.sleep(0.1)
            if self._waiting:
                rows, self._waiting = self._waiting, []
                self._store.write_audit(rows)
                self._show()
            self._work_off()


class Strain:
    """The defects that depend on load or time. Only used where at least one switch is on."""

    def __init__(self, defects: Switches) -> None:
        """Starts the threads of `cpu-hog` if it is on."""
        self._defects = defects
        self._per_half_second: dict[int, int] = {}
        self._recent: deque[float] = deque()
        self._seen = 0
        self._tailed = 0
        self._best_rps = 0  # best second of the load that is going on; 0 without one
        self._broken_until = 0.0
        self._kept: list[bytes] = []
        self._files: list[int] = []
        for _ in range(BURNING_THREADS if defects.on("cpu-hog") else 0):
            threading.Thread(target=_burn, daemon=True).start()

    async def suffer(self, path: str) -> None:
        """Called before each request is answered."""
        now = time.monotonic()
        self._seen += 1
        if path == BUSY_PATH:
            self._note(now)
        while self._recent and self._recent[0] < now - WINDOW_S:
            self._recent.popleft()
        if self._defects.on("memory-growth") and len(self._kept) * KEPT_BYTES < KEPT_AT_MOST_BYTES:
            self._kept.append(bytes([self._seen % 255 + 1]) * KEPT_BYTES)
        if self._defects.on("leaks-files") and len(self._files) < KEPT_FILES_AT_MOST:
            self._files.append(os.open(os.devnull, os.O_RDONLY))
        if self._defects.on("slow"):
            await asyncio.sleep(SLOW_S)
        if path == TAILED_PATH and self._defects.on("aggregate-tail") and self.strained():
            self._tailed += 1
            if self._tailed % TAILED_EACH == 0:
                await asyncio.sleep(SLOW_S)
        if self._defects.on("flaky-errors") and self._loaded(now) and self._seen % 20 == 0:
            raise RuntimeError("planted failure")
        if self._defects.on("no-recovery"):
            await self._fail_after_load(now)

    def hollow(self) -> bool:
        """Whether this answer is to be an empty object."""
        return self._defects.on("hollow-answers") and self.loaded() and self._seen % 10 == 0

    def loaded(self) -> bool:
        """Whether there has been load for some seconds."""
        return self._loaded(time.monotonic())

    def strained(self) -> bool:
        """Whether there has been load for a moment: for defects that have to be there when the first second counts."""
        half = int(time.monotonic() * 2)
        return all(
            self._per_half_second.get(half - back, 0) > STRAINED_RPS / 2 for back in range(1, STRAINED_HALVES + 1)
        )

    def _note(self, now: float) -> None:
        half, counts = int(now * 2), self._per_half_second
        counts[half] = counts.get(half, 0) + 1
        if len(counts) > 8 * LOAD_S:
            self._per_half_second = {key: count for key, count in counts.items() if key >= half - 2 * LOAD_S - 1}
        self._recent.append(now)

    def _loaded(self, now: float) -> bool:
        return all(self._in_second(int(now) - back) > LOAD_RPS for back in range(1, LOAD_S + 1))

    def _in_second(self, second: int) -> int:
        return sum(self._per_half_second.get(half, 0) for half in (2 * second, 2 * second + 1))

    async def _fail_after_load(self, now: float) -> None:
        if self._loaded(now):
            self._best_rps = max(self._best_rps, self._in_second(int(now) - 1))
        if self._best_rps and len(self._recent) / WINDOW_S < FALLEN_TO * self._best_rps:
            self._best_rps = 0
            self._broken_until = now + BROKEN_FOR_S
        if now < self._broken_until:
            await asyncio.sleep(1.0)
            raise Problem(503, "still busy with earlier requests", ((b"retry-after", b"60"),))


def _burn() -> None:
    # PBKDF2 runs without the interpreter lock: it burns a core and leaves the event loop its turn.
    while True:
        hashlib.pbkdf2_hmac("sha256", b"burn", b"burn", 200_000)
