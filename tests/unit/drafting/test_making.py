"""From a document to a profile: what is marked as a guess, what is left out with a reason, and which questions stay open."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hybridcheck.drafting.draft import Source
from hybridcheck.drafting.entries import Answered, Entry, with_answer
from hybridcheck.drafting.looking import Routes
from hybridcheck.drafting.making import Made, finish, from_file, make
from hybridcheck.errors import UsageError
from hybridcheck.openapi.document import read

TODAY = date(2026, 11, 20)
OK: dict[str, Any] = {
    "200": {"description": "ok", "content": {"application/json": {"schema": {"type": "object", "required": ["a"]}}}}
}
LOCAL = "http://127.0.0.1:8000"


def drafted(paths: dict[str, Any], base_url: str | None = LOCAL, routes: Routes | None = None, **root: Any) -> Made:
    """The draft for a document with these paths."""
    stated = {"x-thresholds": root.pop("thresholds", None)}
    document = json.dumps({"openapi": "3.1.0", "info": {"title": "Shop"}, "paths": paths, **stated, **root})
    return finish(read(document.encode()), Source("shop.json", base_url, "/openapi.json", routes), today=TODAY)


def operations(made: Made) -> dict[str, Any]:
    """The declared operations by id."""
    return {operation.id: operation for _, _, operation in made.loaded.profile.all_operations()}


def test_expectations_are_those_of_the_document() -> None:
    """Status, media type, and the members that an object must have."""
    made = operations(drafted({"/a": {"get": {"operationId": "a", "responses": OK}}}))["a"]
    assert made.expect.content_type == "application/json"
    assert made.expect.json_schema == {"type": "object", "required": ["a"]}


def test_a_made_up_value_of_a_read_is_left_for_the_author_unless_it_answered() -> None:
    """`/a/{id}` without an example is a comment; once 200 came for it, it is declared and marked."""
    paths = {"/a/{id}": {"get": {"operationId": "a", "responses": OK}}}
    assert operations(drafted(paths)) == {}
    assert "#     GET /a/{id}" in drafted(paths).draft.text
    document = read(json.dumps({"openapi": "3.1.0", "paths": paths}).encode())

    def seen(entry: Entry) -> Entry:
        return with_answer(entry, Answered(200, "application/json", 0.1))

    made = finish(document, Source("x", LOCAL, None, None), today=TODAY, seen=seen)
    assert operations(made)["a"].params == {"id": "text"}
    assert "# GUESS: path parameter id; answered 200 just now" in made.draft.text


@pytest.mark.parametrize("path", ["/logout", "/items/delete", "/admin/restart", "/db/reset", "/a-shutdown"])
def test_reads_with_dangerous_names_are_neither_asked_nor_declared(path: str) -> None:
    """Their names say that they end or remove something."""
    assert operations(drafted({path: {"get": {"responses": OK}}})) == {}


def test_what_changes_something_is_declared_only_where_it_is_removed_again() -> None:
    """A POST by itself is a comment with the two ways out."""
    made = drafted({"/orders": {"post": {"responses": OK}}})
    assert operations(made) == {}
    assert "`safe: true` where it changes nothing, or `creates: true` with `id_from` and `cleanup`" in made.draft.text


@pytest.mark.parametrize("value", ["env:HOME", "file:/etc/passwd"])
def test_examples_that_look_like_references_never_get_into_the_profile(value: str) -> None:
    """A document must not make the tester send a secret of this machine: body, query and path alike."""
    schema = {"type": "string", "example": value}
    body = {
        "content": {"application/json": {"schema": {"type": "object", "required": ["a"], "properties": {"a": schema}}}}
    }
    query = [{"name": "q", "in": "query", "required": True, "schema": schema}]
    made = drafted({
        "/a": {"post": {"x-safe": True, "requestBody": body, "responses": OK}},
        "/b": {"get": {"parameters": query, "responses": OK}},
    })  # fmt: skip
    assert operations(made) == {}
    assert value not in made.draft.text


def test_words_of_a_document_cannot_leave_their_comment() -> None:
    """Line breaks in names would otherwise be lines of the profile."""
    name = "x\nname: owned\r\u2028version: 2"
    made = drafted({f"/a/{{{name}}}": {"get": {"responses": OK}}}, info={"title": name})
    assert made.loaded.profile.name == "x-name-owned-version-2"
    assert not [line for line in made.draft.text.splitlines() if line.startswith("name: owned")]


def test_thresholds_are_never_invented() -> None:
    """A suggestion as a comment; those that the document states are taken as they are."""
    paths = {"/a": {"get": {"responses": OK}}}
    made = drafted(paths)
    assert made.loaded.profile.thresholds.max_latency_ms is None
    assert any(line.startswith("thresholds") for line in made.draft.to_do)
    stated = drafted(paths, thresholds={"max_latency_ms": 150, "max_error_ratio": 0.02}).loaded.profile.thresholds
    assert (stated.max_latency_ms, stated.max_error_ratio) == (150, 0.02)


def test_access_is_not_applicable_only_where_the_document_names_no_way_in() -> None:
    """A guess that is marked; with a scheme that a profile cannot express, the question stays open instead."""
    paths = {"/a": {"get": {"responses": OK}}}
    assert "access" in drafted(paths).loaded.profile.not_applicable
    schemes = {"securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "k"}}}
    made = drafted({"/a": {"get": {"responses": OK, "security": [{"k": []}]}}}, components=schemes)
    assert made.loaded.profile.not_applicable == {}
    assert "cannot express the security scheme k" in made.draft.text


def test_a_system_elsewhere_is_only_read_until_somebody_says_more() -> None:
    """Loopback is local; anything else counts as production."""
    paths = {"/a": {"get": {"responses": OK}}}
    assert drafted(paths).loaded.profile.targets["local"].environment.value == "local"
    made = drafted(paths, "https://api.example.com")
    assert made.loaded.profile.targets["system"].environment.value == "production"
    assert any("production" in line for line in made.draft.to_do)


def test_kinds_are_guessed_from_tags_and_paths() -> None:
    """Every guess is marked; what suggests nothing is `api`."""
    paths = {
        f"/{tag.partition(' ')[0]}/x": {"get": {"tags": [tag], "responses": OK}}
        for tag in ("Dashboards", "anomaly detection", "shop")
    }
    made = drafted(paths)
    kinds = {name: service.kind.value for name, service in made.loaded.profile.services.items()}
    assert kinds == {"dashboards": "dashboard", "anomaly-detection": "ai_detection", "shop": "api"}
    assert made.draft.text.count("# GUESS\n") == 2


def test_ready_is_documented_else_found_else_to_be_filled_in() -> None:
    """In this order."""
    plain = {"/a": {"get": {"responses": OK}}}
    assert drafted({**plain, "/readyz": {"get": {"responses": OK}}}).loaded.profile.ready.path == "/readyz"  # type: ignore[union-attr]
    assert drafted(plain, routes=Routes("/healthz")).loaded.profile.ready.path == "/healthz"  # type: ignore[union-attr]
    made = drafted(plain)
    assert made.loaded.profile.ready is None
    assert any(line.startswith("ready") for line in made.draft.to_do)


def test_ten_thousand_operations_end_in_a_bounded_profile() -> None:
    """A part is declared, the rest is counted."""
    answers = {"200": {"description": "ok"}}
    paths = {f"/a{n}": {"get": {"responses": answers}, "post": {"responses": answers}} for n in range(5000)}
    made = drafted(paths)
    assert 100 <= len(operations(made)) <= 200
    assert len(made.draft.text) < 100_000
    assert "more operations of the document" in made.draft.text


@pytest.mark.parametrize(
    "content,words",
    [
        (b"<html>", "neither JSON nor YAML|no object"),
        (b"[]", "no object"),
        (b"{}", "openapi"),
        (b'{"openapi": "3.1.0", "paths": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "nested"),
        (b'{"openapi": "3.1.0", "paths": {}, "x": "' + b"x" * 10_000_000 + b'"}', "more than 4,194,304 bytes"),
        (b"openapi: 3.1.0\npaths: {}\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "aliases"),
        (b"\xff\xfe\x00", "neither JSON nor YAML"),
    ],
    ids=["html", "list", "other", "deep", "10 MB", "bomb", "binary"],
)
def test_what_is_no_document_is_a_clear_error(content: bytes, words: str, tmp_path: Path) -> None:
    """Never a crash, and never a long wait."""
    path = tmp_path / "document"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        from_file(path)


@pytest.mark.parametrize(
    "where,base_url,words",
    [
        (None, None, "nothing says where"),
        ("http://elsewhere.test/openapi.json", LOCAL, "is not at http://127.0.0.1:8000"),
        ("http://127.0.0.1:8001/openapi.json", LOCAL, "is not at"),
        ("ftp://127.0.0.1/openapi.json", None, "http"),
        ("http://user:pass@127.0.0.1/openapi.json", None, "credentials"),
        ("nowhere.json", None, "there is no file"),
    ],
)
async def test_addresses_that_lead_elsewhere_are_refused_before_anything_is_sent(
    where: str | None, base_url: str | None, words: str
) -> None:
    """Only the origin of the base URL is ever asked."""
    with pytest.raises(UsageError, match=words):
        await make(where, base_url, today=TODAY)
