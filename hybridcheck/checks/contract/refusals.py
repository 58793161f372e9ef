"""Are requests refused that nobody may send: malformed, mislabelled, oversized, with a method that is not there."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from hybridcheck.cases import Case, Dimension, Reason, SafetyClass, Severity, Unmet
from hybridcheck.checks.check import AbuseCheck, Scene, WriteCheck
from hybridcheck.checks.operations import complaint_about, json_body, operation_in, operations, params_of
from hybridcheck.checks.repeats import PAUSE_S, REPEATS, describe, numbered
from hybridcheck.checks.resources import ask_to_make, creators, new_marker
from hybridcheck.checks.witnesses import whole_body
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

JSON_TYPE = "application/json"
KIB = 1024
MOST_WRITTEN_BYTES = 1024 * KIB
"""The largest body that the write class sends; see transport."""

SAFE_METHOD = "PROPFIND"
"""A method that every parser knows, that is safe by its definition (RFC 4918 §9.1), and that an API hardly has."""


def with_json_body(scene: Scene) -> Iterator[tuple[str, Operation]]:
    """Operations with a JSON body to which a wrong one does no harm: safe ones, and those whose effect is cleaned up."""
    safe = ((suite, op) for suite, op in operations(scene) if op.method not in {"GET", "HEAD"})
    for suite, operation in (*safe, *creators(scene)):
        if isinstance(operation.body, dict | list):
            yield suite, operation


class Refuses(WriteCheck):
    """The base: a control as declared, then the wrong request, up to three times where it is not refused."""

    dimension = Dimension.FUNCTIONAL
    severity = Severity.MEDIUM
    needs: ClassVar[str] = "operations: [{method: POST, path: /path, safe: true, body: {…}}]"
    sent: ClassVar[str]

    def subjects(self, scene: Scene) -> Iterator[tuple[str, Operation]]:
        """The operations that get the wrong request."""
        return with_json_body(scene)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per operation."""
        found = list(self.subjects(scene))
        for suite, operation in found:
            yield Case(check=self.id, subject=operation.id, params=params_of(operation, suite))
        if not found:
            yield Unmet(subject="operations", needs=self.needs)

    @abstractmethod
    def wrong(self, ask: Ask, case: Case) -> Ask:
        """The request that has to be refused, made from the declared one."""

    def complaint(self, exchange: Exchange, control: Exchange) -> str | None:
        """Why an answer is no refusal; None where it is one."""
        return None if refused(exchange) else f"{describe(exchange)} to {self.sent}"

    def taken(self, exchange: Exchange, control: Exchange, operation: Operation) -> bool:
        """Whether the wrong request took effect: it created something, or got the very answer that the control got.

        A 200 alone proves nothing: an operation may take any bytes, or tell errors under 200.
        """
        if complaint_about(exchange, operation.expect) is not None:
            return False
        return (
            created(exchange, operation) or whole_body(exchange) == whole_body(control) or same_json(exchange, control)
        )

    def unclear(self, exchange: Exchange, control: Exchange, operation: Operation) -> bool:
        """Whether an answer is neither a refusal nor the proof of a defect: only a 5xx or an effect is."""
        return exchange.status is None or not (exchange.status >= 500 or self.taken(exchange, control, operation))

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """The declared request, and the wrong one."""
        operation = operation_in(case.params)
        control = await _send(target, "control", operation, ask_to_make(operation, new_marker(target)))
        for attempt in range(1, REPEATS + 1):
            ask = self.wrong(ask_to_make(operation, new_marker(target)), case)
            exchange = await _send(target, f"probe.{attempt}", operation, ask)
            if self.complaint(exchange, control) is None or self.unclear(exchange, control, operation):
                return
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on a refusal beside a control that works; fail on three answers that are none."""
        operation = operation_in(case.params)
        expected = f"{operation.id} refuses {self.sent}"
        control, probes = evidence.exchange("control"), evidence.exchanges("probe")
        details = {"exchanges": (control.n, *(probe.n for probe in probes)), "n": len(probes)}
        if not probes or not numbered(probes, "probe"):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked is recorded")
        broken = complaint_about(control, operation.expect)
        if broken is not None:
            reason = Reason.AUTH_NOT_EFFECTIVE if control.status in {401, 403} else Reason.SUSPECTED
            return undecided(reason, expected, f"the declared request itself: {broken}", **details)
        if any(probe.status == 429 for probe in probes):
            return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", **details)
        complaints = [self.complaint(probe, control) for probe in probes]
        if complaints[0] is None:
            return passed(expected, describe(probes[0]), **details)
        bad = [probe for probe, complaint in zip(probes, complaints, strict=True) if complaint]
        unclear = next((probe for probe in bad if self.unclear(probe, control, operation)), None)
        if unclear is not None:
            return undecided(Reason.SUSPECTED, expected, f"neither refused nor taken: {describe(unclear)}", **details)
        if any(complaint is None for complaint in complaints):
            return undecided(Reason.FLAKY, expected, f"not every time: {complaints[0]}", **details)
        if len(probes) < REPEATS:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{complaints[0]}; not repeated", **details)
        return failed(expected, complaints[-1] or "", **details)


class RefusesMalformedJson(Refuses):
    """A malformed JSON body is refused, and never a server error.

    Sends the declared request, which has to work, and the same with half a JSON document as its body. Anything from
    400 to 499 is a refusal; a 5xx, or something created (its id is in the answer), three times, is a fail. Another
    2xx leaves the case undecided: an operation may take any bytes, or have no use for its body.
    """

    id = "contract.malformed-json-refused"
    severity = Severity.HIGH
    remedy = "Answer 400 where the parser refuses a body; let no parse error become a server error."
    refs = ("RFC 9110 §15.5.1", "CWE-755", "CWE-20")
    sent = "half a JSON document"

    def wrong(self, ask: Ask, case: Case) -> Ask:
        """The first half of the declared body, which is no JSON whatever it is."""
        body = ask.body or b"{"
        return replace(ask, body=body[: max(1, len(body) // 2)])

    def taken(self, exchange: Exchange, control: Exchange, operation: Operation) -> bool:
        """Something was made of it."""
        return complaint_about(exchange, operation.expect) is None and created(exchange, operation)


class RefusesWrongMediaType(Refuses):
    """A JSON body that is labelled as something else is refused.

    Sends the declared request, which has to work, and the same bytes as `text/plain`. A refusal is 4xx; a 5xx,
    something created, or the very answer of the declared request, three times, is a fail: a page of another site can
    send text/plain without asking first.
    """

    id = "contract.wrong-media-type-refused"
    remedy = "Answer 415 where Content-Type is not what the operation reads."
    refs = ("RFC 9110 §15.5.16", "CWE-436", "ASVS V3.5.2")
    sent = "a JSON body labelled text/plain"

    def wrong(self, ask: Ask, case: Case) -> Ask:
        """The declared request under another label."""
        headers = tuple(pair for pair in ask.headers if pair[0].lower() != "content-type")
        return replace(ask, headers=(*headers, ("Content-Type", "text/plain")))


class RefusesUnknownMethod(Refuses):
    """A method that a path does not have is refused with 405 and `Allow`.

    Sends `PROPFIND`, which is safe by its definition and which an API hardly has, to each path that is read with GET.
    404, 405 with `Allow`, 501 and other 4xx are refusals; 405 without `Allow`, a 5xx other than 501, or the answer that
    GET gets, three times, is a fail.
    """

    id = "contract.unknown-method-refused"
    remedy = "Route by method as well as by path, and answer 405 with the `Allow` header."
    refs = ("RFC 9110 §15.5.6", "CWE-650")
    sent = f"the method {SAFE_METHOD}"
    needs = "operations: [GET /path]"

    def subjects(self, scene: Scene) -> Iterator[tuple[str, Operation]]:
        """One operation for each path that is read."""
        seen: set[str] = set()
        for suite, operation in operations(scene):
            if operation.method == "GET" and operation.url_path() not in seen:
                seen.add(operation.url_path())
                yield suite, operation

    def wrong(self, ask: Ask, case: Case) -> Ask:
        """The declared request with the other method."""
        return replace(ask, method=SAFE_METHOD)

    def complaint(self, exchange: Exchange, control: Exchange) -> str | None:
        """Taken for GET, a server error, or a 405 that does not say what is allowed."""
        if exchange.status == 405 and exchange.response is not None and exchange.response.header("allow") is None:
            return "405 without the Allow header, which RFC 9110 demands"
        if refused(exchange) or exchange.status == 501:
            return None
        return f"{describe(exchange)} to {SAFE_METHOD}"

    def taken(self, exchange: Exchange, control: Exchange, operation: Operation) -> bool:
        """What GET gets: the same bytes, or JSON with the same members, since much of what is read moves on."""
        if exchange.status != control.status:
            return False
        return whole_body(exchange) == whole_body(control) or same_members(exchange, control)

    def unclear(self, exchange: Exchange, control: Exchange, operation: Operation) -> bool:
        """A 405 is clear, with `Allow` or without."""
        return exchange.status != 405 and super().unclear(exchange, control, operation)


class KeepsBodyLimit(Refuses):
    """A body over the declared limit is refused with 413.

    Sends one request with the declared limit plus 1 KiB (the declared body, padded with blanks, so that it is valid
    JSON) to the first safe operation. An answer as if all were well, or a 5xx, is a fail. A connection that is cut
    while the body is on its way leaves the case undecided.
    """

    id = "contract.body-limit"
    remedy = "Refuse by Content-Length before reading, and stop reading at the limit where there is none."
    refs = ("RFC 9110 §15.5.14", "CWE-770", "OWASP API4:2023")
    sent = "a body over the declared limit"

    def subjects(self, scene: Scene) -> Iterator[tuple[str, Operation]]:
        """The first safe operation with a JSON body."""
        yield from [(suite, op) for suite, op in with_json_body(scene) if not op.creates][:1]

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, of the class that a body over this limit needs."""
        limit = scene.profile.exposure.max_body_bytes
        if ((limit or 0) + KIB <= MOST_WRITTEN_BYTES) != (self.safety is SafetyClass.WRITE):
            return
        if limit is None:
            yield Unmet(subject="limit", needs="exposure: {max_body_bytes: 524288}")
            return
        for case in super().cases(scene):
            params = {"limit_bytes": limit}
            yield case.model_copy(update={"params": {**case.params, **params}}) if isinstance(case, Case) else case

    def wrong(self, ask: Ask, case: Case) -> Ask:
        """The declared body with blanks up to the limit and 1 KiB more."""
        size = int(case.params["limit_bytes"]) + KIB
        return replace(ask, body=(ask.body or b"{}").ljust(size), fresh=True)

    def complaint(self, exchange: Exchange, control: Exchange) -> str | None:
        """Anything but 413."""
        return None if exchange.status == 413 else f"{describe(exchange)} instead of 413"

    def taken(self, exchange: Exchange, control: Exchange, operation: Operation) -> bool:
        """An answer as declared: the whole body was read."""
        return complaint_about(exchange, operation.expect) is None


class KeepsLargeBodyLimit(KeepsBodyLimit, AbuseCheck):
    """A body over a large declared limit is refused with 413.

    As `contract.body-limit`, for limits beyond 1 MiB: such a body may hurt others, so it is of the abuse class.
    """

    id = "contract.large-body-limit"
    safety = AbuseCheck.safety
    phase = AbuseCheck.phase


def refused(exchange: Exchange) -> bool:
    """Whether the answer is a refusal: any 4xx."""
    return exchange.status is not None and exchange.status in range(400, 500)


async def _send(target: WriteTarget, label: str, operation: Operation, ask: Ask) -> Exchange:
    """Send a request; what a creating operation makes is written down first and removed afterwards."""
    if not operation.creates:
        return await target.write(label, ask)
    exchange, _ = await target.create(label, ask, cleanup=operation.cleanup, id_from=operation.id_from)
    return exchange


def created(exchange: Exchange, operation: Operation) -> bool:
    """Whether the answer names the id of something that was made."""
    if not operation.creates or operation.id_from is None:
        return False
    try:
        return value_at(json_body(exchange), operation.id_from) is not None
    except (ValueError, NoSuchPath):
        return False


def same_json(exchange: Exchange, control: Exchange) -> bool:
    """Whether two answers have the same JSON value."""
    try:
        return bool(json_body(exchange) == json_body(control))
    except ValueError:
        return False


def same_members(exchange: Exchange, control: Exchange) -> bool:
    """Whether two answers are JSON objects with the same members, or lists that both have items or both none."""
    try:
        got, wanted = json_body(exchange), json_body(control)
    except ValueError:
        return False
    if isinstance(got, dict) and isinstance(wanted, dict):
        return got.keys() == wanted.keys()
    return isinstance(got, list) and isinstance(wanted, list) and bool(got) == bool(wanted)
