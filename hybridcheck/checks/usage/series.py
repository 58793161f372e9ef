"""What the samplers recorded beside a load phase, as judges read it: one series at a time, with what is missing."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.check import Scene
from hybridcheck.evidence import Evidence, Observation, Sample
from hybridcheck.profile.models import Observability

SOURCES_NEED = "observability: {metrics: /metrics}"

MOST_MISSING = 0.05
"""More than this share of silences makes a series undecided (reliability, R14)."""

LONGEST_GAP = 3
"""As does a gap of more than so many intervals."""


def resources_stream(phase: str) -> str:
    """The shared stream of the samples beside a load phase."""
    return f"resources/{phase}"


def sources(seen: Observability) -> tuple[str, ...]:
    """The names of the sources that a profile declares."""
    found = []
    if seen.metrics is not None or seen.metrics_url is not None:
        found.append("metrics")
    if seen.pid is not None:
        found.append("pid")
    return tuple(found)


def places(scene: Scene) -> Iterator[tuple[str, str]]:
    """Every load phase with every source."""
    for phase in scene.profile.load:
        for source in sources(scene.profile.observability):
            yield phase, source


def series(evidence: Evidence, stream: str, source: str, metric: str, part: str) -> tuple[Sample, ...]:
    """The readings of a metric that were due in a part of the phase, in order; those without a value were missed.

    Raises:
        Undecided: where the sampler's end or one of the readings is not there, or the source never knew the metric.
    """
    found = [s for s in evidence.all(Sample, stream=stream) if (s.source, s.metric, s.instance) == (source, metric, "")]
    if not any(sample.value is not None for sample in found):
        raise Undecided(Reason.NO_TEST_DATA, f"the source '{source}' never gave {metric}")
    wanted = tuple(sample for sample in found if sample.phase == part)
    due = about(evidence, stream).values["due"][part]
    if len(wanted) != due:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{len(wanted)} of {due} readings of {metric} are there")
    return wanted


def about(evidence: Evidence, stream: str) -> Observation:
    """What the sampler says about itself at its end.

    Raises:
        Undecided: where it does not.
    """
    return evidence.one(Observation, "sampling", stream=stream)


def require_health(samples: Sequence[Sample]) -> None:
    """Refuse a series with too many silences.

    Raises:
        Undecided: EVIDENCE_INCOMPLETE.
    """
    missing = sum(sample.value is None for sample in samples)
    longest = longest_run([sample.value is None for sample in samples])
    if missing > MOST_MISSING * len(samples) or longest + 1 > LONGEST_GAP:
        text = f"{missing} of {len(samples)} readings are missing, {longest} in a row"
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, text)


def longest_run(flags: Sequence[bool]) -> int:
    """The length of the longest run of True."""
    return max((sum(1 for _ in run) for flag, run in groupby(flags) if flag), default=0)


def ends(samples: Sequence[Sample]) -> tuple[int, ...]:
    """The ledger numbers of the first and the last sample."""
    return tuple(sorted({samples[0].n, samples[-1].n})) if samples else ()


def amount(value: float, unit: str) -> str:
    """A value in words: bytes as megabytes."""
    return f"{value / 1e6:.4g} MB" if unit == "bytes" else f"{value:.4g} {unit}"
