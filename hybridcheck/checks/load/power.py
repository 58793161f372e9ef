"""Can a planned load phase decide its limits at all: asked before the first byte, from rates and lengths alone."""

import math
from dataclasses import dataclass

from hybridcheck.cases import Budget
from hybridcheck.profile.drives import scaled, wider, with_budget
from hybridcheck.profile.load_phases import arrivals_in, fed_requests, seconds_of
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.statistics.binomial import min_clean_samples
from hybridcheck.statistics.sequential import MIN_BATCHES
from hybridcheck.statistics.warm_up import BATCH, FEWEST_BATCHES

PASS_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class _Need:
    """How many requests a limit needs; the parameters of `shortfall` say which ones."""

    requests: int
    share: float
    line: int | None
    per_second: float | None

    def window(self, spec: LoadPhaseSpec) -> tuple[int, int] | None:
        """The whole seconds of the limit's window."""
        return None if self.line is None else spec.limits[self.line].window()

    def planned(self, spec: LoadPhaseSpec) -> tuple[int, float | None]:
        """How many judged seconds there are, and requests in them; None where the target's answers decide that."""
        seconds = seconds_of(spec, self.window(spec))
        places = math.inf if self.per_second is None else self.per_second * len(seconds)
        if spec.model == "closed":
            return len(seconds), None if self.per_second is None else places
        return len(seconds), min(self.share * arrivals_in(spec, seconds), places)

    def is_met(self, spec: LoadPhaseSpec) -> bool:
        """Whether a flawless run of a phase as it is driven would do."""
        seconds, requests = self.planned(spec)
        return seconds >= MIN_BATCHES and (requests is None or requests >= self.requests)

    def needed_s(self, spec: LoadPhaseSpec) -> int:
        """How many judged seconds would do at the present rate."""
        seconds, requests = self.planned(spec)
        return max(MIN_BATCHES, math.ceil(self.requests * seconds / requests) if requests else 0)


def shortfall(
    spec: LoadPhaseSpec,
    limit: float | None,
    *,
    share: float = 1.0,
    line: int | None = None,
    per_second: float | None = None,
    budget: Budget = Budget.FULL,
    phases: int = 1,
) -> str:
    """Why not even a flawless run of the phase could show that at most `limit` is bad, and what could; empty where it could.

    `spec`: the phase as it is declared, one of so many `phases`; a run of this `budget` may drive less of it. `limit`: None
    for a mean, which needs seconds with arrivals alone. `share`: how much of the phase's arrivals the limit is about, `line`:
    which of its `limits` it is, if any. `per_second`: places per judged second where it is not about arrivals. In the closed
    model only the number of seconds is known before. It is a lower bound: requests whose fates hang together are worth fewer.
    """
    if limit == 0.0:
        return "cannot be passed: no number of requests shows a share of 0; allow a small share, such as 0.001"
    if limit is not None and limit >= 1.0:
        return ""
    requests = MIN_BATCHES if limit is None else min_clean_samples(limit, PASS_CONFIDENCE)
    need, driven = _Need(requests, share, line, per_second), scaled(spec, budget, phases)
    fed = fed_requests(spec) if per_second is None else None
    if fed is not None and share * fed[0] < requests:
        had = f"the rows of '{fed[1]}' (order: once) are enough for {share * fed[0]:,.0f}"
        return f"needs >= {requests:,} requests, {had}; more rows, or order: circular"
    if need.is_met(driven):
        return ""
    if not need.planned(spec)[0]:
        return f"needs at least {MIN_BATCHES} judged seconds, the phase has none"
    seconds, expected = need.planned(driven)
    has = f"{seconds} seconds" if expected is None else f"{expected:,.0f} in {seconds}"
    parts = f"needs >= {requests:,} requests in >= {MIN_BATCHES} judged seconds, the plan has {has}"
    return f"{parts}; {_remedy(spec, need, budget, phases)} would do"


def _remedy(spec: LoadPhaseSpec, need: _Need, budget: Budget, phases: int) -> str:
    """A budget that drives enough of the declared phase, or else a longer phase or window, with its budget."""
    enough = next((one for one in wider(budget) if need.is_met(scaled(spec, one, phases))), None)
    if enough is not None:
        return f"--budget {enough}"
    needed_s = need.needed_s(spec)
    if need.window(spec) is not None:
        return f"a window_s of about {needed_s} s{with_budget(spec.duration_s, budget, phases)}"
    return _length(spec, math.ceil(spec.duration_s * needed_s / need.planned(spec)[0]), budget, phases)


def _length(spec: LoadPhaseSpec, whole_s: int, budget: Budget, phases: int) -> str:
    line = f"stages that last about {whole_s} s in all" if spec.shape == "stages" else f"duration_s: about {whole_s} s"
    return f"{line}{with_budget(whole_s, budget, phases)}"


def too_short_to_settle(spec: LoadPhaseSpec, budget: Budget = Budget.FULL, phases: int = 1) -> str:
    """Why a warm-up cannot be found in the phase; empty where it can, or none is looked for."""
    judged, needed = _judged_s(spec, budget, phases), BATCH * FEWEST_BATCHES
    if not spec.find_warmup or judged >= needed:
        return ""
    enough = next((one for one in wider(budget) if _judged_s(spec, one, phases) >= needed), None)
    lacking_s = needed - _judged_s(spec, Budget.FULL, phases)
    longer = f"--budget {enough}" if enough else _length(spec, math.ceil(spec.duration_s + lacking_s), budget, phases)
    return f"needs >= {needed} judged seconds to find the warm-up, the plan has {judged}; {longer} would do"


def _judged_s(spec: LoadPhaseSpec, budget: Budget, phases: int) -> int:
    return len(seconds_of(scaled(spec, budget, phases), None))
