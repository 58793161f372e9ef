"""Does the target get slower the longer it works: the trend of its response times over a long steady phase."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import LoadCheck, Scene
from hybridcheck.checks.load.phases import ALL, read_phase
from hybridcheck.evidence import Evidence, LoadHistogram
from hybridcheck.profile.drives import scaled
from hybridcheck.statistics.histogram import Histogram
from hybridcheck.statistics.trend import trend
from hybridcheck.target import LoadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

SHORTEST_S = 110.0
"""A shorter phase has too few stretches of response times to tell a trend from a wave."""

WARMING_UP = 0.25
"""The first part of the phase is left out: caches fill, code is compiled."""

FEWEST = 15
"""Stretches of response times (of five seconds each) that are judged at least."""

MOST_GROWTH, SURE_GROWTH, SURE_P = 0.5, 0.25, 0.01

STALL_RATIO, STALL_MS = 10.0, 100.0
"""A stretch has a pause when its slowest answer took ten times its median, and 100 ms more."""

NS_PER_MS = 1_000_000
NEEDS = f"load: {{soak: {{rate_rps: 50, duration_s: {SHORTEST_S + 10:g}}}}} with --budget standard or full"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Response times over some seconds of a phase: when they begin, their median and the slowest, in ms."""

    at_s: float
    median_ms: float
    slowest_ms: float


class NoDrift(LoadCheck):
    """Under a long steady load the target's response times do not keep growing.

    The median response time of each stretch of five seconds over the last three quarters of a steady phase; Theil-Sen
    slope with Sen's interval. Passes where the upper bound of the growth over these stretches is below 50 %; fails where
    the lower bound is above 25 % and the trend is significant (Hamed-Rao, p < 0.01). Stretches with a pause (a collector,
    a stall) are counted beside; they decide nothing.
    """

    id = "performance.no-drift"
    dimension = Dimension.PERFORMANCE
    severity = Severity.MEDIUM
    suite = "boundary"
    remedy = (
        "Look for what grows with the number of requests: lists that are searched, caches without end, connections."
    )
    refs = ("Theil 1950; Sen 1968", "Hamed & Rao 1998")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per steady phase that is long enough as it will be driven."""
        profile, made = scene.profile, False
        for phase, declared in profile.load.items():
            spec = scaled(declared, scene.budget, len(profile.load))
            if spec.shape == "steady" and spec.duration_s - spec.warmup_s >= SHORTEST_S - 10:
                made = True
                stream = f"load/{phase}"
                yield Case(check=self.id, subject=phase, params={"stream": stream}, shared=(stream,))
        if not made:
            yield Unmet(subject="load", needs=NEEDS)

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Nothing of its own: the phase is the shared stream."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the trend of the medians."""
        stream = str(case.params["stream"])
        phase = read_phase(evidence, stream, ALL)
        stretches = _stretches(evidence, stream)
        kept = stretches[int(WARMING_UP * len(stretches)) :]
        if len(kept) < FEWEST:
            raise Undecided(Reason.TOO_FEW_SAMPLES, f"only {len(kept)} stretches of response times are recorded")
        expected = f"growth of the median response time below {MOST_GROWTH:.0%} over the last {1 - WARMING_UP:.0%}"
        return _finding(kept, expected, phase.starved)


def _stretches(evidence: Evidence, stream: str) -> list[Stretch]:
    """The judged stretches in the order of time, all operations together."""
    merged: dict[int, Histogram] = {}
    for record in evidence.all(LoadHistogram, stream=stream):
        if record.measure == "response" and record.counts and record.from_second is not None:
            merged.setdefault(record.from_second, Histogram()).merge(Histogram.from_pairs(record.pairs))
    return [
        Stretch(float(second), (found.quantile(0.5) or 0) / NS_PER_MS, (found.quantile(1.0) or 0) / NS_PER_MS)
        for second, found in sorted(merged.items())
        if found.count
    ]


def _finding(kept: Sequence[Stretch], expected: str, starved: str) -> Finding:
    times, medians = [stretch.at_s for stretch in kept], [stretch.median_ms for stretch in kept]
    line, lasting_s, level = trend(times, medians), times[-1] - times[0], min(medians)
    pauses = [
        s.slowest_ms
        for s in kept
        if s.slowest_ms >= STALL_RATIO * s.median_ms and s.slowest_ms - s.median_ms >= STALL_MS
    ]
    figures: dict[str, Json] = {
        "stretches": len(kept),
        "with_a_pause": len(pauses),
        "longest_pause_ms": max(pauses, default=None),
    }
    growth = line.slope_per_s * lasting_s / level
    details: dict[str, object] = {
        "n": len(kept),
        "value": growth,
        "limit": MOST_GROWTH,
        "unit": "ratio",
        "figures": figures,
    }
    if line.lower_per_s is None or line.upper_per_s is None or line.p_value is None:
        return undecided(Reason.TOO_FEW_SAMPLES, expected, f"growth {growth:.0%}, without a bound", **details)
    lower, upper = line.lower_per_s * lasting_s / level, line.upper_per_s * lasting_s / level
    paused = f"; {len(pauses)} of {len(kept)} stretches have a pause" if pauses else ""
    observed = f"growth {growth:.0%}, between {lower:.0%} and {upper:.0%} of {level:.3g} ms{paused}"
    details |= {
        "lower": lower,
        "upper": upper,
        "effective_n": line.effective_n,
        "method": "Theil-Sen on medians of stretches",
    }
    if lower > SURE_GROWTH and line.p_value < SURE_P:
        if starved:
            return undecided(Reason.GENERATOR_SATURATED, expected, f"{observed}, but {starved}", **details)
        return failed(expected, observed, **details)
    if upper < MOST_GROWTH:
        return passed(expected, observed, **details)
    return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, **details)
