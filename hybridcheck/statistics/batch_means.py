"""Bounds of a mean from the means of stretches of time, whose spread shows how correlated the single values are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hybridcheck.statistics.beta import student_t_quantile
from hybridcheck.statistics.sequential import MIN_BATCHES

MOST_GROUPS = 30
"""More batches than this are joined: longer ones are less correlated with their neighbours."""


@dataclass(frozen=True, slots=True)
class MeanBounds:
    """A mean with its lower bound at the fail risk and its upper bound at the pass risk, in the unit of the values."""

    mean: float
    lower: float
    upper: float


def mean_bounds(batches: Sequence[tuple[float, int]], *, pass_alpha: float, fail_alpha: float) -> MeanBounds | None:
    """One-sided t bounds of the overall mean from (mean, size) of consecutive batches; None with fewer than ten.

    Batch means (Law & Kelton, Simulation Modeling and Analysis, 9.5): neighbours are joined until 10 to 30 groups remain,
    and the ratio estimator's variance is taken over the groups, since sizes differ. ValueError for risks outside (0, 0.5).
    """
    if not (0.0 < pass_alpha < 0.5 and 0.0 < fail_alpha < 0.5):
        raise ValueError(f"risks lie in (0, 0.5), got {pass_alpha!r} and {fail_alpha!r}")
    filled = [batch for batch in batches if batch[1] > 0]
    if len(filled) < MIN_BATCHES:
        return None
    width = max(1, math.ceil(len(filled) / MOST_GROUPS))
    while len(filled) // width < MIN_BATCHES:
        width -= 1
    whole = len(filled) // width
    groups = [filled[index * len(filled) // whole : (index + 1) * len(filled) // whole] for index in range(whole)]
    sums = [(math.fsum(mean * size for mean, size in group), sum(size for _, size in group)) for group in groups]
    n = sum(size for _, size in sums)
    mean = math.fsum(total for total, _ in sums) / n
    squares = math.fsum((total - mean * size) ** 2 for total, size in sums)
    error = math.sqrt(squares * whole / (whole - 1)) / n
    degrees = whole - 1
    return MeanBounds(
        mean=mean,
        lower=mean - student_t_quantile(1.0 - fail_alpha, degrees) * error,
        upper=mean + student_t_quantile(1.0 - pass_alpha, degrees) * error,
    )
