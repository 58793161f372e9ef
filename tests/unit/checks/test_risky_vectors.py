"""Division by zero and deep documents: a crash by two observations, a made-up result, a server error; and survival."""

import json
from typing import Any

import pytest

from hybridcheck.cases import Phase, Reason, SafetyClass, Severity, Undecided
from hybridcheck.checks.json.depth import DepthSurvived
from hybridcheck.checks.numeric.zero import ZeroDivision
from hybridcheck.checks.risky_vectors import RiskyVectorCheck
from hybridcheck.evidence import Evidence, Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

OPERATIONS: list[dict[str, Any]] = [
    {"id": name, "method": "POST", "path": f"/{name}", "safe": True, "body": {}}
    for name in ("floordiv", "aggregate", "echo")
]
PROFILE: dict[str, Any] = {
    "services": {
        "native": {"operations": OPERATIONS, "liveness": {"path": "/health", "uptime_s": "$.uptime_s"}},
    },
    "probes": {
        "scalar": {"floordiv": {"operation": "floordiv"}},
        "aggregate": {"operation": "aggregate", "out": {"mean": "$.mean", "sum": "$.sum"}},
        "roundtrip": {"operation": "echo", "types": ["json"]},
    },
}


class Service:
    """A service that refuses what has no result; `risky` answers it otherwise, `dying` ends it by a broken answer."""

    def __init__(self, risky: Answer | Failure = (422, {}, {}), *, dying: bool = False) -> None:
        self.risky, self.dying, self.uptime_s = risky, dying, 100.0
        self.target = FakeTarget(self.answer)

    def answer(self, ask: Ask) -> Answer | Failure:
        """What the service answers."""
        self.uptime_s += 0.01
        if ask.path == "/health":
            return 200, {}, {"uptime_s": self.uptime_s}
        document = json.loads(ask.body or b"")
        if self.is_risky(ask.path, document):
            self.uptime_s = -1.0 if self.dying else self.uptime_s
            return self.risky
        if ask.path == "/echo":
            return 200, {}, document
        values = document.get("values")
        if values is None:
            return 200, {}, {"result": document["a"] // document["b"]}
        return 200, {}, {"mean": sum(values) / len(values), "sum": sum(values)}

    def is_risky(self, path: str, document: dict[str, Any]) -> bool:
        """A zero for divisor, an empty list, more than 256 levels."""
        if path == "/echo":
            return json.dumps(document).count("[") > 256
        return document.get("values") == [] or document.get("b") == 0


CASES: list[tuple[type[RiskyVectorCheck], int]] = [(ZeroDivision, 0), (ZeroDivision, 1), (DepthSurvived, 0)]


@pytest.mark.parametrize(("check", "index"), CASES)
def test_a_crash_is_a_broken_answer_and_a_restart(check: type[RiskyVectorCheck], index: int) -> None:
    """Named CRASH; one without the other is only suspected."""
    found = finding_of(check(), PROFILE, Service(Failure.RESET, dying=True).target, index=index)
    assert (found.outcome, found.severity) == (Outcome.FAIL, None), found.observed
    assert found.figures["signature"] == "CRASH"
    for half in (Service(Failure.RESET), Service(dying=True)):
        found = finding_of(check(), PROFILE, half.target, index=index)
        assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED), found.observed


@pytest.mark.parametrize(("check", "index"), CASES)
def test_a_refusal_keeps_the_promise(check: type[RiskyVectorCheck], index: int) -> None:
    """The service lives on."""
    assert finding_of(check(), PROFILE, Service().target, index=index).outcome is Outcome.PASS


@pytest.mark.parametrize(("check", "index"), CASES)
@pytest.mark.parametrize("status", [500, 502])
def test_a_server_error_is_a_fail(check: type[RiskyVectorCheck], index: int, status: int) -> None:
    """Twice, of a service that answers its control in between, and lives on."""
    found = finding_of(check(), PROFILE, Service((status, {}, {})).target, index=index)
    assert (found.outcome, found.severity) == (Outcome.FAIL, Severity.HIGH), found.observed
    assert "signature" not in found.figures


@pytest.mark.parametrize(
    ("answer", "index", "outcome"),
    [
        ({"result": 0}, 0, Outcome.FAIL),
        ({"result": "inf"}, 0, Outcome.FAIL),
        ('{"result":Infinity}', 0, Outcome.FAIL),
        ({"result": None}, 0, Outcome.PASS),
        ({"mean": 0, "sum": 0}, 1, Outcome.FAIL),
        ({"mean": None, "sum": 0}, 1, Outcome.PASS),
        ({"sum": 0}, 1, Outcome.PASS),
    ],
)
def test_a_result_of_nothing_is_made_up(answer: Any, index: int, outcome: Outcome) -> None:
    """A result that is none is null; a number, a text or a token that is no JSON is not."""
    found = finding_of(ZeroDivision(), PROFILE, Service((200, {}, answer)).target, index=index)
    assert found.outcome is outcome, found.observed


@pytest.mark.parametrize(
    ("result", "outcome"), [(2**63, Outcome.PASS), (9.223372036854775808e18, Outcome.PASS), (-(2**63), Outcome.FAIL)]
)
def test_the_smallest_integer_by_minus_one_has_a_result(result: float, outcome: Outcome) -> None:
    """2^63, also as a double; where it wraps it is wrong."""
    service = Service()

    def answering(ask: Ask) -> Answer | Failure:
        smallest = json.loads(ask.body or b"{}").get("b") == -1
        return (200, {}, {"result": result}) if smallest else service.answer(ask)

    assert finding_of(ZeroDivision(), PROFILE, FakeTarget(answering)).outcome is outcome


def test_a_deep_document_may_come_back_whole_and_nothing_else() -> None:
    """All levels or a refusal."""
    service = Service()
    echoing = FakeTarget(
        lambda ask: service.answer(ask) if ask.path == "/health" else (200, {}, (ask.body or b"").decode())
    )
    assert finding_of(DepthSurvived(), PROFILE, echoing).outcome is Outcome.PASS
    assert finding_of(DepthSurvived(), PROFILE, Service((200, {}, {"value": []})).target).outcome is Outcome.FAIL


@pytest.mark.parametrize(("check", "index"), CASES)
@pytest.mark.parametrize(("risky", "dying"), [((422, {}, {}), False), (Failure.RESET, True), ((500, {}, {}), False)])
def test_less_evidence_never_turns_a_finding_around(
    check: type[RiskyVectorCheck], index: int, risky: Any, *, dying: bool
) -> None:
    """Without any one record a verdict stays, or becomes undecided."""
    target = Service(risky, dying=dying).target
    whole, case = finding_of(check(), PROFILE, target, index=index), cases_of(check(), PROFILE)[index]
    for left_out in target.records:
        try:
            found = check().judge(case, Evidence(tuple(r for r in target.records if r is not left_out), {}))
        except Undecided:
            continue
        assert found.outcome in {whole.outcome, Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("check", [ZeroDivision, DepthSurvived])
def test_a_service_that_does_not_tell_its_life_is_not_examined(check: type[RiskyVectorCheck]) -> None:
    """The line that would bring it in is named; the class is that of abuse."""
    mute = {**PROFILE, "services": {"native": {"operations": OPERATIONS}}}
    assert not cases_of(check(), mute)
    assert all("liveness" in unmet.needs for unmet in unmet_of(check(), mute))
    assert (check.safety, check.phase) == (SafetyClass.ABUSE, Phase.ABUSE)


def test_deeper_levels_are_sent_only_where_the_contract_says_so() -> None:
    """By `max_depth`."""
    deep = {**PROFILE, "contract": {"max_depth": 5000}}
    assert cases_of(DepthSurvived(), PROFILE)[0].params["vectors"] == [4, 64, 512, 600]
    assert cases_of(DepthSurvived(), deep)[0].params["vectors"] == [4, 64, 512, 600, 5000]
