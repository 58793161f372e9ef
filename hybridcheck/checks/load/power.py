"""Can a planned load phase decide its limits at all: asked before the first byte, from rates and lengths alone."""

import math

from hybridcheck.profile.load_phases import arrivals_in, fed_requests, seconds_of
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.statistics.binomial import min_clean_samples
from hybridcheck.statistics.sequential import MIN_BATCHES
from hybridcheck.statistics.warm_up import BATCH, FEWEST_BATCHES

PASS_CONFIDENCE = 0.95


def shortfall(
    spec: LoadPhaseSpec,
    limit: float,
    *,
    share: float = 1.0,
    window: tuple[int, int] | None = None,
    per_second: float | None = None,
) -> str:
    """Why not even a flawless run of the phase could show that at most `limit` is bad, and what could; empty where it could.

    `share`: how much of the phase's arrivals the limit is about. `per_second`: places per judged second where it is not
    about arrivals. In the closed model only the number of seconds is known before. It is a lower bound: requests whose
    fates hang together are worth fewer.
    """
    if limit == 0.0:
        return "cannot be passed: no number of requests shows a share of 0; allow a small share, such as 0.001"
    if limit >= 1.0:
        return ""
    seconds = seconds_of(spec, window)
    needed, expected = min_clean_samples(limit, PASS_CONFIDENCE), _expected(spec, seconds, share, per_second)
    fed = fed_requests(spec) if per_second is None else None
    if fed is not None and share * fed[0] < needed:
        had = f"the rows of '{fed[1]}' (order: once) are enough for {share * fed[0]:,.0f}"
        return f"needs >= {needed:,} requests, {had}; more rows, or order: circular"
    have_batches = len(seconds) >= MIN_BATCHES
    if have_batches and (expected is None or expected >= needed):
        return ""
    if not seconds:
        return f"needs at least {MIN_BATCHES} judged seconds, the phase has none"
    needed_s = _needed_s(seconds, needed, expected)
    parts = [f"needs >= {needed:,} requests in >= {MIN_BATCHES} judged seconds"]
    has = f"{len(seconds)} seconds" if expected is None else f"{expected:,.0f} in {len(seconds)}"
    parts.append(f"the plan has {has}")
    where = "a window_s of" if window else "duration_s:"
    whole_s = needed_s if window else math.ceil(spec.duration_s * needed_s / len(seconds))
    return f"{', '.join(parts)}; {where} about {whole_s} s would do"


def too_short_to_settle(spec: LoadPhaseSpec) -> str:
    """Why a warm-up cannot be found in the phase; empty where it can, or none is looked for."""
    judged, needed = len(seconds_of(spec, None)), BATCH * FEWEST_BATCHES
    if not spec.find_warmup or judged >= needed:
        return ""
    whole_s = math.ceil(spec.duration_s + needed - judged)
    return f"needs >= {needed} judged seconds to find the warm-up, the plan has {judged}; duration_s: about {whole_s} s would do"


def _expected(spec: LoadPhaseSpec, seconds: frozenset[int], share: float, per_second: float | None) -> float | None:
    """How many requests the judged seconds will have; None where the target's answers decide that."""
    if spec.model == "closed":
        return None if per_second is None else per_second * len(seconds)
    arrivals = share * arrivals_in(spec, seconds)
    return arrivals if per_second is None else min(arrivals, per_second * len(seconds))


def _needed_s(seconds: frozenset[int], needed: int, expected: float | None) -> int:
    """How many judged seconds would do at the present rate."""
    by_requests = 0 if not expected else math.ceil(needed * len(seconds) / expected)
    return max(MIN_BATCHES, by_requests)
