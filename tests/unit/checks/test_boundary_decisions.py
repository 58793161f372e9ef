"""What both sides of a boundary decide, and bytes that cross it: disagreement is found, agreement passes, gaps say nothing."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.boundary.binary import BinaryKept
from hybridcheck.checks.boundary.decisions import PartitionsAgree, ValidatorsAgree
from hybridcheck.checks.json.duplicates import DuplicatesAgree
from hybridcheck.checks.pairs import PairCheck
from hybridcheck.evidence import Evidence, Exchange, Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

PROFILE: dict[str, Any] = {
    "operations": [
        {"id": name, "method": "POST", "path": f"/{name}", "safe": True, "body": {"key": "x", "text": "x"}}
        for name in ("shard", "shardToo", "valid", "validToo")
    ]
    + [
        {"id": "sum", "method": "POST", "path": "/sum", "safe": True, "body": {"values": [1, 2]}, "twin": "sumToo"},
        {"id": "sumToo", "method": "POST", "path": "/sumToo", "safe": True, "body": {"values": [1, 2]}},
        {"id": "bytes", "method": "POST", "path": "/bytes", "safe": True, "body": "x"},
    ],
    "probes": {
        "partition": {"gateway": {"operation": "shardToo"}, "native": {"operation": "shard"}, "shards": 16},
        "validate": {
            "gateway": {"operation": "validToo"},
            "native": {"operation": "valid"},
            "accepts": ["12345"],
        },
        "binary": {"operation": "bytes"},
    },
}

Side = Callable[[Ask], Answer | Failure]


def shard(text: str) -> int:
    """A shard from 0 to 15."""
    return sum(text.encode()) % 16


def right(ask: Ask) -> Answer | Failure:
    """Both sides as they have to be."""
    body = (ask.body or b"").decode() if ask.path != "/bytes" else ""
    if ask.path.startswith("/shard"):
        return 200, {}, {"shard": shard(json.loads(body)["key"])}
    if ask.path.startswith("/valid"):
        return 200, {}, {"valid": re.fullmatch("[0-9]{3,12}", json.loads(body)["text"]) is not None}
    if ask.path.startswith("/sum"):
        document = json.loads(body)
        return (200, {}, {"sum": sum(document["values"])}) if document.keys() == {"values"} else (422, {}, {})
    return 200, {"Content-Type": "application/octet-stream"}, ask.body or b""


def native(spoil: Side) -> FakeTarget:
    """A target whose native side is spoilt: the one whose name does not end in Too."""
    return FakeTarget(lambda ask: right(ask) if ask.path.endswith("Too") else spoil(ask))


def signed(ask: Ask) -> Answer:
    """C's remainder of a hash that may be negative."""
    found = shard(json.loads(ask.body or b"")["key"])
    return 200, {}, {"shard": found - 16 if found > 7 else found}


def matching(pattern: str) -> Side:
    """A validator that only matches from the start."""
    return lambda ask: (200, {}, {"valid": re.match(pattern, json.loads(ask.body or b"")["text"]) is not None})


def first_wins(ask: Ask) -> Answer:
    """The first of two members of one name."""
    document = json.loads(ask.body or b"", object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    return (200, {}, {"sum": sum(document["values"])}) if document.keys() == {"values"} else (422, {}, {})


def lenient(ask: Ask) -> Answer:
    """Unknown members are dropped."""
    return 200, {}, {"sum": sum(json.loads(ask.body or b"")["values"])}


MISTAKES: list[tuple[type[PairCheck], Side, str | None, str]] = [
    (PartitionsAgree, signed, "CMOD", "-"),
    (PartitionsAgree, lambda ask: (200, {}, {"shard": len(ask.body or b"") % 16}), None, "from shard"),
    (ValidatorsAgree, matching(r"^[0-9]{3,12}$"), None, "12345\\n"),
    (ValidatorsAgree, matching(r"\d{3,12}\Z"), None, "\\u0661"),
    (ValidatorsAgree, matching(r"(?m)\A(.*\n)?[0-9]{3,12}$"), None, "\\n"),
    (DuplicatesAgree, first_wins, None, '"values":[1,2,1],"values":[1,2]'),
    (DuplicatesAgree, lenient, None, "hybridcheck_unknown"),
]


def with_control(check: type[PairCheck], spoil: Side) -> FakeTarget:
    """The spoilt native side, right to the control, which is the first question."""
    asked: list[Ask] = []

    def answering(ask: Ask) -> Answer | Failure:
        asked.append(ask)
        return right(ask) if len(asked) == 1 else spoil(ask)

    return native(answering)


@pytest.mark.parametrize(("check", "spoil", "signature", "shown"), MISTAKES)
def test_a_disagreement_is_found(check: type[PairCheck], spoil: Side, signature: str | None, shown: str) -> None:
    """Fail, with the question, and the native side's answer last: from it the curl line is made."""
    target = with_control(check, spoil)
    found = finding_of(check(), PROFILE, target)
    assert found.outcome is Outcome.FAIL, found.observed
    assert found.figures.get("signature") == signature
    assert shown in found.observed
    last = next(record for record in target.records if record.n == found.exchanges[-1])
    assert getattr(last, "label", "").startswith("own.")


CHECKS = (PartitionsAgree, ValidatorsAgree, DuplicatesAgree)


@pytest.mark.parametrize("check", CHECKS)
def test_sides_that_agree_pass(check: type[PairCheck]) -> None:
    """Also where both refuse."""
    found = finding_of(check(), PROFILE, FakeTarget(right))
    assert found.outcome is Outcome.PASS, found.observed


def test_agreement_on_what_is_no_shard_is_a_fail() -> None:
    """Both give 16 of 16 shards to one key."""
    both = FakeTarget(lambda ask: (200, {}, {"shard": 16 if b"key-3" in (ask.body or b"") else 1}))
    assert finding_of(PartitionsAgree(), PROFILE, both).outcome is Outcome.FAIL


def test_a_broken_control_says_nothing() -> None:
    """Sides that do not take the declared text are bound to the wrong places."""
    found = finding_of(ValidatorsAgree(), PROFILE, FakeTarget(lambda _: (200, {}, {"valid": False})))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def test_last_digits_of_a_twin_are_no_disagreement() -> None:
    """Which member counts is asked, not how a sum is rounded."""
    digits = {"/sum": 3.0000000000000004, "/sumToo": 3.0}
    about_three = FakeTarget(lambda ask: (200, {}, {"sum": digits[ask.path]}))
    assert finding_of(DuplicatesAgree(), PROFILE, about_three).outcome is Outcome.PASS


@pytest.mark.parametrize("answer", [Failure.RESET, (503, {}, {}), (429, {}, {})])
def test_a_side_that_is_not_there_is_no_disagreement(answer: Any) -> None:
    """Nothing is known of its answers."""
    found = finding_of(PartitionsAgree(), PROFILE, with_control(PartitionsAgree, lambda _: answer))
    assert found.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("healthy", [True, False])
def test_less_evidence_never_turns_a_finding_around(check: type[PairCheck], *, healthy: bool) -> None:
    """Without any one record a verdict stays, or becomes undecided."""
    spoil = next(spoil for kind, spoil, _, _ in MISTAKES if kind is check)
    target = FakeTarget(right) if healthy else with_control(check, spoil)
    whole, case = finding_of(check(), PROFILE, target), cases_of(check(), PROFILE)[0]
    for left_out in target.records:
        try:
            found = check().judge(case, Evidence(tuple(r for r in target.records if r is not left_out), {}))
        except Undecided:
            continue
        assert found.outcome in {whole.outcome, Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("check", [*CHECKS, BinaryKept])
def test_without_a_pair_the_missing_lines_are_named(check: Any) -> None:
    """One unmet subject."""
    assert len(unmet_of(check(), {"operations": [PROFILE["operations"][0]]})) == 1


@pytest.mark.parametrize(
    ("change", "signature"),
    [
        (lambda body: body.partition(b"\0")[0], "NUL"),
        (lambda body: body.decode("latin-1").encode(), "MOJI"),
        (lambda body: body[:10], "CUT"),
        (lambda body: body.replace(b"\r\n", b"\n"), None),
        (lambda body: body.replace(b"\xff", b"?"), None),
    ],
)
def test_bytes_that_change_are_found(change: Callable[[bytes], bytes], signature: str | None) -> None:
    """Each way has its name, where it has one; the finding tells length and digest."""
    target = FakeTarget(lambda ask: (200, {}, change(ask.body or b"")))
    found = finding_of(BinaryKept(), PROFILE, target)
    assert found.outcome is Outcome.FAIL, found.observed
    assert found.figures.get("signature") == signature
    assert "SHA-256" in found.observed


def test_bytes_that_come_back_pass() -> None:
    """All of them, labelled as the probe says."""
    target = FakeTarget(right)
    assert finding_of(BinaryKept(), PROFILE, target).outcome is Outcome.PASS
    first = target.records[0]
    assert isinstance(first, Exchange)
    assert ("Content-Type", "application/octet-stream") in first.request.headers


def test_keys_that_both_refuse_are_agreed_on() -> None:
    """An empty key, or one of another script, may be none for both sides."""

    def strict(ask: Ask) -> Answer | Failure:
        key = json.loads(ask.body or b"{}")["key"]
        return right(ask) if key.isascii() and key else (422, {}, {})

    found = finding_of(PartitionsAgree(), PROFILE, FakeTarget(strict))
    assert found.outcome is Outcome.PASS, found.observed


def test_a_plain_key_that_both_refuse_has_no_shard() -> None:
    """Else nothing might be compared at all."""
    picky = FakeTarget(lambda ask: (422, {}, {}) if b"key-" in (ask.body or b"") else right(ask))
    assert finding_of(PartitionsAgree(), PROFILE, picky).outcome is Outcome.FAIL


@pytest.mark.parametrize("check", CHECKS)
def test_a_caller_who_is_refused_midway_learns_nothing(check: type[PairCheck]) -> None:
    """Both sides answer 401 from some moment on: that is neither agreement nor a disagreement."""
    asked: list[Ask] = []

    def answering(ask: Ask) -> Answer | Failure:
        asked.append(ask)
        return right(ask) if len(asked) < 5 else (401, {}, {})

    found = finding_of(check(), PROFILE, FakeTarget(answering))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.AUTH_NOT_EFFECTIVE), found.observed
