"""Bounds of a share: exact values, scipy beside, impossible input."""

import math
import random
from decimal import Decimal, localcontext

import pytest
from scipy import special, stats

from hybridcheck.statistics.beta import (
    inverse_regularised_incomplete_beta,
    normal_quantile,
    regularised_incomplete_beta,
    student_t_quantile,
)
from hybridcheck.statistics.binomial import (
    binomial_cdf,
    clopper_pearson_lower,
    clopper_pearson_upper,
    log_binomial_pmf,
    min_clean_samples,
)


def _wide_ranging_counts(seed: int, size: int) -> list[tuple[float, float, float]]:
    generator = random.Random(seed)
    rows = []
    for _ in range(size):
        n = 10 ** generator.uniform(0, 7)
        share = generator.choice(
            [generator.random(), 10 ** generator.uniform(-8, 0), 1 - 10 ** generator.uniform(-8, 0)]
        )
        k = n * share
        if generator.random() < 0.5:
            n, k = float(math.ceil(n)), float(int(k))
        rows.append((k, n, generator.choice([0.3, 0.5, 0.9, 0.95, 0.99, 0.999])))
    return rows


def _relative_error(ours: float, theirs: float) -> float:
    return abs(ours - theirs) / theirs if theirs > 1e-290 else abs(ours - theirs)


def test_clopper_pearson_agrees_with_scipy() -> None:
    """Both bounds agree with scipy to 1e-9, relatively, for whole and real counts up to ten million."""
    for k, n, confidence in _wide_ranging_counts(seed=7, size=1500):
        upper = clopper_pearson_upper(k, n, confidence)
        lower = clopper_pearson_lower(k, n, confidence)
        if k < n:
            assert _relative_error(upper, float(special.betainccinv(k + 1, n - k, 1 - confidence))) < 1e-9, (k, n)
        if k > 0:
            assert _relative_error(lower, float(special.betaincinv(k, n - k + 1, 1 - confidence))) < 1e-9, (k, n)


@pytest.mark.parametrize(("k", "n"), [(999, 4_243_775), (7, 8_903_764), (3, 10_000_000)])
def test_upper_bound_solves_the_binomial_tail_exactly(k: int, n: int) -> None:
    """P(Bin(n, upper) <= k) summed with 60 digits is alpha to 1e-10, also where scipy's own inverse is off by 1e-6."""
    confidence = 0.99999
    with localcontext() as context:
        context.prec = 60
        share = Decimal(clopper_pearson_upper(k, n, confidence))
        term = ((1 - share).ln() * n).exp()
        tail = term
        for index in range(1, k + 1):
            term = term * (n - index + 1) / index * share / (1 - share)
            tail += term
        assert abs(float(tail / Decimal(1 - confidence) - 1)) < 1e-10


def test_bounds_at_the_edges() -> None:
    """Nothing seen says nothing; none of n and n of n have closed forms."""
    assert (clopper_pearson_lower(0, 0, 0.95), clopper_pearson_upper(0, 0, 0.95)) == (0.0, 1.0)
    assert clopper_pearson_lower(0, 300, 0.95) == 0.0
    assert clopper_pearson_upper(300, 300, 0.95) == 1.0
    assert clopper_pearson_upper(0, 300, 0.95) == pytest.approx(1 - 0.05 ** (1 / 300), rel=1e-13)
    assert clopper_pearson_lower(300, 300, 0.95) == pytest.approx(0.05 ** (1 / 300), rel=1e-13)


@pytest.mark.parametrize(
    ("k", "n", "confidence"),
    [
        (-1, 10, 0.95),
        (11, 10, 0.95),
        (1, math.inf, 0.95),
        (math.nan, 10, 0.95),
        (1, 10, 0.0),
        (1, 10, 1.0),
        (1, 10, math.nan),
    ],
)
def test_impossible_input_is_refused(k: float, n: float, confidence: float) -> None:
    """Counts that do not fit and confidences outside (0, 1) are errors that name the value."""
    for bound in (clopper_pearson_lower, clopper_pearson_upper):
        with pytest.raises(ValueError, match="got"):
            bound(k, n, confidence)


def test_bounds_cover_as_promised() -> None:
    """Computed exactly over all outcomes, the upper bound of 40 trials misses the truth in at most 5 % of cases."""
    for share in (0.01, 0.05, 0.2, 0.5, 0.9):
        missed_above = sum(
            stats.binom.pmf(k, 40, share) for k in range(41) if clopper_pearson_upper(k, 40, 0.95) < share
        )
        missed_below = sum(
            stats.binom.pmf(k, 40, share) for k in range(41) if clopper_pearson_lower(k, 40, 0.95) > share
        )
        assert missed_above <= 0.05
        assert missed_below <= 0.05


@pytest.mark.parametrize(("limit", "expected"), [(0.05, 59), (0.01, 299), (0.001, 2995), (0.0001, 29956), (0.95, 1)])
def test_min_clean_samples(limit: float, expected: int) -> None:
    """The number of clean samples is the smallest whose upper bound meets the limit."""
    assert min_clean_samples(limit, 0.95) == expected
    assert clopper_pearson_upper(0, expected, 0.95) <= limit
    assert expected == 1 or clopper_pearson_upper(0, expected - 1, 0.95) > limit


def test_min_clean_samples_is_exact_on_whole_numbers() -> None:
    """A quotient that is a whole number is not rounded up by a floating-point error."""
    assert min_clean_samples(0.5, 0.75) == 2
    assert min_clean_samples(0.9, 0.99) == 2
    assert min_clean_samples(0.1, 1 - 0.9**7) == 7


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.1, math.nan])
def test_min_clean_samples_refuses_limits_that_cannot_be_shown(limit: float) -> None:
    """No sample shows a share of zero, and every sample shows at most one."""
    with pytest.raises(ValueError, match="limit"):
        min_clean_samples(limit, 0.95)


def test_incomplete_beta_and_its_inverse_agree_with_scipy() -> None:
    """The function and its inverse agree with scipy, and undo each other, from tiny to huge shapes."""
    generator = random.Random(11)
    for _ in range(800):
        a, b = 10 ** generator.uniform(-2, 6), 10 ** generator.uniform(-2, 6)
        probability = generator.random()
        x = inverse_regularised_incomplete_beta(probability, a, b)
        if 1e-290 < x < 1 - 1e-6:  # nearer to 1 a float x itself is too coarse
            assert regularised_incomplete_beta(x, a, b) == pytest.approx(probability, rel=1e-8)
            assert regularised_incomplete_beta(x, a, b) == pytest.approx(float(special.betainc(a, b, x)), rel=1e-9)


def test_incomplete_beta_refuses_impossible_input() -> None:
    """Shapes that are not positive and arguments outside [0, 1] are errors."""
    for x, a, b in ((0.5, 0.0, 1.0), (0.5, 1.0, -1.0), (1.5, 1.0, 1.0), (math.nan, 1.0, 1.0), (0.5, math.inf, 1.0)):
        with pytest.raises(ValueError, match="got"):
            regularised_incomplete_beta(x, a, b)
        with pytest.raises(ValueError, match="got"):
            inverse_regularised_incomplete_beta(x, a, b)
    assert regularised_incomplete_beta(0.0, 2.0, 3.0) == 0.0
    assert inverse_regularised_incomplete_beta(1.0, 2.0, 3.0) == 1.0


def test_normal_and_student_quantiles_agree_with_scipy() -> None:
    """Quantiles agree with scipy to 1e-9 from the centre to tails of 1e-12."""
    generator = random.Random(3)
    for _ in range(500):
        probability = generator.choice([generator.random(), 10 ** generator.uniform(-12, -1)])
        degrees = generator.choice([1, 2, 5, 9, 59, 1000, 100_000])
        assert normal_quantile(probability) == pytest.approx(float(special.ndtri(probability)), rel=1e-9, abs=1e-12)
        expected = float(stats.t.ppf(probability, degrees))
        assert student_t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_binomial_distribution_agrees_with_scipy() -> None:
    """The distribution function and the log mass agree with scipy for small and large n."""
    for k, n, share in ((0, 5, 0.3), (5, 5, 0.3), (2, 5, 0.3), (470, 500, 0.95), (100_300, 1_000_000, 0.1)):
        assert binomial_cdf(k, n, share) == pytest.approx(float(stats.binom.cdf(k, n, share)), rel=1e-9)
        assert log_binomial_pmf(k, n, share) == pytest.approx(float(stats.binom.logpmf(k, n, share)), rel=1e-9)
    assert binomial_cdf(-1, 5, 0.3) == 0.0
