"""How long after it was sent does an event arrive, with what can be known about two clocks."""

import math
from dataclasses import dataclass

from hybridcheck.cases import Case, Json, Reason, Undecided
from hybridcheck.checks.check import Scene
from hybridcheck.checks.clocks import DATE_LAG_S, date_of
from hybridcheck.checks.streams.listening import (
    LISTENS,
    StreamCheck,
    described,
    listen_until_good,
    spec_in,
    usable_ticks,
)
from hybridcheck.evidence import Evidence, Exchange, StreamRecord
from hybridcheck.profile.operations import StreamSpec
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

LATE_SHARE = 0.05
"""At most this share of the events may be later than `max_delay_ms`."""

CLOCK_READS = 6
CLOCK_PAUSE_S = 0.2
"""Reads of the Date header over more than one second, so that one falls shortly after its last tick."""

AGREE_S = 0.05
"""Clocks that differ by less than this are said to agree."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Bounds of the tester's clock minus the target's, in seconds."""

    lower_s: float
    upper_s: float

    @property
    def may_be_none(self) -> bool:
        """Whether the clocks agree as far as can be known."""
        return self.lower_s - AGREE_S <= 0 <= self.upper_s + AGREE_S


class DeliveryDelay(StreamCheck):
    """At least 95 % of the events arrive within the declared delay after they were sent.

    Opens each stream that declares `sent_at` and `max_delay_ms`, and reads the target's Date header several times
    beside it. Date says how far the two clocks can be apart, and so does the fastest event, which cannot have arrived
    before it was sent. More than 5 % late even with the clocks as far apart as they can be, two times of two, is a
    fail. On time with equal clocks, where nothing says that they differ, is a pass; anything between is SUSPECTED.
    """

    id = "streams.delivery-delay"
    remedy = "Look at what waits between event and socket: polling intervals, batching, queues, slow subscribers."
    refs = ("RFC 9110 §6.6.1", "WHATWG HTML §9.2")

    def lacks(self, spec: StreamSpec) -> str:
        """`sent_at` and `max_delay_ms`."""
        given = (("sent_at: $.sent_at", spec.sent_at), ("max_delay_ms: 500", spec.max_delay_ms))
        return ", ".join(text for text, value in given if value is None)

    def params(self, scene: Scene, protocol: str, spec: StreamSpec) -> dict[str, Json]:
        """Also a path to read the clock at; any answer will do."""
        health = scene.profile.health or scene.profile.ready
        return {**super().params(scene, protocol, spec), "clock": health.path if health is not None else "/"}

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Read the clock, and listen."""
        clock: list[Exchange] = []
        for number in range(1, CLOCK_READS + 1):
            clock.append(await target.read(f"clock.{number}", Ask("GET", str(case.params["clock"]))))
            await target.sleep(CLOCK_PAUSE_S)
        spec = spec_in(case)

        def complain(record: StreamRecord) -> str | None:
            share = late_share(record, spec, offset_of(record, spec, tuple(clock)).upper_s)
            return f"{share:.0%} late" if share > LATE_SHARE else None

        await listen_until_good(target, "probe", case, complain)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Count late events with the clocks equal, and with the clocks as far apart as they can be."""
        spec = spec_in(case)
        expected = f"at least {1 - LATE_SHARE:.0%} of the events of {spec.path} arrive within {spec.max_delay_ms:g} ms"
        records, clock = evidence.all(StreamRecord, "probe"), evidence.exchanges("clock")
        numbers = tuple(record.n for record in (*records, *clock))
        if not records or len(clock) < CLOCK_READS:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
        try:
            offsets = [offset_of(record, spec, clock) for record in records]
            certain = [late_share(r, spec, o.upper_s) > LATE_SHARE for r, o in zip(records, offsets, strict=True)]
            share = late_share(records[-1], spec, 0.0)
        except Undecided as doubt:
            return undecided(doubt.reason, expected, doubt.why, exchanges=numbers)
        text = f"{share:.0%} of the events came later; {described(records[-1])}; {_clocks(offsets[-1])}"
        if all(certain) and len(records) >= LISTENS:
            return failed(expected, text, exchanges=numbers, n=len(records[-1].events))
        if any(certain):
            reason = Reason.FLAKY if not all(certain) else Reason.EVIDENCE_INCOMPLETE
            return undecided(reason, expected, text, exchanges=numbers)
        if share <= LATE_SHARE and offsets[-1].may_be_none:
            return passed(expected, text, exchanges=numbers, n=len(records[-1].events), value=share, limit=LATE_SHARE)
        return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)


def delays_s(record: StreamRecord, spec: StreamSpec) -> list[float]:
    """Arrival by the tester's clock minus sending by the target's; what is from before the listen is left out.

    Raises:
        Undecided: where fewer events than `min_events` say when they were sent.
    """
    began = record.started_unix_s
    if began is None:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "when the listen began was not recorded")
    sent = [(tick.at_ms, tick.sent_at) for tick in usable_ticks(record, spec) if tick.sent_at is not None]
    found = [began + at_ms / 1000 - sent_at for at_ms, sent_at in sent if sent_at >= began - DATE_LAG_S]
    if len(found) < spec.min_events:
        raise Undecided(Reason.SHALLOW, f"only {len(found)} events say that they were sent after the listen began")
    return found


def late_share(record: StreamRecord, spec: StreamSpec, offset_s: float) -> float:
    """The share of events that came later than declared, with the tester's clock ahead by `offset_s`."""
    delays, limit_s = delays_s(record, spec), (spec.max_delay_ms or math.inf) / 1000
    return sum(delay - offset_s > limit_s for delay in delays) / len(delays)


def offset_of(record: StreamRecord, spec: StreamSpec, clock: tuple[Exchange, ...]) -> Offset:
    """How far the clocks can be apart: by the Date headers, and since no event arrives before it was sent."""
    return offset_between(clock, (record.started_unix_s or 0.0) - record.at_s, min(delays_s(record, spec)))


def offset_between(clock: tuple[Exchange, ...], run_began: float, least_delay_s: float) -> Offset:
    """The same from the run's start (UTC seconds by the tester's clock) and the fastest event's delay.

    Raises:
        Undecided: where the target sends no Date.
    """
    lower, upper = -math.inf, math.inf
    for exchange in clock:
        date = date_of(exchange)
        if date is None or exchange.total_ms is None:
            continue
        sent = run_began + exchange.at_s
        lower = max(lower, sent - date - DATE_LAG_S)
        upper = min(upper, sent + exchange.total_ms / 1000 - date)
    if upper == math.inf:
        raise Undecided(Reason.NO_TEST_DATA, "the target sends no Date header to compare the clocks by")
    return Offset(lower, min(upper, least_delay_s))


def _clocks(offset: Offset) -> str:
    return f"the tester's clock is between {offset.lower_s:+.2f} and {offset.upper_s:+.2f} s ahead of the target's"
