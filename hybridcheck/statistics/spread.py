"""How unequal the seconds of a run are, and for how long: what correlated requests are worth.

Missing requests are the worst case: every figure here is the largest over all completions, the ways in which the missing
requests may have gone (see `rates` for why).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from hybridcheck.statistics.beta import normal_quantile, student_t_quantile

MEMORY_CONFIDENCE: Final = 0.999
"""A pass is shown at this level where neighbouring batches resemble each other.

The t interval takes shares to be normal. A level that wanders slowly makes late seconds come in a few tall waves, so a run
that happened to meet few of them shows a small share *and* a small spread. In `make soak` (1,000 runs of 60 s, p95 5 % over
its limit, a sixth of the variance wandering with memory 0.7) 4.6 % passed wrongly at 95 %, 1.8 % at 99 %, 0.6 % at this.
"""

_LONGEST_MEMORY = 0.98
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Batch:
    """Planned arrivals of one second: `total` includes the `bad` and the `missing` ones."""

    bad: int
    total: int
    missing: int = 0

    def __post_init__(self) -> None:
        """Refuse counts that do not balance."""
        if self.bad < 0 or self.missing < 0 or self.bad + self.missing > self.total:
            raise ValueError(f"a batch needs bad >= 0, missing >= 0 and bad + missing <= total, got {self}")


@dataclass(frozen=True, slots=True)
class Spread:
    """A design effect (1 for independent requests) and the number of stretches of time that it was estimated from.

    remembered: it was extrapolated from the correlation of neighbouring batches.
    """

    effect: float
    stretches: float
    remembered: bool = False

    def divisor(self, confidence: float) -> float:
        """Return the design effect times (t/z)^2, Korn & Graubard's correction for its few degrees of freedom."""
        widened = self.effect > 1.0 and self.stretches > 1.0
        return self.effect * _widening(self.stretches, confidence) if widened else self.effect

    def confidence_of_a_pass(self, confidence: float) -> float:
        """Return the level at which a pass has to be shown."""
        return max(confidence, MEMORY_CONFIDENCE) if self.remembered else confidence

    def grown(self, factor: float, fewest: int) -> "Spread":
        """Return what a longer run would show: as unequal, and as long a memory in `factor` times the stretches."""
        return replace(self, stretches=self.stretches * factor if self.remembered else max(self.stretches, fewest))


@lru_cache(maxsize=1024)
def _widening(stretches: float, confidence: float) -> float:
    level = max(confidence, 0.75)  # below it t/z is not a widening
    return (student_t_quantile(level, stretches - 1.0) / normal_quantile(level)) ** 2


def spreads(batches: Sequence[Batch], min_batches: int) -> tuple[Spread, ...]:
    """Return the spread of the batches as they are, joined by 2, 4, 8 ... while `min_batches` remain, and remembered.

    A disturbance that lasts longer than a second shows only in longer batches (batch means, Law & Kelton). Groupings
    follow from the planned totals alone, and a maximum of monotone figures is monotone.
    """
    found = [Spread(design_effect(batches), len(join_small_batches(batches)))]
    width = 2
    while len(batches) >= width * min_batches:
        groups = [_join(*batches[start : start + width]) for start in range(0, len(batches), width)]
        found.append(Spread(design_effect(groups), len(join_small_batches(groups))))
        width *= 2
    return (*found, *_remembered(batches, found[0].effect))


def _remembered(batches: Sequence[Batch], effect: float) -> tuple[Spread, ...]:
    """Return the spread of a run whose batches have a memory: nothing where none shows, or where there is no spread.

    For a first-order autoregression the variance of a mean is (1 + phi)/(1 - phi) times that of independent batches, and
    m batches are worth m (1 - phi)/(1 + phi) of them (Bartlett 1935, J. R. Stat. Soc. 98, 536). Batches joined while ten
    remain see only a part of that: at phi = 0.7 and four joined half of it. phi is the largest correlation of all
    completions, corrected for its bias of -(1 + 3 phi)/m (Marriott & Pope 1954, Biometrika 41, 390).
    """
    filled = join_small_batches(batches)
    measured = largest_correlation(filled)
    if effect <= 1.0 or measured <= 0.0:
        return ()
    memory = min(measured + (1.0 + 3.0 * measured) / len(filled), _LONGEST_MEMORY)
    length = (1.0 + memory) / (1.0 - memory)
    return (Spread(1.0 + (effect - 1.0) * length, max(len(filled) / length, 2.0), remembered=True),)


def largest_correlation(batches: Sequence[Batch]) -> float:
    """Return the largest lag-one correlation of the shares over all completions; 0 without any spread.

    With x_i = (b_i - n_i p) / sqrt(n_i), which is orthogonal to the u_i = sqrt(n_i):

        r = sum x_i x_{i+1} / sum x_i^2

    A batch with missing requests may have any x_i: the value is the largest r in the space of the x that the known batches
    and the free one span, a two by two eigenvalue. With two such batches or more nothing is known: 1. A larger space holds
    the smaller one, so that missing evidence never lowers it.
    """
    unknown = [index for index, batch in enumerate(batches) if batch.missing]
    if len(unknown) > 1 or len(batches) < 2:
        return float(len(unknown) > 1)
    root = [math.sqrt(batch.total) for batch in batches]
    known = [0.0 if batch.missing else batch.bad / size for batch, size in zip(batches, root, strict=True)]
    first = _along(known, root)
    if not unknown:
        return _neighbours(first, first)
    free = _along([float(index == unknown[0]) for index in range(len(batches))], root)
    overlap = _dot(first, free)
    second = _along([one - overlap * other for one, other in zip(first, free, strict=True)], root)
    a, b, c = _neighbours(free, free), _neighbours(free, second), _neighbours(second, second)
    return 0.5 * (a + c) + math.hypot(0.5 * (a - c), b)


def _along(vector: Sequence[float], root: Sequence[float]) -> list[float]:
    """Return the unit vector of what is orthogonal to `root`; zeros where nothing is left of it."""
    share = _dot(vector, root) / _dot(root, root)
    rest = [value - share * size for value, size in zip(vector, root, strict=True)]
    length = math.hypot(*rest)
    return [value / length for value in rest] if length > _ROUNDING * math.hypot(*vector) else [0.0] * len(rest)


def _neighbours(one: Sequence[float], other: Sequence[float]) -> float:
    """Return half the sum of the products of each element of one with its two neighbours in the other."""
    return 0.5 * (_dot(one, other[1:]) + _dot(other, one[1:]))


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(left * right for left, right in zip(one, other, strict=False))


def design_effect(batches: Sequence[Batch]) -> float:
    """Return by how much the spread of the batches' shares exceeds that of independent requests; never below 1.

    With batches i = 1..m of n_i planned and b_i bad requests, N = sum n_i, p = sum b_i / N:

        phi  = 1/(m-1) * sum (b_i - n_i p)^2 / (n_i p (1-p))        variance of the shares over binomial variance
        deff = 1 + (phi - 1) * m * sum n_i^2 / N^2                  unequal batches weigh more (Kish)

    For equal batches this is the cluster variance of the share over its binomial variance, the design effect of Korn &
    Graubard 1998; the factor m * sum n_i^2 / N^2 = 1 + CV^2 of the sizes is Kish's (1965, "Survey Sampling", 5.4;
    Eldridge et al. 2006). phi is Pearson's dispersion (McCullagh & Nelder 1989, 4.5): unlike the variance of the ratio
    estimator it separates into batch terms, which makes the following exact.

    Missing requests: the largest value over all completions, b_i in [bad_i, bad_i + missing_i]. For a given sum k of
    the b_i, phi rises with sum b_i^2/n_i, convex in every b_i, so it is at most the sum of the chords over the boxes;
    filling the steepest chords first maximises that sum, and the result is maximised over k.
    Batches are joined first (`join_small_batches`). With fewer than two the spread is unknown: N, all requests as one
    observation.
    """
    filled = join_small_batches(batches)
    count, total = len(filled), sum(batch.total for batch in filled)
    if count < 2:
        return float(max(1, total))
    inflation = count * sum(batch.total**2 for batch in filled) / total**2
    return 1.0 + max(0.0, _largest_dispersion(filled, total) - 1.0) * inflation


def join_small_batches(batches: Sequence[Batch]) -> list[Batch]:
    """Return the batches in order, empty ones dropped, those under half the mean size joined with what follows.

    One bad request in a batch of one (the last, partial second; the foot of a ramp) would by itself make the spread
    look huge. Joining looks at planned totals alone, so it is the same whatever was answered.
    """
    filled = [batch for batch in batches if batch.total > 0]
    enough = 0.5 * sum(batch.total for batch in filled) / len(filled) if filled else 0.0
    joined: list[Batch] = []
    for batch in filled:
        if joined and joined[-1].total < enough:
            joined[-1] = _join(joined[-1], batch)
        else:
            joined.append(batch)
    if len(joined) > 1 and joined[-1].total < enough:
        last = joined.pop()
        joined.append(_join(joined.pop(), last))
    return joined


def _join(*batches: Batch) -> Batch:
    return Batch(
        bad=sum(batch.bad for batch in batches),
        total=sum(batch.total for batch in batches),
        missing=sum(batch.missing for batch in batches),
    )


def _largest_dispersion(batches: Sequence[Batch], total: int) -> float:
    """Return the supremum of phi over the completions; 0 where no completion has both good and bad requests."""
    bad = sum(batch.bad for batch in batches)
    known = _excess(batches, bad / total)
    best = known / (bad * (total - bad)) if 0 < bad < total else 0.0
    slopes = sorted(
        (((2 * batch.bad + batch.missing) / batch.total, batch.missing) for batch in batches if batch.missing),
        reverse=True,
    )
    start, excess = float(bad), known
    for slope, width in slopes:
        end = start + width
        piece = _Piece(start, excess, slope, float(total))
        best = max(best, piece.largest(end))
        start, excess = end, piece.excess_at(end)
    return best * total * total / (len(batches) - 1)


def _excess(batches: Sequence[Batch], share: float) -> float:
    """Return sum (b_i - n_i p)^2 / n_i for the known bad ones."""
    return math.fsum((batch.bad - batch.total * share) ** 2 / batch.total for batch in batches)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One chord of the sum of squares as a function of the total bad count k, from `start` on.

    excess(k) = sum b_i^2/n_i - k^2/N grows along it as excess + slope (k - start) - (k^2 - start^2)/N.
    """

    start: float
    excess: float
    slope: float
    total: float

    def excess_at(self, k: float) -> float:
        """Return the excess at bad count k."""
        step = k - self.start
        return max(0.0, self.excess + step * (self.slope - (k + self.start) / self.total))

    def largest(self, end: float) -> float:
        """Return the largest excess(k) / (k (N - k)) on the piece: at its ends or where the derivative vanishes.

        With excess(k) = A + s k - k^2/N the derivative's numerator is (s - 1) k^2 + 2 A k - A N.
        """
        total = self.total
        level = self.excess - self.slope * self.start + self.start * self.start / total
        candidates = [self._ratio(self.start), self._ratio(end)]
        quadratic = self.slope - 1.0
        root = level * level + quadratic * level * total
        if root >= 0.0:
            for sign in (1.0, -1.0):
                divisor = level + sign * math.sqrt(root)
                k = level * total / divisor if divisor != 0.0 else self.start
                if self.start < k < end:
                    candidates.append(self._ratio(k))
        return max(candidates)

    def _ratio(self, k: float) -> float:
        """Return excess(k) / (k (N - k)), at the two ends of the scale by its limit."""
        if k <= 0.0:
            return self.slope / self.total
        if k >= self.total:
            return (2.0 - self.slope) / self.total
        return self.excess_at(k) / (k * (self.total - k))
