"""The checks with computed answers: each finds its mistake by name, passes what is right, and claims no more."""

import math
import struct
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import pytest

from hybridcheck.cases import Case, Phase, Reason, SafetyClass, Undecided, Unmet
from hybridcheck.checks.catalogue import by_id
from hybridcheck.checks.instants.conversions import EpochsKept, OffsetsKept
from hybridcheck.checks.json.documents import AcceptsValid, RejectsMalformed
from hybridcheck.checks.json.types import LateElementType
from hybridcheck.checks.numeric.accumulation import StatisticsStable, SummationAccuracy
from hybridcheck.checks.numeric.arithmetic import DivisionSemantics, FloatDivision, RoundingRule
from hybridcheck.checks.numeric.floats import FloatFidelity, NoNonfinite, TypeStable
from hybridcheck.checks.numeric.integers import Int64Edges, PowShift, SumOverflow
from hybridcheck.checks.numeric.ranges import FloatToInt, ShiftRange
from hybridcheck.checks.ordering.keys import KeysKept
from hybridcheck.checks.ordering.ranking import StableRanking
from hybridcheck.checks.text.fidelity import EscapeSafe, UnicodeRoundtrip
from hybridcheck.checks.text.measures import CaseRules, LengthUnit
from hybridcheck.checks.text.parts import DigitRules, PrefixWhole, StripRules
from hybridcheck.checks.vectors import VectorCheck
from hybridcheck.evidence import Evidence, Exchange, Failure
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import FakeTarget, cases_of, finding_of, scene
from tests.unit.checks.probed_service import PROFILE, aggregate, service, text_facts

ALL: tuple[type[VectorCheck], ...] = (
    *(Int64Edges, SumOverflow, PowShift, FloatFidelity, TypeStable, NoNonfinite, DivisionSemantics, RoundingRule),
    *(SummationAccuracy, StatisticsStable, UnicodeRoundtrip, EscapeSafe, LengthUnit, CaseRules, AcceptsValid),
    *(RejectsMalformed, LateElementType, StableRanking, OffsetsKept, EpochsKept, FloatToInt, ShiftRange),
    *(PrefixWhole, StripRules, DigitRules, KeysKept, FloatDivision),
)
NOW = 1_800_000_000.0


def wrap(value: int) -> int:
    """What 64 bits keep."""
    return (value + 2**63) % 2**64 - 2**63


def echoing(change: Callable[[Any], Any]) -> Callable[[str, dict[str, Any]], Any]:
    """A round trip that gives back another value; None for what it leaves alone."""

    def spoil(_: str, document: dict[str, Any]) -> Any:
        changed = change(document.get("value"))
        return changed if changed is None or isinstance(changed, tuple) else {"value": changed}

    return spoil


def of(kind: type, change: Callable[[Any], Any]) -> Callable[[str, dict[str, Any]], Any]:
    """A round trip that changes values of one type."""
    return echoing(lambda value: change(value) if type(value) is kind else None)


def raw(body: str) -> Any:
    """An answer whose body is written by hand."""
    return 200, {"Content-Type": "application/json"}, body


def text_of(figure: str, change: Callable[[str], Any]) -> Callable[[str, dict[str, Any]], Any]:
    """A text probe with one wrong figure."""
    return lambda _, d: text_facts(**d) | {figure: change(d["text"])}


def f32(value: float) -> float:
    """What 32 bits keep."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0]) if abs(value) < 3e38 else value


def reversed_ties(_: str, document: dict[str, Any]) -> Any:
    """An ascending sort, turned round."""
    return {"rows": sorted(document["rows"], key=lambda row: row["score"])[::-1]}


def in_sum(change: Callable[[list[Any]], Any]) -> Callable[[str, dict[str, Any]], Any]:
    """An aggregate with another sum."""
    return lambda _, d: {"mean": 0, "median": 0, "variance": 0} | {"sum": change(d["values"])}


def naive(values: list[float]) -> float:
    """One after the other."""
    total = 0.0
    for value in values:
        total += value
    return total


def present(_: str, document: dict[str, Any]) -> Any:
    """The present for what was before 1970."""
    if document["epoch_s"] >= 0:
        return None
    return 200, {"Date": formatdate(NOW, usegmt=True)}, {"at": "2027-01-15T08:00:00+00:00"}


def one_pass(_: str, document: dict[str, Any]) -> Any:
    """The variance as mean of squares less square of the mean."""
    values = [float(value) for value in document["values"]]
    n = len(values)
    return aggregate(document) | {"variance": (sum(v * v for v in values) - sum(values) ** 2 / n) / (n - 1)}


MISTAKES: list[tuple[type[VectorCheck], Any, str | None]] = [
    (Int64Edges, of(int, wrap), "WRAP64"),
    (Int64Edges, of(int, lambda v: max(min(v, 2**63 - 1), -(2**63))), "SAT64"),
    (Int64Edges, of(int, lambda v: v if abs(v) < 2**63 else -1), "MINUS1"),
    (Int64Edges, of(int, lambda v: int(float(v)) if abs(v) < 2**60 else None), "DBL53"),
    (Int64Edges, of(int, lambda v: str(v) if v > 2**53 else v), None),
    (Int64Edges, of(int, lambda v: (500, {}, {}) if v >= 2**63 else None), None),
    (Int64Edges, lambda _, d: (422, {}, {}) if d["value"] == 2**63 - 1 else None, None),
    (SumOverflow, in_sum(lambda v: wrap(sum(v))), "WRAP64"),
    (SumOverflow, in_sum(lambda v: sum(v) if abs(sum(v)) < 2**63 else -(2**63)), "INDEF"),
    (PowShift, lambda _, d: {"result": 0} if d["b"] < 0 else None, None),
    (PowShift, lambda _, d: {"result": wrap(d["a"] ** d["b"])} if d["b"] >= 0 else None, "WRAP64"),
    (FloatFidelity, of(float, lambda v: raw(f'{{"value":{v:g}}}')), "G6"),
    (FloatFidelity, of(float, f32), "F32"),
    (TypeStable, of(float, lambda v: int(v) if v.is_integer() else None), "INTTOKEN"),
    (NoNonfinite, lambda _, d: raw('{"sum":Infinity}') if max(map(abs, d["values"])) > 1e300 else None, None),
    (NoNonfinite, lambda _, d: {"sum": "inf"} if max(map(abs, d["values"])) > 1e300 else None, None),
    (NoNonfinite, lambda _, d: {"sum": 1.7e308} if max(map(abs, d["values"])) > 1e300 else None, None),
    (NoNonfinite, lambda _, d: {"sum": None} if max(map(abs, d["values"])) > 1e300 else None, None),
    (DivisionSemantics, lambda _, d: {"result": math.trunc(d["a"] / d["b"])}, "TRUNCDIV"),
    (
        RoundingRule,
        lambda _, d: {"result": math.copysign(math.floor(abs(d["a"]) * 10 ** d["b"] + 0.5) / 10 ** d["b"], d["a"])},
        "HALFAWAY",
    ),
    (SummationAccuracy, in_sum(naive), "NAIVESUM"),
    (StatisticsStable, one_pass, None),
    (UnicodeRoundtrip, of(str, lambda v: v.partition("\0")[0]), "NUL"),
    (UnicodeRoundtrip, of(str, lambda v: v.encode().decode("latin-1")), "MOJI"),
    (UnicodeRoundtrip, of(str, lambda v: v.encode()[:8].decode("utf-8", "replace")), "CUT"),
    (UnicodeRoundtrip, of(str, lambda v: raw('{"value":"\\udcc3"}') if not v.isascii() else None), "SURR"),
    (EscapeSafe, of(str, lambda v: raw(f'{{"value":"{v}"}}')), None),
    (LengthUnit, text_of("length", lambda text: len(text.encode())), "BYTELEN"),
    (LengthUnit, text_of("length", lambda text: len(text.encode("utf-16-le")) // 2), "UTF16LEN"),
    (CaseRules, text_of("upper", lambda t: "".join(c.upper() if c.isascii() else c for c in t)), "ASCIIUP"),
    (AcceptsValid, of(dict, lambda _: (400, {}, {})), None),
    (AcceptsValid, of(list, lambda v: [*v, 1]), None),
    (RejectsMalformed, lambda operation, _: (200, {}, {"value": 1}) if operation == "malformed" else None, None),
    (RejectsMalformed, lambda operation, _: (500, {}, {}) if operation == "malformed" else None, None),
    (LateElementType, in_sum(lambda v: sum(v) if v[0] == 1.5 else sum(int(x or 0) for x in v)), None),
    (LateElementType, lambda _, d: (500, {}, {}) if None in d["values"] else None, None),
    (StableRanking, reversed_ties, "TIESREV"),
    (StableRanking, lambda _, d: {"rows": sorted(d["rows"], key=lambda r: (-r["score"], r["id"]))}, "HASHORD"),
    (OffsetsKept, lambda _, d: {"epoch_s": 1_774_747_800} if d["at"].endswith(("02:00", "09:30")) else None, "TZK"),
    (EpochsKept, present, "NOWSUB"),
]


@pytest.mark.parametrize(("check", "spoil", "signature"), MISTAKES)
def test_a_mistake_is_found_and_named(check: type[VectorCheck], spoil: Any, signature: str | None) -> None:
    """Fail, the signature where there is one for it, and both answers to the smallest wrong vector as evidence."""
    target = service(spoil)
    found = finding_of(check(), PROFILE, target)
    assert found.outcome is Outcome.FAIL, found.observed
    assert found.figures.get("signature") == signature
    assert found.figures["wrong"]
    labels = [getattr(record, "label", "") for record in target.records if record.n in found.exchanges]
    assert [label[-2:] for label in labels if label.startswith("vector.")][-2:] == [".1", ".2"]
    assert sum(label.startswith("smaller.") for label in labels) <= 1


@pytest.mark.parametrize("check", ALL)
def test_what_is_right_passes(check: type[VectorCheck]) -> None:
    """Every case of every check, on a service with Python's rules that refuses what int64 and doubles do not hold."""
    for index in range(len(cases_of(check(), PROFILE))):
        found = finding_of(check(), PROFILE, service(), index=index)
        assert found.outcome is Outcome.PASS, found.observed


@pytest.mark.parametrize("check", ALL)
def test_without_a_probe_the_missing_lines_are_named(check: type[VectorCheck]) -> None:
    """One unmet subject, whose need is the profile's own language."""
    found = list(check().cases(scene({"operations": PROFILE["operations"]})))
    assert [isinstance(case, Unmet) for case in found] == [True]
    assert isinstance(found[0], Unmet)
    assert found[0].needs.startswith(("probes: {", "contract: {"))


@pytest.mark.parametrize("check", ALL)
def test_what_breaks_from_the_start_says_nothing(check: type[VectorCheck]) -> None:
    """A probe that answers something else even to the control is bound to the wrong places."""
    found = finding_of(check(), PROFILE, service(lambda *_: (200, {}, {"other": 1})))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


@pytest.mark.parametrize("check", ALL)
def test_a_throttled_probe_says_nothing(check: type[VectorCheck]) -> None:
    """429 to the second vector and later."""
    asked: list[str] = []

    def spoil(operation: str, _: dict[str, Any]) -> Any:
        asked.append(operation)
        return (429, {}, {}) if len(asked) > 1 else None

    found = finding_of(check(), PROFILE, service(spoil))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.THROTTLED)


@pytest.mark.parametrize("check", ALL)
def test_a_connection_that_breaks_is_only_suspected(check: type[VectorCheck]) -> None:
    """A reset is no wrong value; that a service crashed needs more."""
    asked: list[str] = []

    def spoil(operation: str, _: dict[str, Any]) -> Any:
        asked.append(operation)
        return Failure.RESET if len(asked) > 1 else None

    found = finding_of(check(), PROFILE, service(spoil))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_wrong_once_is_no_defect() -> None:
    """The second answer is right."""
    seen: list[int] = []

    def spoil(_: str, document: dict[str, Any]) -> Any:
        seen.append(document["value"])
        return {"value": 5} if document["value"] == 2**31 and seen.count(2**31) == 1 else None

    found = finding_of(Int64Edges(), PROFILE, service(spoil))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


@pytest.mark.parametrize("check", ALL)
@pytest.mark.parametrize("spoil", [lambda *_: None, lambda *_: (200, {}, {})])
def test_less_evidence_never_turns_a_finding_around(check: type[VectorCheck], spoil: Any) -> None:
    """Without any one of its records, a pass becomes a pass or undecided, and nothing becomes a fail."""
    case = cases_of(check(), PROFILE)[0]
    target = service(spoil)
    whole = finding_of(check(), PROFILE, target)
    for left_out in target.records:
        records = tuple(record for record in target.records if record is not left_out)
        found = check().judge(case, Evidence(records, {}))
        assert found.outcome in {whole.outcome, Outcome.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("contract", "outcome"),
    [({}, Outcome.PASS), ({"integers": "js-safe"}, Outcome.PASS), ({"integers": "arbitrary"}, Outcome.FAIL)],
)
def test_only_a_promise_makes_a_refusal_wrong(contract: dict[str, str], outcome: Outcome) -> None:
    """A service that refuses beyond 2^53 keeps what it promised, unless it promised more."""
    spoil: Any = lambda _, d: (422, {}, {}) if abs(d["value"]) >= 2**53 else None  # noqa: E731
    found = finding_of(Int64Edges(), PROFILE | {"contract": contract}, service(spoil))
    assert found.outcome is outcome, found.observed


@pytest.mark.parametrize(("contract", "outcome"), [({}, Outcome.PASS), ({"integers": "int64"}, Outcome.FAIL)])
def test_a_sum_in_doubles_is_wrong_only_where_integers_are_promised(contract: Any, outcome: Outcome) -> None:
    """2^63 in the digits of a double, as JavaScript writes it."""
    doubles = in_sum(lambda v: int(Decimal(repr(float(sum(v))))))
    assert finding_of(SumOverflow(), PROFILE | {"contract": contract}, service(doubles)).outcome is outcome


def test_floats_may_have_a_promised_error() -> None:
    """Twelve digits are enough for rel:1e-9, and not for exact."""
    rounds = of(float, lambda value: float(f"{value:.12g}"))
    loose = PROFILE | {"contract": {"floats": "rel:1e-9"}}
    assert finding_of(FloatFidelity(), loose, service(rounds)).outcome is Outcome.PASS
    assert finding_of(FloatFidelity(), PROFILE, service(rounds)).outcome is Outcome.FAIL


def test_a_plain_sum_keeps_the_tolerance_of_any_order() -> None:
    """Where no compensated sum is promised, what sequential addition loses is no defect."""
    plain = PROFILE | {"contract": {}}
    assert finding_of(SummationAccuracy(), plain, service(in_sum(naive))).outcome is Outcome.PASS
    halved = in_sum(lambda values: naive(values) * (1 - 1e-9))
    assert finding_of(SummationAccuracy(), plain, service(halved)).outcome is Outcome.INCONCLUSIVE


def test_a_service_of_integers_owes_no_floats() -> None:
    """It refuses the float also where it comes first: nothing is known of late types."""
    spoil: Any = lambda _, d: (422, {}, {}) if float in map(type, d["values"]) else None  # noqa: E731
    found = finding_of(LateElementType(), PROFILE, service(spoil))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def test_whole_seconds_leave_the_fraction_out() -> None:
    """An integer of Unix seconds is right; one that is a second off is not."""
    whole: Any = lambda _, d: {"epoch_s": math.floor(datetime.fromisoformat(d["at"]).timestamp())}  # noqa: E731
    late: Any = lambda _, d: {"epoch_s": math.floor(datetime.fromisoformat(d["at"]).timestamp()) + ("." in d["at"]) * 2}  # noqa: E731
    assert finding_of(OffsetsKept(), PROFILE, service(whole)).outcome is Outcome.PASS
    assert finding_of(OffsetsKept(), PROFILE, service(late)).outcome is Outcome.FAIL


def test_the_declared_unit_decides() -> None:
    """Bytes are right where bytes are declared, and code points are not."""
    probes = PROFILE["probes"] | {"text": {**PROFILE["probes"]["text"], "unit": "bytes"}}
    in_bytes = text_of("length", lambda text: len(text.encode()))
    assert finding_of(LengthUnit(), PROFILE | {"probes": probes}, service(in_bytes)).outcome is Outcome.PASS
    assert finding_of(LengthUnit(), PROFILE | {"probes": probes}, service()).outcome is Outcome.FAIL


def test_the_declared_mode_of_rounding_decides() -> None:
    """Half to even is wrong where half away from zero is declared."""
    scalars = PROFILE["probes"]["scalar"] | {"round": {"operation": "round", "mode": "half_away"}}
    declared = PROFILE | {"probes": PROFILE["probes"] | {"scalar": scalars}}
    assert finding_of(RoundingRule(), declared, service()).outcome is Outcome.FAIL


def test_numbers_are_sent_as_text_and_into_the_declared_body() -> None:
    """No encoder touches them; the probe's own body goes with them."""
    sent: list[str] = []
    scalars = {"pow": {"operation": "pow", "body": {"operation": "pow"}}}

    def answering(ask: Any) -> Any:
        sent.append(ask.body.decode())
        return 200, {}, {"result": 1}

    target = FakeTarget(answering)
    finding_of(PowShift(), PROFILE | {"probes": {"scalar": scalars}}, target)
    assert sent[0] == '{"operation":"pow","a":2,"b":10}'
    finding_of(FloatFidelity(), PROFILE, target)
    assert '{"value":1.7976931348623157e308}' in sent
    assert '{"value":1e-05}' in sent


def test_malformed_requests_are_of_the_write_class() -> None:
    """As those of contract.malformed-json-refused; all the others only read."""
    classes = {check.id: (check.safety, check.phase) for check in ALL}
    assert classes.pop("json.rejects-malformed") == (SafetyClass.WRITE, Phase.WRITE)
    assert set(classes.values()) == {(SafetyClass.READ, Phase.READ)}


def test_every_check_is_in_the_catalogue() -> None:
    """And so is that of types on both sides."""
    assert {check.id for check in ALL} | {"json.types-agree"} <= by_id().keys()


TWINS: dict[str, Any] = {
    "operations": [
        {"id": "own", "method": "POST", "path": "/own", "safe": True, "body": {"values": [1]}, "twin": "other"},
        {"id": "other", "method": "POST", "path": "/other", "safe": True, "body": {"values": [1]}},
    ]
}


@pytest.mark.parametrize(
    ("own", "other", "outcome"),
    [
        (lambda _: 200, lambda _: 200, Outcome.PASS),
        (lambda body: 422 if '"5"' in body else 200, lambda body: 400 if '"5"' in body else 200, Outcome.PASS),
        (lambda _: 200, lambda body: 422 if '"5"' in body else 200, Outcome.FAIL),
        (lambda body: 500 if "null" in body else 200, lambda body: 500 if "null" in body else 200, Outcome.FAIL),
        (lambda body: 503 if "null" in body else 200, lambda _: 200, Outcome.INCONCLUSIVE),
        (lambda _: 404, lambda _: 200, Outcome.INCONCLUSIVE),
    ],
)
def test_twins_take_the_same_types(own: Any, other: Any, outcome: Outcome) -> None:
    """Equal classes pass, a refusal on one side or a 5xx fails, an outage and a broken control decide nothing."""
    check = by_id()["json.types-agree"]
    target = FakeTarget(lambda ask: ((own if ask.path == "/own" else other)(ask.body.decode()), {}, {}))  # type: ignore[union-attr]
    assert finding_of(check, TWINS, target).outcome is outcome
    whole = next(case for case in check.cases(scene(TWINS)) if isinstance(case, Case))
    for left_out in target.records:
        kept = tuple(record for record in target.records if record is not left_out and isinstance(record, Exchange))
        try:
            found = check.judge(whole, Evidence(kept, {})).outcome
        except Undecided:
            continue
        assert found in {outcome, Outcome.INCONCLUSIVE}


CLOCK: dict[str, Any] = {
    "operations": [{"id": "now", "path": "/now"}],
    "probes": {"time": {"now": {"operation": "now", "out": "$.now"}}},
}


@pytest.mark.parametrize(
    ("told", "date", "outcome", "signature"),
    [
        (NOW + 3, True, Outcome.PASS, None),
        (NOW + 7200, True, Outcome.FAIL, "TZK"),
        (NOW - 100, True, Outcome.FAIL, None),
        ("2027-01-15T08:00:00Z", True, Outcome.PASS, None),
        (NOW + 7200, False, Outcome.INCONCLUSIVE, None),
        ("noon", True, Outcome.INCONCLUSIVE, None),
    ],
)
def test_clocks(told: Any, date: bool, outcome: Outcome, signature: str | None) -> None:
    """Compared with the answer's own Date; without one, or where no time is told, nothing is said."""
    headers = {"Date": formatdate(NOW, usegmt=True)} if date else {}
    try:
        found = finding_of(by_id()["time.clock-true"], CLOCK, FakeTarget(lambda _: (200, headers, {"now": told})))
    except Undecided:
        assert outcome is Outcome.INCONCLUSIVE
        return
    assert found.outcome is outcome
    assert found.figures.get("signature") == signature
