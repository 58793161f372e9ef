"""The same questions to both sides of a boundary: what one says the other has to say.

Neither side is taken for the truth. The first question of a case is its control: both have to answer it alike, and as
the probe says that they do; else the case says nothing.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from hybridcheck.cases import Case, Dimension, Json, Reason, Unmet
from hybridcheck.checks.availability import is_broken, is_silent, look_afterwards, was_there
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import params_of
from hybridcheck.checks.repeats import UNHEARD, describe, numbered
from hybridcheck.checks.vectors import REFUSALS, ROUNDS
from hybridcheck.diagnosis.signatures import WORDS, Signature, explanation
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

SIDES = ("own", "twin")
"""The labels of the two sides: the operation in question (the native one), and what it is compared with."""

REFUSED, BROKEN = "a refusal", "a server error"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two answers that are apart, in words, and the signatures that would explain it."""

    words: str
    signatures: tuple[Signature, ...] = ()


class PairCheck(ReadCheck):
    """The base: one case per pair, a control and questions; apart twice of two is a fail."""

    dimension = Dimension.FUNCTIONAL
    suite = "boundary"
    needs: ClassVar[str]
    """The profile line that declares the pair."""

    @abstractmethod
    def pairs(self, scene: Scene) -> Iterator[tuple[str, Operation, Operation, dict[str, Json]]]:
        """The pairs: subject, the operation in question, what it is compared with, and what else the judge needs."""

    @abstractmethod
    def questions(self, case: Case) -> Sequence[Json]:
        """What both are asked; the first one is the control."""

    @abstractmethod
    def ask(self, case: Case, side: str, question: Json) -> Ask:
        """The request of a question to a side."""

    @abstractmethod
    def said(self, case: Case, side: str, exchange: Exchange) -> str:
        """What a successful answer says, as text."""

    @abstractmethod
    def expected(self, case: Case) -> str:
        """The promise in one sentence."""

    def complaint(self, case: Case, question: Json, said: str) -> str | None:
        """Why an answer is wrong whatever the other side says; None where nothing is known against it."""
        return None

    def explained(self, case: Case, question: Json, own: str, twin: str) -> tuple[Signature, ...]:
        """The signatures that would make one answer of the other."""
        return ()

    def sent(self, question: Json) -> str:
        """A question in words."""
        return ascii(question)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per pair."""
        found = False
        for subject, own, twin, more in self.pairs(scene):
            found = True
            params = {**params_of(own, self.suite), "twin": params_of(twin, self.suite)["operation"], **more}
            yield Case(check=self.id, subject=subject, params=params)
        if not found:
            yield Unmet(subject="pairs", needs=self.needs)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask both, and once more where they are apart."""
        for index, question in enumerate(self.questions(case)):
            for round_ in range(1, ROUNDS + 1):
                answers = []
                for side in SIDES:
                    label, ask = f"{side}.{index}.{round_}", self.ask(case, side, question)
                    answers.append(await target.read(label, replace(ask, fresh=round_ > 1)))
                    await look_afterwards(target, label, answers[-1], self.ask(case, side, self.questions(case)[0]))
                if self.apart(case, question, *answers) is None:
                    break

    def apart(self, case: Case, question: Json, own: Exchange, twin: Exchange) -> Disagreement | None:
        """How two answers differ, or what is wrong with one; None where they agree and nothing is."""
        one, other = self._word(case, "own", own), self._word(case, "twin", twin)
        if one != other:
            signatures = self.explained(case, question, one, other)
            return Disagreement(f"{one} from {self._name(case, 0)}, {other} from {self._name(case, 1)}", signatures)
        found = f"both answer {one}" if one == BROKEN else self.complaint(case, question, one)
        return Disagreement(found) if found else None

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where both answers are there and apart, twice."""
        expected, questions = self.expected(case), self.questions(case)
        everything = tuple(exchange.n for exchange in evidence.exchanges())
        if any(exchange.status == 429 for exchange in evidence.exchanges()):
            return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)")
        bad: list[tuple[Json, Disagreement, tuple[int, ...]]] = []
        odd: dict[int, Finding] = {}
        for index, question in enumerate(questions):
            own, twin = evidence.exchanges(f"own.{index}"), evidence.exchanges(f"twin.{index}")
            complete = own and len(own) == len(twin) and numbered(own, f"own.{index}")
            found = [self.apart(case, question, one, two) for one, two in zip(own, twin, strict=False)]
            numbers = tuple(exchange.n for exchange in (*twin, *own))
            if not complete or not numbered(twin, f"twin.{index}") or (found[-1] and len(found) < ROUNDS):
                odd[index] = undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
                continue
            last, text = found[-1], self.sent(question)
            unclear = _unclear(evidence, last, own, twin)
            if unclear is not None:
                shown = f"{text}: {last.words if last else describe(own[-1])}"
                odd[index] = undecided(unclear, expected, shown, exchanges=numbers)
            elif last is not None and index == 0:
                why = f"not even {text} is answered alike and as declared: {last.words}"
                return undecided(Reason.NO_TEST_DATA, expected, why, exchanges=numbers)
            elif last is not None:
                bad.append((question, last, numbers))
            elif found[0] is not None:
                odd[index] = undecided(
                    Reason.FLAKY, expected, f"{text}: {found[0].words}, but once only", exchanges=numbers
                )
        if odd and (0 in odd or not bad):  # 0 is the control
            return odd[min(odd)]
        if bad:
            control = tuple(e.n for side in SIDES for e in evidence.exchanges(f"{side}.0"))
            return _failed(self, expected, bad, control, len(questions)) if control else _no_control(expected)
        return passed(expected, f"they agree on {len(questions)} questions", exchanges=everything, n=len(questions))

    def _word(self, case: Case, side: str, exchange: Exchange) -> str:
        status = exchange.status
        if status is not None and 200 <= status < 300:
            return self.said(case, side, exchange)
        if status in REFUSALS:
            return REFUSED
        return BROKEN if is_broken(exchange) and not is_silent(exchange) else describe(exchange)

    def _name(self, case: Case, side: int) -> str:
        return str(case.params["operation" if side == 0 else "twin"]["id"])


def _unclear(
    evidence: Evidence, last: Disagreement | None, own: Sequence[Exchange], twin: Sequence[Exchange]
) -> Reason | None:
    """Why the answers to one question show nothing: a caller who was refused, or a side that was not there."""
    if own[-1].status in UNHEARD or twin[-1].status in UNHEARD:
        return Reason.AUTH_NOT_EFFECTIVE
    silent = any(is_silent(exchange) for exchange in (*own, *twin))
    return Reason.SUSPECTED if last is not None and (silent or not was_there(evidence, *own, *twin)) else None


def _no_control(expected: str) -> Finding:
    return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "the control is not recorded")


def _failed(
    check: PairCheck,
    expected: str,
    bad: Sequence[tuple[Json, Disagreement, tuple[int, ...]]],
    control: tuple[int, ...],
    n: int,
) -> Finding:
    name = explanation([found.signatures for _, found, _ in bad])
    question, found, numbers = next(entry for entry in bad if name is None or name in entry[1].signatures)
    text = f"{check.sent(question)}: {found.words} ({len(bad)} of {n} questions)"
    figures: dict[str, Json] = {"questions": n, "apart": len(bad)}
    if name is not None:
        text, figures["signature"] = f"{WORDS[name]}. {text}", name.value
    return failed(expected, text, exchanges=(*control, *numbers), n=n, figures=figures)
