"""Reading OpenAPI documents: dialects, references, and documents that were made to hurt."""

import json
from typing import Any

import pytest

from hybridcheck.openapi.document import BadReference, NotADescription, read, resolve, target_of

OK = {"200": {"description": "ok", "content": {"application/json; charset=utf-8": {"schema": {"type": "object"}}}}}


def document(**changes: Any) -> bytes:
    """A small document."""
    paths = {"/pets": {"get": {"responses": OK}}, "/pets/{id}": {"get": {"responses": OK}}}
    return json.dumps({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths, **changes}).encode()


def test_operations_of_a_document_are_read() -> None:
    """Paths, methods, statuses and media types come out, media types without their parameters."""
    found = read(document()).find("get", "/pets")
    assert found is not None
    assert (found.path, found.method) == ("/pets", "GET")
    assert found.answers[0].media_types == {"application/json": {"type": "object"}}


def test_a_template_fits_one_segment_and_fixed_paths_come_first() -> None:
    """`/pets/{id}` takes `/pets/7`, not `/pets/7/toys`; `/pets/mine` goes before it."""
    description = read(document(paths={"/pets/{id}": {"get": {"responses": OK}}, "/pets/mine": {"get": {}}}))
    assert [
        getattr(description.find("GET", path), "path", None) for path in ("/pets/7", "/pets/mine", "/pets/7/x")
    ] == [
        "/pets/{id}",
        "/pets/mine",
        None,
    ]


def test_the_servers_path_stands_before_every_path() -> None:
    """Servers (3.x) and basePath (2.0) are prefixes."""
    assert read(document(servers=[{"url": "https://x.test/v1/"}])).operations[0].path == "/v1/pets"
    swagger = {"swagger": "2.0", "basePath": "/v2", "paths": {"/a": {"get": {"responses": {"200": {"schema": {}}}}}}}
    found = read(json.dumps(swagger).encode())
    assert (found.dialect, found.operations[0].path) == ("2.0", "/v2/a")
    assert found.operations[0].answers[0].media_types == {"application/json": {}}


def test_the_answer_of_a_status_is_the_most_exact_one() -> None:
    """A status goes before its class, the class before `default`."""
    responses: dict[str, Any] = {"200": {}, "4XX": {}, "default": {}}
    operation = read(document(paths={"/a": {"get": {"responses": responses}}})).operations[0]
    assert [getattr(operation.answer(status), "status", None) for status in (200, 404, 500)] == [
        "200",
        "4XX",
        "default",
    ]


def test_yaml_is_read_with_numbers_as_statuses() -> None:
    """`200:` is a number in YAML and a status all the same."""
    text = b"openapi: 3.0.3\npaths:\n  /a:\n    get:\n      responses:\n        200: {description: ok}\n"
    description = read(text)
    assert (description.dialect, description.operations[0].answers[0].status) == ("3.0", "200")


def test_references_that_lead_nowhere_are_faults() -> None:
    """A dangling response, one out of the document and one in circles are each named; the rest is read."""
    components = {"responses": {"A": {"$ref": "#/components/responses/A"}}}
    responses = {
        "200": {"$ref": "#/components/responses/Missing"},
        "201": {"$ref": "http://other.test/x.json"},
        "202": {"$ref": "#/components/responses/A"},
        "204": {"description": "fine"},
    }
    description = read(document(paths={"/a": {"get": {"responses": responses}}}, components=components))
    assert len(description.faults) == 3
    assert [answer.status for answer in description.operations[0].answers] == ["204"]


def test_pointers_are_unescaped() -> None:
    """`~1` is a slash, `~0` a tilde, `%20` a blank."""
    root = {"a/b": {"c~d": {"e f": [1, 2]}}}
    assert target_of(root, "#/a~1b/c~0d/e%20f/1") == 2
    with pytest.raises(BadReference):
        target_of(root, "#/a~1b/x")
    with pytest.raises(BadReference):
        resolve(root, {"$ref": "other.json#/a"})


BOMB = "\n".join(
    [
        "openapi: 3.0.0",
        "a: &a [x, x]",
        *(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]" for i in range(20)),
    ]
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"<html>log in</html>",
        b"[]",
        b"{}",
        b'{"openapi": "3.1.0", "paths": []}',
        b'{"openapi": "9", "paths": {}}',
        b"[" * 100_000,
        b'{"openapi":"3.1.0","paths":{},"x":' + b"[" * 500 + b"]" * 500 + b"}",
        b"- " * 5_000,
        BOMB.encode(),
        b'{"a":"' + b"x" * 5_000_000 + b'"}',
    ],
    ids=lambda content: repr(content[:20]),
)
def test_what_is_no_document_is_refused(content: bytes) -> None:
    """Garbage, pages, bombs and abysses end in one named error."""
    with pytest.raises(NotADescription):
        read(content)
