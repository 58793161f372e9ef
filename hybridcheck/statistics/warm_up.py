"""Where the warm-up of a series ends: MSER-5."""

import math
from collections.abc import Sequence

BATCH = 5
FEWEST_BATCHES = 4


def mser5(values: Sequence[float]) -> int | None:
    """Return how many of the first values belong to the warm-up: a multiple of 5; None where the series does not say.

    The means of batches of five are cut at the d that minimises sum (Y_j - mean)^2 / (b - d)^2 over the b - d batches that
    are left, with d at most half (White 1997, Simulation 69, 323; White, Cobb & Spratt 2000). None with fewer than four
    batches, and where the minimum lies at the last d that is allowed: the series has not settled. ValueError for values
    that are not finite.
    """
    if not all(math.isfinite(value) for value in values):
        raise ValueError("a series has finite values")
    count = len(values) // BATCH
    if count < FEWEST_BATCHES:
        return None
    means = [math.fsum(values[index * BATCH : (index + 1) * BATCH]) / BATCH for index in range(count)]
    most = count // 2
    best = min(range(most + 1), key=lambda cut: _statistic(means[cut:]))
    return None if best == most else best * BATCH


def _statistic(means: Sequence[float]) -> float:
    mean = math.fsum(means) / len(means)
    return math.fsum((value - mean) ** 2 for value in means) / len(means) ** 2
