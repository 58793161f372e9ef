"""Is a request refused whose length can be read in two ways."""

from base64 import b64decode
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import AbuseCheck, Scene
from hybridcheck.checks.operations import complaint_about, operation_in
from hybridcheck.checks.protocol.addresses import addresses, ask_at, sendable
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.profile.operations import Operation
from hybridcheck.target import AbuseTarget, Ask
from hybridcheck.verdict import Finding, failed, passed, undecided

MOST_S = 1.0
"""How long an answer is waited for; what is refused is refused at once."""

ROUNDS = 2

MUST_REFUSE = {
    "two different lengths": "Content-Length: {n}\r\nContent-Length: 0\r\n\r\n{body}",
    "a list of lengths": "Content-Length: {n}, 0\r\n\r\n{body}",
    "a length with a sign": "Content-Length: +{n}\r\n\r\n{body}",
    "a length with an underscore": "Content-Length: {n_}\r\n\r\n{body}",
    "a blank before the colon": "Content-Length : {n}\r\n\r\n{body}",
    "an unknown transfer coding": "Transfer-Encoding: xchunked\r\n\r\n{hex}\r\n{body}\r\n0\r\n\r\n",
    "a chunk size in C notation": "Transfer-Encoding: chunked\r\n\r\n0x{hex}\r\n{body}\r\n0\r\n\r\n",
}
"""What RFC 9112 has a server refuse with 400 (§5.1, §6.1, §6.3, §7.1)."""

MUST_CLOSE = {
    "a length and chunks": "Content-Length: {n}\r\nTransfer-Encoding: chunked\r\n\r\n{hex}\r\n{body}\r\n0\r\n\r\n"
}
"""What it may take by its chunks, but then has to close the connection (§6.1)."""

VECTORS = {**MUST_REFUSE, **MUST_CLOSE}


class FramingStrict(AbuseCheck):
    """A request whose length can be read in two ways is refused, and its connection closed.

    Sends the declared request with contradictory or malformed framing, each on a connection of its own: two lengths,
    lengths that only lenient parsers read, a blank before the colon, unknown and misspelt chunks, a length beside
    chunks. A success, two times of two, is a fail (a length beside chunks may be taken by its chunks if the connection
    is closed then). Only beside the gateway, or where `probes.framing` declares that nobody else is behind the address.
    """

    id = "protocol.framing-strict"
    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    suite = "boundary"
    remedy = (
        "Refuse with 400 and close, as RFC 9112 §6.3 demands: two servers that read two lengths can be set at odds."
    )
    refs = ("RFC 9112 §6.3", "RFC 9112 §11.2", "CWE-444")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """The native addresses of operations with a body, one per service, and the declared public one."""
        found = False
        for operation, everywhere in _candidates(scene):
            for subject, params in addresses(scene, operation):
                if params["via"] is not None or everywhere:
                    found = True
                    yield Case(check=self.id, subject=subject, params=params)
        if not found:
            needs = "services: {NAME: {direct_url: URL}}, boundaries, or probes: {framing: {operation: ID}}"
            yield Unmet(subject="direct address", needs=needs)

    async def probe(self, case: Case, target: AbuseTarget) -> None:
        """The declared request, then each vector, again where it was taken; one that is taken twice is enough."""
        ask = ask_at(case.params)
        await target.read("control", ask)
        for index, vector in enumerate(VECTORS):
            for attempt in range(1, ROUNDS + 1):
                label, payload = f"vector.{index}.{attempt}", _payload(VECTORS[vector], ask)
                received = await target.raw(label, payload, most_s=MOST_S, head_of=ask)
                if not _taken(vector, received.decode("latin-1"), closed=False):
                    break
            else:
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on a vector that was taken twice."""
        expected = "400 and a closed connection for each request with two readings"
        control: Exchange = evidence.exchange("control")
        broken = complaint_about(control, operation_in(case.params).expect)
        if broken is not None:
            return undecided(Reason.NO_TEST_DATA, expected, f"the control: {broken}", exchanges=(control.n,))
        numbers, silent = [control.n], ""
        for index, vector in enumerate(VECTORS):
            told = evidence.all(Observation, f"vector.{index}")
            if not told or told[0].label != f"vector.{index}.1":
                return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{vector}: nothing is recorded")
            numbers += [record.n for record in told]
            taken = [_taken_in(vector, record) for record in told]
            if not taken[0]:
                silent = silent or ("" if _closed(told[0]) else vector)
                continue
            if len(taken) < ROUNDS or not taken[1]:
                return undecided(Reason.FLAKY, expected, f"{vector}: {taken[0]}, once", exchanges=tuple(numbers))
            shown = (control.n, *(record.n for record in told))
            return failed(expected, f"{vector}: {taken[1]}", exchanges=shown, n=len(VECTORS))
        if silent:
            text = f"{silent}: neither refused nor closed within {MOST_S:g} s"
            return undecided(Reason.SUSPECTED, expected, text, exchanges=tuple(numbers))
        return passed(expected, f"{len(VECTORS)} of them refused", exchanges=tuple(numbers), n=len(VECTORS))


def _candidates(scene: Scene) -> Iterator[tuple[Operation, bool]]:
    """Operations with a body, each with whether its public address may be used: the declared one, else the first."""
    probe = scene.profile.probes.framing
    declared = sendable(scene, probe.operation) if probe is not None else None
    if declared is not None and declared.body is not None:
        yield declared, True
        return
    for boundary in scene.profile.boundaries.values():
        for route in boundary.routes:
            operation = sendable(scene, route.public)
            if operation is not None and operation.body is not None and route.native is not None:
                yield operation, False
                break


def _payload(vector: str, ask: Ask) -> bytes:
    body = (ask.body or b"").decode()
    size = str(len(ask.body or b"")).zfill(2)
    parts = {"n": size, "n_": f"{size[:1]}_{size[1:]}", "hex": f"{len(ask.body or b''):x}", "body": body}
    return vector.format(**parts).encode()


def _successes(received: str) -> int:
    """How many answers of 2xx there are."""
    return received.count("HTTP/1.1 2") + received.count("HTTP/1.0 2")


def _taken_in(vector: str, record: Observation) -> str:
    received, encoded = str(record.values.get("received", "")), record.values.get("received_base64")
    if encoded is not None:
        try:
            received = b64decode(encoded).decode("latin-1")
        except ValueError as error:
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{vector}: what came back cannot be read") from error
    return _taken(vector, received, closed=_closed(record))


def _closed(record: Observation) -> bool:
    """Whether the target ended the connection; by a reset only where it had answered, for else it may be gone."""
    answered = bool(record.values.get("received") or record.values.get("received_base64"))
    return record.values["ended"] == "by_target" or (record.values["ended"] == "failed" and answered)


def _taken(vector: str, received: str, *, closed: bool) -> str:
    """How a request was taken that should not have been; empty where it was not."""
    if not _successes(received):
        return ""
    if vector in MUST_CLOSE and closed and _successes(received) == 1:
        return ""
    return f"answered {received.splitlines()[0][:40]} and {'closed' if closed else 'kept open'}"
