"""A value that fits a schema: the document's own example first, else the plainest within its bounds."""

from typing import Any

import pytest

from hybridcheck.openapi.samples import NoSample, sample

ROOT = {"components": {"schemas": {
    "Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "tag": {"type": "string"}}},
    "Loop": {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Loop"}}},
    "Itself": {"$ref": "#/components/schemas/Itself"},
}}}  # fmt: skip


@pytest.mark.parametrize(
    "schema,value,given",
    [
        ({"type": "string", "example": "red", "default": "blue"}, "red", True),
        ({"type": "string", "default": "blue"}, "blue", True),
        ({"examples": [3, 4]}, 3, True),
        ({"enum": ["a", "b"]}, "a", True),
        ({"const": 7}, 7, True),
        ({"$ref": "#/components/schemas/Pet"}, {"name": "text"}, False),
        ({"allOf": [{"$ref": "#/components/schemas/Pet"}, {"required": ["tag"]}]}, {"name": "text", "tag": "text"}, False),
        ({"oneOf": [{"type": "null"}, {"type": "integer"}]}, 1, False),
        ({"anyOf": [{"$ref": "#/components/schemas/Loop"}, {"type": "boolean"}]}, True, False),
        ({"type": ["null", "number"], "minimum": 2.5}, 2.5, False),
        ({"type": "integer", "exclusiveMinimum": 4, "multipleOf": 5}, 5, False),
        ({"type": "integer", "minimum": 4, "exclusiveMinimum": True}, 5, False),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5, False),
        ({"type": "integer", "maximum": -3}, -3, False),
        ({"type": "int"}, 1, False),
        ({"type": "string", "minLength": 6}, "textte", False),
        ({"type": "string", "maxLength": 2}, "te", False),
        ({"type": "string", "format": "date"}, "2026-01-01", False),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1], False),
        ({"type": "array", "maxItems": 0}, [], True),
        ({"type": "object"}, {}, True),
        (True, "text", False),
    ],
)  # fmt: skip
def test_samples_fit_and_say_whether_they_were_made_up(schema: Any, value: Any, given: bool) -> None:
    """The value, and whether every part of it stands in the document."""
    made = sample(ROOT, schema)
    assert (made.value, made.given) == (value, given)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/components/schemas/Loop"},
        {"$ref": "#/components/schemas/Itself"},
        {"$ref": "https://elsewhere.test/pet.json"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 10_000},
        {"type": "string", "minLength": 100_000},
        {"oneOf": [{"type": "null"}]},
        7,
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_within_bounds(schema: Any) -> None:
    """Cycles, references out of the document and huge values have no sample."""
    with pytest.raises(NoSample):
        sample(ROOT, schema)


def test_a_wide_schema_is_bounded() -> None:
    """A schema that branches without an end stops after a number of parts."""
    wide = {"type": "object", "required": [f"p{n}" for n in range(1000)]}
    with pytest.raises(NoSample, match="too deep"):
        sample(ROOT, wide)
