"""Known questions with computed answers: send vectors through a declared probe, compare, and name what went wrong.

The first vector of a case is its control: a question that nearly every runtime answers alike. Where even that is not
answered right, and not wrong in a way that is known, the probe may be bound to the wrong places: the case says nothing.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

from hybridcheck.cases import Case, Dimension, Json, Reason, Unmet
from hybridcheck.checks.availability import is_broken, is_silent, look_afterwards, was_there
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, params_of, suite_of
from hybridcheck.checks.repeats import describe
from hybridcheck.checks.shrinking import LABEL, MOST, descent
from hybridcheck.diagnosis.signatures import WORDS, Signature, explanation
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.tokens.document import NotJson, Token, placed, read, write
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS = 2
"""How often a vector is asked before its answer counts as wrong."""

REFUSALS = frozenset({400, 413, 422})
"""Statuses that refuse a value, where others refuse a caller or a route."""

UNSETTLED = {Reason.EVIDENCE_INCOMPLETE: "has no complete evidence", Reason.FLAKY: "was answered in two ways"}

MOST_SHOWN = 120


class State(StrEnum):
    """What an answer to a vector is."""

    RIGHT = "right"
    REFUSED = "refused"
    WRONG = "wrong"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a vector: its state, the wrong answer in words, and the signatures that would explain it."""

    state: State
    words: str = ""
    signatures: tuple[Signature, ...] = ()


RIGHT = Reading(State.RIGHT)


def wrong(got: Token, want: str, signatures: tuple[Signature, ...] = ()) -> Reading:
    """A wrong value in words."""
    return Reading(State.WRONG, f"came back as {shown(write(got))} instead of {shown(want)}", signatures)


def shown(text: str) -> str:
    """A text short enough for a sentence."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


class VectorCheck(ReadCheck):
    """The base: one case per probe, a control and vectors; wrong twice of two is a fail with its signature."""

    dimension = Dimension.FUNCTIONAL
    needs: ClassVar[str]
    """The profile line that declares the probe."""
    promise: ClassVar[str]
    """What is expected, in one sentence."""
    refusable: ClassVar[bool] = False
    """Whether a refusal keeps the promise as well, but for what `must_take` declares."""

    @abstractmethod
    def probes(self, scene: Scene) -> Iterator[tuple[str, Probe]]:
        """The declared probes that show the promise, with the name of each."""

    @abstractmethod
    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """The vectors, smallest first; the first one is the control."""

    @abstractmethod
    def answer(self, case: Case, vector: Json, exchange: Exchange, body: bytes) -> Reading:
        """What a successful answer is, by its body."""

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """What is put where in the request's body: values by path; by default the vector into the probe's place."""
        return {case.params["probe"]["in"]: vector}

    def sent(self, vector: Json) -> str:
        """The vector in words."""
        return shown(write(vector))

    def must_take(self, case: Case, vector: Json) -> str:
        """The declaration by which the vector may not be refused; empty where there is none."""
        return ""

    def may_refuse(self, case: Case, vector: Json) -> bool:
        """Whether the refusal of this vector keeps the promise as well."""
        return self.refusable and not self.must_take(case, vector)

    def smaller(self, vector: Json) -> Iterator[Json]:
        """Vectors that are parts of a wrong one, the smallest first; by default none."""
        return iter(())

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per probe."""
        found = False
        for name, probe in self.probes(scene):
            for _, service, operation in scene.profile.all_operations():
                if operation.id == probe.operation and operation.reads and operation.sendable:
                    found = True
                    params = params_of(operation, suite_of(service))
                    params |= {"probe": probe.model_dump(mode="json", by_alias=True), "name": name}
                    params |= {"contract": scene.profile.contract.model_dump(mode="json")}
                    params |= {"vectors": list(self.vectors(scene, probe))}
                    yield Case(check=self.id, subject=f"{name}: {operation.id}", params=params)
        if not found:
            yield Unmet(subject="probes", needs=self.needs)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send each vector, and once more where the answer is not right; the control after each broken one."""
        control = self.ask(case, case.params["vectors"][0])
        bad: list[tuple[Json, Reading]] = []
        for index, vector in enumerate(case.params["vectors"]):
            ask = self.ask(case, vector)
            for round_ in range(1, ROUNDS + 1):
                label = f"vector.{index}.{round_}"
                exchange = await target.read(label, replace(ask, fresh=round_ > 1))
                await look_afterwards(target, label, exchange, control)
                reading = self.reading(case, vector, exchange)
                if reading.state not in {State.WRONG, State.UNCLEAR}:
                    break
                if round_ == ROUNDS and reading.state is State.WRONG:
                    bad.append((vector, reading))
        if bad:
            await self._shrink(case, target, *_smallest(bad))

    async def _shrink(self, case: Case, target: ReadTarget, vector: Json, name: Signature | None) -> None:
        """Send parts of a wrong vector, as long as there are smaller ones that are wrong as well."""
        steps = descent(vector, self.smaller)
        part = next(steps, None)
        for number in range(1, MOST + 1):
            if part is None:
                return
            exchange = await target.read(f"{LABEL}.{number}", replace(self.ask(case, part), fresh=True))
            try:
                part = steps.send(self._still(case, part, exchange, name))
            except StopIteration:
                return

    def _shrunk(
        self, case: Case, evidence: Evidence, vector: Json, name: Signature | None
    ) -> tuple[Json, Exchange] | None:
        """The smallest part that was wrong, and its answer, by following `_shrink` through the records."""
        steps, found = descent(vector, self.smaller), None
        part = next(steps, None)
        for number, exchange in enumerate(evidence.exchanges(LABEL), 1):
            body = exchange.request.body
            if part is None or exchange.label != f"{LABEL}.{number}" or body is None:
                return found
            if body.redacted or body.content() != self.ask(case, part).body:
                return found
            still = self._still(case, part, exchange, name)
            found = (part, exchange) if still else found
            try:
                part = steps.send(still)
            except StopIteration:
                return found
        return found

    def _still(self, case: Case, part: Json, exchange: Exchange, name: Signature | None) -> bool:
        """Whether a part is answered, and wrong in the same way."""
        reading = self.reading(case, part, exchange)
        answered = exchange.status is not None and 200 <= exchange.status < 300
        return answered and reading.state is State.WRONG and (name is None or name in reading.signatures)

    def ask(self, case: Case, vector: Json) -> Ask:
        """The request of a vector: the declared one with the values in their places, numbers as written."""
        operation, own = operation_in(case.params), case.params["probe"]["body"]
        body = own if own is not None else operation.body if isinstance(operation.body, dict) else {}
        for path, value in self.values(case, vector).items():
            body = placed(body, path, value)
        return ask_for(operation.model_copy(update={"body": write(body)}))

    def reading(self, case: Case, vector: Json, exchange: Exchange) -> Reading:
        """What became of a vector, by one answer."""
        status, response = exchange.status, exchange.response
        if status is None or response is None or response.body.redacted or not response.body.complete:
            return Reading(State.UNCLEAR, f"got no answer that can be read: {describe(exchange)}")
        if status in REFUSALS:
            declared = self.must_take(case, vector)
            text = f"was refused with {status}, although {declared}"
            return Reading(State.WRONG, text) if declared else Reading(State.REFUSED)
        if not 200 <= status < 300:
            clear = is_broken(exchange) and not is_silent(exchange)
            return Reading(State.WRONG if clear else State.UNCLEAR, f"was answered with {status}")
        return self.answer(case, vector, exchange, response.body.content())

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where a vector was wrong twice, with what most of the wrong ones have in common."""
        vectors: list[Json] = case.params["vectors"]
        asked = [evidence.exchanges(f"vector.{index}") for index in range(len(vectors))]
        everything = tuple(exchange.n for exchanges in asked for exchange in exchanges)
        if any(exchange.status == 429 for exchanges in asked for exchange in exchanges):
            return undecided(Reason.THROTTLED, self.promise, "the target throttled the tester (429)")
        read_as = [self._settled(case, v, ex, evidence) for v, ex in zip(vectors, asked, strict=True)]
        known = read_as[0] == State.WRONG and self.reading(case, vectors[0], asked[0][-1]).signatures
        if read_as[0] != State.RIGHT and not known:
            gap = f"not even {self.sent(vectors[0])} is answered as declared: is the probe bound to the right places?"
            if asked[0] and is_broken(asked[0][-1]):
                gap = f"the service was not there: {self.sent(vectors[0])} was answered {describe(asked[0][-1])}"
            return undecided(Reason.NO_TEST_DATA, self.promise, gap, exchanges=everything)
        bad = [index for index, reading in enumerate(read_as) if reading == State.WRONG]
        if bad:
            numbers = tuple(exchange.n for exchange in asked[0])
            return self._failed(case, evidence, [(vectors[i], asked[i]) for i in bad], numbers)
        for reason in (Reason.EVIDENCE_INCOMPLETE, Reason.FLAKY):
            odd = [self.sent(vectors[index]) for index, reading in enumerate(read_as) if reading == reason]
            if odd:
                return undecided(reason, self.promise, f"{odd[0]} {UNSETTLED[reason]}", exchanges=everything)
        return self._kept(case, list(zip(vectors, read_as, strict=True)), everything)

    def _settled(self, case: Case, vector: Json, exchanges: tuple[Exchange, ...], evidence: Evidence) -> State | Reason:
        """What the answers to one vector come to; broken ones are its fault only where the service was there."""
        found = _settled([self.reading(case, vector, exchange) for exchange in exchanges], exchanges)
        return State.UNCLEAR if found == State.WRONG and not was_there(evidence, *exchanges) else found

    def _failed(
        self,
        case: Case,
        evidence: Evidence,
        bad: list[tuple[Json, tuple[Exchange, ...]]],
        control: tuple[int, ...],
    ) -> Finding:
        n = len(case.params["vectors"])
        vector, name = _smallest([(vector, self.reading(case, vector, answers[-1])) for vector, answers in bad])
        exchanges = next(answers for other, answers in bad if other == vector)
        shrunk = self._shrunk(case, evidence, vector, name)
        if shrunk is not None:
            vector, exchanges = shrunk[0], (*exchanges, shrunk[1])
        words = self.reading(case, vector, exchanges[-1]).words
        text = f"{self.sent(vector)} {words} ({len(bad)} of {n} vectors wrong)"
        figures: dict[str, Json] = {"vectors": n, "wrong": len(bad), "smallest": self.sent(vector)}
        if name is not None:
            text, figures["signature"] = f"{WORDS[name]}. {text}", name.value
        numbers = (*control, *(exchange.n for exchange in exchanges))
        return failed(self.promise, text, exchanges=numbers, n=n, figures=figures)

    def _kept(self, case: Case, found: list[tuple[Json, State | Reason]], numbers: tuple[int, ...]) -> Finding:
        unclear = [self.sent(vector) for vector, state in found if state is State.UNCLEAR]
        if unclear:
            text = f"{unclear[0]} got no clear answer, twice"
            return undecided(Reason.SUSPECTED, self.promise, text, exchanges=numbers)
        refused = [vector for vector, state in found if state is State.REFUSED]
        shown_by = sum(state is State.RIGHT or self.may_refuse(case, vector) for vector, state in found[1:])
        if not shown_by:
            text = "every vector beyond the control was refused"
            return undecided(Reason.NO_TEST_DATA, self.promise, text, exchanges=numbers)
        text = f"{len(found) - len(refused)} of {len(found)} vectors answered right, {len(refused)} refused"
        figures = {"vectors": len(found), "wrong": 0, "refused": len(refused)}
        return passed(self.promise, text, exchanges=numbers, n=len(found), figures=figures)


class DocumentVectorCheck(VectorCheck):
    """The base where the answer is a JSON document."""

    @abstractmethod
    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """What a document of a successful answer is."""

    def answer(self, case: Case, vector: Json, exchange: Exchange, body: bytes) -> Reading:
        """As its document compares."""
        try:
            return self.compare(case, vector, read(body))
        except NotJson as error:
            return Reading(State.WRONG, f"made a body that is no JSON: {error}")
        except NoSuchPath as missing:
            return Reading(State.WRONG, f"made a body with {missing}")
        except (RecursionError, ValueError) as error:  # levels or digits beyond what the tester can hold
            return Reading(State.WRONG, f"made a body that cannot be compared: {str(error)[:MOST_SHOWN]}")


def _smallest(bad: Sequence[tuple[Json, Reading]]) -> tuple[Json, Signature | None]:
    """The first wrong vector that is wrong as most of them are, and that way's name."""
    name = explanation([reading.signatures for _, reading in bad])
    return next(vector for vector, reading in bad if name is None or name in reading.signatures), name


def number_at(document: Token, path: str) -> Token:
    """The value at a path of a document; NoSuchPath where there is none."""
    found: Token = value_at(document, path)
    return found


def _settled(readings: list[Reading], exchanges: tuple[Exchange, ...]) -> State | Reason:
    """What the answers to one vector come to: a state, or why there is none."""
    if not exchanges or not exchanges[0].label.endswith(".1"):
        return Reason.EVIDENCE_INCOMPLETE
    states = {reading.state for reading in readings}
    if len(states) == 1:
        state = states.pop()
        settled = state in {State.RIGHT, State.REFUSED} or len(readings) == ROUNDS
        return state if settled else Reason.EVIDENCE_INCOMPLETE
    return Reason.FLAKY
