"""MSER-5: a warm-up is found where there is one, nothing is cut of a settled series, and an unsettled one says nothing."""

import random

import pytest

from hybridcheck.statistics.warm_up import mser5


def series(warm: int, settled: int, seed: int = 1) -> list[float]:
    """Values that fall to 10 within `warm`, and stay there with a little noise."""
    source = random.Random(seed)
    return [10 + 40 * (1 - min(n, warm) / warm if warm else 0) + source.gauss(0, 1) for n in range(warm + settled)]


@pytest.mark.parametrize("seed", range(5))
def test_a_warm_up_is_found(seed: int) -> None:
    """Fifteen seconds of it: it ends in the third or fourth batch, and little of what follows is lost."""
    assert mser5(series(15, 60, seed)) in (10, 15, 20)


def test_little_is_cut_of_a_series_that_was_settled() -> None:
    """A fifth of a hundred settled series loses more than a fifth of itself, at most; a constant one nothing."""
    cuts = [mser5(series(0, 60, seed)) for seed in range(100)]
    assert sum(cut is None or cut > 12 for cut in cuts) <= 40
    assert mser5([7.0] * 40) == 0


def test_what_does_not_settle_says_nothing() -> None:
    """A steady rise; and fewer than twenty values."""
    assert mser5([float(n) for n in range(60)]) is None
    assert mser5([1.0] * 19) is None
    with pytest.raises(ValueError, match="finite"):
        mser5([1.0] * 30 + [float("nan")])
