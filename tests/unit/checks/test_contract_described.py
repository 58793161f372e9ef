"""Answers against the target's own OpenAPI document: what it does not say fails, what it cannot say is undecided."""

import json
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.contract.described import MatchesOpenApi, WritesMatchOpenApi
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, finding_of, unmet_of
from tests.unit.checks.test_contract_writes import PROFILE as WRITES
from tests.unit.checks.test_contract_writes import Things

PROFILE: dict[str, Any] = {
    "openapi": "/openapi.json",
    "operations": [{"id": "item", "path": "/items/{i}", "params": {"i": "7"}}],
}
ITEM = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


def described(schema: Any = ITEM, status: str = "200", **changes: Any) -> dict[str, Any]:
    """A document with one operation."""
    answer = {"description": "", "content": {"application/json": {"schema": schema}}}
    paths = {"/items/{i}": {"get": {"responses": {status: answer}}}}
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths, **changes}


def judged(document: Any, answer: Answer, index: int = 1) -> Finding:
    """The finding of the document's case (0) or the operation's (1)."""

    def answering(ask: Ask) -> Answer:
        return (200, {}, document) if ask.path == "/openapi.json" else answer

    return finding_of(MatchesOpenApi(), PROFILE, FakeTarget(answering), index=index)


def test_a_documented_answer_passes() -> None:
    """Status, media type and body are as the document says."""
    assert judged(described(), (200, {}, {"id": 7})).outcome is Outcome.PASS
    assert judged(described(), (200, {}, {"id": 7}), index=0).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {}, {"id": "7"}), "$.id"),
        ((200, {}, {}), "'id' is a required property"),
        ((404, {}, {"id": 7}), "status 404 is not documented"),
        ((200, {"Content-Type": "text/csv"}, "id\n7\n"), "text/csv is not documented"),
    ],
)
def test_what_the_document_does_not_say_fails(answer: Answer, words: str) -> None:
    """Three of three, with what is different."""
    finding = judged(described(), answer)
    assert (finding.outcome, len(finding.exchanges)) == (Outcome.FAIL, 3)
    assert words in finding.observed


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"no": "document"}, Reason.NO_TEST_DATA),
        (described(paths={"/other": {"get": {"responses": {"200": {}}}}}), Reason.SHALLOW),
        (described({"$ref": "http://other.test/item.json"}), Reason.SHALLOW),
    ],
    ids=["none", "elsewhere", "foreign schema"],
)
def test_what_cannot_be_compared_is_undecided(document: Any, reason: Reason) -> None:
    """No document, no such operation, no usable schema."""
    assert _reason(document) is reason


def _reason(document: Any) -> Reason | None:
    """Why an operation is undecided under this document."""
    try:
        return judged(document, (200, {}, {"id": 7})).reason
    except Undecided as undecided:
        return undecided.reason


def test_what_is_not_described_is_named_and_not_judged() -> None:
    """Beside an operation that is described, another one that is not takes nothing away."""
    profile = {**PROFILE, "operations": [*PROFILE["operations"], "GET /inside"]}

    def answering(ask: Ask) -> Answer:
        return (200, {}, described()) if ask.path == "/openapi.json" else (200, {}, {"id": 7})

    finding = finding_of(MatchesOpenApi(), profile, FakeTarget(answering), index=1)
    assert (finding.outcome, finding.n) == (Outcome.PASS, 1)
    assert "not described: GET /inside" in finding.observed


def test_a_documented_refusal_is_not_the_answer_that_was_asked_for() -> None:
    """A 401 that the document knows shows nothing about the operation."""
    finding = judged(described(status="4XX"), (401, {}, {"id": 7}))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SHALLOW)


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        ("<html>log in</html>", Outcome.FAIL),
        (described(paths={"/a": {"$ref": "#/nowhere"}}), Outcome.FAIL),
        (described(paths={}), Outcome.INCONCLUSIVE),
    ],
    ids=["a page", "dangling", "empty"],
)
def test_the_document_itself_is_judged(document: Any, outcome: Outcome) -> None:
    """A page is no document, a dangling reference is a fault, an empty document says nothing."""
    assert judged(document, (200, {}, {}), index=0).outcome is outcome


def writing(schema: Any) -> Finding:
    """The finding of the write check over a healthy service with this schema of what it answers."""
    answer = {"content": {"application/json": {"schema": schema}}}
    paths = {
        "/things": {"post": {"responses": {"201": answer}}},
        "/things/{id}": {"get": {"responses": {"200": answer}}, "put": {"responses": {"200": answer}}},
    }
    things, document = Things(), described(paths=paths)

    def answering(ask: Ask) -> Answer:
        return (200, {}, json.dumps(document)) if ask.path == "/openapi.json" else things.answer(ask)

    return finding_of(WritesMatchOpenApi(), {**WRITES, "openapi": "/openapi.json"}, FakeTarget(answering))


def test_what_is_created_is_as_documented() -> None:
    """Create, read and change are held against the document."""
    assert writing({"type": "object", "properties": {"id": {"type": "string"}}}).outcome is Outcome.PASS
    finding = writing({"type": "object", "properties": {"id": {"type": "integer"}}})
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 2)
    assert "create: body at $.id" in finding.observed


def test_without_a_document_the_profile_is_asked_for_one() -> None:
    """What is not declared is named."""
    assert unmet_of(MatchesOpenApi(), {"operations": ["GET /"]})[0].needs == "openapi: /openapi.json"
    assert unmet_of(WritesMatchOpenApi(), WRITES)[0].needs == "openapi: /openapi.json"
