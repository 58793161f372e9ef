"""Validation of a JSON value against the few JSON Schema keywords that the reference system uses.

Small on purpose: it keeps start-up short, and 10,000 numbers are checked in about a millisecond. A keyword that it does
not know is an error, so a schema cannot promise what is not enforced.
"""

import math
import re
from typing import Any

Schema = dict[str, Any]

_ANNOTATIONS = {"description", "title", "examples", "default", "format"}
_KEYWORDS = _ANNOTATIONS | {
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
}


class UnsupportedKeywordError(ValueError):
    """A request schema uses a keyword that nothing here enforces."""


def require_supported(schema: Schema) -> None:
    """Raise `UnsupportedKeywordError` if the schema promises more than `violation` checks."""
    unknown = schema.keys() - _KEYWORDS
    if unknown:
        raise UnsupportedKeywordError(f"unsupported keywords: {sorted(unknown)}")
    for child in schema.get("properties", {}).values():
        require_supported(child)
    if "items" in schema:
        require_supported(schema["items"])


def violation(value: Any, schema: Schema, where: str = "$") -> str | None:
    """The first way in which the value breaks the schema, in words, or None."""
    kind = schema.get("type")
    if kind is not None and not _has_type(value, kind):
        return f"{where}: {kind} expected"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where}: one of {', '.join(map(str, schema['enum']))} expected"
    if isinstance(value, str):
        return _text_violation(value, schema, where)
    if isinstance(value, dict):
        return _object_violation(value, schema, where)
    if isinstance(value, list):
        return _array_violation(value, schema, where)
    if type(value) in (int, float):
        return _number_violation(value, schema, where)
    return None


def _has_type(value: Any, kind: str) -> bool:
    if kind == "number":
        return type(value) in (int, float)
    if kind == "integer":
        return type(value) is int or (type(value) is float and value.is_integer())
    return isinstance(value, {"string": str, "object": dict, "array": list, "boolean": bool, "null": type(None)}[kind])


def _text_violation(value: str, schema: Schema, where: str) -> str | None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return f"{where}: {schema.get('minLength', 0)} to {schema.get('maxLength', 'any')} characters expected"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"{where}: text of the form {schema['pattern']} expected"
    return None


def _number_violation(value: float, schema: Schema, where: str) -> str | None:
    if value in (math.inf, -math.inf):
        return f"{where}: the number is out of range"
    if "minimum" in schema and value < schema["minimum"]:
        return f"{where}: at least {schema['minimum']} expected"
    if "maximum" in schema and value > schema["maximum"]:
        return f"{where}: at most {schema['maximum']} expected"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        return f"{where}: more than {schema['exclusiveMinimum']} expected"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        return f"{where}: less than {schema['exclusiveMaximum']} expected"
    return None


def _array_violation(value: list[Any], schema: Schema, where: str) -> str | None:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return f"{where}: {schema.get('minItems', 0)} to {schema.get('maxItems', 'any')} items expected"
    items = schema.get("items")
    if items is None:
        return None
    if items == {"type": "number"}:  # the common case, worth a short way
        for index, item in enumerate(value):
            if type(item) is int or (type(item) is float and math.isfinite(item)):
                continue
            return f"{where}[{index}]: finite number expected"
        return None
    for index, item in enumerate(value):
        found = violation(item, items, f"{where}[{index}]")
        if found is not None:
            return found
    return None


def _object_violation(value: dict[str, Any], schema: Schema, where: str) -> str | None:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f"{where}.{name}: missing"
    if schema.get("additionalProperties") is False:
        for name in value:
            if name not in properties:
                return f"{where}: an unknown member"
    for name, child in properties.items():
        if name in value:
            found = violation(value[name], child, f"{where}.{name}")
            if found is not None:
                return found
    return None
