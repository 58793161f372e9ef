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
        self._kept_s = 0.0

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

    def left_s(self) -> float:
        """Seconds in which something may still be begun: until the run's deadline, or what is kept back before it."""
        return max(0.0, self._ends_at - self._kept_s - time.monotonic())

    def keep_back(self, seconds: float) -> None:
        """Keep the run's last seconds for what comes later: until the next call nothing is begun in them.

        At most half of what is left is kept, so that what comes first has its time too.
        """
        self._kept_s = min(seconds, self.remaining_s() / 2)

    @property
    def end(self) -> str:
        """What comes when no time is left, in words."""
        kept = f"the load, for which the run's last {self._kept_s:.0f} s are kept"
        return kept if self._kept_s else "the run's deadline"

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
        if at - now > self.left_s():
            raise EvidenceLost(GapReason.DEADLINE_SPENT, f"limits.max_rps leaves no turn before {self.end}")
        self._left -= 1
        self._next_at = at + self._gap_s
        if at > now:
            await asyncio.sleep(at - now)
        self.check()

    def check(self) -> None:
        """Refuse to go on after the run's deadline, or in what is kept back of its time.

        Raises:
            EvidenceLost: where that has come.
        """
        if self.left_s() <= 0:
            raise EvidenceLost(GapReason.DEADLINE_SPENT, f"no time is left before {self.end}")
