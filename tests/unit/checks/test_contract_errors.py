"""How errors are told: RFC 9457 where it is declared; what is no error proves nothing."""

from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.contract.errors import ErrorFormat
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

PROFILE: dict[str, Any] = {
    "identities": {"alice": {"token": "t" * 20}},
    "operations": [{"id": "item", "path": "/items/{i}", "params": {"i": "7"}, "auth": "required", "identity": "alice"}],
    "exposure": {"errors": "problem+json"},
}
PROBLEM = {"Content-Type": "application/problem+json"}


def told(document: Any, headers: dict[str, str], status: int = 404) -> FakeTarget:
    """A target that tells every error like this."""
    return FakeTarget(lambda _: (status, headers, document))


def test_errors_are_provoked_in_three_ways() -> None:
    """An unknown path as somebody who is logged in, no credentials, an unknown id."""
    asked: list[Ask] = []

    def answering(ask: Ask) -> Answer:
        asked.append(ask)
        return 404, PROBLEM, {"title": "x", "status": 404}

    cases = cases_of(ErrorFormat(), PROFILE)
    assert [case.subject for case in cases] == ["unknown path", "missing credentials", "unknown id"]
    for index in range(3):
        assert finding_of(ErrorFormat(), PROFILE, FakeTarget(answering), index=index).outcome is Outcome.PASS
    assert [ask.identity for ask in asked] == ["alice", None, "alice"]
    assert asked[1].path == "/items/7"
    assert asked[2].path.startswith("/items/7-hc")


@pytest.mark.parametrize(
    ("headers", "document", "words"),
    [
        ({"Content-Type": "text/html"}, "<h1>404</h1>", "text/html"),
        ({"Content-Type": "application/json"}, {"title": "x"}, "application/json"),
        (PROBLEM, "no json", "not JSON"),
        (PROBLEM, ["x"], "no JSON object"),
        (PROBLEM, {"status": 400}, "`status` is 400"),
        (PROBLEM, {"status": "404"}, "`status` is '404'"),
        (PROBLEM, {"type": "not a uri"}, "no URI reference"),
        (PROBLEM, {"detail": {"a": 1}}, "`detail` is no text"),
    ],
)
def test_another_format_fails(headers: dict[str, str], document: Any, words: str) -> None:
    """Each rule of RFC 9457, three of three."""
    finding = finding_of(ErrorFormat(), PROFILE, told(document, headers))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3)
    assert words in finding.observed


def test_what_is_no_error_is_undecided() -> None:
    """A catch-all answers 200 to a path that cannot exist."""
    finding = finding_of(ErrorFormat(), PROFILE, told("hello", {}, 200))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.CATCH_ALL)


def test_json_asks_for_an_object_only() -> None:
    """The looser declaration."""
    profile = {**PROFILE, "exposure": {"errors": "json"}}
    assert finding_of(ErrorFormat(), profile, told({"error": "x"}, {})).outcome is Outcome.PASS
    assert finding_of(ErrorFormat(), profile, told("x", {})).outcome is Outcome.FAIL
    assert "errors" in unmet_of(ErrorFormat(), {"operations": ["GET /"]})[0].needs
