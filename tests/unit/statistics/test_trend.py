"""Whether a gauge grows."""

import math
import random

import pytest
from scipy import stats

from hybridcheck.statistics.trend import trend


def _autoregressive(generator: random.Random, count: int, memory: float) -> list[float]:
    value = generator.gauss(0, 1)
    series = []
    for _ in range(count):
        series.append(value)
        value = memory * value + math.sqrt(1 - memory * memory) * generator.gauss(0, 1)
    return series


def test_slope_and_interval_agree_with_scipy_on_uncorrelated_values() -> None:
    """Theil-Sen slope exactly, interval at Sen's ranks, Kendall's S, against scipy."""
    generator = random.Random(21)
    times = [index + generator.random() / 2 for index in range(60)]
    values = [0.05 * time + generator.gauss(0, 1) for time in times]
    ours, theirs = trend(times, values), stats.theilslopes(values, times, alpha=0.95)
    assert ours.slope_per_s == pytest.approx(float(theirs.slope))
    assert ours.effective_n == 60.0
    assert ours.lower_per_s == pytest.approx(float(theirs.low_slope), abs=2e-3)
    assert ours.upper_per_s == pytest.approx(float(theirs.high_slope), abs=2e-3)
    tau = stats.kendalltau(times, values)
    assert ours.kendall_s == round(float(tau.statistic) * 60 * 59 / 2)
    assert ours.p_value == pytest.approx(float(tau.pvalue), rel=0.1)


def test_a_straight_line_has_its_slope_and_no_width() -> None:
    """Without noise slope and interval are the slope."""
    result = trend(list(range(30)), [2.0 * time for time in range(30)])
    assert (result.slope_per_s, result.lower_per_s, result.upper_per_s) == (2.0, 2.0, 2.0)
    assert result.p_value is not None
    assert result.p_value < 1e-9


def test_a_constant_series_has_slope_zero_and_no_significance() -> None:
    """All ties: never NaN."""
    result = trend(list(range(20)), [5.0] * 20)
    assert (result.slope_per_s, result.lower_per_s, result.upper_per_s, result.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_fewer_than_ten_points_have_no_interval() -> None:
    """The normal approximation does not hold: None, so that nothing is decided."""
    result = trend(list(range(9)), [float(time) for time in range(9)])
    assert (result.lower_per_s, result.upper_per_s, result.p_value) == (None, None, None)
    assert result.slope_per_s == 1.0


def test_an_alternating_series_never_gains_certainty() -> None:
    """Negative autocorrelation does not shrink the variance: no more than n effective points, nothing NaN."""
    result = trend(list(range(40)), [float(index % 2) for index in range(40)])
    assert result.effective_n == 40.0
    assert result.p_value is not None
    assert 0.5 <= result.p_value <= 1.0


def test_a_series_that_is_one_slow_wave_is_not_judged() -> None:
    """Fewer than ten effective points: None, however many samples there are."""
    result = trend(list(range(200)), [math.sin(index / 30) for index in range(200)])
    assert result.effective_n < 10
    assert (result.lower_per_s, result.upper_per_s, result.p_value) == (None, None, None)


def test_correlated_noise_is_called_a_trend_far_less_often_than_by_the_plain_test() -> None:
    """Trend-free series with memory 0.7: the plain test cries trend in 38 %, the corrected one in 12 %."""
    generator = random.Random(13)
    times = list(range(60))
    corrected = plain = 0
    for _ in range(240):
        values = _autoregressive(generator, 60, 0.7)
        p_value = trend(times, values).p_value
        corrected += p_value is not None and p_value < 0.05
        plain += float(stats.kendalltau(times, values).pvalue) < 0.05
    assert plain >= 0.3 * 240
    assert corrected <= 0.17 * 240


def test_white_noise_interval_covers_and_a_real_trend_is_found() -> None:
    """The 95 % interval holds the true slope in at least 92 % of 120 series; a clear trend is found in nearly all."""
    generator = random.Random(14)
    times = list(range(50))
    covered = found = 0
    for _ in range(120):
        result = trend(times, [0.05 * time + generator.gauss(0, 1) for time in times])
        assert result.lower_per_s is not None
        assert result.upper_per_s is not None
        covered += result.lower_per_s <= 0.05 <= result.upper_per_s
        found += result.lower_per_s > 0.0
    assert covered >= 0.92 * 120
    assert found >= 0.95 * 120


@pytest.mark.parametrize(
    ("times", "values"),
    [
        ([0.0], [1.0]),
        ([0.0, 1.0], [1.0]),
        ([0.0, 0.0], [1.0, 2.0]),
        ([0.0, 1.0], [1.0, math.nan]),
        ([1.0, 0.0], [1.0, 2.0]),
    ],
)
def test_impossible_series_are_refused(times: list[float], values: list[float]) -> None:
    """Too short, unequal, not rising or not finite: an error, never a NaN that passes."""
    with pytest.raises(ValueError, match="trend"):
        trend(times, values)
