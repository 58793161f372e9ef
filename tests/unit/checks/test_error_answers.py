"""What error answers say, and what a success must not say."""

from typing import Any

import pytest

from hybridcheck.checks.boundary.error_answers import ErrorsCorrelated, NoConsoleOutput, NoFalseSuccess, error_in
from hybridcheck.checks.witnesses import NEEDS_JSON
from hybridcheck.evidence import Evidence
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, unmet_of

PROFILE: dict[str, Any] = {
    "observability": {"trace_header": "X-Trace-Id"},
    "operations": [{"request": "GET /x", "expect": {"content_type": "application/json"}}],
}


def finding_for(check: Any, answer: Answer, body: bytes | None = None) -> Finding:
    """The finding over one recorded answer."""
    target = FakeTarget(lambda _: answer)
    target._exchange("probe", Ask("POST", "/x", body=body))
    (case,) = cases_of(check, PROFILE)
    finding: Finding = check.judge(case, Evidence((), {"*": tuple(target.records)}))
    return finding


@pytest.mark.parametrize(
    "document",
    [
        {"type": "about:blank", "title": "Unprocessable", "status": 422, "detail": "no"},
        {"error": "division by zero"},
        {"error": {"code": 7, "message": "no"}, "trace_id": "a"},
        {"Exception": "IndexError", "message": "list index out of range"},
        {"success": False, "message": "Internal Server Error", "items": []},
        {"ok": False, "error": {"type": "KeyError", "message": "'mean'"}},
        {"ok": False, "message": "no", "code": 503},
        {"Success": False, "error": "connection refused"},
    ],
)
def test_an_error_under_200_is_a_false_success(document: Any) -> None:
    """In the forms in which frameworks tell errors."""
    assert finding_for(NoFalseSuccess(), (200, {}, document)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "document",
    [
        {"error": None, "result": 5},
        {"error": 0.25, "mean": 3.0},
        {"error": "rate of it", "value": 3},
        {"errors": []},
        {"errors": [{"message": "no"}], "data": None},
        {"errors": 7},
        {"status": 200, "detail": "fine"},
        {"status": "error"},
        {"status": 404},
        {"success": False},
        {"ok": False, "message": "not an e-mail address"},
        {"ok": False, "error": "too short"},
        {"ok": False, "error": "ValidationError"},
        {"valid": False, "error": {"code": "range", "message": "out of range"}},
        {"status": 404, "title": "Not found", "url": "https://elsewhere.example/"},
        {"data": {"error": "no"}},
        {"sum": 3},
        [{"error": "no"}],
        "error",
        None,
    ],
)
def test_what_may_be_a_result_is_none(document: Any) -> None:
    """A figure called error, GraphQL's answers, and less than a whole error."""
    assert error_in(document) is None


def test_a_problem_document_under_200_is_told_by_its_media_type() -> None:
    """Whatever its members are."""
    answer = (200, {"Content-Type": "application/problem+json"}, "{}")
    assert finding_for(NoFalseSuccess(), answer).outcome is Outcome.FAIL


def test_without_an_operation_that_answers_json_there_is_nothing_to_decide() -> None:
    """A site of pages has no JSON to look at: the case is unexamined, with the line that would bring it in."""
    assert [unmet.needs for unmet in unmet_of(NoFalseSuccess(), {"operations": ["GET /x"]})] == [NEEDS_JSON]


def test_an_error_with_its_status_is_no_false_success() -> None:
    """And without any success there is nothing to look at."""
    assert finding_for(NoFalseSuccess(), (422, {}, {"error": "no"})).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (404, {}, Outcome.FAIL),
        (500, {"x-trace-id": ""}, Outcome.FAIL),
        (404, {"x-trace-id": "a"}, Outcome.PASS),
        (200, {}, Outcome.INCONCLUSIVE),
    ],
)
def test_errors_name_their_trace(status: int, headers: dict[str, str], outcome: Outcome) -> None:
    """In the declared header; successes are not looked at."""
    assert finding_for(ErrorsCorrelated(), (status, headers, {"detail": "no"})).outcome is outcome


def test_what_the_http_layer_refuses_by_itself_needs_no_trace() -> None:
    """Plain text is not the application's."""
    answer = (400, {"Content-Type": "text/plain"}, "Invalid HTTP request received.")
    assert finding_for(ErrorsCorrelated(), answer).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "text",
    [
        '{"detail":"\\u001b[1mIndexError:\\u001b[0m out of range"}',
        "\x1b[31;1mError\x1b[0m",
        "IndexError: out of range\nRaised from: at() kernels.codon:88:5",
        "Traceback (most recent call last):\n",
    ],
)
def test_console_output_in_an_error_is_a_fail(text: str) -> None:
    """Escape sequences, and the lines that announce an exception."""
    assert finding_for(NoConsoleOutput(), (500, {}, text)).outcome is Outcome.FAIL


def test_an_error_that_quotes_the_request_is_none() -> None:
    """The tester sent it."""
    finding = finding_for(NoConsoleOutput(), (422, {}, "no: \x1b[1mx"), body=b"\x1b[1mx")
    assert finding.outcome is Outcome.PASS
    assert finding_for(NoConsoleOutput(), (422, {}, "a list[3] is too long")).outcome is Outcome.PASS


def test_errors_of_a_neighbouring_port_are_not_those_of_the_target() -> None:
    """`http://target.test:80` is no part of `http://target.test:8080`."""
    target = FakeTarget(lambda _: (404, {}, {"detail": "no"}), base_url="http://target.test:8080")
    target._exchange("probe", Ask("GET", "/x"))
    case = cases_of(ErrorsCorrelated(), PROFILE)[0]
    case = case.model_copy(update={"params": {"base_url": "http://target.test:80"}})
    found = ErrorsCorrelated().judge(case, Evidence((), {"*": tuple(target.records)}))
    assert found.outcome is Outcome.INCONCLUSIVE
