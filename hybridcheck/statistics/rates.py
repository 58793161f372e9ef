"""The judgement of a rate by confidence bounds on effective numbers, with missing evidence as the worst case.

A rate is a share of the *planned* arrivals: errors, or answers later than a limit. What is not known (never sent, lost
worker, hole in the ledger) is `missing`, never absent: it counts as bad in the pass bound and as good in the fail bound.

Why taking evidence away can never change one decision into another, or decide what was undecided
--------------------------------------------------------------------------------------------------
Turning answers into missing ones only widens the set of *completions*: the ways in which the missing requests may have
gone, each batch's bad count lying in the box [bad, bad + missing]. Everything the decision uses is a supremum or an
infimum over that set:

- `total` per batch, the number of batches and the limit are planned and do not change;
- the pass bound uses the largest bad count of all completions, the fail bound the smallest;
- both use the largest design effect of all completions (see `design_effect`). Computing it from the known answers alone,
  or from the two extreme completions only, would not do: losing good answers in quiet seconds can make one bad second
  look even with the others, the design effect falls, and an undecided rate becomes decided.

The upper Clopper-Pearson bound rises with the bad count and with the design effect; the lower bound falls as the count
falls and as the design effect rises. So with less evidence the interval [lower, upper] only widens, and since `pass`
says upper <= limit and `fail` says lower > limit, decisions can only be withdrawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from hybridcheck.statistics.beta import normal_quantile, student_t_quantile
from hybridcheck.statistics.binomial import clopper_pearson_lower, clopper_pearson_upper, min_clean_samples

TOO_FEW_SAMPLES: Final = "TOO_FEW_SAMPLES"
_PRICE_SEARCH_FACTOR = 100  # a price beyond a hundred times the present size helps nobody


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
class RateDecision:
    """What the batches say about "the bad share is at most `limit`".

    `k` known bad ones of `n` planned, of which `missing` are unknown; `effective_n` is n over the divisor that the pass
    bound used; `lower` and `upper` bound the share at the fail and the pass confidence. `needed_requests` is how many
    more requests would decide if the present share persists: 0 when decided, None when no price can be given.
    """

    outcome: Literal["pass", "fail", "undecided"]
    reason: Literal["TOO_FEW_SAMPLES"] | None
    k: int
    n: int
    missing: int
    effective_n: float
    design_effect: float
    lower: float
    upper: float
    limit: float
    needed_requests: int | None


@dataclass(frozen=True, slots=True)
class _Sample:
    """The sums that the bounds rest on; `spreads` holds (design effect, number of batches) for each grouping."""

    bad: float
    missing: float
    total: float
    batch_count: int
    spreads: tuple[tuple[float, int], ...]

    def design_effect(self) -> float:
        """Return the largest design effect of all groupings."""
        return max((effect for effect, _ in self.spreads), default=1.0)

    def effective_divisor(self, confidence: float) -> float:
        """Return the largest design effect, each corrected for having been estimated from few batches."""
        return max((_corrected(effect, count, confidence) for effect, count in self.spreads), default=1.0)

    def upper(self, confidence: float) -> float:
        """Bound the bad share from above, every missing request counted as bad."""
        divisor = self.effective_divisor(confidence)
        bad = min(self.bad + self.missing, self.total)
        return clopper_pearson_upper(bad / divisor, self.total / divisor, confidence)

    def lower(self, confidence: float) -> float:
        """Bound the bad share from below, every missing request counted as good."""
        divisor = self.effective_divisor(confidence)
        return clopper_pearson_lower(self.bad / divisor, self.total / divisor, confidence)


def judge_rate(
    batches: Sequence[Batch],
    limit: float,
    *,
    fail_alpha: float,
    pass_confidence: float = 0.95,
    min_batches: int = 10,
) -> RateDecision:
    """Decide whether the bad share is shown to be at most `limit`, shown to exceed it, or neither.

    `pass`: at least `min_batches` batches (in time order; small ones joined), an effective n of at least
    `min_clean_samples`, and the Clopper-Pearson upper bound at `pass_confidence` meets the limit. `fail`: at least `min_batches` batches, and the lower
    bound at 1 - `fail_alpha` exceeds the limit. Counts are divided by the design effect of the batches (the largest over
    batches joined by 1, 2, 4, 8 ... while `min_batches` remain) times the correction (t/z)^2 for its m - 1 degrees of
    freedom (Korn & Graubard 1998, Survey Methodology 24, 193). With fewer than two batches nothing is known about their
    spread and all requests count as one observation.
    Missing is the worst case on both sides; see the module docstring for the proof that this is monotone.

    What it cannot see: without a single bad or missing request no spread can be measured, and n clean requests count as
    n independent ones. ValueError unless 0 <= limit < 1, the risks lie in (0, 1) and min_batches >= 2.
    """
    _require_arguments(limit, fail_alpha, pass_confidence, min_batches)
    filled = join_small_batches(batches)
    sample = _Sample(
        bad=sum(batch.bad for batch in filled),
        missing=sum(batch.missing for batch in filled),
        total=sum(batch.total for batch in filled),
        batch_count=len(filled),
        spreads=_spreads(filled, min_batches),
    )
    rule = _Rule(limit, pass_confidence, 1.0 - fail_alpha, min_batches)
    outcome = rule.decide(sample)
    too_few = len(filled) < min_batches or not rule.is_large_enough(sample)
    return RateDecision(
        outcome=outcome,
        reason=TOO_FEW_SAMPLES if outcome == "undecided" and too_few else None,
        k=int(sample.bad),
        n=int(sample.total),
        missing=int(sample.missing),
        effective_n=sample.total / sample.effective_divisor(pass_confidence),
        design_effect=sample.design_effect(),
        lower=sample.lower(rule.fail_confidence),
        upper=sample.upper(pass_confidence),
        limit=limit,
        needed_requests=0 if outcome != "undecided" else rule.price(sample),
    )


def _spreads(batches: Sequence[Batch], min_batches: int) -> tuple[tuple[float, int], ...]:
    """Return design effect and size of the batches as they are and joined by 2, 4, 8 ... while `min_batches` remain.

    A disturbance that lasts longer than a second shows only in longer batches (batch means, Law & Kelton). Groupings
    follow from the planned totals alone, and a maximum of monotone figures is monotone.
    """
    spreads = [(design_effect(batches), len(join_small_batches(batches)))]
    width = 2
    while len(batches) >= width * min_batches:
        groups = [_join(*batches[start : start + width]) for start in range(0, len(batches), width)]
        spreads.append((design_effect(groups), len(join_small_batches(groups))))
        width *= 2
    return tuple(spreads)


def _corrected(effect: float, batch_count: int, confidence: float) -> float:
    """Return the design effect times (t/z)^2, Korn & Graubard's correction for its few degrees of freedom."""
    return effect * _widening(batch_count, confidence) if effect > 1.0 and batch_count > 1 else effect


@lru_cache(maxsize=1024)
def _widening(batch_count: int, confidence: float) -> float:
    level = max(confidence, 0.75)  # below it t/z is not a widening
    return (student_t_quantile(level, batch_count - 1) / normal_quantile(level)) ** 2


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


@dataclass(frozen=True, slots=True)
class _Rule:
    """Limit and risks of one judgement."""

    limit: float
    pass_confidence: float
    fail_confidence: float
    min_batches: int

    def decide(self, sample: _Sample) -> Literal["pass", "fail", "undecided"]:
        """Apply both bounds."""
        if sample.batch_count < self.min_batches:
            return "undecided"
        if sample.upper(self.pass_confidence) <= self.limit and self.is_large_enough(sample):
            return "pass"
        return "fail" if sample.lower(self.fail_confidence) > self.limit else "undecided"

    def is_large_enough(self, sample: _Sample) -> bool:
        """Say whether clean samples of this effective size could show the limit at all."""
        if self.limit == 0.0:
            return False
        clean = min_clean_samples(self.limit, self.pass_confidence)
        return sample.total / sample.effective_divisor(self.pass_confidence) >= clean

    def price(self, sample: _Sample) -> int | None:
        """Return the smallest number of further requests, at the share and design effect so far, that would decide."""
        known = sample.total - sample.missing
        if known <= 0 or sample.batch_count < 2:
            return None
        lacking = max(0, self.min_batches - sample.batch_count)
        fewest = max(1, math.ceil(lacking * sample.total / sample.batch_count))
        most = max(fewest, math.ceil(_PRICE_SEARCH_FACTOR * sample.total))
        share = sample.bad / known
        if not self._would_decide(sample, share, most):
            return None
        low, high = fewest - 1, most
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._would_decide(sample, share, middle) else (middle, high)
        return high

    def _would_decide(self, sample: _Sample, share: float, further: int) -> bool:
        grown = _Sample(
            bad=sample.bad + share * further,
            missing=sample.missing,
            total=sample.total + further,
            batch_count=max(sample.batch_count, self.min_batches),
            spreads=tuple((effect, max(count, self.min_batches)) for effect, count in sample.spreads),
        )
        return self.decide(grown) != "undecided"


def _require_arguments(limit: float, fail_alpha: float, pass_confidence: float, min_batches: int) -> None:
    if not 0.0 <= limit < 1.0:
        raise ValueError(f"the limit of a rate must lie in [0, 1), got {limit!r}")
    if not 0.0 < fail_alpha < 1.0:
        raise ValueError(f"fail_alpha must lie strictly between 0 and 1, got {fail_alpha!r}")
    if not 0.0 < pass_confidence < 1.0:
        raise ValueError(f"pass_confidence must lie strictly between 0 and 1, got {pass_confidence!r}")
    if min_batches < 2:
        raise ValueError(f"a spread needs at least two batches, got min_batches={min_batches!r}")
