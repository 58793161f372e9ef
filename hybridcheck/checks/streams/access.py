"""Who may listen, and where a listener that was cut off goes on."""

from hybridcheck.cases import Case, Dimension, Reason, Severity, Undecided
from hybridcheck.checks.repeats import PAUSE_S
from hybridcheck.checks.streams.listening import (
    LISTENS,
    SSE,
    StreamCheck,
    Tick,
    ask_to_listen,
    described,
    judge_listens,
    listen,
    spec_in,
    ticks,
    usable_ticks,
)
from hybridcheck.evidence import Evidence, StreamRecord
from hybridcheck.profile.operations import StreamSpec
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

REFUSALS = frozenset({302, 401, 403, 404, 407})
FEW_EVENTS = 2
"""Events that are enough to show that somebody is served."""


class RefusesAnonymous(StreamCheck):
    """A protected stream gives nothing to somebody without credentials.

    Control: the declared identity gets an event. Then the stream is opened without credentials, twice. Events that
    carry what is declared (`sequence`, `sent_at`; without these: two events) both times are a fail. A refusal by
    status, or a WebSocket that is closed without an event, is a pass.
    """

    id = "streams.refuse-anonymous"
    dimension = Dimension.SECURITY
    remedy = (
        "Authenticate before the first byte of a stream: in the handshake of a WebSocket, before the headers of SSE."
    )
    refs = ("CWE-306", "OWASP API2:2023", "ASVS V4.4.2")

    def lacks(self, spec: StreamSpec) -> str:
        """`auth: required`."""
        return "" if spec.auth == "required" else "auth: required, identity: NAME"

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Listen as the identity, then as nobody."""
        await listen(target, "control", case, most_events=FEW_EVENTS)
        for attempt in range(1, LISTENS + 1):
            ask = ask_to_listen(case, anonymous=True)
            record = await listen(target, f"anonymous.{attempt}", case, ask, most_events=FEW_EVENTS)
            if not served(record, spec_in(case)):
                return
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on events for nobody, twice; pass on a refusal beside a control that works."""
        spec, expected = spec_in(case), f"{spec_in(case).path} gives no event without credentials"
        control = evidence.one(StreamRecord, "control")
        records = evidence.all(StreamRecord, "anonymous")
        numbers = (control.n, *(record.n for record in records))
        if not served(control, spec):
            text = f"the declared identity gets nothing either: {_answer(control)}"
            return undecided(Reason.AUTH_NOT_EFFECTIVE, expected, text, exchanges=numbers)
        if not records:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "nothing was recorded", exchanges=numbers)
        open_to_all = [served(record, spec) for record in records]
        text = f"without credentials: {_answer(records[-1])}"
        if all(open_to_all):
            if len(records) < LISTENS:
                return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{text}; not repeated", exchanges=numbers)
            return failed(expected, text, exchanges=numbers, n=len(records))
        if any(open_to_all):
            return undecided(Reason.FLAKY, expected, text, exchanges=numbers)
        if any(record.response is not None and record.response.status == 429 for record in records):
            return undecided(Reason.THROTTLED, expected, text, exchanges=numbers)
        if refused(records[0]):
            return passed(expected, text, exchanges=numbers, n=len(records))
        return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)


class Resumes(StreamCheck):
    """A listener that comes back with the last event it has goes on after that event.

    Listens to an SSE stream that declares `resumes` and `sequence`, then opens it again with `Last-Event-ID` of an
    event in the middle. The first event has to be the next one. The beginning again (what one has, twice) or a leap
    (what one missed, never), two times of two, is a fail.
    """

    id = "streams.resumes"
    severity = Severity.MEDIUM
    protocols = (SSE,)
    remedy = "Give each event an id, keep the last ones, and start after Last-Event-ID."
    refs = ("WHATWG HTML §9.2.4",)

    def lacks(self, spec: StreamSpec) -> str:
        """`resumes` and `sequence`."""
        given = (("resumes: true", spec.resumes), ("sequence: $.sequence", spec.sequence))
        return ", ".join(text for text, value in given if not value)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Listen to all, and again from the middle."""
        spec = spec_in(case)
        whole = await listen(target, "whole", case)
        try:
            middle = _middle(whole, spec)
        except Undecided:
            return
        for attempt in range(1, LISTENS + 1):
            ask = ask_to_listen(case, headers=(("Last-Event-ID", middle.id or ""),))
            record = await listen(target, f"resumed.{attempt}", case, ask)
            if _resumed(record, spec, middle) is None:
                return
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the first number with the one that should be next."""
        spec = spec_in(case)
        middle = _middle(evidence.one(StreamRecord, "whole"), spec)
        expected = f"{spec.path} with Last-Event-ID {middle.id} goes on with number {(middle.sequence or 0) + 1}"
        return judge_listens(evidence, "resumed", expected, lambda record: _resumed(record, spec, middle))


def served(record: StreamRecord, spec: StreamSpec) -> bool:
    """Whether events came; without a declared path that tells an event from a message of refusal, two of them."""
    least = 1 if spec.sequence or spec.sent_at else FEW_EVENTS
    return len(ticks(record, spec)) >= least


def refused(record: StreamRecord) -> bool:
    """Whether the target turned the listener away: by status, or by closing a WebSocket without an event."""
    if record.response is None:
        return False
    if record.response.status in REFUSALS:
        return True
    closed = record.ended in ("by_target", "abnormal")
    return record.protocol == "websocket" and record.response.status == 101 and closed and not record.events


def _answer(record: StreamRecord) -> str:
    status = f"status {record.response.status}" if record.response is not None else "no answer"
    return f"{status}, {described(record)}"


def _middle(record: StreamRecord, spec: StreamSpec) -> Tick:
    found = [tick for tick in usable_ticks(record, spec) if tick.id]
    if len(found) < 2:
        raise Undecided(Reason.NO_TEST_DATA, "the events carry no id to come back with")
    return found[(len(found) - 1) // 2]


def _resumed(record: StreamRecord, spec: StreamSpec, middle: Tick) -> str | None:
    first = usable_ticks(record, spec, 1)[0].sequence
    return None if first == (middle.sequence or 0) + 1 else f"it went on with number {first}"
