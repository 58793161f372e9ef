"""Does memory keep growing under a steady load."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.check import LoadCheck, Scene
from hybridcheck.checks.load.phases import ALL, read_phase
from hybridcheck.checks.usage.series import (
    SOURCES_NEED,
    ends,
    places,
    require_health,
    resources_stream,
    series,
)
from hybridcheck.evidence import Evidence
from hybridcheck.profile.drives import scaled
from hybridcheck.statistics.trend import Trend, trend
from hybridcheck.target import LoadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

READINGS = 240
"""A phase with fewer is too short to tell a leak from a cache that fills."""

WARMING_UP = 0.25
"""The first part of the phase is left out: caches fill, code is compiled."""

BLOCKS = 20
MOST_GROWTH = 0.1
SURE_GROWTH = 0.02
SURE_P = 0.01


class MemorySteady(LoadCheck):
    """Under steady load the target's resident memory does not keep growing.

    The last three quarters of the phase in twenty blocks, of each the lowest reading (garbage that is collected does not
    count); Theil-Sen slope with Sen's interval. Passes where the upper bound of the growth over these blocks is below
    10 %; fails where the lower bound is above 2 % and the trend is significant (Hamed-Rao, p < 0.01). What is found is
    memory that is retained; whether it is leaked, a longer run says.
    """

    id = "resources.memory-steady"
    dimension = Dimension.RELIABILITY
    severity = Severity.MEDIUM
    suite = "monitoring"
    remedy = "Compare heap profiles from early and late in a long run: what grows with the number of requests is kept."
    refs = ("Theil 1950; Sen 1968", "Hamed & Rao 1998", "reliability catalogue R1")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per source of each steady phase that is long enough."""
        profile, made = scene.profile, False
        interval_s = profile.observability.interval_s
        for phase, source in places(scene):
            spec = scaled(profile.load[phase], scene.budget, len(profile.load))
            if spec.shape == "steady" and spec.duration_s >= READINGS * interval_s:
                made = True
                stream, load = resources_stream(phase), f"load/{phase}"
                params: dict[str, Json] = {"stream": stream, "load": load, "source": source}
                yield Case(check=self.id, subject=f"{phase} {source}", params=params, shared=(load, stream))
        if not made:
            line = f"a steady load phase with duration_s: {READINGS * interval_s:g} (--budget standard or full)"
            declared = next(places(scene), None) is not None
            yield Unmet(subject="load", needs=line if declared else f"{SOURCES_NEED} and {line}")

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Nothing of its own: the samples are a shared stream."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the trend of the blocks' lowest readings."""
        stream = str(case.params["stream"])
        samples = series(evidence, stream, str(case.params["source"]), "rss_bytes", "during")
        expected = f"growth below {MOST_GROWTH:.0%} over the last {1 - WARMING_UP:.0%} of the phase"
        require_health(samples)
        read_phase(evidence, str(case.params["load"]), ALL)
        known = [(sample.at_s, sample.value) for sample in samples if sample.value is not None]
        details: dict[str, object] = {
            "exchanges": ends(samples),
            "n": len(known),
            "limit": MOST_GROWTH,
            "unit": "ratio",
        }
        if len(samples) < 0.9 * READINGS:
            return undecided(Reason.TOO_FEW_SAMPLES, expected, f"only {len(samples)} readings", **details)
        return _finding(trend_of(known), known, expected, details)


def trend_of(known: Sequence[tuple[float, float]]) -> tuple[Trend, float]:
    """The trend of the blocks' lowest readings, and the seconds from the first block's to the last."""
    kept = known[int(WARMING_UP * len(known)) :]
    edges = [round(number * len(kept) / BLOCKS) for number in range(BLOCKS + 1)]
    floors = [min(kept[start:end], key=lambda pair: pair[1]) for start, end in pairwise(edges)]
    times = [time for time, _ in floors]
    return trend(times, [value for _, value in floors]), times[-1] - times[0]


def _finding(
    found: tuple[Trend, float], known: Sequence[tuple[float, float]], expected: str, details: dict[str, object]
) -> Finding:
    line, lasting_s = found
    level = min(value for _, value in known[int(WARMING_UP * len(known)) :])
    growth = line.slope_per_s * lasting_s / level
    if line.lower_per_s is None or line.upper_per_s is None or line.p_value is None:
        return undecided(Reason.TOO_FEW_SAMPLES, expected, f"growth {growth:.1%}, without a bound", **details)
    lower, upper = line.lower_per_s * lasting_s / level, line.upper_per_s * lasting_s / level
    observed = f"growth {growth:.1%}, between {lower:.1%} and {upper:.1%} of {level / 1e6:.0f} MB"
    bounds = {"value": growth, "lower": lower, "upper": upper, "method": "Theil-Sen on floors of 20 blocks"}
    details = {**details, **bounds, "effective_n": line.effective_n}
    if lower > SURE_GROWTH and line.p_value < SURE_P:
        return failed(expected, observed, **details)
    if upper < MOST_GROWTH:
        return passed(expected, observed, **details)
    return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, **details)
