"""Bounds for a median that assume nothing of the distribution, and a decision that may be taken early.

For times measured on busy machines: a few of them are always far too long, and a mean would follow those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hybridcheck.statistics.binomial import binomial_cdf


@dataclass(frozen=True, slots=True)
class MedianBounds:
    """The sample median with one-sided bounds; None on a side that the sample is too small to bound."""

    n: int
    median: float
    lower: float | None
    upper: float | None


def median(values: Sequence[float]) -> float:
    """Return the middle value, or the mean of the two middle ones. ValueError without any value."""
    if not values:
        raise ValueError("nothing has no median")
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else 0.5 * (ordered[middle - 1] + ordered[middle])


def median_bounds(values: Sequence[float], lower_risk: float, upper_risk: float) -> MedianBounds:
    """Return the median with a lower and an upper bound, each wrong with at most its own risk.

    The bound is the order statistic of the largest rank r with P(Bin(n, 1/2) < r) <= risk, counted from its own end
    (the sign test turned round: Conover 1999, 3.4). Exact for independent values of any distribution.
    ValueError without any value or for a risk outside (0, 1/2).
    """
    if not (0.0 < lower_risk < 0.5 and 0.0 < upper_risk < 0.5):
        raise ValueError(f"a risk must lie in (0, 1/2), got {lower_risk!r} and {upper_risk!r}")
    ordered, count = sorted(values), len(values)
    lower_rank, upper_rank = _rank(count, lower_risk), _rank(count, upper_risk)
    return MedianBounds(
        n=count,
        median=median(ordered),
        lower=ordered[lower_rank - 1] if lower_rank else None,
        upper=ordered[count - upper_rank] if upper_rank else None,
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """What the bounds say about a limit: "pass" (certainly within), "fail" (certainly beyond) or "open"."""

    outcome: Literal["pass", "fail", "open"]
    bounds: MedianBounds


def decide_at_most(
    values: Sequence[float], limit: float, *, looks: int, pass_risk: float = 0.05, fail_risk: float = 0.01
) -> Decision:
    """Decide whether a median is at most `limit`, where the sample is looked at `looks` times at the most.

    Both risks are divided by the number of looks (Bonferroni), so that stopping at the first look that decides is
    allowed: "pass" where the upper bound is within the limit, "fail" where the lower bound is beyond it.
    """
    if looks < 1:
        raise ValueError(f"a sample is looked at once or more, got {looks!r}")
    bounds = median_bounds(values, fail_risk / looks, pass_risk / looks)
    if bounds.upper is not None and bounds.upper <= limit:
        return Decision("pass", bounds)
    if bounds.lower is not None and bounds.lower > limit:
        return Decision("fail", bounds)
    return Decision("open", bounds)


def _rank(count: int, risk: float) -> int:
    """Return the largest r with P(Bin(count, 1/2) < r) <= risk; 0 where there is none."""
    rank = 0
    while rank < count // 2 and binomial_cdf(rank, count, 0.5) <= risk:
        rank += 1
    return rank
