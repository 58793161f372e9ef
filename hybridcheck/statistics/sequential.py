"""What a rate shows while it is still being measured: a judgement that may be asked after every second.

The bounds of `rates` hold for a number of batches that was fixed before. Who looks after each second and stops when it
suits needs an e-process: under "the share is at most the limit" it ever reaches 1/alpha with a chance of at most alpha.
"""

import math
from collections.abc import Sequence
from typing import Literal

from hybridcheck.statistics.eprocess import log_e_value
from hybridcheck.statistics.rates import judge_rate
from hybridcheck.statistics.spread import Batch

MIN_BATCHES = 10
"""As in `rates`: fewer say nothing about how seconds differ."""

PASS_BATCHES = 90
"""A pass may be certain from so many batches on. Moods that outlive several seconds cannot be seen in fewer: in `make soak`,
with a sixth of the variance wandering with memory 0.7 and p95 5 % over its limit, 9 % were "kept" between 10 and 60 s."""


def certain(
    batches: Sequence[Batch], limit: float, *, fail_alpha: float, pass_alpha: float | None, looks: int = 1
) -> Literal["pass", "fail", "open"]:
    """Say whether the limit is certainly broken or kept, whenever and however often this is asked.

    Counts are divided by the design effect as `judge_rate` does it (at the confidence of the side that is asked for), so
    that correlated seconds weigh as little as they show. Missing counts as good for `fail` and as bad for `pass`. `pass`
    is the same process on good answers, for "the good share is at most 1 - limit"; None: it is not asked for.

    `looks`: also ask what was known up to so many batches ago. Having been certain once is enough (Ville), and what a stop
    cut off in its last second does not undo it; a pass of then is none where by now more than the limit is bad or missing: who
    was kept once can break down before somebody else's limit ends the phase. Which moments are asked about does not depend on
    what was answered, so that missing evidence can only withdraw a decision.
    """
    filled = [batch for batch in batches if batch.total]
    for until in range(len(filled), max(len(filled) - looks, MIN_BATCHES - 1), -1):
        state = _certain(filled[:until], limit, fail_alpha, pass_alpha)
        if state == "fail" or (state == "pass" and _worst(filled) < limit * sum(batch.total for batch in filled)):
            return state
    return "open"


def _worst(batches: Sequence[Batch]) -> int:
    """How many are bad if all that is missing is."""
    return sum(batch.bad + batch.missing for batch in batches)


def _certain(
    filled: Sequence[Batch], limit: float, fail_alpha: float, pass_alpha: float | None
) -> Literal["pass", "fail", "open"]:
    if not 0.0 < limit < 1.0:
        return "open"
    n = sum(batch.total for batch in filled)
    bad = sum(batch.bad for batch in filled)
    worst = _worst(filled)
    if bad > n * limit and _shown(filled, (bad, n, limit), fail_alpha):
        return "fail"
    if pass_alpha is None or len(filled) < PASS_BATCHES:
        return "open"
    if worst < n * limit and _shown(filled, (n - worst, n, 1.0 - limit), pass_alpha):
        return "pass"
    return "open"


def _shown(batches: Sequence[Batch], counts: tuple[int, int, float], alpha: float) -> bool:
    """Whether k of n is evidence enough against a share of at most p0; without the design effect asked first, as cheaper."""
    k, n, p0 = counts
    threshold = -math.log(alpha)
    if log_e_value(k, n, p0) < threshold:
        return False
    judged = judge_rate(batches, 0.5, fail_alpha=alpha, pass_confidence=1.0 - alpha, min_batches=MIN_BATCHES)
    divisor = judged.n / judged.effective_n
    return log_e_value(k / divisor, n / divisor, p0) >= threshold
