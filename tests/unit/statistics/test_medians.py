"""Bounds of a median: exact against scipy's binomial, covering as promised, and no decision on too little."""

import random

import pytest
from scipy import stats

from hybridcheck.statistics.medians import decide_at_most, median, median_bounds


@pytest.mark.parametrize(("values", "want"), [([3.0], 3.0), ([4.0, 1.0], 2.5), ([9.0, 1.0, 2.0], 2.0)])
def test_the_median_is_the_middle(values: list[float], want: float) -> None:
    """Of an even number the mean of the two in the middle."""
    assert median(values) == want


@pytest.mark.parametrize("count", [1, 5, 6, 12, 24, 37, 96])
@pytest.mark.parametrize("risk", [0.05, 0.0125, 1e-4])
def test_bounds_are_the_order_statistics_of_the_sign_test(count: int, risk: float) -> None:
    """The largest rank whose binomial tail is within the risk, as scipy's distribution gives it, from each end."""
    values = [float(value) for value in range(1, count + 1)]
    rank = max((r for r in range(count // 2 + 1) if r == 0 or stats.binom.cdf(r - 1, count, 0.5) <= risk), default=0)
    bounds = median_bounds(values, risk, risk)
    assert bounds.lower == (float(rank) if rank else None)
    assert bounds.upper == (float(count + 1 - rank) if rank else None)


def test_the_lower_bound_is_wrong_no_more_often_than_promised() -> None:
    """On a skewed distribution with its median at 1: above it in at most 5 % of 2,000 samples."""
    generator = random.Random(7)
    wrong = 0
    for _ in range(2000):
        values = [generator.expovariate(0.6931471805599453) for _ in range(15)]
        lower = median_bounds(values, 0.05, 0.05).lower
        wrong += lower is not None and lower > 1.0
    assert wrong <= 0.05 * 2000


def test_a_limit_is_decided_only_where_the_bounds_clear_it() -> None:
    """Far below it passes, far above it fails, around it and on few values it stays open."""
    near = [0.9 + 0.02 * step for step in range(12)]
    assert decide_at_most([0.5] * 12, 1.0, looks=4).outcome == "pass"
    assert decide_at_most([2.0] * 12, 1.0, looks=4).outcome == "fail"
    assert decide_at_most(near, 1.0, looks=4).outcome == "open"
    assert decide_at_most([2.0] * 4, 1.0, looks=4).outcome == "open"
    assert decide_at_most([2.0] * 12, 1.0, looks=4, fail_risk=1e-5).outcome == "open"


def test_looking_more_often_costs_certainty() -> None:
    """Six values show a median at one look and not at four, since the risk is shared."""
    assert decide_at_most([0.5] * 6, 1.0, looks=1).outcome == "pass"
    assert decide_at_most([0.5] * 6, 1.0, looks=4).outcome == "open"


@pytest.mark.parametrize("risk", [0.0, 0.5, -1.0])
def test_impossible_risks_are_refused(risk: float) -> None:
    """A risk lies between 0 and one half; nothing has no median; nobody looks zero times."""
    with pytest.raises(ValueError, match="risk"):
        median_bounds([1.0], risk, 0.1)
    with pytest.raises(ValueError, match="no median"):
        median([])
    with pytest.raises(ValueError, match="once"):
        decide_at_most([1.0], 1.0, looks=0)
