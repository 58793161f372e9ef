"""Requests that meet: sent together as far as the budgets allow, and how many really were under way at once."""

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from hybridcheck.cases import Reason, Undecided
from hybridcheck.evidence import Exchange
from hybridcheck.target import ReadTarget

T = TypeVar("T")

FEWEST_AT_ONCE = 2
"""Fewer requests under way at the same time show nothing about requests that meet."""


async def at_once(target: ReadTarget, calls: Sequence[Awaitable[T]]) -> list[T]:
    """Run calls at the same time, once the budget of the rate lets as many go together as it ever does."""
    await target.refill()
    return await target.together(calls)


def most_at_once(exchanges: Sequence[Exchange]) -> int:
    """The largest number of exchanges that were under way at one moment, by their starts and durations."""
    moments = [(exchange.at_s, 1) for exchange in exchanges]
    moments += [(exchange.at_s + (exchange.total_ms or 0.0) / 1000, -1) for exchange in exchanges]
    under_way = most = 0
    for _, change in sorted(moments):
        under_way += change
        most = max(most, under_way)
    return most


def require_meeting(exchanges: Sequence[Exchange]) -> int:
    """How many exchanges met at most.

    Raises:
        Undecided: SHALLOW where no two did.
    """
    found = most_at_once(exchanges)
    if found < FEWEST_AT_ONCE:
        raise Undecided(Reason.SHALLOW, "no two requests were under way at once: limits.max_rps keeps them apart")
    return found


def require_unthrottled(exchanges: Sequence[Exchange]) -> None:
    """Refuse evidence of a target that throttled.

    Raises:
        Undecided: THROTTLED.
    """
    if any(exchange.status == 429 for exchange in exchanges):
        raise Undecided(Reason.THROTTLED, "the target throttled the tester (429)")
