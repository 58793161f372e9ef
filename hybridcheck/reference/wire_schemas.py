"""The JSON Schemas of the routes that show how messages travel."""

from collections.abc import Mapping

from hybridcheck.reference.schema_check import Schema

MOST_BYTES = 4 * 1024 * 1024

SCHEMAS: Mapping[str, Schema] = {
    "BlobSize": {
        "type": "object",
        "properties": {"bytes": {"type": "integer", "minimum": 1, "maximum": MOST_BYTES}},
        "required": ["bytes"],
        "additionalProperties": False,
    },
    "Queried": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    "Blob": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    "PageWanted": {
        "type": "object",
        "properties": {"offset": {"type": "integer"}, "limit": {"type": "integer"}},
        "required": ["offset", "limit"],
        "additionalProperties": False,
    },
    "Page": {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"type": "object"}}, "total": {"type": "integer"}},
        "required": ["items", "total"],
    },
}
