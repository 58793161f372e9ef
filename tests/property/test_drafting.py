"""Whatever an OpenAPI document says, the profile that is drafted from it is one that a run can read."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridcheck.drafting.draft import Source
from hybridcheck.drafting.entries import Answered, with_answer
from hybridcheck.drafting.looking import Routes
from hybridcheck.drafting.making import finish
from hybridcheck.drafting.yaml_text import NotWritable, comment, flow, from_document
from hybridcheck.openapi.document import NotADescription, read
from hybridcheck.profile.document import read_document

TODAY = date(2026, 11, 20)
HOSTILE = (
    "env:HOME", "file:/etc/passwd", "a: b # c", "'", '"', "\n", "- x", "{marker}", "{", "}", "\ud800", "\x00", "\x85", "\u2028",
    "yes", "null", "1e5", "0x1f", "<<", "&a", "*a", "!!python/object", "%", "@", "\ufeff", "2026-01-01", "12:30", "~", "",
)  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=12), st.sampled_from(("id", "name", "password", "username"))
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)
REFERENCES = st.sampled_from(
    ("#/components/schemas/A", "#/components/schemas/B", "#/nowhere", "http://x.test/a.json", "#")
)


def healthy(version: str) -> dict[str, Any]:
    """A document with a login, a resource that is made and removed, identities of every kind, and a cycle."""
    item = {"type": "object", "required": ["id", "name"], "properties": {
        "id": {"type": "string"}, "name": {"type": "string", "maxLength": 80}, "parent": {"$ref": "#/components/schemas/A"},
        "size": {"type": "integer", "minimum": 3, "maximum": 9}, "kind": {"enum": ["a", "b"]}, "at": {"type": "string", "format": "date"},
    }}  # fmt: skip
    tokens = {"type": "object", "properties": {"access_token": {"type": "string"}, "refresh_token": {"type": "string"}}}
    whose = {"type": "object", "properties": {"username": {"type": "string"}}}
    entry = {"type": "object", "required": ["username", "password", "realm"],
             "properties": {"username": {}, "password": {}, "realm": {"type": "string", "default": "x"}}}  # fmt: skip
    one = {"$ref": "#/components/schemas/A"}
    number = {"name": "n", "in": "query", "required": True, "schema": {"type": "integer", "example": 4}}
    paths: dict[str, Any] = {
        "/login": {"post": _operation(version, tokens, entry, operationId="login")},
        "/refresh": {"post": _operation(version, tokens, {"properties": {"refresh_token": {}}}, operationId="refresh")},
        "/logout": {"post": _operation(version, None, security=[{"a": []}])},
        "/me": {"get": _operation(version, whose, security=[{"a": []}], tags=["auth"])},
        "/items": {
            "get": _operation(version, {"type": "array", "items": one}, parameters=[number], tags=["Items"]),
            "post": _operation(version, item, item, security=[{"a": []}], tags=["Items"], status="201"),
        },
        "/items/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": _operation(version, item, security=[{"a": []}]),
            "put": _operation(version, item, item, security=[{"a": []}]),
            "delete": _operation(version, None, security=[{"a": []}], status="204"),
        },
        "/sum": {"post": _operation(version, whose, item, safe=True)},
        "/admin": {"get": _operation(version, item, security=[{"b": ["admin"]}], operationId="admin")},
        "/key": {"get": _operation(version, item, security=[{"c": []}])},
        "/health": {"get": _operation(version, {"properties": {"build": {"type": "string"}}})},
    }
    old: dict[str, Any] = {
        "securityDefinitions": {"a": {"type": "oauth2"}, "b": {"type": "basic"}, "c": KEY},
        "definitions": {"A": item},
    }
    schemes = {"a": {"type": "http", "scheme": "bearer"}, "b": {"type": "http", "scheme": "basic"}, "c": KEY}
    new: dict[str, Any] = {"security": [{"a": [], "b": ["admin"]}], "servers": [{"url": "https://api.example.com/v1"}]}
    return {
        "swagger" if version == "2.0" else "openapi": version, "info": {"title": "A title"}, "paths": paths,
        "x-thresholds": {"max_latency_ms": 200, "min_throughput_rps": 80, "max_error_ratio": 0.01},
        "components": {"schemas": {"A": item}, "securitySchemes": schemes}, **(old if version == "2.0" else new),
    }  # fmt: skip


KEY = {"type": "apiKey", "in": "header", "name": "X-Key"}


def _operation(
    version: str, answer: Any, body: Any = None, status: str = "200", *, safe: bool = False, **more: Any
) -> dict[str, Any]:
    """An operation in the words of the dialect."""
    told: dict[str, Any] = {"description": "d"}
    sent: dict[str, Any]
    if version == "2.0":
        told |= {"schema": answer} if answer is not None else {}
        sent = {"parameters": [{"name": "body", "in": "body", "schema": body}]} if body is not None else {}
    else:
        told |= {"content": {"application/json": {"schema": answer}}} if answer is not None else {}
        sent = {"requestBody": {"content": {"application/json": {"schema": body}}}} if body is not None else {}
    more = {"security": [], **more, **({"x-safe": True} if safe else {})}
    return {"responses": {status: told, "404": {"description": "d"}}, **sent, **more}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place below the top."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(part, (*path, key))


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A healthy document with up to six places replaced, removed, or called something else."""
    document: dict[str, Any] = json.loads(json.dumps(healthy(draw(st.sampled_from(("2.0", "3.0.3", "3.1.0"))))))
    for _ in range(draw(st.integers(0, 6))):
        *above, last = draw(
            st.sampled_from([place for place in places(document) if place[0] not in {"swagger", "openapi"}])
        )
        parent: Any = document
        for step in above:
            parent = parent[step]
        how = draw(st.sampled_from(("replace", "remove", "rename")))
        old = parent.pop(last)
        if how == "replace":
            drawn = json.loads(json.dumps(draw(BROKEN)))  # a value of its own: a shared one would make a circle
            parent.insert(last, drawn) if isinstance(parent, list) else parent.update({last: drawn})
        elif how == "rename" and isinstance(parent, dict):
            parent[draw(NAMES)] = old
    return json.dumps(document).encode()


BROKEN = st.one_of(
    JSON, REFERENCES.map(lambda reference: {"$ref": reference}), st.just({"type": "object", "required": ["a"]})
)
NAMES = st.one_of(
    WORDS,
    st.sampled_from(
        (
            "/",
            "/a reset",
            "/{a}{b}",
            "/\u00e9",
            "/x?y",
            "get",
            "post",
            "302",
            "101",
            "text/event-stream",
            "multipart/form-data",
            "Authorization",
            "allOf",
            "oneOf",
            "examples",
            "format",
            "exclusiveMinimum",
            "tester",
        )
    ),
)


@pytest.mark.parametrize("version", ["2.0", "3.0.3", "3.1.0"])
def test_a_healthy_document_gives_everything_that_it_says(version: str) -> None:
    """Session, identities, a resource's whole life, safe computations, load and thresholds come out of each dialect."""
    made = finish(
        read(json.dumps(healthy(version)).encode()), Source("x", "http://127.0.0.1:1", None, None), today=TODAY
    )
    profile, prefix = made.loaded.profile, "" if version == "2.0" else "/v1"
    assert profile.session is not None
    assert profile.session.refresh is not None
    assert profile.session.logout is not None
    [creating] = [operation for _, _, operation in profile.all_operations() if operation.creates]
    assert (creating.id_from, creating.marker_field, creating.read_back) == (
        "$.id",
        "$.name",
        f"GET {prefix}/items/{{id}}",
    )
    assert {operation.path for _, _, operation in profile.all_operations() if operation.safe} == {f"{prefix}/sum"}
    assert {identity.role for identity in profile.identities.values()} == {"user", "admin"}
    assert profile.load["steady"].rate_rps == 80
    assert any("are writes welcome there?" in line for line in made.draft.to_do)
    assert profile.thresholds.max_latency_ms == 200


@settings(max_examples=150, deadline=None)
@given(documents(), st.sampled_from((None, "http://127.0.0.1:8000", "https://api.example.com/v1")), st.booleans())
def test_any_document_gives_a_valid_profile(document: bytes, base_url: str | None, found: bool) -> None:
    """Never a crash, never a text that the reader refuses; a promised profile reads back with its operations."""
    routes = Routes("/health", "/metrics") if found else None
    try:
        description = read(document)
    except NotADescription:
        return
    made = finish(description, Source("x\n- y", base_url, None, routes), today=TODAY)
    assert made.loaded.profile.version == 1
    assert len(made.draft.text.encode()) < 1024 * 1024
    assert "/etc/passwd" not in made.loaded.profile.model_dump_json()


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_a_value_that_is_written_is_read_as_the_same(value: Any) -> None:
    """What a profile can hold comes back equal and of the same types; everything else is refused by name."""
    try:
        allowed = from_document(value)
    except NotWritable:
        return
    read_back = read_document(f"value: {flow(allowed)}  # {comment(str(value))}\n".encode(), "x.yaml")
    assert read_back.complaints == []
    assert json.dumps(read_back.value["value"]) == json.dumps(value)


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.none(), st.integers(100, 599)), st.text(max_size=10), st.booleans())
def test_what_just_came_back_never_makes_an_entry_invalid(status: int | None, media_type: str, anything: bool) -> None:
    """An operation that answered anything at all is declared or left with a reason, and the profile is valid."""
    document = {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": {"content": {"text/html": {}}}}}}}}
    description = read(json.dumps(document).encode())
    answer = Answered(status, media_type, 0.1, anything)
    made = finish(
        description,
        Source("x", "http://127.0.0.1:1", None, None),
        today=TODAY,
        seen=lambda entry: with_answer(entry, answer),
    )
    assert len(made.loaded.profile.all_operations()) == ("answered" in made.draft.text.partition("Not declared")[0])
