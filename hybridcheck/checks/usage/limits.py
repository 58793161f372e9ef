"""Does the target stay within its limits of CPU, memory, open files and waiting work while it is under load.

A reading that was missed counts as too high where a pass is asked for, and as fine where a fail is.
"""

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import LoadCheck, Scene
from hybridcheck.checks.load.phases import ALL, read_phase
from hybridcheck.checks.usage.series import (
    about,
    amount,
    ends,
    longest_run,
    places,
    require_health,
    resources_stream,
    series,
)
from hybridcheck.evidence import Evidence, Sample
from hybridcheck.profile.models import Profile
from hybridcheck.statistics.binomial import clopper_pearson_lower
from hybridcheck.target import LoadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ALLOWED_SHARE = 0.05
"""At most this share of the readings may be above the limit, and none of it in a run longer than LONGEST_S."""

LONGEST_S = 30.0
FEWEST_READINGS = 20
"""With fewer, one reading above the limit would be more than the allowed share."""

FAIL_CONFIDENCE = 0.99
FILES_RATIO = 0.9
"""Of the most files that a process may open, where the profile gives no number."""


class KeepsGauge(LoadCheck):
    """The base of the limits: one case per load phase and source.

    Passes where the load was delivered, the series is whole enough, and at most 5 % of its readings (with those that
    were missed) are above the limit, none for longer than 30 s. Fails where the lower 99 % bound of that share is
    above 5 %, or a run above the limit is longer than 30 s.
    """

    dimension = Dimension.PERFORMANCE
    suite = "monitoring"
    refs = ("reliability catalogue R6-R8",)
    metric: ClassVar[str]
    unit: ClassVar[str]
    needs: ClassVar[str]

    def limit(self, profile: Profile) -> float | None:
        """The declared limit in the metric's unit; None where there is none, or where the source tells its own."""
        return None

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase and source where the limit is declared."""
        limit, made = self.limit(scene.profile), False
        for phase, source in places(scene) if limit is not None else ():
            made = True
            stream, load = resources_stream(phase), f"load/{phase}"
            params: dict[str, Json] = {"stream": stream, "load": load, "source": source, "limit": limit}
            yield Case(check=self.id, subject=f"{phase} {source}", params=params, shared=(load, stream))
        if not made:
            yield Unmet(subject="load", needs=self.needs)

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Nothing of its own: the samples are a shared stream."""

    def expects(self, case: Case) -> str:
        """The limit, where the profile gives its number."""
        limit = case.params["limit"]
        return self.title if limit is None else _promise(float(limit), self.unit)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the readings made while the load was sent."""
        stream, limit = str(case.params["stream"]), float(case.params["limit"])
        samples = series(evidence, stream, str(case.params["source"]), self.metric, "during")
        interval_s = float(about(evidence, stream).values["interval_s"])
        finding = within(samples, [limit] * len(samples), interval_s, self.unit)
        return proved(finding, case, evidence, samples)


def _promise(limit: float, unit: str) -> str:
    return f"at most {ALLOWED_SHARE:.0%} of the readings above {amount(limit, unit)}, never longer than {LONGEST_S:g} s"


def within(samples: Sequence[Sample], limits: Sequence[float], interval_s: float, unit: str) -> Finding:
    """Judge readings against a limit each."""
    limit = max(limits, default=0.0)
    expected = _promise(limit, unit)
    high = [s.value is not None and s.value > most for s, most in zip(samples, limits, strict=True)]
    missed = [sample.value is None for sample in samples]
    highest = max((sample.value for sample in samples if sample.value is not None), default=None)
    count, unknown = len(samples), sum(missed)
    details = {"exchanges": ends(samples), "n": count, "value": highest, "limit": limit, "unit": unit}
    observed = (
        f"{sum(high)} of {count} readings above, the highest {amount(highest, unit)}" if highest is not None else ""
    )
    observed += f", {unknown} missed" if unknown else ""
    if longest_run(high) * interval_s > LONGEST_S:
        return failed(expected, f"{observed}, {longest_run(high) * interval_s:g} s without a pause", **details)
    if count < FEWEST_READINGS:
        return undecided(Reason.TOO_FEW_SAMPLES, expected, f"only {count} readings", **details)
    if clopper_pearson_lower(sum(high), count, FAIL_CONFIDENCE) > ALLOWED_SHARE:
        return failed(expected, observed, **details)
    maybe_high = [one or other for one, other in zip(high, missed, strict=True)]
    if sum(maybe_high) <= ALLOWED_SHARE * count and longest_run(maybe_high) * interval_s <= LONGEST_S:
        return passed(expected, observed, **details)
    return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, **details)


def proved(finding: Finding, case: Case, evidence: Evidence, samples: Sequence[Sample]) -> Finding:
    """A pass only stands where the declared load was delivered and the series is whole enough; a fail stands.

    Raises:
        Undecided: otherwise.
    """
    if finding.outcome != "fail":
        require_health(samples)
        read_phase(evidence, str(case.params["load"]), ALL)
    return finding


class CpuWithinLimit(KeepsGauge):
    """Under load the target uses no more than the declared share of its cores."""

    id = "resources.cpu-within-limit"
    severity = Severity.HIGH
    remedy = "Find what burns CPU (a profiler on the busiest operation), or give the target more cores."
    metric = "cpu_ratio"
    unit = "of the cores"
    needs = "observability: {metrics: /metrics, cores: 2} and thresholds: {max_cpu_ratio: 0.8}"

    def limit(self, profile: Profile) -> float | None:
        """The share, where it is known of how many cores."""
        return profile.thresholds.max_cpu_ratio if profile.observability.cores is not None else None


class MemoryWithinLimit(KeepsGauge):
    """Under load the target's resident memory stays below the declared limit."""

    id = "resources.memory-within-limit"
    severity = Severity.HIGH
    remedy = "Look for what is kept per request or connection; a limit that is too low for the working set shows too."
    metric = "rss_bytes"
    unit = "bytes"
    needs = "observability: {metrics: /metrics} and thresholds: {max_rss_bytes: 1000000000}"

    def limit(self, profile: Profile) -> float | None:
        """The lower of bytes and share of the declared memory."""
        limits, memory = profile.thresholds, profile.observability.memory_limit_bytes
        found = [float(limits.max_rss_bytes)] if limits.max_rss_bytes is not None else []
        if limits.max_memory_ratio is not None and memory is not None:
            found.append(limits.max_memory_ratio * memory)
        return min(found, default=None)


class BacklogWithinLimit(KeepsGauge):
    """Under load the work that waits stays below the declared number of items."""

    id = "resources.backlog"
    severity = Severity.MEDIUM
    dimension = Dimension.RELIABILITY
    remedy = "Work comes in faster than it is done: more consumers, smaller items, or refuse work earlier."
    metric = "backlog"
    unit = "items"
    needs = "observability: {metrics: /metrics, backlog: GAUGE} and thresholds: {max_backlog: 1000}"

    def limit(self, profile: Profile) -> float | None:
        """The number of items, where a gauge counts them at a metrics endpoint."""
        seen = profile.observability
        exposed = seen.metrics is not None or seen.metrics_url is not None
        return profile.thresholds.max_backlog if seen.backlog is not None and exposed else None

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """Only metrics know of a backlog, a process id does not."""
        yield from (one for one in super().cases(scene) if isinstance(one, Unmet) or one.params["source"] == "metrics")


class OpenFilesWithinLimit(KeepsGauge):
    """Under load the target's open files and sockets stay below their limit.

    The declared number, else nine tenths of what the process may open, as far as the source says it.
    """

    id = "resources.open-files"
    severity = Severity.MEDIUM
    dimension = Dimension.RELIABILITY
    remedy = "Close what is opened per request, bound the pools, or raise the limit (ulimit -n)."
    metric = "open_files"
    unit = "files"
    needs = "observability: {metrics: /metrics} and a load phase"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase and source, with the declared limit or without."""
        made = list(places(scene))
        for phase, source in made:
            stream, load = resources_stream(phase), f"load/{phase}"
            limit = scene.profile.thresholds.max_open_files
            params: dict[str, Json] = {"stream": stream, "load": load, "source": source, "limit": limit}
            yield Case(check=self.id, subject=f"{phase} {source}", params=params, shared=(load, stream))
        if not made:
            yield Unmet(subject="load", needs=self.needs)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the readings against the declared number or the process's own limit."""
        if case.params["limit"] is not None:
            return super().judge(case, evidence)
        stream, source = str(case.params["stream"]), str(case.params["source"])
        samples = series(evidence, stream, source, self.metric, "during")
        try:
            most = series(evidence, stream, source, "max_open_files", "during")
        except Undecided as unknown:
            why = f"{unknown.why}; thresholds: {{max_open_files: N}} says how many are allowed"
            raise Undecided(unknown.reason, why) from unknown
        interval_s = float(about(evidence, stream).values["interval_s"])
        limits = [math.inf if sample.value is None else FILES_RATIO * sample.value for sample in most]
        return proved(within(samples, limits, interval_s, self.unit), case, evidence, samples)
