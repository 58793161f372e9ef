"""Which generation of runtime answers: does what a service computes fit what is declared about it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, params_of
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.models import Service
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.profile.probes import Probes
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.tokens.document import NotJson, Number, Object, Raw, Token, placed, read, write
from hybridcheck.verdict import Finding, failed, passed, undecided

LEGACY, MODERN, OTHER, MIXED = "legacy", "modern", "other", "mixed"

FEWEST_VOTES = 3
MAJORITY = 2 / 3
"""The share of the votes that makes a class: one flag of a build (-numerics=c) changes one family of answers."""

NEEDS = "probes: {text: {…}, scalar: {floordiv: {…}, mod: {…}, round: {…}}, roundtrip: {…}}   # at least three votes"


@dataclass(frozen=True, slots=True)
class Question:
    """A question that both generations answer, and not alike: where it goes, what is sent, and both answers."""

    probe: Callable[[Probes], Probe | None]
    sent: Mapping[str, Any]  # by the probe's own name of the place
    out: str  # the name below `out`, empty where `out` is the place itself
    legacy: str
    modern: str


def _carrying(kind: str) -> Callable[[Probes], Probe | None]:
    return lambda probes: probes.roundtrip if probes.roundtrip and kind in probes.roundtrip.types else None


def _telling(figure: str) -> Callable[[Probes], Probe | None]:
    return lambda probes: probes.text if probes.text and getattr(probes.text.out, figure) else None


def _rounding(probes: Probes) -> Probe | None:
    found = probes.scalar.round
    return found if found is not None and found.mode == "half_even" else None


QUESTIONS: Mapping[str, Question] = {
    "float text": Question(_carrying("float"), {"in": Number("0.30000000000000004")}, "", "0.3", "0.30000000000000004"),
    "key order": Question(_carrying("json"), {"in": Raw('{"d":0,"c":0,"b":0,"a":0}')}, "", "a,b,c,d", "d,c,b,a"),
    "length of é": Question(_telling("length"), {"in": "é"}, "length", "2", "1"),
    "capital of é": Question(_telling("upper"), {"in": "é"}, "upper", "é", "É"),
    "-7 // 3": Question(lambda p: p.scalar.floordiv, {"a": Number("-7"), "b": Number("3")}, "", "-2", "-3"),
    "-7 % 3": Question(lambda p: p.scalar.mod, {"a": Number("-7"), "b": Number("3")}, "", "-1", "2"),
    "round(2.5)": Question(_rounding, {"a": Number("2.5"), "b": Number("0")}, "", "3", "2"),
}
"""Each was read in Codon's sources (before 0.20; from 0.20 on as in CPython)."""


class RuntimeFingerprint(ReadCheck):
    """A service computes as the runtime that it is declared to have.

    Asks what the two generations of Codon answer differently (digits of a float, length and capitals of text outside
    ASCII, division and rounding of negatives and ties, order of keys); each answer is a vote for legacy (before 0.20),
    modern (as CPython) or other. Where two thirds of at least three votes, each given twice, contradict what `generation`,
    or the `version` of a codon, declares, it is a fail. Without a declaration the class is reported.
    """

    id = "boundary.runtime-fingerprint"
    dimension = Dimension.QUALITY
    severity = Severity.LOW
    suite = "boundary"
    remedy = (
        "Declare the generation that is deployed, or deploy the one that is declared; state build flags explicitly."
    )
    refs = ("docs.exaloop.io/codon changelog 0.20", "ISO/IEC 25010 appropriateness")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per service with a probe that tells."""
        found = False
        for name, service in scene.profile.services.items():
            own = {operation.id: operation for operation in service.operations}
            votes = {}
            for title, question in QUESTIONS.items():
                probe = question.probe(scene.profile.probes)
                operation = own.get(probe.operation) if probe is not None else None
                if probe is not None and operation is not None and operation.reads and operation.sendable:
                    params = params_of(operation, self.suite)
                    votes[title] = {**params, "probe": probe.model_dump(mode="json", by_alias=True)}
            if votes:
                found = True
                declared = generation_of(service)
                yield Case(
                    check=self.id, subject=name, params={"votes": votes, "declared": declared, "suite": self.suite}
                )
        if not found:
            yield Unmet(subject="services", needs=NEEDS)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask each question, and once more where the answer is not what is declared."""
        for title, vote in case.params["votes"].items():
            ask = _ask(title, vote)
            first = await target.read(f"{title}.1", ask)
            if _vote(title, vote, first) not in {None, case.params["declared"]}:
                await target.read(f"{title}.2", replace(ask, fresh=True))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Count the votes."""
        declared: str | None = case.params["declared"]
        expected = f"{case.subject} computes as {declared or 'some'} runtime does"
        numbers = tuple(exchange.n for exchange in evidence.exchanges())
        votes: dict[str, str] = {}
        for title, vote in case.params["votes"].items():
            exchanges = evidence.exchanges(title)
            found = [_vote(title, vote, exchange) for exchange in exchanges]
            settled = found[:1] == [None] or found[:1] == [declared] or len(found) > 1
            if not exchanges or not exchanges[0].label.endswith(".1") or not settled:
                return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{title}: not all was recorded")
            if found[0] is not None and len(set(found)) == 1:
                votes[title] = found[0]
        if len(votes) < FEWEST_VOTES:
            text = f"{len(votes)} votes, and {FEWEST_VOTES} are needed: {_told(votes)}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        class_ = _class(votes)
        text, figures = f"it computes as a {class_} runtime: {_told(votes)}", {"class": class_, **votes}
        details: dict[str, Any] = {"exchanges": numbers, "n": len(votes), "figures": figures}
        if declared is None or class_ == declared:
            return passed(expected, text, **details)
        return (
            undecided(Reason.SUSPECTED, expected, text, **details)
            if class_ == MIXED
            else failed(expected, text, **details)
        )


def generation_of(service: Service) -> str | None:
    """What is declared of a service's generation; None where nothing is."""
    if service.generation is not None:
        return service.generation
    if service.runtime == "cpython":
        return MODERN
    parts = (service.version or "").lstrip("v").split(".")
    if service.runtime != "codon" or len(parts) < 2 or not (parts[0].isdecimal() and parts[1].isdecimal()):
        return None
    return MODERN if (int(parts[0]), int(parts[1])) >= (0, 20) else LEGACY


def _ask(title: str, vote: dict[str, Json]) -> Ask:
    operation, probe = operation_in(vote), vote["probe"]
    own = probe["body"]
    body = own if own is not None else operation.body if isinstance(operation.body, dict) else {}
    for key, value in QUESTIONS[title].sent.items():
        body = placed(body, probe[key], value)
    return ask_for(operation.model_copy(update={"body": write(body)}))


def _vote(title: str, vote: dict[str, Json], exchange: Exchange) -> str | None:
    """Whose answer it is; None where it is no answer, and so no vote."""
    question, response = QUESTIONS[title], exchange.response
    if response is None or exchange.status is None or not 200 <= exchange.status < 300 or response.body.redacted:
        return None
    out = vote["probe"]["out"]
    try:
        said = _text(value_at(read(response.body.content()), out[question.out] if question.out else out))
    except (NotJson, NoSuchPath):
        return None
    return {question.legacy: LEGACY, question.modern: MODERN}.get(said, OTHER)


def _text(token: Token) -> str:
    if isinstance(token, Object):
        return ",".join(token.names)
    if isinstance(token, Number):
        return str(token.whole()) if token.whole() is not None else token.text
    return token if isinstance(token, str) else write(token)


def _class(votes: Mapping[str, str]) -> str:
    name, most = Counter(votes.values()).most_common(1)[0]
    return name if most >= MAJORITY * len(votes) else MIXED


def _told(votes: Mapping[str, str]) -> str:
    return ", ".join(f"{title} {vote}" for title, vote in votes.items()) or "none"
