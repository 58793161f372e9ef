"""The judged part of a load phase, read from its records; and whether the generator was fit to be believed.

A phase that did not go to its end, or whose generator was not healthy in every second, proves nothing about the target.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hybridcheck.cases import Case, Reason, Undecided
from hybridcheck.checks.load.own_share import Seen, own_ms
from hybridcheck.checks.load.several_processes import require_one_schedule
from hybridcheck.evidence import Evidence, GeneratorSecond, LoadEnd, LoadHistogram, LoadSecond, Observation
from hybridcheck.profile.load_phases import ROUNDING
from hybridcheck.statistics.histogram import Histogram

CPU_LIMIT_RATIO = 0.9
"""Above this CPU share the generator's process cannot be trusted to keep its schedule."""

SATURATED_SHARE = 0.1
"""More than this share of seconds with a saturated generator makes a phase undecided."""

STARVED_WAIT_RATIO, STARVED_WANT_RATIO = 0.1, 0.5
"""A second in which the generator waited for a CPU for more than the first share, and ran or waited for more than the second.

Answers wait in its sockets then, its connections are busy with waiting, and arrivals pile up: none of it is the
target's fault. A generator with little to do is woken late by such neighbours, and does not fall behind.
"""

TICK_MS = 20.0
"""How long before its clock's tick was due the generator may have stopped: by so much it was still for longer than it says."""

NS_PER_MS = 1_000_000

ALL = "*"
"""The subject of limits that hold for all operations of a phase together."""


@dataclass(frozen=True, slots=True)
class Phase:
    """The judged part of a load phase: its seconds that count, per second over the wanted operations."""

    seconds: Mapping[int, tuple[LoadSecond, ...]]
    end: LoadEnd
    seen: Seen
    """What is recorded beside them: what a fail may owe to the generator is read from it."""
    refused: str = ""
    """In words, where a credential of the phase was refused before the load began: its 401s are no news."""

    @property
    def starved(self) -> str:
        """In words, where the generator was kept from its CPU: what came late or not at all may be its own fault."""
        return self.seen.starved

    @property
    def stopped_early(self) -> bool:
        """Whether the phase was ended because a limit was certain."""
        return self.end.cause == STOPPED_EARLY

    def total(self, field: str) -> int:
        """Sum of a counter over all judged seconds."""
        return sum(getattr(record, field) for records in self.seconds.values() for record in records)


Choice = Callable[[LoadSecond], bool]
"""Says which rows a case is about."""

WARM_UP = "warm-up"
"""The label of the observation that says until which second a phase was warming up (MSER-5)."""

SWEEP = "sweep"
"""The label of the observation that says how many items each request of a sweep's phase has."""

USED = "used"
"""The label of the observation that says how many of the users and of the rows there are had a part in the phase."""

EXPIRES = "token expires"
"""The label of the observation that a token will expire within the phase, told when it begins."""

COMPLETED, STOPPED_EARLY, SAFETY_ABORT, BY_HAND = "completed", "stopped_early", "safety_abort", "aborted"
"""Causes of a `LoadEnd`: it went to its end; a limit was certainly broken (or kept); the target was melting down; somebody
pressed Stop."""


def chosen_by(case: Case) -> Choice:
    """The rows that a case judges: those of its operations, in its window or else in the seconds that count."""
    params = case.params
    operation, window = str(params["operation"]), params.get("window")
    settled = int(params.get("settled", 0))
    wanted = frozenset(params.get("operations") or (() if operation == ALL else (operation,)))

    def choice(record: LoadSecond) -> bool:
        in_time = (
            record.counts and record.second >= settled if window is None else window[0] <= record.second < window[1]
        )
        return in_time and (not wanted or record.operation in wanted)

    return choice


def settled_case(case: Case, evidence: Evidence) -> Case:
    """The case with the second from which on its phase had settled, where its warm-up is found by the rule.

    Raises:
        Undecided: the rule found none, or what it found is not recorded.
    """
    if not case.params.get("find_warmup"):
        return case
    found = [r for r in evidence.all(Observation, stream=str(case.params["stream"])) if r.label == WARM_UP]
    if not found:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "where the warm-up ended is not recorded")
    until = found[0].values.get("until_second")
    if until is None:
        raise Undecided(
            Reason.TOO_FEW_SAMPLES, "the response times never settled, or there are too few seconds to tell"
        )
    return case.model_copy(update={"params": {**case.params, "settled": until}})


def by_second(records: Iterable[LoadSecond], choice: Choice) -> dict[int, tuple[LoadSecond, ...]]:
    """The chosen rows of each second, in order."""
    found: dict[int, list[LoadSecond]] = {}
    for record in records:
        if choice(record):
            found.setdefault(record.second, []).append(record)
    return {second: tuple(found[second]) for second in sorted(found)}


def whole_seconds(rows: Collection[LoadSecond], end: LoadEnd | None, duration_s: float | None) -> range:
    """The seconds in which requests could be sent throughout: not the last one where the phase, or its plan, ended within it.

    `duration_s` is that of the plan. A phase that completed before that had sent all that it may in its last second with requests.
    """
    until = max((row.second + 1 for row in rows), default=0)
    if end is None or end.cause != COMPLETED:
        return range(until - 1)
    if duration_s is None:
        return range(until)
    if until < duration_s - ROUNDING:
        return range(max((row.second for row in rows if row.planned), default=0))
    ended_within = until - 1 < duration_s < until - ROUNDING
    return range(until - 1 if ended_within else until)


def require_load(evidence: Evidence, stream: str) -> None:
    """A phase has ended, however it did, and the target heard of at least one of its requests.

    Raises:
        Undecided: where it did not.
    """
    end = next(iter(evidence.all(LoadEnd, stream=stream)), None)
    if end is None or end.ok + end.failed - end.not_sent <= 0:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "no load came before")


def read_phase(evidence: Evidence, stream: str, operation: str) -> Phase:
    """The judged part of a phase that went to its end.

    Raises:
        Undecided: where it did not, its seconds do not add up, or the generator was not healthy.
    """
    phase = phase_until_its_end(evidence, stream, lambda row: row.counts and operation in (ALL, row.operation))
    if phase.stopped_early:
        raise Undecided(Reason.STOPPED_EARLY, f"the load phase was ended early: {phase.end.detail}")
    return phase


def phase_until_its_end(evidence: Evidence, stream: str, choice: Choice) -> Phase:
    """The judged part of a phase that went to its end, or was ended early because a limit was certain.

    Raises:
        Undecided: see `read_phase`; also where the phase was broken off.
    """
    end = next(iter(evidence.all(LoadEnd, stream=stream)), None)
    if end is not None and end.cause == SAFETY_ABORT:
        raise Undecided(Reason.SAFETY_ABORT, f"the load phase was broken off: {end.detail}")
    if end is not None and end.cause == BY_HAND:
        raise Undecided(Reason.INTERRUPTED, f"the load phase was {end.detail}")
    if end is None or end.cause not in {COMPLETED, STOPPED_EARLY}:
        raise Undecided(Reason.WORKER_LOST, f"the load phase did not end: {end.cause if end else 'no end marker'}")
    records = evidence.all(LoadSecond, stream=stream)
    if sum(record.planned for record in records) != end.planned:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the seconds of the load phase do not add up to its end marker")
    health = _require_health(evidence, stream, {record.second for record in records})
    if end.generator_seconds not in (None, len(health)):
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the generator's health is not recorded to its end")
    proving = (row for row in records if end.proves_until is None or row.second < end.proves_until)
    judged = by_second(proving, choice)
    if not judged:
        none = f"counts: {end.detail or 'all are warm-up, or not at the declared level'}"
        why = "was reached" if end.cause == STOPPED_EARLY else none
        raise Undecided(Reason.TOO_FEW_SAMPLES if end.rows_of is None else Reason.NO_TEST_DATA, f"no second that {why}")
    starved = _require_believable(health, records, judged)
    times = evidence.all(LoadHistogram, stream=stream)
    return Phase(judged, end, Seen(records, health, times, starved, own_lag_p99_ms(times)))


def _require_health(evidence: Evidence, stream: str, seconds: set[int]) -> tuple[GeneratorSecond, ...]:
    """The generator's health, which is recorded for every second of one common schedule."""
    records = evidence.all(GeneratorSecond, stream=stream)
    known = {record.second: record for record in records}
    if not seconds <= known.keys():
        raise _not_recorded(known, sorted(seconds - known.keys()))
    require_one_schedule(evidence, stream, records)
    return records


def _require_believable(
    health: Sequence[GeneratorSecond], records: Sequence[LoadSecond], judged: Collection[int]
) -> str:
    """Why a fail may be the generator's fault; empty where it had its CPU whenever it was ready to run.

    Asked of the whole phase and of what is judged of it: a calm warm-up does not make up for the seconds that count.
    """
    whole = faults(health, {record.second for record in records})
    part = faults(health, judged)
    saturated, starved = whole[0] or part[0], whole[1] or part[1]
    if saturated:
        raise Undecided(Reason.GENERATOR_SATURATED, saturated)
    return starved


def _not_recorded(health: Mapping[int, GeneratorSecond], silent: Sequence[int]) -> Undecided:
    """Why seconds have no health: a generator that stands still reports none, and how long that was when it goes on."""
    known = [second for second in sorted(health) if second < silent[0]]
    following = [second for second in sorted(health) if second > silent[0]]
    beside = [health[second] for second in (*known[-1:], *following[:1])]
    still_ms = max((ms for ms in map(own_ms, beside) if ms is not None), default=0.0)
    hole_s = (following[0] if following else silent[-1] + 1) - silent[0]
    if still_ms + TICK_MS < 1000 * hole_s:
        return Undecided(Reason.EVIDENCE_INCOMPLETE, "the generator's health is not recorded for every second")
    begin = known[-1] if known else silent[0]
    return Undecided(
        Reason.GENERATOR_SATURATED, f"the generator stood still for {still_ms / 1000:.1f} s from second {begin} on"
    )


def faults(health: Iterable[GeneratorSecond], of: Collection[int]) -> tuple[str, str]:
    """In words, why these seconds prove nothing (saturated), and why a fail may be the generator's (starved); or empty."""
    seconds = [record for record in health if record.second in of]
    busy = sum((second.cpu_ratio or 0) > CPU_LIMIT_RATIO for second in seconds)
    starved = sum(_is_starved(second) for second in seconds)
    most = SATURATED_SHARE * len(seconds)
    return (
        f"the generator used more than {CPU_LIMIT_RATIO:.0%} of its core in {busy} of {len(seconds)} seconds"
        if busy > most
        else "",
        f"the generator's core was not its own in {starved} of {len(seconds)} seconds" if starved > most else "",
    )


def _is_starved(record: GeneratorSecond) -> bool:
    """Whether others kept the generator from its core in a second in which it had much to do."""
    waited, ran = record.runqueue_ratio or 0.0, record.cpu_ratio or 0.0
    return waited > STARVED_WAIT_RATIO and waited + ran > STARVED_WANT_RATIO


def own_lag_p99_ms(times: Iterable[LoadHistogram]) -> float | None:
    """The generator's own start lag (p99) over the judged seconds, in milliseconds; None where it is not recorded.

    All of the lag may have come of connections that were busy: then that record is there, has nothing in it, and beside it
    the one of all lag has.
    """
    own, all_lag, told = Histogram(), Histogram(), False
    for record in times:
        if record.measure in ("own_lag", "lag"):
            (own if record.measure == "own_lag" else all_lag).merge(Histogram.from_pairs(record.pairs))
            told = told or record.measure == "own_lag"
    found_ns = own.quantile(0.99)
    if found_ns is not None:
        return found_ns / NS_PER_MS
    return 0.0 if told and all_lag.count else None
