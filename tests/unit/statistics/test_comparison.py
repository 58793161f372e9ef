"""Two shares beside each other, with scipy and published values beside."""

import random

import pytest
from scipy import stats

from hybridcheck.statistics.comparison import fisher_exact_greater, newcombe_difference


@pytest.mark.parametrize(
    ("counts", "lower", "upper"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((10, 10, 0, 20), 0.6791, 1.0)],
)
def test_newcombe_interval_has_the_published_values(
    counts: tuple[int, int, int, int], lower: float, upper: float
) -> None:
    """Table II of Newcombe 1998, method 10."""
    interval = newcombe_difference(*counts, confidence=0.95)
    assert interval.lower == pytest.approx(lower, abs=5e-5)
    assert interval.upper == pytest.approx(upper, abs=5e-5)
    assert interval.estimate == counts[0] / counts[1] - counts[2] / counts[3]


def test_newcombe_interval_is_antisymmetric() -> None:
    """Swapping the samples mirrors the interval."""
    one, other = newcombe_difference(3, 50, 9, 70, 0.9), newcombe_difference(9, 70, 3, 50, 0.9)
    assert (one.lower, one.upper) == pytest.approx((-other.upper, -other.lower))


def test_newcombe_interval_covers_as_promised() -> None:
    """Computed exactly over all outcomes of 40 and 60 trials, the 95 % interval holds the truth in 93 % or more."""
    for first, second in ((0.1, 0.1), (0.02, 0.1), (0.5, 0.3)):
        covered = 0.0
        for k1 in range(41):
            weight = stats.binom.pmf(k1, 40, first)
            if weight < 1e-9:
                continue
            for k2 in range(61):
                interval = newcombe_difference(k1, 40, k2, 60, 0.95)
                if interval.lower <= first - second <= interval.upper:
                    covered += weight * stats.binom.pmf(k2, 60, second)
        assert covered >= 0.93


def test_fisher_agrees_with_scipy() -> None:
    """The one-sided p-value agrees from small tables to tens of thousands, on both sides of equality."""
    generator = random.Random(2)
    for _ in range(150):
        n1, n2 = generator.randint(1, 3000), generator.randint(1, 3000)
        highest = generator.choice([3, 30, 3000])
        k1, k2 = generator.randint(0, min(n1, highest)), generator.randint(0, min(n2, highest))
        expected = float(stats.hypergeom.sf(k1 - 1, n1 + n2, k1 + k2, n1))
        assert fisher_exact_greater(k1, n1, k2, n2) == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_fisher_on_sparse_and_on_huge_counts() -> None:
    """No errors against some is evidence; equal shares of millions are none; nothing bad says nothing."""
    assert fisher_exact_greater(6, 1000, 0, 1000) == pytest.approx(0.0155, abs=1e-3)
    assert fisher_exact_greater(500_000, 5_000_000, 500_000, 5_000_000) == pytest.approx(0.5, abs=1e-3)
    assert fisher_exact_greater(0, 10, 0, 10) == 1.0
    assert fisher_exact_greater(10, 10, 10, 10) == 1.0
    assert fisher_exact_greater(0, 10, 4, 10) == 1.0


@pytest.mark.parametrize("counts", [(1, 0, 1, 2), (3, 2, 1, 2), (-1, 2, 1, 2), (0, 0, 0, 0)])
def test_impossible_tables_are_refused(counts: tuple[int, int, int, int]) -> None:
    """Empty samples and counts beyond their sample are errors."""
    with pytest.raises(ValueError, match="sample"):
        fisher_exact_greater(*counts)
    with pytest.raises(ValueError, match="sample"):
        newcombe_difference(*counts, confidence=0.95)
