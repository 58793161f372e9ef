"""Checks of results, boundary and traces: the defect, its twin, and what proves nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.analytics.examples import DependsOnInput, Deterministic, ExamplesHold
from hybridcheck.checks.boundary.errors import ErrorsMapped
from hybridcheck.checks.boundary.runtime import RuntimeDeclared
from hybridcheck.checks.boundary.twins import TwinsAgree
from hybridcheck.checks.check import Check
from hybridcheck.checks.communication.traces import TracePropagated
from hybridcheck.checks.dashboards.data import DataFresh, DataPresent
from hybridcheck.evidence import Exchange, Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, Answering, FakeTarget, cases_of, finding_of, scene, unmet_of


def outcome_of(finding: Finding) -> tuple[Outcome, Reason | None]:
    """Outcome and reason."""
    return finding.outcome, finding.reason


def in_turn(*answers: Answer | Failure) -> Answering:
    """Gives these answers one after the other; the last one for ever."""
    waiting = list(answers)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


# results

MEAN: dict[str, Any] = {
    "services": {
        "numbers": {
            "kind": "ai_detection",
            "operations": [
                {
                    "id": "mean",
                    "method": "POST",
                    "path": "/mean",
                    "safe": True,
                    "deterministic": True,
                    "twin": "meanTwin",
                    "body": [1, 2],
                    "examples": [
                        {"name": "two", "body": [1, 2], "expect": {"$.mean": 1.5}, "tolerance": 1e-9},
                        {"name": "one", "body": [4], "expect": {"$.mean": 4}},
                    ],
                    "refusals": [{"name": "nothing", "body": [], "status": 422}],
                },
                {"id": "meanTwin", "method": "POST", "path": "/ref/mean", "safe": True, "body": [1, 2]},
            ],
        }
    },
    "exposure": {"errors": "problem+json"},
}
RIGHT = {b"[1, 2]": 1.5, b"[4]": 4}


def mean(ask: Ask) -> Answer:
    """A service that computes what it promises."""
    if ask.body == b"[]":
        return 422, {"Content-Type": "application/problem+json"}, '{"title": "no numbers"}'
    return 200, {}, {"mean": RIGHT[ask.body or b""], "n": 2}


def spoilt(how: Callable[[Ask], Answer | None]) -> FakeTarget:
    """The service with something wrong."""
    return FakeTarget(lambda ask: how(ask) or mean(ask))


CHECKS_OF_RESULTS = [ExamplesHold(), Deterministic(), DependsOnInput(), TwinsAgree(), ErrorsMapped()]


@pytest.mark.parametrize("check", CHECKS_OF_RESULTS)
def test_right_results_pass(check: Check) -> None:
    """The twin of every defect below."""
    found = [finding_of(check, MEAN, FakeTarget(mean), index=i).outcome for i in range(len(cases_of(check, MEAN)))]
    assert found == [Outcome.PASS] * len(found) != []


def test_a_wrong_result_fails_its_example() -> None:
    """The value at the path is not the known one, three times."""
    found = finding_of(ExamplesHold(), MEAN, spoilt(lambda _: (200, {}, {"mean": 1.4})))
    assert found.outcome is Outcome.FAIL
    assert "$.mean is 1.4 instead of 1.5" in found.observed


def test_answers_that_change_fail_where_equal_ones_are_declared() -> None:
    """One different answer of five is proof."""
    target = FakeTarget(in_turn(*[(200, {}, {"mean": 1.5})] * 4, (200, {}, {"mean": 1.5000001})))
    assert finding_of(Deterministic(), MEAN, target).outcome is Outcome.FAIL


def test_answers_that_are_none_show_no_determinism() -> None:
    """Five equal errors are not five equal results."""
    found = finding_of(Deterministic(), MEAN, FakeTarget(lambda _: (503, {}, {})))
    assert outcome_of(found) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def test_a_detection_that_ignores_its_input_fails() -> None:
    """The same value for two questions that have different answers."""
    found = finding_of(DependsOnInput(), MEAN, spoilt(lambda _: (200, {}, {"mean": 0})))
    assert found.outcome is Outcome.FAIL


def test_a_detection_that_is_wrong_still_depends_on_its_input() -> None:
    """Wrong values are another check's finding."""
    found = finding_of(DependsOnInput(), MEAN, spoilt(lambda ask: (200, {}, {"mean": len(ask.body or b"")})))
    assert found.outcome is Outcome.PASS


def test_twins_that_differ_fail_and_the_example_says_who_is_right() -> None:
    """Neither side is the truth by itself."""
    found = finding_of(
        TwinsAgree(), MEAN, spoilt(lambda a: (200, {}, {"mean": 9, "n": 2}) if a.path == "/mean" else None)
    )
    assert found.outcome is Outcome.FAIL
    assert "$.mean is 9 and 1.5" in found.observed
    assert "what the example expects holds for meanTwin" in found.observed


def test_twins_that_differ_where_no_example_looks_fail() -> None:
    """Whole documents are compared."""
    found = finding_of(
        TwinsAgree(), MEAN, spoilt(lambda a: (200, {}, {"mean": 1.5, "n": 3}) if a.path == "/mean" else None)
    )
    assert found.outcome is Outcome.FAIL
    assert "$.n is 3 and 2; what the example expects holds for both" in found.observed


def test_twins_that_differ_within_the_tolerance_agree() -> None:
    """The last bit of a sum may differ; the finding says that only the value is the same."""
    found = finding_of(
        TwinsAgree(), MEAN, spoilt(lambda a: (200, {}, {"mean": 1.5 + 1e-12, "n": 2}) if a.path == "/mean" else None)
    )
    assert (found.outcome, found.observed) == (Outcome.PASS, "they do, in value")


def test_twins_that_both_fail_show_nothing() -> None:
    """Two errors agree about nothing."""
    found = finding_of(TwinsAgree(), MEAN, FakeTarget(lambda _: (500, {}, {})))
    assert outcome_of(found) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


@pytest.mark.parametrize(
    "wrong",
    [
        (200, {}, {"error": "no numbers"}),
        (500, {"Content-Type": "application/problem+json"}, "{}"),
        (422, {"Content-Type": "text/html"}, "<h1>422</h1>"),
    ],
)
def test_an_error_that_is_mapped_wrongly_fails(wrong: Answer) -> None:
    """As a success, as a crash, or in another format."""
    found = finding_of(ErrorsMapped(), MEAN, spoilt(lambda ask: wrong if ask.body == b"[]" else None))
    assert found.outcome is Outcome.FAIL


def test_an_operation_that_refuses_everything_shows_no_mapping() -> None:
    """The control has to work."""
    found = finding_of(ErrorsMapped(), MEAN, FakeTarget(lambda _: mean(Ask("POST", "/mean", body=b"[]"))))
    assert outcome_of(found) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


@pytest.mark.parametrize("check", [*CHECKS_OF_RESULTS, DataPresent(), DataFresh(), RuntimeDeclared()])
def test_what_is_not_declared_is_named(check: Check) -> None:
    """One line says what would be needed, and it is a part of a profile as it stands."""
    (unmet,) = unmet_of(check, {"operations": ["GET /"]})
    declared = yaml.safe_load(unmet.needs)
    if check.id == "detection.depends-on-input":
        assert len(declared["services"]["NAME"]["operations"][0]["examples"]) == 2
    assert scene(declared).profile.all_operations() or declared["services"]


RUNTIME = {"services": {"x": {"runtime": "codon", "runtime_path": "/runtime"}}}


@pytest.mark.parametrize(
    ("runtime", "outcome"), [("codon", Outcome.PASS), ("codon (0.19)", Outcome.PASS), ("codonish", Outcome.FAIL)]
)
def test_a_service_runs_on_what_is_declared(runtime: str, outcome: Outcome) -> None:
    """The value that the service gives is the declared one, or it is a fail."""
    target = FakeTarget(lambda _: (200, {}, {"runtime": runtime}))
    assert finding_of(RuntimeDeclared(), RUNTIME, target).outcome is outcome


@pytest.mark.parametrize("answer", [(404, {}, {}), (200, {}, {}), (200, {}, "runtime")])
def test_a_service_that_names_no_runtime_shows_none(answer: Answer) -> None:
    """Silence is not another runtime."""
    with pytest.raises(Undecided, match="/runtime"):
        finding_of(RuntimeDeclared(), RUNTIME, FakeTarget(lambda _: answer))


def test_the_runtime_needs_a_path() -> None:
    """The profile has to say where it is."""
    assert "runtime_path" in unmet_of(RuntimeDeclared(), {"operations": ["GET /"]})[0].needs


# traces

TRACED = {"operations": ["GET /"], "observability": {"trace_header": "X-Trace"}}


def traced(carry: Callable[[str], str]) -> FakeTarget:
    """A target that answers what `carry` makes of the trace id that was sent."""
    return FakeTarget(lambda ask: (200, {"X-Trace": carry(dict(ask.headers)["traceparent"].split("-")[1])}, {}))


def valid(trace: str) -> bool:
    """Whether the standard's grammar takes the trace id."""
    return len(trace) == 32 and trace == trace.lower() and trace.strip("0") != ""


def test_a_carried_trace_passes() -> None:
    """The valid one comes back, the others are replaced."""
    assert finding_of(TracePropagated(), TRACED, traced(lambda t: t if valid(t) else "f" * 32)).outcome is Outcome.PASS


@pytest.mark.parametrize("carry", [lambda _: "f" * 32, lambda _: "", lambda trace: trace])
def test_a_trace_that_is_dropped_or_echoed_unseen_fails(carry: Callable[[str], str]) -> None:
    """A new id for a valid trace, none, or an echo of whatever was sent."""
    assert finding_of(TracePropagated(), TRACED, traced(carry)).outcome is Outcome.FAIL


def test_a_target_that_crashes_on_a_bad_trace_fails() -> None:
    """A header that nobody needs may not break a request."""

    def crash(ask: Ask) -> Answer:
        trace = dict(ask.headers)["traceparent"].split("-")[1]
        return (200, {"X-Trace": trace}, {}) if valid(trace) else (500, {}, {})

    assert finding_of(TracePropagated(), TRACED, FakeTarget(crash)).outcome is Outcome.FAIL


def test_a_target_that_does_not_answer_shows_no_traces() -> None:
    """An error page may carry anything."""
    found = finding_of(TracePropagated(), TRACED, FakeTarget(lambda _: (503, {}, {})))
    assert outcome_of(found) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA)


def test_traces_without_a_declared_header_are_named() -> None:
    """The profile has to say where the trace is."""
    assert "trace_header" in unmet_of(TracePropagated(), {"operations": ["GET /"]})[0].needs


def test_examples_are_repeated_on_fresh_connections() -> None:
    """Three answers stand behind a fail."""
    target = spoilt(lambda _: (200, {}, {"mean": 0}))
    finding_of(ExamplesHold(), MEAN, target)
    assert len([record for record in target.records if isinstance(record, Exchange)]) == 3


def test_a_caller_who_is_refused_on_one_side_is_no_disagreement() -> None:
    """A credential that one side does not take any more says nothing of what it computes."""
    found = finding_of(TwinsAgree(), MEAN, spoilt(lambda ask: (401, {}, {}) if ask.path == "/mean" else None))
    assert outcome_of(found) == (Outcome.INCONCLUSIVE, Reason.AUTH_NOT_EFFECTIVE)
