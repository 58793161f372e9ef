"""What of a fail may be the generator's own doing: it stood still, had no core, or was given too few connections.

Response time runs from the intended start, so a pass needs no punctual generator. A fail needs that the generator cannot have
caused it: all that it may have caused is taken for unknown, second by second, and what is left must break the limit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybridcheck.cases import Case, Reason
from hybridcheck.evidence import GeneratorSecond, LoadHistogram, LoadSecond
from hybridcheck.statistics.histogram import bucket_of, value_ns
from hybridcheck.statistics.spread import Batch

_NS_PER_MS = 1_000_000

OWN_FAULTS = frozenset({"timeout", "connect_timeout"})
"""Failures that a generator without its core can cause; a status, a reset or a refusal is the target's whoever asks."""

EXHAUSTED = "generator"
"""The kind of what failed since the generator had no open file, local port or memory left: never the target's doing."""

LAG_SHARE = 0.05
"""Of a latency limit, or of the deadline: a generator that was late by less is no excuse."""

PER_SECOND_MS = 1000.0
"""What users have to fill a second's places in."""

TWICE = 2
"""An answer can meet a generator that stands still when its request is to go out, and again when it is to be read."""

SPARE = 2.0
"""Times the square root of the busy connections: fewer beside them, and arrivals queue though there are enough on average
(square-root staffing: Halfin & Whitt 1981, Operations Research 29, 567)."""

Rows = Mapping[int, tuple[LoadSecond, ...]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is recorded of a phase beside the rows that a case judges."""

    rows: Sequence[LoadSecond] = ()
    health: Sequence[GeneratorSecond] = ()
    times: Sequence[LoadHistogram] = ()
    starved: str = ""
    lag_ms: float | None = None
    """Start lag of the generator's own doing over the whole phase (p99), for seconds that do not say theirs."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The response and service times of one operation over some seconds, and those seconds' rows."""

    seconds: range
    times: list[LoadHistogram]
    rows: list[LoadSecond]


@dataclass(frozen=True, slots=True)
class OwnShare:
    """What the generator may have done to each second of a phase, as far as one limit is concerned.

    late_ms: by how much answers to a second's arrivals may be late through it. stopped: seconds whose arrivals may have
    timed out or stayed unsent through it. unknown: how late it was is not recorded. few: in words, where its connections
    were too few for the declared load, so that arrivals waited for one or were never sent. exhausted: second → how many
    requests it had nothing left to send with, and the second after it, in which users still wait for that.
    """

    seen: Seen
    late_ms: Mapping[int, float]
    stopped: frozenset[int]
    unknown: bool
    few: str
    exhausted: Mapping[int, int]
    stretches: Mapping[tuple[str, int], _Stretch]

    @property
    def excuses(self) -> bool:
        """Whether there is anything that it may have caused."""
        return bool(self.seen.starved or self.late_ms or self.stopped or self.few or self.exhausted)

    @property
    def reason(self) -> Reason:
        """Of a case that it leaves undecided."""
        return Reason.TOO_FEW_CONNECTIONS if self.few else Reason.GENERATOR_SATURATED

    def beside(self, observed: str) -> str:
        """What was observed, and what it did; what the tester can change comes first."""
        if self.few:
            return f"{self.few}; {observed}"
        if self.exhausted:
            left = "it had no open file, local port or memory left for them"
            return (
                f"{observed}, but {sum(self.exhausted.values())} requests the generator itself could not send: {left}"
            )
        if self.seen.starved:
            return f"{observed}, but {self.seen.starved}"
        most_ms = max((ms for ms in map(own_ms, self.seen.health) if ms is not None), default=self.seen.lag_ms or 0.0)
        touched = len(self.stopped | self.late_ms.keys())
        late = f"the generator itself was late (by up to {most_ms:,.1f} ms, which touches {touched} seconds)"
        return f"{observed}, but {late}"

    def stands_still(self, second: int) -> bool:
        """Whether arrivals of this second may have timed out, or stayed unsent, because the generator did nothing."""
        return bool(self.seen.starved) or second in self.stopped

    def certain(self, second: int, rows: Sequence[LoadSecond], batch: Batch, limit_key: str | None) -> int:
        """How many of a second's bad arrivals are the target's for certain."""
        late = limit_key is not None and bool(self.seen.starved or self.few or second in self.late_ms)
        if not (late or self.few or self.stands_still(second) or second in self.exhausted):
            return batch.bad
        known = certainly_failed(self, second, rows)
        if limit_key is not None:
            proved = self._proved_late(rows, limit_key)
            known += proved if late else sum(row.late.get(limit_key, 0) for row in rows)
        return min(known, batch.bad)

    def _proved_late(self, rows: Sequence[LoadSecond], limit_key: str) -> int:
        """How many answers were so late that the generator's part in it does not matter; none where it had no core.

        Their times are known by stretches of seconds: what the other seconds of the stretch cannot account for is this one's.
        """
        if self.seen.starved:
            return 0
        return sum(self._proved_in(row, limit_key) for row in rows if row.late.get(limit_key))

    def _proved_in(self, row: LoadSecond, limit_key: str) -> int:
        stretch = self.stretches.get((row.operation, row.second))
        if stretch is None:
            return 0
        lag_ms = max((self.late_ms.get(second, 0.0) for second in stretch.seconds), default=0.0)
        beyond = {"service": float(limit_key) + lag_ms, "response": float(limit_key) + TWICE * lag_ms}
        if self.few:
            del beyond["response"]  # waiting for a connection is in it
        told = (_count_beyond(time, beyond[time.measure]) for time in stretch.times if time.measure in beyond)
        others = sum(other.late.get(limit_key, 0) for other in stretch.rows if other.second != row.second)
        return min(max(max(told, default=0) - others, 0), row.late[limit_key])


def certainly_failed(own: OwnShare, second: int, rows: Sequence[LoadSecond]) -> int:
    """Arrivals without a right answer that are the target's for certain."""
    still = own.stands_still(second)
    own_kinds = OWN_FAULTS | {EXHAUSTED} if still else {EXHAUSTED}
    failed = sum(count for row in rows for kind, count in row.failed.items() if kind not in own_kinds)
    return failed + (0 if still or own.few else sum(row.unsent for row in rows))


def kept_batches(own: OwnShare, seconds: Rows, batches: Sequence[Batch], limit_key: str | None) -> list[Batch]:
    """The batches of these seconds with all that the generator may have caused among what nobody knows."""
    sure = [
        own.certain(second, rows, batch, limit_key)
        for (second, rows), batch in zip(seconds.items(), batches, strict=True)
    ]
    return [
        Batch(bad=known, total=batch.total, missing=batch.missing + batch.bad - known)
        for known, batch in zip(sure, batches, strict=True)
    ]


def own_share(case: Case, seen: Seen, limit_ms: float | None, *, by_places: bool = False) -> OwnShare:
    """What the generator may have done, from its health; `by_places`: seconds have places that right answers are to fill."""
    deadline_ms = float(case.params.get("deadline_ms", PER_SECOND_MS))
    users_send_less = by_places and "pool" not in case.params
    patience_ms = min(deadline_ms, PER_SECOND_MS) if users_send_less else deadline_ms
    silent = [record.second for record in seen.health if own_ms(record) is None]
    late_ms = {} if limit_ms is None else touched_ms(seen.health, limit_ms)
    unsaid = limit_ms is not None and (bool(silent) or not seen.health)
    if limit_ms is not None and unsaid and seen.lag_ms is not None and seen.lag_ms > LAG_SHARE * limit_ms:
        for second in silent or {row.second for row in seen.rows}:
            late_ms[second] = max(late_ms.get(second, 0.0), seen.lag_ms)
    return OwnShare(
        seen=seen,
        late_ms=late_ms,
        stopped=frozenset(touched_ms(seen.health, patience_ms)),
        unknown=unsaid and seen.lag_ms is None,
        few=too_few_connections(case, seen),
        exhausted=_exhausted(seen),
        stretches=_stretches(seen) if limit_ms is not None else {},
    )


def _exhausted(seen: Seen) -> dict[int, int]:
    found: dict[int, int] = {}
    for row in seen.rows:
        if count := row.failed.get(EXHAUSTED, 0):
            found[row.second] = found.get(row.second, 0) + count
            found.setdefault(row.second + 1, 0)
    return found


def _stretches(seen: Seen) -> dict[tuple[str, int], _Stretch]:
    """(operation, second) → the stretch that it lies in."""
    rows = {(row.operation, row.second): row for row in seen.rows}
    found: dict[tuple[str, int], _Stretch] = {}
    for record in seen.times:
        if record.from_second is None or record.until_second is None:
            continue
        seconds = range(record.from_second, record.until_second)
        places = [(record.operation, second) for second in seconds]
        new = _Stretch(seconds, [], [rows[place] for place in places if place in rows])
        stretch = found.get((record.operation, record.from_second), new)
        stretch.times.append(record)
        found.update(dict.fromkeys(places, stretch))
    return found


def own_ms(record: GeneratorSecond) -> float | None:
    """By how much the generator was late in this second through itself; None where it does not say.

    A second in which requests started, and none of them late through the generator, says that there was no such lag.
    """
    own = 0.0 if record.own_lag_p99_ms is None and record.lag_p99_ms is not None else record.own_lag_p99_ms
    return max((ms for ms in (own, record.loop_lag_max_ms) if ms is not None), default=None)


def touched_ms(health: Sequence[GeneratorSecond], patience_ms: float) -> dict[int, float]:
    """Second → by how much its arrivals may have been kept, where that is more than a share of what they may take.

    A second says how late something was that ended in it, or in the first moments of the next one. What was waiting at its
    beginning was due up to `patience_ms` before that.
    """
    found: dict[int, float] = {}
    ordered = sorted(health, key=lambda record: record.second)
    for index, record in enumerate(ordered):
        late_ms = own_ms(record) or 0.0
        if late_ms > LAG_SHARE * patience_ms:
            first = math.floor(record.second - (late_ms + patience_ms) / 1000)
            last = ordered[index + 1].second if index + 1 < len(ordered) else record.second + 1
            for second in range(max(first, 0), last + 1):
                found[second] = max(found.get(second, 0.0), late_ms)
    return found


def too_few_connections(case: Case, seen: Seen) -> str:
    """In words, where arrivals had to wait because the tester gave too few connections; empty where there were enough.

    Enough (Little's law) are as many as a target needs that keeps its promise, or fewer where its answers took less time.
    """
    pool = case.params.get("pool")
    if pool is None:
        return ""
    have, promised = int(pool["connections"]), int(pool["needed"])
    busy = sum(_all_busy(record) for record in seen.health)
    measured_s = _longest_mean_service_s(case, seen)
    needed = promised if measured_s is None else min(promised, _staffed(pool, measured_s))
    if not busy or have >= needed:
        return ""
    words = f"max_connections: {have} is too few for the declared load and its limits, {promised} would do"
    return f"{words}: {busy_words(case, seen)}"


def busy_words(case: Case, seen: Seen) -> str:
    """How long no connection was free, where that is known."""
    pool = case.params.get("pool")
    busy = sum(_all_busy(record) for record in seen.health)
    if pool is None or not busy:
        return ""
    return f"all {pool['connections']} connections were busy in {busy} of {len(seen.health)} seconds"


def _all_busy(record: GeneratorSecond) -> bool:
    """Whether arrivals waited for a connection: some had to, or nothing was begun though something was due."""
    return record.pool_waits > 0 or (record.lag_p99_ms is None and record.backlog > 0)


def _staffed(pool: Mapping[str, float], answer_s: float) -> int:
    busy = float(pool["requests_per_s"]) * answer_s + float(pool["thinking"])
    return math.ceil(busy + SPARE * math.sqrt(busy))


def _longest_mean_service_s(case: Case, seen: Seen) -> float | None:
    """How long a request held its connection on average at most, in the slowest stretch with a second that the case judges.

    On average over all of a phase its peak, or its slow end, would not be seen. None where not every right answer's time is
    recorded.
    """
    window, deadline_s = case.params.get("window"), float(case.params["deadline_ms"]) / 1000
    rows, pairs, judged = dict[int, list[LoadSecond]](), dict[range, list[tuple[int, int]]](), set[int]()
    for row in seen.rows:
        rows.setdefault(row.second, []).append(row)
        if (row.counts if window is None else window[0] <= row.second < window[1]) and (
            row.ok or row.failed or row.cut
        ):
            judged.add(row.second)
    for record in seen.times:
        if record.measure == "service" and record.from_second is not None and record.until_second is not None:
            pairs.setdefault(range(record.from_second, record.until_second), []).extend(record.pairs)
    told, found = {second: stretch for stretch in pairs for second in stretch}, list[float]()
    for stretch in {told.get(second, range(second, second + 1)) for second in judged}:
        mean_s = _mean_service_s([row for n in stretch for row in rows.get(n, ())], pairs.get(stretch, []), deadline_s)
        if mean_s is None:
            return None
        found.append(mean_s)
    return max(found, default=None)


def _mean_service_s(rows: Sequence[LoadSecond], pairs: Sequence[tuple[int, int]], deadline_s: float) -> float | None:
    """Of some rows with these service times: one without a right answer may have held it for all of the deadline."""
    ok, others = sum(row.ok for row in rows), sum(sum(row.failed.values()) + row.cut for row in rows)
    if sum(count for _, count in pairs) != ok:
        return None
    total_s = sum(value_ns(bucket) * count for bucket, count in pairs) / _NS_PER_MS / 1000
    return (total_s + others * deadline_s) / (ok + others)


def _count_beyond(record: LoadHistogram, beyond_ms: float) -> int:
    edge = bucket_of(round(beyond_ms * _NS_PER_MS))
    return sum(count for bucket, count in record.pairs if bucket > edge)
