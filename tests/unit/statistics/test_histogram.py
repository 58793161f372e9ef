"""The log-linear histogram: layout, error, merging, quantiles, shares and bounds."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hybridcheck.statistics.histogram import (
    Histogram,
    QuantileBounds,
    bucket_of,
    lower_edge_ns,
    upper_edge_ns,
    value_ns,
)

_DURATIONS_NS = st.one_of(st.integers(0, 5000), st.integers(0, 60_000_000_000), st.integers(0, 2**63))


def _histogram(values_ns: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values_ns:
        histogram.record(value)
    return histogram


@given(_DURATIONS_NS)
def test_a_bucket_holds_its_durations_and_is_narrow(duration_ns: int) -> None:
    """Every duration lies between its edges; middle and edges are within 0.1 % of it, from zero to centuries."""
    bucket = bucket_of(duration_ns)
    assert lower_edge_ns(bucket) <= duration_ns < upper_edge_ns(bucket)
    assert abs(value_ns(bucket) - duration_ns) <= 0.0005 * duration_ns
    assert upper_edge_ns(bucket) - 1 - lower_edge_ns(bucket) <= 0.001 * duration_ns


@given(_DURATIONS_NS)
def test_the_inline_idiom_of_the_docstring_is_the_function(latency_ns: int) -> None:
    """The two lines for hot loops give the same bucket."""
    shift = latency_ns.bit_length() - 11
    bucket = (shift << 10) + (latency_ns >> shift) if shift > 0 else latency_ns
    assert bucket == bucket_of(latency_ns)


def test_buckets_are_contiguous() -> None:
    """Each bucket starts where the one before ends, over the whole range in use."""
    for bucket in range(bucket_of(60_000_000_000) + 1):
        assert bucket_of(lower_edge_ns(bucket)) == bucket
        assert bucket_of(upper_edge_ns(bucket)) == bucket + 1


def test_a_negative_duration_is_refused() -> None:
    """A clock that ran backwards is an error, not a bucket."""
    with pytest.raises(ValueError, match="negative"):
        bucket_of(-1)


@given(st.lists(_DURATIONS_NS), st.integers(1, 5))
def test_merging_workers_equals_one_histogram(values_ns: list[int], workers: int) -> None:
    """Any split over workers merges to exactly the histogram of all values, also through JSON."""
    merged = Histogram()
    for worker in range(workers):
        part = _histogram(values_ns[worker::workers])
        merged.merge(Histogram.from_pairs(json.loads(json.dumps(part.to_pairs()))))
    assert merged.to_pairs() == _histogram(values_ns).to_pairs()
    assert merged.count == len(values_ns)


@given(st.lists(_DURATIONS_NS, min_size=1), st.integers(0, 100))
def test_quantiles_are_order_statistics_within_the_error(values_ns: list[int], percent: int) -> None:
    """The quantile is the nearest-rank value to 0.05 %."""
    exact = sorted(values_ns)[max(1, -(-percent * len(values_ns) // 100)) - 1]
    quantile = _histogram(values_ns).quantile(percent / 100)
    assert quantile is not None
    assert abs(quantile - exact) <= 0.0005 * exact


def test_an_empty_histogram_has_no_figures() -> None:
    """Nothing measured is None, never zero."""
    empty = Histogram()
    assert empty.quantile(0.5) is None
    assert empty.share_above(1000) is None
    assert empty.quantile_bounds(0.5, 0.95) == QuantileBounds(None, None)
    assert empty.count == 0


def test_share_above_is_exact_on_an_edge_and_never_understated() -> None:
    """At an edge the share is exact; inside a bucket the whole bucket counts as above."""
    generator = random.Random(4)
    values = [generator.randrange(1_000_000, 2_000_000) for _ in range(2000)]
    histogram = _histogram(values)
    for limit in [generator.randrange(1_000_000, 2_000_000) for _ in range(50)]:
        exact = sum(value > limit for value in values) / 2000
        share = histogram.share_above(limit)
        assert share is not None
        assert exact <= share <= sum(value > limit * 0.999 for value in values) / 2000
        edge = lower_edge_ns(bucket_of(limit)) - 1
        assert histogram.share_above(edge) == sum(value > edge for value in values) / 2000


def test_quantile_bounds_match_scipy_and_need_enough_values() -> None:
    """The interval equals scipy's order-statistic interval; too small a sample leaves a side open."""
    values = [1000 * rank for rank in range(1, 401)]
    bounds = _histogram(values).quantile_bounds(0.95, 0.95)
    expected = stats.quantile_test(values, p=0.95, alternative="two-sided").confidence_interval(0.95)
    assert bounds.lower_ns == lower_edge_ns(bucket_of(int(expected.low)))
    assert bounds.upper_ns == upper_edge_ns(bucket_of(int(expected.high))) - 1
    assert _histogram(values[:71]).quantile_bounds(0.95, 0.95).upper_ns is None
    assert _histogram(values[:72]).quantile_bounds(0.95, 0.95).upper_ns is not None
    assert _histogram(values[:5]).quantile_bounds(0.5, 0.95) == QuantileBounds(None, None)
    assert _histogram(values[:6]).quantile_bounds(0.5, 0.95).lower_ns == 1000


def test_quantile_bounds_widen_with_the_design_effect() -> None:
    """Correlated values give a wider interval around the same quantile."""
    histogram = _histogram([1000 * rank for rank in range(1, 4001)])
    narrow, wide = histogram.quantile_bounds(0.9, 0.95), histogram.quantile_bounds(0.9, 0.95, design_effect=8.0)
    assert narrow.lower_ns is not None
    assert narrow.upper_ns is not None
    assert wide.lower_ns is not None
    assert wide.upper_ns is not None
    assert wide.lower_ns < narrow.lower_ns < 3_600_000 < narrow.upper_ns < wide.upper_ns


def test_quantile_bounds_cover_the_truth() -> None:
    """In 300 samples of 300 exponential durations the 90 % interval of p95 holds the true value in at least 87 %."""
    generator = random.Random(8)
    truth_ns = 1e6 * stats.expon.ppf(0.95)
    covered = 0
    for _ in range(300):
        bounds = _histogram([int(generator.expovariate(1e-6)) for _ in range(300)]).quantile_bounds(0.95, 0.9)
        assert bounds.lower_ns is not None
        assert bounds.upper_ns is not None
        covered += bounds.lower_ns <= truth_ns <= bounds.upper_ns
    assert covered >= 0.87 * 300


@pytest.mark.parametrize(
    "pairs", [[(1,)], [(1, 2, 3)], [(-1, 1)], [(1, 0)], [(1, -2)], [(1.0, 1)], [(1, True)], ["ab"]]
)
def test_pairs_that_are_no_counts_are_refused(pairs: list[tuple[int, ...]]) -> None:
    """Damaged data from a worker is an error, not a histogram."""
    with pytest.raises(ValueError, match="pair"):
        Histogram.from_pairs(pairs)


def test_impossible_quantiles_are_refused() -> None:
    """Quantiles and confidences outside their ranges are errors."""
    histogram = _histogram([1])
    with pytest.raises(ValueError, match="quantile"):
        histogram.quantile(1.1)
    for q, confidence, effect in ((0.0, 0.95, 1.0), (0.5, 1.0, 1.0), (0.5, 0.95, 0.5)):
        with pytest.raises(ValueError, match="bounds need"):
            histogram.quantile_bounds(q, confidence, effect)
