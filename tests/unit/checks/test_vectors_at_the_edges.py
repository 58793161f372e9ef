"""Ranges, parts of text, order of keys: each mistake is found and named; and wrong inputs are cut down to the smallest."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from hybridcheck.checks.instants.conversions import EpochsKept
from hybridcheck.checks.json.documents import RejectsMalformed
from hybridcheck.checks.numeric.accumulation import SummationAccuracy
from hybridcheck.checks.numeric.arithmetic import FloatDivision
from hybridcheck.checks.numeric.ranges import FloatToInt, ShiftRange
from hybridcheck.checks.ordering.keys import KeysKept
from hybridcheck.checks.ordering.ranking import StableRanking
from hybridcheck.checks.shrinking import MOST, descent, parts
from hybridcheck.checks.text.fidelity import UnicodeRoundtrip
from hybridcheck.checks.text.measures import LengthUnit
from hybridcheck.checks.text.parts import DigitRules, PrefixWhole, StripRules
from hybridcheck.checks.vectors import VectorCheck
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import cases_of, finding_of
from tests.unit.checks.probed_service import PROFILE, service, text_facts

Spoil = Callable[[str, dict[str, Any]], Any]


def wrap(value: int) -> int:
    """What 64 bits keep."""
    return (value + 2**63) % 2**64 - 2**63


def objects(change: Callable[[dict[str, Any]], Any]) -> Spoil:
    """A round trip that changes objects."""
    return lambda _, d: {"value": change(d["value"])}


def prefixed(change: Callable[[str, int], str]) -> Spoil:
    """A text probe that cuts in its own way."""
    return lambda _, d: text_facts(**d) | {"prefix": change(d["text"], d["limit"])}


def told(figure: str, change: Callable[[str], Any]) -> Spoil:
    """A text probe with one wrong figure."""
    return lambda _, d: text_facts(**d) | {figure: change(d["text"])}


def one_more(text: str, limit: int) -> str:
    """A character more than asked for, where one is not ASCII."""
    return text[:limit] if text.isascii() else text[: limit + 1] + "."


def seconds_of_32_bits(_: str, document: dict[str, Any]) -> Any:
    """Seconds after 2038 are before 1970."""
    late = document["epoch_s"] >= 2**31
    return {"at": "1901-12-13T20:45:52+00:00"} if late else None


MISTAKES: list[tuple[type[VectorCheck], Spoil, str | None]] = [
    (FloatToInt, lambda _, d: {"result": int(d["a"]) if abs(d["a"]) < 2**63 else -(2**63)}, "INDEF"),
    (FloatToInt, lambda _, d: {"result": math.floor(d["a"])} if d["a"] < 0 else None, None),
    (FloatToInt, lambda _, d: (422, {}, {}) if d["a"] == 1e10 else None, None),
    (ShiftRange, lambda _, d: {"result": wrap(d["a"] << d["b"])}, "WRAP64"),
    (ShiftRange, lambda _, d: {"result": wrap(d["a"] << (d["b"] & 63))}, "SHIFT64"),
    (ShiftRange, lambda _, d: {"result": 7} if d["b"] >= 64 else None, None),
    (PrefixWhole, prefixed(lambda text, n: text.encode()[:n].decode("utf-8", "replace")), "CUT"),
    (PrefixWhole, prefixed(lambda text, n: text.encode()[:n].decode("utf-8", "ignore")), "BYTELEN"),
    (PrefixWhole, prefixed(one_more), None),
    (StripRules, told("stripped", lambda text: text.strip(" \t\n")), None),
    (DigitRules, told("decimal", lambda text: text.isascii() and text.isdecimal()), None),
    (DigitRules, told("decimal", str.isdigit), None),
    (KeysKept, objects(lambda value: dict(sorted(value.items()))), "HASHORD"),
    (KeysKept, objects(lambda value: {name: value[name] for name in list(value)[:3]}), None),
    (EpochsKept, seconds_of_32_bits, None),
    (FloatDivision, lambda _, d: {"result": math.floor(d["a"] / d["b"])}, None),
]


@pytest.mark.parametrize(("check", "spoil", "signature"), MISTAKES)
def test_a_mistake_is_found_and_named(check: type[VectorCheck], spoil: Spoil, signature: str | None) -> None:
    """Fail, with the signature where there is one for it."""
    found = finding_of(check(), PROFILE, service(spoil))
    assert found.outcome is Outcome.FAIL, found.observed
    assert found.figures.get("signature") == signature


def test_sorted_keys_are_right_where_they_are_promised() -> None:
    """And the order of arrival is not."""
    sorting = objects(lambda value: json.loads(json.dumps(value, sort_keys=True)))
    promised = PROFILE | {"contract": {"key_order": "sorted"}}
    assert finding_of(KeysKept(), promised, service(sorting)).outcome is Outcome.PASS
    assert finding_of(KeysKept(), promised, service()).outcome is Outcome.FAIL


@pytest.mark.parametrize("order", [None, "none"])
def test_without_a_promised_order_there_is_no_case(order: str | None) -> None:
    """The line that would promise one is named."""
    assert not cases_of(KeysKept(), PROFILE | {"contract": {"key_order": order}})


def test_a_limit_in_bytes_asks_for_whole_characters() -> None:
    """Where the unit is bytes, the longest text of whole characters is right, and a cut one is wrong."""
    probes = PROFILE["probes"] | {"text": {**PROFILE["probes"]["text"], "unit": "bytes"}}
    whole = prefixed(lambda text, n: text.encode()[:n].decode("utf-8", "ignore"))
    cut = prefixed(lambda text, n: text.encode()[:n].decode("utf-8", "replace"))
    assert finding_of(PrefixWhole(), PROFILE | {"probes": probes}, service(whole)).outcome is Outcome.PASS
    assert finding_of(PrefixWhole(), PROFILE | {"probes": probes}, service(cut)).outcome is Outcome.FAIL


def test_the_remainder_of_floats_has_a_name() -> None:
    """C's fmod, in the second case of the check."""
    found = finding_of(FloatDivision(), PROFILE, service(lambda _, d: {"result": math.fmod(d["a"], d["b"])}), index=1)
    assert (found.outcome, found.figures.get("signature")) == (Outcome.FAIL, "CMOD")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((200, {}, {"value": "\ufffd"}), Outcome.PASS),
        ((400, {}, {}), Outcome.PASS),
        ((500, {}, {}), Outcome.FAIL),
        ((200, {}, {"value": ""}), Outcome.FAIL),
    ],
)
def test_half_a_surrogate_pair_may_be_refused_or_replaced(answer: Any, outcome: Outcome) -> None:
    """It is no character; but nothing breaks of it, and it does not vanish."""
    assert finding_of(UnicodeRoundtrip(), PROFILE, service(lone=answer)).outcome is outcome


SMALLEST: list[tuple[type[VectorCheck], Spoil, str]] = [
    (UnicodeRoundtrip, lambda _, d: {"value": d["value"].replace("ï", "i")}, "'\\xef'"),
    (UnicodeRoundtrip, lambda _, d: {"value": d["value"].partition("\0")[0]}, "'\\x00'"),
    (LengthUnit, lambda _, d: text_facts(**d) | {"length": len(d["text"].replace("☕", ""))}, '"☕"'),
    (
        StableRanking,
        lambda _, d: {"rows": sorted(d["rows"], key=lambda row: row["score"])[::-1]},
        "a=1, b=1",
    ),
    (SummationAccuracy, lambda _, d: {"sum": sum(d["values"]) * 1.5 if 0.1 in d["values"] else None}, "[0.1, 0.1]"),
]


@pytest.mark.parametrize(("check", "spoil", "smallest"), SMALLEST)
def test_the_smallest_wrong_input_is_shown(check: type[VectorCheck], spoil: Spoil, smallest: str) -> None:
    """The finding names it, and its last exchange, from which the curl line is made, sent it."""
    found = finding_of(check(), PROFILE, target := service(spoil_beyond_control(spoil)))
    assert found.outcome is Outcome.FAIL, found.observed
    assert found.figures["smallest"] == smallest
    assert smallest in found.observed
    last = next(record for record in target.records if record.n == found.exchanges[-1])
    assert isinstance(last, Exchange)
    assert last.label.startswith("smaller.")
    assert sum(getattr(record, "label", "").startswith("smaller.") for record in target.records) <= MOST


def spoil_beyond_control(spoil: Spoil) -> Spoil:
    """The mistake, but a right answer to the control, which is the first question."""
    asked: list[str] = []

    def spoiling(operation: str, document: dict[str, Any]) -> Any:
        asked.append(operation)
        return None if len(asked) == 1 else spoil(operation, document)

    return spoiling


def test_the_descent_is_followed_only_as_far_as_it_is_recorded() -> None:
    """Without a smaller input's record the verdict stays, and the vector itself is shown."""
    target = service(lambda _, d: {"value": d["value"].partition("\0")[0]})
    case = cases_of(UnicodeRoundtrip(), PROFILE)[0]
    finding_of(UnicodeRoundtrip(), PROFILE, target)
    kept = tuple(record for record in target.records if getattr(record, "label", "") != "smaller.1")
    found = UnicodeRoundtrip().judge(case, Evidence(kept, {}))
    assert found.outcome is Outcome.FAIL
    assert found.figures["smallest"] == "'a\\x00b'"


def test_parts_are_shorter_and_never_empty() -> None:
    """Halves first, then all but one; a single piece has no parts."""
    assert list(parts("abcd")) == ["ab", "cd", "abc", "bcd"]
    assert list(parts([1, 2, 3], 2)) == [[2, 3], [1, 2]]
    assert list(parts("a")) == []


def test_a_descent_ends_where_no_part_is_wrong() -> None:
    """Each step starts from the last part that was wrong."""
    steps, tried = descent("xxaxx", parts), []
    part = next(steps)
    try:
        while True:
            tried.append(part)
            part = steps.send("a" in part)
    except StopIteration:
        pass
    assert tried[-1] == "a" or "a" in tried
    assert min((part for part in tried if "a" in part), key=len) == "a"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [({"json": None}, Outcome.INCONCLUSIVE), ({"value": None}, Outcome.INCONCLUSIVE), ({"value": [1]}, Outcome.FAIL)],
)
def test_a_success_without_a_value_does_not_show_that_json_was_read(answer: Any, outcome: Outcome) -> None:
    """An operation may take any bytes and say so."""
    spoil: Any = lambda operation, _: (200, {}, answer) if operation == "malformed" else None  # noqa: E731
    assert finding_of(RejectsMalformed(), PROFILE, service(spoil)).outcome is outcome
