"""A log-linear histogram of nanoseconds on a plain dict: exact merging, relative error at most 0.05 %.

Values below 2,048 ns have a bucket each; above, every power of two is cut into 1,024 buckets, so a bucket is at most
1/1,024 of its value wide and its middle is within 0.049 % of everything in it. The same layout as an HDR histogram
(Tene) without its fixed range.

A hot loop inlines `bucket_of` (`latency_ns` >= 0):

    shift = latency_ns.bit_length() - 11
    bucket = (shift << 10) + (latency_ns >> shift) if shift > 0 else latency_ns
    counts[bucket] = counts.get(bucket, 0) + 1
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hybridcheck.statistics.binomial import binomial_cdf

_SUB_BUCKET_BITS = 10
_SUB_BUCKETS = 1 << _SUB_BUCKET_BITS


def bucket_of(value_ns: int) -> int:
    """Return the bucket that holds a duration. ValueError when it is negative."""
    if value_ns < 0:
        raise ValueError(f"a duration cannot be negative, got {value_ns!r} ns")
    shift = value_ns.bit_length() - 11
    return (shift << 10) + (value_ns >> shift) if shift > 0 else value_ns


def lower_edge_ns(bucket: int) -> int:
    """Return the smallest duration of a bucket."""
    if bucket < 2 * _SUB_BUCKETS:
        return bucket
    shift = (bucket >> _SUB_BUCKET_BITS) - 1
    return ((bucket & (_SUB_BUCKETS - 1)) + _SUB_BUCKETS) << shift


def upper_edge_ns(bucket: int) -> int:
    """Return the smallest duration beyond a bucket: the lower edge of the next one."""
    return lower_edge_ns(bucket + 1)


def value_ns(bucket: int) -> int:
    """Return the duration in the middle of a bucket."""
    lower = lower_edge_ns(bucket)
    return lower + (upper_edge_ns(bucket) - lower) // 2


@dataclass(frozen=True, slots=True)
class QuantileBounds:
    """Durations between which a quantile lies; None on a side where the sample is too small to bound it."""

    lower_ns: int | None
    upper_ns: int | None


class Histogram:
    """Counts of durations by bucket."""

    __slots__ = ("counts",)

    def __init__(self, counts: dict[int, int] | None = None) -> None:
        """Start empty, or on top of the given dict, which a hot loop may fill by the inline idiom."""
        self.counts: dict[int, int] = {} if counts is None else counts

    def record(self, value_ns: int) -> None:
        """Count one duration."""
        bucket = bucket_of(value_ns)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def merge(self, other: "Histogram") -> None:
        """Add the counts of another histogram: the same as if all had been recorded in one."""
        counts = self.counts
        for bucket, count in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count

    @property
    def count(self) -> int:
        """Return how many durations were recorded."""
        return sum(self.counts.values())

    def quantile(self, q: float) -> int | None:
        """Return the q-quantile in ns: the middle of the bucket that holds the ceil(q n)-th smallest; None when empty.

        No interpolation: type 1 of Hyndman & Fan 1996. ValueError unless 0 <= q <= 1.
        """
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"a quantile must lie in [0, 1], got {q!r}")
        count = self.count
        if count == 0:
            return None
        rank = math.ceil(q * count * (1.0 - 1e-15))  # 0.07 * 100 is 7.000000000000001
        return value_ns(self._bucket_at_rank(max(1, rank)))

    def share_above(self, limit_ns: int) -> float | None:
        """Return the share of durations above a limit; None when empty.

        A bucket counts as above unless it ends at or below the limit. Exact where `limit_ns` + 1 is a lower edge;
        elsewhere the bucket that holds the limit counts whole, so the share is never understated, and is that of some
        limit at most 0.1 % lower.
        """
        count = self.count
        if count == 0:
            return None
        return sum(number for bucket, number in self.counts.items() if upper_edge_ns(bucket) - 1 > limit_ns) / count

    def quantile_bounds(self, q: float, confidence: float, design_effect: float = 1.0) -> QuantileBounds:
        """Return a two-sided interval for the q-quantile from order statistics, free of any distribution.

        Ranks l and u with P(Bin(n, q) < l) <= a/2 and P(Bin(n, q) >= u) <= a/2, a = 1 - confidence (Conover 1999, 3.2;
        Hahn & Meeker 1991, 5.2); the edges are those of their buckets. With a design effect above 1 the ranks are taken
        at n / design_effect observations and scaled back (Woodruff 1952). Independent observations assumed otherwise.
        """
        if not 0.0 < q < 1.0 or not 0.0 < confidence < 1.0 or not design_effect >= 1.0:
            raise ValueError(
                "bounds need 0 < q < 1, 0 < confidence < 1 and design_effect >= 1, "
                f"got q={q!r}, confidence={confidence!r}, design_effect={design_effect!r}"
            )
        count = self.count
        effective = math.floor(count / design_effect)
        lower_rank, upper_rank = _order_statistic_ranks(effective, q, 0.5 * (1.0 - confidence))
        lower = upper = None
        if lower_rank is not None:
            lower = lower_edge_ns(self._bucket_at_rank(max(1, lower_rank * count // effective)))
        if upper_rank is not None:
            upper = upper_edge_ns(self._bucket_at_rank(-(-upper_rank * count // effective))) - 1
        return QuantileBounds(lower, upper)

    def to_pairs(self) -> list[tuple[int, int]]:
        """Return (bucket, count) in ascending order, for JSON."""
        return sorted(self.counts.items())

    @classmethod
    def from_pairs(cls, pairs: Iterable[Sequence[int]]) -> "Histogram":
        """Return the histogram of such pairs. ValueError on anything but pairs of a bucket and a positive count."""
        counts: dict[int, int] = {}
        for pair in pairs:
            if len(pair) != 2 or any(type(number) is not int for number in pair) or pair[0] < 0 or pair[1] < 1:
                raise ValueError(f"a histogram pair is [bucket >= 0, count >= 1] in whole numbers, got {pair!r}")
            counts[pair[0]] = counts.get(pair[0], 0) + pair[1]
        return cls(counts)

    def _bucket_at_rank(self, rank: int) -> int:
        """Return the bucket of the rank-th smallest duration, 1-based."""
        seen = 0
        for bucket, number in self.to_pairs():
            seen += number
            if seen >= rank:
                return bucket
        raise ValueError(f"no rank {rank} among {seen} durations")


def _order_statistic_ranks(count: int, q: float, tail: float) -> tuple[int | None, int | None]:
    """Return the largest l with P(Bin < l) <= tail and the smallest u with P(Bin >= u) <= tail, where they exist."""
    if count == 0:
        return None, None
    low, high = 0, count
    while low < high:  # the largest l
        middle = (low + high + 1) // 2
        low, high = (middle, high) if binomial_cdf(middle - 1, count, q) <= tail else (low, middle - 1)
    lower_rank = low or None
    low, high = 1, count + 1
    while low < high:  # the smallest u
        middle = (low + high) // 2
        low, high = (low, middle) if 1.0 - binomial_cdf(middle - 1, count, q) <= tail else (middle + 1, high)
    return lower_rank, low if low <= count else None
