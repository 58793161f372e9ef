"""Evenness over replicas."""

import random

import pytest
from scipy import special, stats

from hybridcheck.statistics.fairness import chi_square_p_value, jain_index, regularised_upper_gamma


def test_jain_index_reads_from_one_over_n_to_one() -> None:
    """Even shares give 1, all on one of n gives 1/n, 55 to 45 gives 0.99, nothing gives None."""
    assert jain_index([7, 7, 7]) == pytest.approx(1.0)
    assert jain_index([9, 0, 0]) == pytest.approx(1 / 3)
    assert jain_index([55, 45]) == pytest.approx(0.990, abs=1e-3)
    assert jain_index([]) is None
    assert jain_index([0, 0]) is None
    with pytest.raises(ValueError, match="negative"):
        jain_index([1, -1])


def test_chi_square_agrees_with_scipy() -> None:
    """The p-value agrees with scipy with equal and with weighted cells."""
    generator = random.Random(6)
    for _ in range(100):
        observed = [generator.randint(20, 400) for _ in range(generator.randint(2, 12))]
        assert chi_square_p_value(observed) == pytest.approx(float(stats.chisquare(observed).pvalue), rel=1e-9)
        weights = [generator.uniform(0.5, 2) for _ in observed]
        expected = [sum(observed) * weight / sum(weights) for weight in weights]
        ours = chi_square_p_value(observed, weights)
        assert ours == pytest.approx(float(stats.chisquare(observed, expected).pvalue), rel=1e-9, abs=1e-290)


def test_chi_square_decides_where_jain_does_not() -> None:
    """5,500 to 4,500 reads 0.99 and is no even spread; 505 to 495 may well be one."""
    assert (chi_square_p_value([5500, 4500]) or 0.0) < 1e-20
    assert (chi_square_p_value([505, 495]) or 0.0) > 0.5


def test_chi_square_without_enough_counts_is_none() -> None:
    """Expected counts below five make the approximation untrue: no figure."""
    assert chi_square_p_value([4, 5]) is None
    assert chi_square_p_value([0, 0, 0]) is None
    assert chi_square_p_value([5, 5]) == 1.0


def test_impossible_cells_are_refused() -> None:
    """One cell, negative counts, missing or empty weights are errors."""
    for observed, weights in (([5], None), ([5, -1], None), ([5, 5], [1.0]), ([5, 5], [1.0, 0.0])):
        with pytest.raises(ValueError, match=r"cells|counts"):
            chi_square_p_value(observed, weights)


def test_incomplete_gamma_agrees_with_scipy() -> None:
    """From tiny to large shapes, on both sides of the switch between series and fraction."""
    generator = random.Random(1)
    for _ in range(500):
        a = 10 ** generator.uniform(-1, 4)
        x = a * generator.uniform(0.3, 2.0)
        assert regularised_upper_gamma(a, x) == pytest.approx(float(special.gammaincc(a, x)), rel=1e-9, abs=1e-12)
    assert regularised_upper_gamma(2.0, 0.0) == 1.0
    with pytest.raises(ValueError, match="incomplete gamma"):
        regularised_upper_gamma(0.0, 1.0)
