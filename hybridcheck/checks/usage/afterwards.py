"""Does the target let go of what it took under load, and is it still the same process.

Memory is left out on purpose: allocators keep what they have, and what is retained is not leaked.
"""

from collections.abc import Callable, Iterator, Sequence

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import LoadCheck, Scene
from hybridcheck.checks.load.phases import require_load
from hybridcheck.checks.usage.series import (
    SOURCES_NEED,
    about,
    ends,
    require_health,
    resources_stream,
    series,
    sources,
)
from hybridcheck.evidence import Evidence, Sample
from hybridcheck.profile.models import Profile
from hybridcheck.target import LoadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

SLACK_RATIO = 0.1
"""Back is what is at most a tenth above the highest reading before the load, and the metric's own slack."""

CPU_SLACK = 0.1
BACKLOG_SLACK_ITEMS = 1.0
READINGS_IN_A_ROW = 3
FEWEST_BEFORE = 3

SAME_START_S = 2.0
"""Start times that differ by less are one: clocks are set, boot times are rounded."""

CLOCKS_APART_S = 60.0
"""A process that started longer ago than this before the first reading is another replica, not a restart."""


class ReturnsToBaseline(LoadCheck):
    """After the load CPU, open files and waiting work come back to the level before it.

    The level is the highest reading of the seconds before the load. Back is what is at most a tenth above it, plus a
    slack: a tenth of the cores, one item of work, or one file for each connection of the load (pools may keep one
    each). Passes where three readings in a row are back within the recovery time; fails where the whole recovery time
    goes by without.
    """

    id = "resources.returns-to-baseline"
    dimension = Dimension.RELIABILITY
    severity = Severity.MEDIUM
    suite = "monitoring"
    needs_whole_phase = False
    remedy = "Look for work that is queued and never done, connections that are never closed, loops that keep spinning."
    refs = ("reliability catalogue R5, R12",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per load phase, source and metric."""
        made = [case for phase in scene.profile.load for case in baseline_cases(scene.profile, phase)]
        yield from made
        if not made:
            yield Unmet(subject="load", needs=f"{SOURCES_NEED} and a load phase")

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Nothing of its own: the samples are a shared stream."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look for the first readings in a row that are back."""
        stream, source, metric = (str(case.params[name]) for name in ("stream", "source", "metric"))
        within_s = float(case.params["within_s"])
        require_load(evidence, str(case.params["load"]))
        before = series(evidence, stream, source, metric, "before")
        after = series(evidence, stream, source, metric, "after")
        most = _most(before, float(case.params["slack"]))
        if most is None or not after:
            raise Undecided(Reason.TOO_FEW_SAMPLES, f"{len(before)} readings before the load, {len(after)} after it")
        expected = f"{metric} back to at most {most:.4g} within {within_s:g} s after the load"
        details = {"exchanges": ends((*before, *after)), "n": len(after), "limit": within_s, "unit": "s"}
        back_s = _back_s(after, most, missing_is_back=False)
        if back_s is not None and back_s <= within_s:
            return passed(expected, f"back after {back_s:.1f} s", value=back_s, **details)
        interval_s = float(about(evidence, stream).values["interval_s"])
        if after[-1].at_s - after[0].at_s < within_s - 2 * interval_s:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "the recovery time was not waited for", **details)
        lowest = min((sample.value for sample in after if sample.value is not None), default=None)
        if lowest is None or _back_s(after, most, missing_is_back=True) is not None:
            return undecided(
                Reason.EVIDENCE_INCOMPLETE, expected, "readings are missing where it may be back", **details
            )
        return failed(expected, f"never below {lowest:.4g} in {len(after)} readings", **details)


def baseline_cases(profile: Profile, phase: str) -> Iterator[Case]:
    """The cases of one load phase."""
    seen, spec = profile.observability, profile.load[phase]
    cpu = "cpu_ratio" if seen.cores is not None else "cpu_cores"
    connections = float(min(spec.max_connections, profile.limits.max_connections))
    slacks = {cpu: CPU_SLACK, "open_files": connections}
    for source in sources(seen):
        backlog = {"backlog": BACKLOG_SLACK_ITEMS} if source == "metrics" and seen.backlog is not None else {}
        for metric, slack in (slacks | backlog).items():
            params: dict[str, Json] = {
                "stream": resources_stream(phase),
                "load": f"load/{phase}",
                "source": source,
                "metric": metric,
                "slack": slack,
                "within_s": profile.thresholds.max_recovery_s,
            }
            shared = (f"load/{phase}", resources_stream(phase))
            subject = f"{phase} {source} {metric}"
            yield Case(check=ReturnsToBaseline.id, subject=subject, params=params, shared=shared)


def nothing_more_to_learn(profile: Profile, phase: str) -> Callable[[Sequence[Sample]], bool]:
    """Whether all that is watched in a phase is back, so that sampling after the load may end."""
    watched = [case.params for case in baseline_cases(profile, phase)]

    def settled(samples: Sequence[Sample]) -> bool:
        return all(_settled(samples, params) for params in watched)

    return settled


def _settled(samples: Sequence[Sample], params: dict[str, Json]) -> bool:
    found = [s for s in samples if s.source == params["source"] and s.metric == params["metric"] and not s.instance]
    most = _most([sample for sample in found if sample.phase == "before"], float(params["slack"]))
    after = [sample for sample in found if sample.phase == "after"]
    return most is None or _back_s(after, most, missing_is_back=False) is not None


def _most(before: Sequence[Sample], slack: float) -> float | None:
    """The highest value that counts as back; None where too few readings say how it was before."""
    values = [sample.value for sample in before if sample.value is not None]
    return max(values) * (1 + SLACK_RATIO) + slack if len(values) >= FEWEST_BEFORE else None


def _back_s(after: Sequence[Sample], most: float, *, missing_is_back: bool) -> float | None:
    """Seconds from the first reading to the first of a row that is back; None where there is none."""
    row: list[float] = []
    for sample in after:
        back = missing_is_back if sample.value is None else sample.value <= most
        row = [*row, sample.at_s] if back else []
        if len(row) == READINGS_IN_A_ROW:
            return row[0] - after[0].at_s
    return None


class NoSilentRestart(LoadCheck):
    """The process that answers after the load is the one that answered before it.

    Reads the start time of the process beside every load phase. A later start that comes up in the run, on fresh
    connections, and stays, is a restart and a fail. Start times that alternate belong to several replicas, and decide
    nothing.
    """

    id = "resources.no-silent-restart"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    suite = "monitoring"
    needs_whole_phase = False
    remedy = "Look for the reason in the supervisor's log: out of memory, a crash, a worker that was recycled."
    refs = ("reliability catalogue R10",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per source, over all load phases."""
        phases = tuple(scene.profile.load)
        made = False
        for source in sources(scene.profile.observability) if phases else ():
            made = True
            streams = [resources_stream(phase) for phase in phases]
            params: dict[str, Json] = {"source": source, "streams": streams}
            shared = (*(f"load/{phase}" for phase in phases), *streams)
            yield Case(check=self.id, subject=source, params=params, shared=shared)
        if not made:
            yield Unmet(subject="load", needs=f"{SOURCES_NEED} and a load phase")

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Nothing of its own: the samples are shared streams."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the start times of all readings."""
        source, streams = str(case.params["source"]), [str(name) for name in case.params["streams"]]
        samples = [
            sample
            for stream in streams
            for part in ("before", "during", "after")
            for sample in series(evidence, stream, source, "start_time_unix_s", part)
        ]
        began_unix_s = float(about(evidence, streams[0]).values["began_unix_s"])
        starts = [sample.value for sample in samples if sample.value is not None]
        expected = f"one start time in {len(samples)} readings"
        details = {"exchanges": ends(samples), "n": len(samples)}
        changed = next((i for i, start in enumerate(starts) if not _same(start, starts[0])), None)
        if changed is None:
            require_health(samples)
            if samples[0].value is None or samples[-1].value is None:
                raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the first or the last reading is missing")
            return passed(expected, "the same in all", **details)
        later = starts[changed:]
        stays = len(later) > 1 and all(_same(start, later[0]) for start in later)
        in_the_run = later[0] > starts[0] and later[0] > began_unix_s - CLOCKS_APART_S
        if changed >= FEWEST_BEFORE and stays and in_the_run:
            text = f"restarted: the start time went up by {later[0] - starts[0]:.0f} s"
            return failed(expected, text, **details)
        return undecided(Reason.SUSPECTED, expected, "several start times: several processes answer", **details)


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_START_S
