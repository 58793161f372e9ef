"""Listening to a declared stream: the cases that a profile gives, what counts as an event, and asking again.

Only what carries the declared `sequence` and `sent_at` is an event; heartbeats and the declared end are none.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.clocks import stamp_of
from hybridcheck.checks.repeats import PAUSE_S
from hybridcheck.evidence import Evidence, Failure, StreamEvent, StreamRecord
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.operations import StreamSpec
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

SSE = "sse"
WEBSOCKET = "websocket"
OPENED = {SSE: 200, WEBSOCKET: 101}

LISTENS = 2
"""How many times a stream that disappoints is listened to before that is a fail."""

_BEYOND_DIGITS = 20
"""A number of so many digits is neither a place in a sequence nor a moment, in whatever unit."""

MORE_EVENTS = 10
"""How many events beyond the declared ones are taken, so that a stream which goes on is seen to."""

NEEDS = "services: {NAME: {sse: {path: /stream, sequence: $.sequence, sent_at: $.sent_at, total: 20}}}"

Complain = Callable[[StreamRecord], str | None]
"""Says what is wrong with what was heard; None where nothing is."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One event: when it arrived (ms since the request), and what it says of itself."""

    at_ms: float
    id: str | None
    sequence: int | None
    sent_at: float | None


class StreamCheck(ReadCheck):
    """The base of promises about streams: one case per declared stream that `lacks` nothing."""

    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    suite = "streaming"
    protocols: ClassVar[tuple[str, ...]] = (SSE, WEBSOCKET)

    def lacks(self, spec: StreamSpec) -> str:
        """The key and value that the stream's declaration needs for this promise; empty where it has all."""
        return ""

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per declared stream."""
        found = False
        for name, service in scene.profile.services.items():
            for protocol, spec in ((SSE, service.sse), (WEBSOCKET, service.websocket)):
                if spec is None or protocol not in self.protocols:
                    continue
                found, subject, lacks = True, f"{name}/{protocol}", self.lacks(spec)
                if lacks:
                    yield Unmet(subject=subject, needs=f"services: {{{name}: {{{protocol}: {{{lacks}}}}}}}")
                else:
                    yield Case(check=self.id, subject=subject, params=self.params(scene, protocol, spec))
        if not found:
            yield Unmet(subject="streams", needs=NEEDS)

    def params(self, scene: Scene, protocol: str, spec: StreamSpec) -> dict[str, Json]:
        """What a case keeps of the declaration: what was written down, so that a default is known for one."""
        return {"protocol": protocol, "stream": spec.model_dump(mode="json", exclude_unset=True)}

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Listen, and once more where it disappoints."""
        await listen_until_good(target, "probe", case, lambda record: self.complaint(record, spec_in(case)))

    def complaint(self, record: StreamRecord, spec: StreamSpec) -> str | None:
        """What is wrong with what was heard; `Undecided` where it does not lend itself to that question.

        None is for checks with a `probe` of their own, which ask nothing again.
        """
        return None


def spec_in(case: Case) -> StreamSpec:
    """The declaration that a case keeps."""
    return StreamSpec.model_validate(case.params["stream"])


def ask_to_listen(
    case: Case,
    *,
    anonymous: bool = False,
    headers: tuple[tuple[str, str], ...] = (),
    query: Mapping[str, str] = MappingProxyType({}),
) -> Ask:
    """The declared request that opens a stream; `query` stands over its own. `send` goes out line by line over a WebSocket."""
    spec = spec_in(case)
    return Ask(
        method="GET",
        path=spec.path,
        query=tuple({**spec.query, **query}.items()),
        headers=headers,
        body="\n".join(spec.send).encode() if spec.send else None,
        identity=spec.identity if spec.auth == "required" and not anonymous else None,
    )


async def listen(
    target: ReadTarget, label: str, case: Case, ask: Ask | None = None, *, most_events: int | None = None
) -> StreamRecord:
    """Open the case's stream and take what it promises and a little more, within `within_s`."""
    spec = spec_in(case)
    most = most_events or (spec.total or spec.min_events) + MORE_EVENTS
    protocol = str(case.params["protocol"])
    return await target.listen(
        label, ask or ask_to_listen(case), protocol=protocol, most_events=most, most_s=spec.within_s
    )


async def listen_until_good(
    target: ReadTarget, label: str, case: Case, complain: Complain, ask: Ask | None = None
) -> None:
    """Listen up to `LISTENS` times, until there is nothing to complain of or nothing that can be said."""
    for attempt in range(1, LISTENS + 1):
        record = await listen(target, f"{label}.{attempt}", case, ask)
        try:
            if complain(record) is None:
                return
        except Undecided:
            return
        await target.sleep(PAUSE_S)


def judge_listens(evidence: Evidence, label: str, expected: str, complain: Complain) -> Finding:
    """Pass where the first listen is good, fail where all of `LISTENS` are bad, else FLAKY."""
    records = evidence.all(StreamRecord, label)
    numbers = tuple(record.n for record in records)
    if not records:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "nothing was recorded")
    if any(record.response is not None and record.response.status == 429 for record in records):
        return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", exchanges=numbers)
    try:
        complaints = [complain(record) for record in records]
    except Undecided as doubt:
        return undecided(doubt.reason, expected, doubt.why, exchanges=numbers)
    if complaints[0] is None:
        return passed(expected, described(records[0]), exchanges=numbers, n=len(records[0].events))
    if any(complaint is None for complaint in complaints):
        text = f"one of {len(records)} listens was wrong: {complaints[0]}"
        return undecided(Reason.FLAKY, expected, text, exchanges=numbers)
    if len(records) < LISTENS:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{complaints[0]}; not repeated", exchanges=numbers)
    return failed(expected, complaints[-1] or "", exchanges=numbers, n=len(records[-1].events))


def ticks(record: StreamRecord, spec: StreamSpec) -> list[Tick]:
    """The events, in the order in which they arrived."""
    found = (_tick(event, spec) for event in record.events if not is_end(event, record.protocol, spec))
    return [tick for tick in found if tick is not None]


def is_end(event: StreamEvent, protocol: str, spec: StreamSpec) -> bool:
    """Whether an event is the declared end; a WebSocket message has no name, so any text at its top level may be it."""
    if spec.end_event is None:
        return False
    if protocol == SSE:
        return event.event == spec.end_event
    document = _document(event)
    values = document.values() if isinstance(document, dict) else [document, event.data]
    return spec.end_event in [value for value in values if isinstance(value, str)]


def opening_complaint(record: StreamRecord) -> str | None:
    """Why there is no stream at all; None where it was opened."""
    response = record.response
    if response is None:
        detail = f": {record.failure_detail}" if record.failure_detail else ""
        return f"no stream ({record.failure}{detail})"
    if response.status != OPENED[record.protocol]:
        return f"status {response.status} instead of a stream"
    if record.protocol == SSE and response.media_type != "text/event-stream":
        return f"content type '{response.media_type}' instead of text/event-stream"
    return None


def usable_ticks(record: StreamRecord, spec: StreamSpec, least: int | None = None) -> list[Tick]:
    """The events of a stream that was opened and delivered at least `least` (by default `min_events`).

    Raises:
        Undecided: where it did not; what that means is the question of `streams.complete`.
    """
    complaint, least = opening_complaint(record), least or spec.min_events
    if complaint is not None:
        raise Undecided(Reason.NO_TEST_DATA, complaint)
    if record.failure is Failure.TOO_LARGE:
        raise Undecided(Reason.SHALLOW, f"the tester stopped listening: {record.failure_detail}")
    found = ticks(record, spec)
    if len(found) < least:
        raise Undecided(
            Reason.NO_TEST_DATA, f"only {len(found)} events of {least} that this needs: {described(record)}"
        )
    return found


def described(record: StreamRecord) -> str:
    """What was heard, in a few words."""
    how = {"by_target": "ended by the target", "by_us": "left by the tester", "deadline": "still open at the deadline"}
    ended = how.get(record.ended, f"cut off ({record.failure or 'no clean end'})")
    total = f" after {record.total_ms:.0f} ms" if record.total_ms is not None else ""
    return f"{len(record.events)} events, {ended}{total}"


def _tick(event: StreamEvent, spec: StreamSpec) -> Tick | None:
    if spec.sequence is None and spec.sent_at is None:
        return Tick(event.at_ms, event.id, None, None)
    document = _document(event)
    sequence, sent_at = _number(document, spec.sequence), _stamp(document, spec.sent_at)
    if (spec.sequence is not None and not isinstance(sequence, int)) or (spec.sequence is None and sent_at is None):
        return None
    return Tick(event.at_ms, event.id, sequence if isinstance(sequence, int) else None, sent_at)


def _number(document: Json, path: str | None) -> int | float | None:
    """A number, or its digits; none where it is beyond anything that an event can mean, infinite or no number at all."""
    if path is None:
        return None
    try:
        value = value_at(document, path)
    except NoSuchPath:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _BEYOND_DIGITS:
        return int(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if abs(value) < 10.0 ** (_BEYOND_DIGITS - 1) else None


def _stamp(document: Json, path: str | None) -> float | None:
    """Unix seconds, as a number or its digits, or ISO 8601 (UTC where it names no zone)."""
    number = _number(document, path)
    if number is not None or path is None:
        return number
    try:
        value = value_at(document, path)
        return stamp_of(value) if isinstance(value, str) else None
    except (NoSuchPath, OverflowError):
        return None


def _document(event: StreamEvent) -> Json:
    try:
        return json.loads(event.data)
    except (ValueError, RecursionError):
        return None
