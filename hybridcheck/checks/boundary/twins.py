"""Do two runtimes that compute the same agree."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.analytics.examples import ask_example, expectation
from hybridcheck.checks.availability import is_broken, is_silent, look_afterwards, was_there
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.documents import difference, same_text
from hybridcheck.checks.operations import ask_for, complaint_about, json_body, operation_in, operations, params_of
from hybridcheck.checks.repeats import PAUSE_S, UNHEARD, describe, numbered
from hybridcheck.diagnosis.documents import of_documents
from hybridcheck.diagnosis.signatures import WORDS, Signature
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Example, Operation
from hybridcheck.target import ReadTarget
from hybridcheck.tokens.document import NotJson, read
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS = 2
"""How often two different answers are asked for before they are a fail."""


class TwinsAgree(ReadCheck):
    """The same question gets the same answer from both runtimes.

    Sends each example of an operation that names a `twin` to both. Documents that agree to the last digit are a pass;
    else values are compared, numbers within the example's tolerance. Statuses or values that differ, two times of two,
    are a fail; a 5xx only where the service answered its declared request right after it, a 503 or no answer never.
    Neither side is taken for the truth: where the example's own expectation tells, the finding says which.
    """

    id = "twins.agree"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    suite = "boundary"
    remedy = (
        "Compare integer width, division and rounding of negatives, order of sums, sorting, and text by code point."
    )
    refs = ("docs.exaloop.io/codon differences with Python",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per example of each operation that has a twin."""
        found = False
        readable = {operation.id: operation for _, operation in operations(scene)}
        for operation in readable.values():
            twin = readable.get(operation.twin or "")
            for index, example in enumerate(_questions(operation) if twin is not None else []):
                found = True
                params = {**params_of(operation, self.suite), "example": index}
                params["twin"] = params_of(twin, self.suite)["operation"] if twin is not None else None
                yield Case(check=self.id, subject=f"{operation.id}: {example.name or index + 1}", params=params)
        if not found:
            yield Unmet(
                subject="twins",
                needs="operations: [{request: POST /path, safe: true, twin: ID_OF_THE_SAME_IN_CPYTHON}]",
            )

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask both, and once more where they differ."""
        operation, twin, example = _pair_in(case)
        for number in range(1, ROUNDS + 1):
            one = await target.read(f"own.{number}", ask_example(operation, example))
            other = await target.read(f"twin.{number}", ask_example(twin, example))
            await look_afterwards(target, other.label, other, ask_for(twin))
            await look_afterwards(target, one.label, one, ask_for(operation))  # last: the next is its question again
            if _difference(one, other, example) is None:
                return
            if not (is_broken(one) or is_broken(other)):  # else the service that has just answered is asked at once
                await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the documents."""
        operation, twin, example = _pair_in(case)
        expected = f"{operation.id} and {twin.id} give the same answer to '{example.name}'"
        own, other = evidence.exchanges("own"), evidence.exchanges("twin")
        numbers = tuple(exchange.n for exchange in (*own, *other))
        if not own or len(own) != len(other) or not (numbered(own, "own") and numbered(other, "twin")):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
        neither = all(e.status not in side.expect.status for e, side in ((own[0], operation), (other[0], twin)))
        throttled = any(exchange.status == 429 for exchange in (*own, *other))
        if neither or throttled:
            reason = Reason.THROTTLED if throttled else Reason.NO_TEST_DATA
            return undecided(reason, expected, f"no answer: {describe(own[0])}", exchanges=numbers)
        found = [_difference(one, two, example) for one, two in zip(own, other, strict=True)]
        if found[0] is None:
            text = "they do, to the last digit" if same_text(own[0], other[0]) else "they do, in value"
            return passed(expected, text, exchanges=numbers, n=len(found))
        if None in found:
            return undecided(Reason.FLAKY, expected, f"not each time: {found[0]}", exchanges=numbers)
        if len(found) < ROUNDS:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{found[0]}; not repeated", exchanges=numbers)
        unanswered = _unanswered(evidence, (*own, *other), expected)
        if unanswered is not None:
            return unanswered
        text = f"{found[-1]}{_who_is_right(own[-1], other[-1], case)}"
        name = _named(own[-1], other[-1])
        if name is None:
            return failed(expected, text, exchanges=numbers, n=len(found))
        figures = {"signature": name.value}
        return failed(expected, f"{WORDS[name]}. {text}", exchanges=numbers, n=len(found), figures=figures)


def _unanswered(evidence: Evidence, exchanges: tuple[Exchange, ...], expected: str) -> Finding | None:
    """Undecided where a difference is that of a caller who was refused, or of a service that was not there."""
    numbers = tuple(exchange.n for exchange in exchanges)
    unheard = next((exchange for exchange in exchanges if exchange.status in UNHEARD), None)
    if unheard is not None:
        text = f"a caller was refused, not the question: {describe(unheard)}"
        return undecided(Reason.AUTH_NOT_EFFECTIVE, expected, text, exchanges=numbers)
    silent = any(is_silent(exchange) for exchange in exchanges)
    if not silent and was_there(evidence, *exchanges):
        return None
    gone = next(exchange for exchange in exchanges if is_broken(exchange))
    text = f"a service was not there ({describe(gone)}), which is no disagreement of values"
    return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)


def _questions(operation: Operation) -> list[Example]:
    """The examples; without any, the declared request."""
    return list(operation.examples) or [Example(name="declared request", body=operation.body, expect={})]


def _pair_in(case: Case) -> tuple[Operation, Operation, Example]:
    operation = operation_in(case.params)
    return operation, Operation.model_validate(case.params["twin"]), _questions(operation)[int(case.params["example"])]


def _difference(one: Exchange, other: Exchange, example: Example) -> str | None:
    """How two answers differ; None where they do not."""
    if one.status != other.status or one.status is None:
        return f"{describe(one)} and {describe(other)}"
    try:
        return difference(json_body(one), json_body(other), example.tolerance)
    except ValueError as error:
        return f"an answer is not JSON: {error}"


def _named(one: Exchange, other: Exchange) -> Signature | None:
    """What makes the answer of this side of its twin's, where a known mistake does."""
    try:
        want, got = (read(e.response.body.content() if e.response else b"") for e in (other, one))
    except NotJson:
        return None
    return of_documents(want, got)


def _who_is_right(one: Exchange, other: Exchange, case: Case) -> str:
    operation, twin, example = _pair_in(case)
    if not example.expect:
        return ""
    sides = ((operation.id, one, operation), (twin.id, other, twin))
    right = [name for name, exchange, side in sides if complaint_about(exchange, expectation(side, example)) is None]
    if len(right) == len(sides):
        return "; what the example expects holds for both"
    return f"; what the example expects holds for {' and '.join(right) or 'neither'}"
