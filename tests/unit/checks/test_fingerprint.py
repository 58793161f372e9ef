"""The fingerprint of a runtime: votes, classes, declarations, and what is too little."""

from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.boundary.generation import RuntimeFingerprint, generation_of
from hybridcheck.evidence import Evidence
from hybridcheck.profile.models import Service
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of
from tests.unit.checks.probed_service import PROFILE as PROBED
from tests.unit.checks.probed_service import service

LEGACY = {
    "/echo": '{"value":0.3}',
    "/floordiv": '{"result":-2}',
    "/mod": '{"result":-1}',
    "/round": '{"result":3.0}',
    "/text": '{"length":2,"upper":"é"}',
}
"""What a service of before 0.20 answers; objects in the order of a hash."""


def profile(**declared: Any) -> dict[str, Any]:
    """All probes, in one service that declares this of itself."""
    return {"services": {"native": {**declared, "operations": PROBED["operations"]}}, "probes": PROBED["probes"]}


def legacy(ask: Ask) -> Answer:
    """A legacy service."""
    if b'"d"' in (ask.body or b""):
        return 200, {}, {"value": {"a": 0, "b": 0, "c": 0, "d": 0}}
    return 200, {}, LEGACY[ask.path]


@pytest.mark.parametrize(
    ("declared", "modern", "old"),
    [
        ({"generation": "modern"}, Outcome.PASS, Outcome.FAIL),
        ({"generation": "legacy"}, Outcome.FAIL, Outcome.PASS),
        ({"runtime": "codon", "version": "0.19.6"}, Outcome.FAIL, Outcome.PASS),
        ({"runtime": "codon", "version": "0.20.3"}, Outcome.PASS, Outcome.FAIL),
        ({"runtime": "cpython"}, Outcome.PASS, Outcome.FAIL),
        ({"runtime": "native-standin"}, Outcome.PASS, Outcome.PASS),
        ({"runtime": "codon", "version": "nightly"}, Outcome.PASS, Outcome.PASS),
    ],
)
def test_the_class_has_to_be_the_declared_one(declared: dict[str, str], modern: Outcome, old: Outcome) -> None:
    """And where nothing is declared it is reported."""
    found = finding_of(RuntimeFingerprint(), profile(**declared), service())
    assert (found.outcome, found.figures["class"]) == (modern, "modern"), found.observed
    found = finding_of(RuntimeFingerprint(), profile(**declared), FakeTarget(legacy))
    assert (found.outcome, found.figures["class"]) == (old, "legacy"), found.observed
    assert "length of é legacy" in found.observed


def test_one_family_of_answers_is_a_flag_of_the_build() -> None:
    """Division in C's way alone leaves the rest a majority; half of all votes is no class."""
    division = {"/floordiv", "/mod"}
    modern = service()

    def answering(ask: Ask) -> Any:
        return legacy(ask) if ask.path in division else modern._answering(ask)

    found = finding_of(RuntimeFingerprint(), profile(generation="modern"), FakeTarget(answering))
    assert found.outcome is Outcome.PASS
    division |= {"/round"}
    found = finding_of(RuntimeFingerprint(), profile(generation="modern"), FakeTarget(answering))
    assert (found.outcome, found.reason, found.figures["class"]) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED, "mixed")


def test_other_answers_are_a_class_of_their_own() -> None:
    """A runtime that is neither contradicts both."""
    strange = FakeTarget(lambda _: (200, {}, {"value": 7, "result": 7, "length": 7, "upper": 7}))
    for generation in ("legacy", "modern"):
        found = finding_of(RuntimeFingerprint(), profile(generation=generation), strange)
        assert (found.outcome, found.figures["class"]) == (Outcome.FAIL, "other")


def test_two_votes_are_too_few() -> None:
    """Refusals are none."""
    modern = service()
    target = FakeTarget(lambda ask: modern._answering(ask) if ask.path in {"/mod", "/round"} else (422, {}, {}))
    found = finding_of(RuntimeFingerprint(), profile(generation="legacy"), target)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)
    assert "2 votes" in found.observed


@pytest.mark.parametrize("generation", ["legacy", "modern"])
def test_less_evidence_never_turns_a_finding_around(generation: str) -> None:
    """Without any one record a verdict stays, or becomes undecided."""
    declared, target = profile(generation=generation), service()
    whole, case = finding_of(RuntimeFingerprint(), declared, target), cases_of(RuntimeFingerprint(), declared)[0]
    for left_out in target.records:
        try:
            found = RuntimeFingerprint().judge(
                case, Evidence(tuple(r for r in target.records if r is not left_out), {})
            )
        except Undecided:
            continue
        assert found.outcome in {whole.outcome, Outcome.INCONCLUSIVE}


def test_without_probes_there_is_nothing_to_vote_on() -> None:
    """One unmet subject."""
    assert len(unmet_of(RuntimeFingerprint(), {"services": {"native": {}}})) == 1


def test_what_is_declared_comes_before_the_version() -> None:
    """A build of 0.20 with -numerics=c may be declared as legacy."""
    assert generation_of(Service(runtime="codon", version="v0.20.1", generation="legacy")) == "legacy"
