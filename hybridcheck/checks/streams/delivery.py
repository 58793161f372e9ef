"""Do streams deliver what they promise: every event, in order, as it happens, and a clean end."""

import json
from itertools import pairwise

from hybridcheck.cases import Case, Reason, Severity, Undecided
from hybridcheck.checks.streams.listening import (
    StreamCheck,
    described,
    is_end,
    judge_listens,
    opening_complaint,
    spec_in,
    ticks,
    usable_ticks,
)
from hybridcheck.evidence import Evidence, StreamRecord
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.operations import StreamSpec
from hybridcheck.verdict import Finding

LEAST_SENT_SPREAD_S = 0.2
"""Events that happen closer together than this do not show whether they are held back."""

ARRIVAL_SHARE = 0.5
"""Events that arrive within less than this share of the time in which they were sent were held back."""


class Complete(StreamCheck):
    """A stream opens and delivers every event that it promises.

    Opens each declared stream and counts its events: `total` where it is declared, neither fewer nor more, else at
    least `min_events`, within `within_s`. Two of two listens that fall short are a fail. Where neither is declared, a
    stream that stays quiet has broken no promise and shows nothing (NO_TEST_DATA).
    """

    id = "streams.complete"
    remedy = "Look for dropped messages: bounded queues, slow-consumer policies, and what happens between two polls."
    refs = ("WHATWG HTML §9.2", "RFC 6455")

    def complaint(self, record: StreamRecord, spec: StreamSpec) -> str | None:
        """No stream, too few events, or more than there should be."""
        unopened = opening_complaint(record)
        if unopened is not None:
            return unopened
        wanted, count = spec.total or spec.min_events, len(ticks(record, spec))
        if count < wanted and not spec.model_fields_set & {"total", "min_events"}:
            raise Undecided(
                Reason.NO_TEST_DATA, f"a quiet stream ({described(record)}); declare `min_events` or `total`"
            )
        if count < wanted:
            return f"{count} of {wanted} events: {described(record)}"
        return f"{count} events instead of {spec.total}" if spec.total is not None and count > spec.total else None

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Count."""
        spec = spec_in(case)
        wanted = f"{spec.total}" if spec.total is not None else f"at least {spec.min_events}"
        expected = f"{spec.path} delivers {wanted} events within {spec.within_s:g} s"
        return judge_listens(evidence, "probe", expected, lambda record: self.complaint(record, spec))


class InOrder(StreamCheck):
    """Events arrive in the order of their numbers, none twice and none left out.

    Opens each stream that declares `sequence` and compares neighbours: each number is the one before plus one. Two of
    two listens with a break are a fail.
    """

    id = "streams.in-order"
    remedy = "Number events where they happen, and send them from one queue per subscriber."
    refs = ("WHATWG HTML §9.2.6",)

    def lacks(self, spec: StreamSpec) -> str:
        """`sequence`."""
        return "" if spec.sequence else "sequence: $.sequence"

    def complaint(self, record: StreamRecord, spec: StreamSpec) -> str | None:
        """The first break."""
        numbers = [tick.sequence for tick in usable_ticks(record, spec) if tick.sequence is not None]
        breaks = [(before, after) for before, after in pairwise(numbers) if after != before + 1]
        if not breaks:
            return None
        before, after = breaks[0]
        return f"number {after} came after {before} ({len(breaks)} breaks in {len(numbers)} events)"

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare neighbours."""
        spec = spec_in(case)
        expected = f"each event of {spec.path} has the number after the one before"
        return judge_listens(evidence, "probe", expected, lambda record: self.complaint(record, spec))


class DeliveredIncrementally(StreamCheck):
    """Events arrive as they happen, not all at once when the stream ends.

    Opens each stream that declares `sent_at` and compares the time over which its events arrived with the time over
    which they were sent. Less than half of it, two times of two, is a fail: something on the way collects them.
    Events from before the listen began (a history that is replayed) are left out.
    """

    id = "streams.delivered-incrementally"
    remedy = "Switch response buffering off on the way (proxy_buffering, X-Accel-Buffering: no) and flush each event."
    refs = ("WHATWG HTML §9.2.7", "RFC 9110 §7.6")

    def lacks(self, spec: StreamSpec) -> str:
        """`sent_at`."""
        return "" if spec.sent_at else "sent_at: $.sent_at"

    def complaint(self, record: StreamRecord, spec: StreamSpec) -> str | None:
        """Both spreads, where the events were held back."""
        sent, arrived = _spreads_s(record, spec)
        if sent < LEAST_SENT_SPREAD_S:
            text = f"the events were sent within {sent * 1000:.0f} ms, which shows nothing about buffering"
            raise Undecided(Reason.SHALLOW, text)
        if arrived >= ARRIVAL_SHARE * sent:
            return None
        return f"events that were sent over {sent:.2f} s arrived within {arrived:.2f} s"

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the spreads."""
        spec = spec_in(case)
        expected = f"events of {spec.path} arrive as they are sent"
        return judge_listens(evidence, "probe", expected, lambda record: self.complaint(record, spec))


class EndsCleanly(StreamCheck):
    """After its last event a stream says that it is over, and is closed properly.

    Opens each stream that declares `total` and listens to its end: the declared `end_event` arrives last, an HTTP body
    is complete, a WebSocket is closed with 1000 or 1001. A cut, an error code, or a stream that stays open after its
    last event, two times of two, is a fail.
    """

    id = "streams.ends-cleanly"
    remedy = "Send the end event, finish the body (the last chunk) or the closing handshake, and only then close."
    refs = ("RFC 9112 §7.1", "RFC 6455 §7.4.1")

    def lacks(self, spec: StreamSpec) -> str:
        """`total`."""
        return "" if spec.total else "total: 20"

    def complaint(self, record: StreamRecord, spec: StreamSpec) -> str | None:
        """How it ended instead."""
        least = spec.total if record.ended in ("deadline", "by_us") else 1
        usable_ticks(record, spec, least)
        if record.ended != "by_target" or record.failure is not None:
            detail = f": {record.failure_detail}" if record.failure_detail else ""
            return f"no clean end: {described(record)}{detail}"
        if spec.end_event is None or is_end(record.events[-1], record.protocol, spec):
            return None
        return (
            f"the last event is not '{spec.end_event}' but '{record.events[-1].event or record.events[-1].data[:80]}'"
        )

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look at the end."""
        spec = spec_in(case)
        end = f"'{spec.end_event}' and " if spec.end_event else ""
        expected = f"{spec.path} ends with {end}a proper close"
        return judge_listens(evidence, "probe", expected, lambda record: self.complaint(record, spec))


class TextWhole(StreamCheck):
    """The text of events arrives as it was sent, also where a character is split between two chunks.

    Opens each stream that declares what its events hold (`holds`) and compares the texts. Another text, two times of
    two, is a fail: U+FFFD shows that pieces are decoded one by one on the way, and so does every other replacement.
    """

    id = "streams.text-whole"
    severity = Severity.MEDIUM
    remedy = "Pass bytes on as bytes, or decode with one incremental decoder for the whole stream."
    refs = ("RFC 3629 §3", "RFC 9112 §7.1")

    def lacks(self, spec: StreamSpec) -> str:
        """`holds`."""
        return "" if spec.holds else 'holds: {$.note: "naïve ☕"}'

    def complaint(self, record: StreamRecord, spec: StreamSpec) -> str | None:
        """The first text that is another one."""
        usable_ticks(record, spec)
        compared = 0
        for event in record.events:
            for path, wanted in spec.holds.items():
                try:
                    got = value_at(json.loads(event.data), path)
                except (ValueError, RecursionError, NoSuchPath):
                    continue
                compared += 1
                if got != wanted:
                    return f"{path} of event {event.id or compared} is {json.dumps(got, ensure_ascii=False)[:120]}"
        if not compared:
            raise Undecided(Reason.NO_TEST_DATA, f"no event has {' or '.join(spec.holds)}")
        return None

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the texts."""
        spec = spec_in(case)
        expected = f"the texts in events of {spec.path} are the declared ones"
        return judge_listens(evidence, "probe", expected, lambda record: self.complaint(record, spec))


def _spreads_s(record: StreamRecord, spec: StreamSpec) -> tuple[float, float]:
    """Over which time events were sent, and over which they arrived; those from before the listen left out."""
    began = record.started_unix_s or 0.0
    found = [tick for tick in usable_ticks(record, spec) if tick.sent_at is not None and tick.sent_at >= began]
    if len(found) < 2:
        raise Undecided(Reason.SHALLOW, "fewer than two events are from after the listen began")
    sent = [tick.sent_at for tick in found if tick.sent_at is not None]
    arrived = [tick.at_ms for tick in found]
    return max(sent) - min(sent), (max(arrived) - min(arrived)) / 1000
