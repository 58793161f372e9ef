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
- both use the largest design effect of all completions (see `spread`). Computing it from the known answers alone,
  or from the two extreme completions only, would not do: losing good answers in quiet seconds can make one bad second
  look even with the others, the design effect falls, and an undecided rate becomes decided.

The upper Clopper-Pearson bound rises with the bad count and with the design effect; the lower bound falls as the count
falls and as the design effect rises. So with less evidence the interval [lower, upper] only widens, and since `pass`
says upper <= limit and `fail` says lower > limit, decisions can only be withdrawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hybridcheck.statistics.binomial import clopper_pearson_lower, clopper_pearson_upper, min_clean_samples
from hybridcheck.statistics.spread import Batch, Spread, join_small_batches, spreads

TOO_FEW_SAMPLES: Final = "TOO_FEW_SAMPLES"
_PRICE_SEARCH_FACTOR = 100  # a price beyond a hundred times the present size helps nobody


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
    """The sums that the bounds rest on."""

    bad: float
    missing: float
    total: float
    batch_count: int
    spreads: tuple[Spread, ...]

    def design_effect(self) -> float:
        """Return the largest design effect of all groupings."""
        return max((spread.effect for spread in self.spreads), default=1.0)

    def effective_divisor(self, confidence: float) -> float:
        """Return the largest design effect, each corrected for having been estimated from few stretches."""
        return max((spread.divisor(confidence) for spread in self.spreads), default=1.0)

    def upper(self, confidence: float) -> float:
        """Bound the bad share from above, every missing request counted as bad."""
        bad = min(self.bad + self.missing, self.total)
        levels = [(spread, spread.confidence_of_a_pass(confidence)) for spread in self.spreads]
        return max(
            (self._upper(bad, spread.divisor(level), level) for spread, level in levels),
            default=self._upper(bad, 1.0, confidence),
        )

    def _upper(self, bad: float, divisor: float, confidence: float) -> float:
        return clopper_pearson_upper(bad / divisor, self.total / divisor, confidence)

    def lower(self, confidence: float) -> float:
        """Bound the bad share from below, every missing request counted as good."""
        divisor = max((spread.divisor(confidence) for spread in self.spreads if not spread.remembered), default=1.0)
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
    batches joined by 1, 2, 4, 8 ... while `min_batches` remain, and over what their memory makes of it) times the
    correction (t/z)^2 for its m - 1 degrees of freedom (Korn & Graubard 1998, Survey Methodology 24, 193). Where
    neighbouring batches resemble each other the pass bound is taken at `MEMORY_CONFIDENCE`. With fewer than two batches
    nothing is known about their spread and all requests count as one observation.
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
        spreads=spreads(filled, min_batches),
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
            spreads=tuple(spread.grown(1.0 + further / sample.total, self.min_batches) for spread in sample.spreads),
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
