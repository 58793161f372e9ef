"""Do messages arrive whole however they travel: in any size, in pieces, to a slow reader."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import ClassVar

from hybridcheck.cases import Budget, Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.availability import look_afterwards, was_there
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import complaint_about, json_body, operation_in
from hybridcheck.checks.protocol.addresses import addresses, ask_at, sendable
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, Manner, ReadTarget
from hybridcheck.tokens.document import placed, write
from hybridcheck.verdict import Finding, Outcome, failed, passed, undecided

KIB = 1024
ONE_RECV_BYTES = 4 * KIB
"""What hand-written servers read at once."""

UNDECLARED_MOST_BYTES = 64 * KIB + 1
MOST_BYTES = 1024 * KIB
"""The largest body that is ordinary traffic, whatever the target takes."""

ROUNDS = 2
"""How often a message that did not arrive is sent before that is a fail."""

WHOLE = Manner()


class Travels(ReadCheck):
    """The base: a control, then messages under labels, each sent again where something is wrong with its answer."""

    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    suite = "boundary"
    promise: ClassVar[str]
    needs: ClassVar[str] = "probes: {roundtrip: {operation: echo, in: $.value, out: $.value, types: [text]}}"

    def subject(self, scene: Scene) -> Operation | None:
        """The operation that shows it; by default that of the round trip probe, which has a body."""
        probe = scene.profile.probes.roundtrip
        return sendable(scene, probe.operation) if probe is not None else None

    def own_params(self, scene: Scene) -> dict[str, Json]:
        """What a case keeps beside operation and address."""
        return {}

    @abstractmethod
    def messages(self, case: Case) -> Sequence[tuple[str, Ask, Manner]]:
        """What is sent, each in words and in its manner; the first one is the control."""

    def complaint(self, case: Case, index: int, exchange: Exchange, control: Exchange) -> str | None:
        """What is wrong with the answer to message `index`; None where nothing is."""
        return complaint_about(exchange, operation_in(case.params).expect)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per address of the operation."""
        operation = self.subject(scene)
        if operation is None:
            yield Unmet(subject="probes", needs=self.needs)
            return
        for subject, params in addresses(scene, operation):
            yield Case(check=self.id, subject=subject, params={**params, **self.own_params(scene)})

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send each message over a connection of its own, again where it did not arrive."""
        messages, control = self.messages(case), None
        for index, (_, ask, manner) in enumerate(messages):
            for attempt in range(1, ROUNDS + 1):
                (exchange,) = await target.on_one_connection(f"message.{index}.{attempt}", [ask], manner)
                control = control or exchange
                if self.complaint(case, index, exchange, control) is None:
                    break
                await look_afterwards(target, exchange.label, exchange, messages[0][1])

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on a message that did not arrive two times of two, beside a control that did."""
        messages = self.messages(case)
        sent = [evidence.exchanges(f"message.{index}") for index in range(len(messages))]
        numbers = tuple(exchange.n for exchanges in sent for exchange in exchanges)
        if any(exchange.status == 429 for exchanges in sent for exchange in exchanges):
            return undecided(Reason.THROTTLED, self.promise, "the target throttled the tester (429)", exchanges=numbers)
        if not all(_complete(index, exchanges) for index, exchanges in enumerate(sent)):
            return undecided(Reason.EVIDENCE_INCOMPLETE, self.promise, "not all that was sent is recorded")
        control, flaky = sent[0][0], ""
        for index, exchanges in enumerate(sent):
            complaints = [self.complaint(case, index, exchange, control) for exchange in exchanges]
            if complaints[-1] is None:
                flaky = flaky or (f"{messages[index][0]}: {complaints[0]}, once" if complaints[0] else "")
                continue
            text = f"{messages[index][0]}: {complaints[-1]}"
            if index == 0:
                return undecided(Reason.NO_TEST_DATA, self.promise, f"the control: {text}", exchanges=numbers)
            if len(exchanges) < ROUNDS:
                return undecided(Reason.EVIDENCE_INCOMPLETE, self.promise, f"{text}; not repeated", exchanges=numbers)
            if not was_there(evidence, *exchanges):
                text = f"{text}; the service answered nothing else either"
                return undecided(Reason.SUSPECTED, self.promise, text, exchanges=numbers)
            return failed(self.promise, text, exchanges=(control.n, *(e.n for e in exchanges)), n=len(messages))
        if flaky:
            return undecided(Reason.FLAKY, self.promise, flaky, exchanges=numbers)
        return passed(self.promise, f"{len(messages)} messages arrived whole", exchanges=numbers, n=len(messages))


class BodyLadder(Travels):
    """A request body arrives whole, whatever its size up to the declared limit.

    Sends texts through the round trip probe in bodies of 64 B (the control), one byte less and more than 4 KiB, one
    more than 64 KiB, and 1 KiB under `exposure.max_body_bytes` where it is declared; each has to come back unchanged.
    One that comes back otherwise, is taken for malformed (400) or too large (413), or breaks something (5xx, no
    answer), two times of two, is a fail. A 422 is a limit of the field and ends the ladder; so does a 413 where no limit
    is declared. A ladder whose every larger body is refused shows nothing.
    """

    id = "protocol.body-ladder"
    remedy = "Read until Content-Length bytes have come, not once: one recv gives what has arrived so far."
    refs = ("RFC 9112 §6.2", "CWE-130")
    promise = "a body of any size up to the limit arrives whole"

    def subject(self, scene: Scene) -> Operation | None:
        """The operation of the round trip probe, where it takes texts."""
        probe = scene.profile.probes.roundtrip
        return super().subject(scene) if probe is not None and "text" in probe.types else None

    def own_params(self, scene: Scene) -> dict[str, Json]:
        """Places, and sizes."""
        probe, limit = scene.profile.probes.roundtrip, scene.profile.exposure.max_body_bytes
        assert probe is not None
        most = min(limit - KIB, MOST_BYTES) if limit is not None else UNDECLARED_MOST_BYTES
        most = min(most, most_read_bytes(scene))
        rungs = (64, ONE_RECV_BYTES - 1, ONE_RECV_BYTES + 1, UNDECLARED_MOST_BYTES, most)
        sizes = sorted({min(rung, most) for rung in rungs if rung <= max(most, 64)})
        refusals = [422] if limit is not None else [413, 422]
        return {"probe": probe.model_dump(mode="json", by_alias=True), "sizes": sizes, "refusals": refusals}

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """As every message that travels; one body beyond the control has to have arrived."""
        finding = super().judge(case, evidence)
        larger = [e for i in range(1, len(case.params["sizes"])) for e in evidence.exchanges(f"message.{i}")]
        if finding.outcome is not Outcome.PASS or not larger or any(e.status not in _refusals(case) for e in larger):
            return finding
        text = f"every body beyond {case.params['sizes'][0]} bytes is refused: {describe(larger[0])}"
        return undecided(Reason.NO_TEST_DATA, self.promise, text, exchanges=finding.exchanges)

    def messages(self, case: Case) -> Sequence[tuple[str, Ask, Manner]]:
        """A body of each size."""
        return [(f"a body of {size} bytes", self._ask(case, size), WHOLE) for size in case.params["sizes"]]

    def complaint(self, case: Case, index: int, exchange: Exchange, control: Exchange) -> str | None:
        """Anything but the text that was sent; a refusal is the field's own limit, or one that nobody declared."""
        if exchange.status in _refusals(case) and index > 0:
            return None
        if exchange.status is None or exchange.response is None or not 200 <= exchange.status < 300:
            return describe(exchange)
        sent = self._text(case, int(case.params["sizes"][index]))
        try:
            got = value_at(json_body(exchange), case.params["probe"]["out"])
        except (ValueError, NoSuchPath) as missing:
            return f"{describe(exchange)}: {missing}"
        return None if got == sent else f"came back as {len(str(got))} characters instead of {len(sent)}"

    def _ask(self, case: Case, size: int) -> Ask:
        return ask_at(case.params, write(self._document(case, self._text(case, size))))

    def _text(self, case: Case, size: int) -> str:
        """A text that fills the body up to the size; each line has its number."""
        return _numbered(max(1, size - len(write(self._document(case, "")))))

    def _document(self, case: Case, text: str) -> Json:
        probe, operation = case.params["probe"], operation_in(case.params)
        own = probe["body"] if probe["body"] is not None else operation.body
        return placed(own if isinstance(own, dict) else {}, probe["in"], text)


@lru_cache(maxsize=8)
def _numbered(length: int) -> str:
    """A text of that many characters; the same few are sent, sent again and compared."""
    return "".join(f"{line:07d}." for line in range(length // 8 + 1))[:length]


def _refusals(case: Case) -> list[int]:
    """The statuses with which a larger body may be refused."""
    found: list[int] = case.params["refusals"]
    return found


class SegmentedRequest(Travels):
    """A request that arrives in several segments is answered like one that arrives at once.

    Sends the declared request of the round trip probe whole (the control), with a pause between head and body, and in
    pieces of five bytes. Another answer than the declared one, two times of two, is a fail.
    """

    id = "protocol.segmented-request"
    remedy = "Read on until the head is complete, and then until Content-Length bytes of the body have come."
    refs = ("RFC 9112 §2.2", "RFC 9293 §3.8", "CWE-130")
    promise = "a request is understood however it is cut into segments"

    def messages(self, case: Case) -> Sequence[tuple[str, Ask, Manner]]:
        """The same request in three manners."""
        ask = ask_at(case.params)
        return (
            ("in one", ask, WHOLE),
            ("head, and the body 0.15 s later", ask, Manner(pause_s=0.15)),
            ("in pieces of five bytes", ask, Manner(piece_bytes=5, pause_s=0.002)),
        )


class LargeResponse(Travels):
    """A large answer arrives whole, also where its reader is slow.

    Asks the declared `large` operation for a small answer (the control), and for one of `most_bytes`, read at once and
    read slowly through a small window. An answer that breaks off, or has fewer bytes than were asked for, two times of
    two, is a fail.
    """

    id = "protocol.large-response"
    remedy = "Write in a loop until everything has gone: one send writes what fits into the socket's buffer."
    refs = ("RFC 9112 §6.3", "CWE-252")
    promise = "a large answer arrives whole at a slow reader as well"
    needs = "probes: {large: {operation: ID, size: $.bytes}}"

    def subject(self, scene: Scene) -> Operation | None:
        """The operation of the probe."""
        probe = scene.profile.probes.large
        return sendable(scene, probe.operation) if probe is not None else None

    def own_params(self, scene: Scene) -> dict[str, Json]:
        """Where the size goes, and how large; the quick budget asks for half a mebibyte."""
        probe = scene.profile.probes.large
        assert probe is not None
        most = min(probe.most_bytes, 512 * KIB) if scene.budget is Budget.QUICK else probe.most_bytes
        most = min(most, most_read_bytes(scene))
        return {"size": probe.size, "body": probe.body, "sizes": [KIB, most, most]}

    def messages(self, case: Case) -> Sequence[tuple[str, Ask, Manner]]:
        """Small, large, large and slow."""
        params = case.params
        small, large = (asking_for(params, {params["size"]: n}, params["body"]) for n in params["sizes"][:2])
        return (
            (f"an answer of {params['sizes'][0]} bytes", small, WHOLE),
            (f"an answer of {params['sizes'][1]} bytes", large, WHOLE),
            (f"an answer of {params['sizes'][2]} bytes, read slowly", large, Manner(read_pause_s=0.01)),
        )

    def complaint(self, case: Case, index: int, exchange: Exchange, control: Exchange) -> str | None:
        """No complete answer, or one that is too short."""
        if exchange.status is None or exchange.response is None or not 200 <= exchange.status < 300:
            got = exchange.response.body.size_bytes if exchange.response is not None else 0
            return f"{describe(exchange)}, {got} bytes arrived"
        size, wanted = exchange.response.body.size_bytes, int(case.params["sizes"][index])
        return None if size >= wanted else f"{size} bytes arrived"


def most_read_bytes(scene: Scene) -> int:
    """How many bytes of an answer may be asked for, so that the tester's own cap cuts none."""
    return scene.profile.limits.max_body_bytes // 2


def asking_for(params: dict[str, Json], values: dict[str, Json], body: dict[str, Json] | None = None) -> Ask:
    """The declared request at a case's address, with values in places of its body or in query parameters."""
    operation = operation_in(params)
    body = body if body is not None else operation.body if isinstance(operation.body, dict) else None
    query = dict(operation.query)
    for where, value in values.items():
        if where.startswith("$"):
            body = placed(body or {}, where, value)
        else:
            query[where] = str(value)
    asked = {**params, "operation": {**params["operation"], "query": query}}
    return ask_at(asked, write(body) if body is not None else None)


def _complete(index: int, exchanges: tuple[Exchange, ...]) -> bool:
    """Whether a message's attempts are all there."""
    labels = [exchange.label for exchange in exchanges]
    return bool(labels) and labels == [f"message.{index}.{attempt + 1}.1" for attempt in range(len(labels))]
