"""Bodies against schemas of OpenAPI documents: dialects, cycles, and schemas that were made to hurt."""

import json
from typing import Any

import pytest

from hybridcheck.cases import Json
from hybridcheck.openapi.document import Description, read
from hybridcheck.openapi.schemas import NotUsable, schema_complaint

PET = {"$ref": "#/components/schemas/Pet"}


def described(schemas: dict[str, Any], version: str = "3.1.0") -> Description:
    """A document with these component schemas."""
    return read(json.dumps({"openapi": version, "paths": {}, "components": {"schemas": schemas}}).encode())


def test_a_body_is_held_against_a_referenced_schema() -> None:
    """References are followed within the document, from wherever they stand."""
    tag = {"type": "object", "required": ["name"]}
    pet = {"type": "object", "properties": {"id": {"type": "integer"}, "tag": {"$ref": "#/components/schemas/Tag"}}}
    description = described({"Pet": pet, "Tag": tag})
    assert schema_complaint(description, PET, {"id": 1, "tag": {"name": "x"}}) is None
    assert "$.id" in (schema_complaint(description, PET, {"id": "1"}) or "")
    assert "'name' is a required property" in (schema_complaint(description, PET, {"tag": {}}) or "")


def test_a_schema_may_contain_itself() -> None:
    """A tree of a type is judged to its leaves."""
    description = described({"Pet": {"type": "object", "properties": {"child": PET, "n": {"type": "integer"}}}})
    assert schema_complaint(description, PET, {"child": {"child": {"n": 1}}}) is None
    assert schema_complaint(description, PET, {"child": {"child": {"n": "1"}}})


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "nullable": True}, None, 1),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, 1, 0),
        ({"allOf": [{"type": "object"}], "nullable": True}, None, 1),
    ],
)
def test_words_of_3_0_are_understood(schema: Json, good: Json, bad: Json) -> None:
    """`nullable` admits null, boolean bounds exclude."""
    description = described({}, "3.0.3")
    assert schema_complaint(description, schema, good) is None
    assert schema_complaint(description, schema, bad) is not None


def test_3_1_has_its_own_null() -> None:
    """`nullable` means nothing in 3.1."""
    assert schema_complaint(described({}), {"type": "string", "nullable": True}, None) is not None
    assert schema_complaint(described({}), {"type": ["string", "null"]}, None) is None


def test_patterns_are_left_out() -> None:
    """A pattern that would run for years is not run, and what it decides is not judged."""
    evil = {"type": "string", "pattern": "^(a+)+$"}
    assert schema_complaint(described({}), evil, "a" * 60 + "!") is None
    closed = {"patternProperties": {"^x": {}}, "additionalProperties": False}
    assert schema_complaint(described({}), closed, {"y": 1}) is None


def test_properties_may_be_named_like_keywords() -> None:
    """A property called `id`, `pattern` or `default` is a property."""
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "pattern": {"type": "integer"}}}
    assert schema_complaint(described({}), schema, {"id": "x"})
    assert schema_complaint(described({}), schema, {"pattern": "x"})


LAYERS = {f"L{i}": {"allOf": [{"$ref": f"#/components/schemas/L{i + 1}"}] * 2} for i in range(60)}


@pytest.mark.parametrize(
    ("schemas", "schema"),
    [
        ({"Pet": PET}, PET),
        ({"Pet": {"allOf": [PET]}}, PET),
        ({**LAYERS, "L60": {}}, {"$ref": "#/components/schemas/L0"}),
        ({}, {"$ref": "http://other.test/schema.json"}),
        ({}, {"$ref": "file:///etc/passwd"}),
        ({}, PET),
        ({}, {"type": "strin"}),
        ({}, {"required": 5}),
        ({}, "Pet"),
    ],
    ids=["itself", "its-own-part", "doubling", "elsewhere", "file", "missing", "unknown-type", "broken", "text"],
)
def test_unusable_schemas_are_named(schemas: dict[str, Any], schema: Json) -> None:
    """Endless, foreign and broken schemas end in one named error; nothing is fetched."""
    with pytest.raises(NotUsable):
        schema_complaint(described(schemas), schema, {"a": 1})
