"""What a request looks like, in Swagger 2.0 and in OpenAPI 3.x."""

import json
from typing import Any

from hybridcheck.openapi.document import read
from hybridcheck.openapi.requests import Need, Offered, Scheme, offered, schemes


def only(operation: dict[str, Any], *, path: str = "/x", **root: Any) -> Offered:
    """The one operation of a document."""
    version = {} if "swagger" in root else {"openapi": "3.0.1"}
    item = {"post": {"responses": {}, **operation}, **root.pop("item", {})}
    return next(offered(read(json.dumps({**version, "paths": {path: item}, **root}).encode())))


def test_parameters_of_the_operation_replace_those_of_the_path() -> None:
    """By name and place; a path parameter is always needed, an example of the parameter stands in its schema."""
    shared = [{"name": "a", "in": "query", "schema": {"type": "integer"}}, {"name": "id", "in": "path", "schema": {}}]
    own = [{"name": "a", "in": "query", "required": True, "schema": {"type": "string"}, "example": "z"}]
    found = {part.name: part for part in only({"parameters": own}, item={"parameters": shared}).parameters}
    assert (found["a"].required, found["a"].schema) == (True, {"type": "string", "example": "z"})
    assert found["id"].required


def test_a_body_of_swagger_2_is_a_parameter() -> None:
    """`in: body` with `consumes`, or a form of its fields."""
    body = [{"name": "b", "in": "body", "schema": {"type": "object"}}]
    sent = only({"parameters": body, "consumes": ["application/xml", "application/json"]}, swagger="2.0").body
    assert sent is not None
    assert (sent.media_type, sent.schema) == ("application/json", {"type": "object"})
    form = only(
        {"parameters": [{"name": "f", "in": "formData", "type": "string", "required": True}]}, swagger="2.0"
    ).body
    assert form is not None
    assert (form.media_type, form.schema["required"]) == ("application/x-www-form-urlencoded", ["f"])


def test_a_body_of_openapi_3_prefers_json_and_takes_the_example_of_its_media_type() -> None:
    """Also a named one under `examples`."""
    content = {
        "text/xml": {},
        "application/json": {"schema": {"type": "object"}, "examples": {"e": {"value": {"a": 1}}}},
    }
    sent = only({"requestBody": {"content": content}}).body
    assert sent is not None
    assert (sent.media_type, sent.schema["example"]) == ("application/json", {"a": 1})


def test_security_is_the_operations_own_else_the_documents() -> None:
    """An empty list, or an empty alternative, opens it to all; roles come with their scheme."""
    assert only({}, security=[{"a": ["r"]}]).needs == (Need("a", ("r",)),)
    assert only({"security": []}, security=[{"a": []}]).needs == ()
    assert only({"security": [{"a": []}, {}]}).needs == ()


def test_schemes_of_both_dialects_are_told_apart() -> None:
    """Bearer, Basic, a key in a header; a key in the query cannot be declared in a profile."""
    components = {"securitySchemes": {
        "a": {"type": "http", "scheme": "Bearer"}, "b": {"type": "http", "scheme": "basic"}, "c": {"type": "openIdConnect"},
        "d": {"type": "apiKey", "in": "header", "name": "X-Key"}, "e": {"type": "apiKey", "in": "query", "name": "k"},
    }}  # fmt: skip
    new = schemes(read(json.dumps({"openapi": "3.1.0", "paths": {}, "components": components}).encode()))
    assert [scheme.kind for scheme in new.values()] == ["bearer", "basic", "bearer", "key", "other"]
    assert new["d"] == Scheme("key", "X-Key")
    old = schemes(
        read(json.dumps({"swagger": "2.0", "paths": {}, "securityDefinitions": {"b": {"type": "basic"}}}).encode())
    )
    assert old == {"b": Scheme("basic")}
