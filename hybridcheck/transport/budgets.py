"""The budgets of a run: how many requests, how fast, and until when.

Load phases have their own generator and their own rate; everything else passes here.
"""

import asyncio
import time

from hybridcheck.evidence import GapReason
from hybridcheck.target import EvidenceLost

BURST_S = 0.1
"""How many seconds' worth of requests may go out at once, so that calls meant to be together are together."""


MOST_ANSWER_BYTES = 128 * 1024 * 1024
"""How many bytes of answers a run records: all of them are held in memory once, when they are judged."""


class Budgets:
    """Counts and paces requests (a token bucket), and ends with the run's deadline.

    Args:
        max_requests: how many requests a run may send.
        max_rps: how many per second, over all cases.
        started: start of the run on the monotonic clock, in seconds.
        deadline_s: how long after `started` nothing is sent any more.
    """

    def __init__(self, *, max_requests: int, max_rps: float, started: float, deadline_s: float) -> None:
        self._left = max_requests
        self._bytes_left = MOST_ANSWER_BYTES
        self._gap_s = 1 / max_rps
        self._burst_s = max(BURST_S, self._gap_s) - self._gap_s
        self._next_at = started
        self._started = started
        self._ends_at = started + deadline_s

    @property
    def requests_left(self) -> int:
        """How many requests may still be sent."""
        return self._left

    def now_s(self) -> float:
        """Seconds since the run's start."""
        return time.monotonic() - self._started

    def remaining_s(self) -> float:
        """Seconds until the run's deadline; 0 when it has passed."""
        return max(0.0, self._ends_at - time.monotonic())

    def refilled_in_s(self) -> float:
        """Seconds until as many requests may go out at once as ever may; 0 where they may now."""
        return max(0.0, self._next_at + self._burst_s - time.monotonic())

    def spend_bytes(self, size_bytes: int) -> None:
        """Count bytes of an answer that go into the ledger."""
        self._bytes_left -= size_bytes

    async def take(self) -> None:
        """Take one request from the budgets, waiting for its turn.

        Raises:
            EvidenceLost: where a budget is spent.
        """
        self.check()
        if self._left <= 0:
            raise EvidenceLost(GapReason.BUDGET_SPENT, "limits.max_requests are sent")
        if self._bytes_left <= 0:
            raise EvidenceLost(GapReason.BUDGET_SPENT, f"{MOST_ANSWER_BYTES} bytes of answers are recorded")
        now = time.monotonic()
        at = max(self._next_at, now - self._burst_s)
        if at > self._ends_at:
            raise EvidenceLost(GapReason.DEADLINE_SPENT, "limits.max_rps leaves no turn before the run's deadline")
        self._left -= 1
        self._next_at = at + self._gap_s
        if at > now:
            await asyncio.sleep(at - now)
        self.check()

    def check(self) -> None:
        """Refuse to go on after the run's deadline.

        Raises:
            EvidenceLost: where it has come.
        """
        if self.remaining_s() <= 0:
            raise EvidenceLost(GapReason.DEADLINE_SPENT, "the run's deadline has passed")
