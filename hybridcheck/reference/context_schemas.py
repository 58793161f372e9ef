"""JSON Schemas of the routes that show what crosses the boundary: time, cancellation, headers, errors, effects."""

from hybridcheck.reference.schema_check import Schema

_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}

KINDS = ("none", "refuse", "error", "hang")


def _object(required: list[str], *, closed: bool = False, **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "required": required}
    return found | ({"additionalProperties": False} if closed else {})


CONTEXT_SCHEMAS: dict[str, Schema] = {
    "Duration": _object(["ms"], closed=True, ms={"type": "integer", "minimum": 0, "maximum": 5000}),
    "Waited": _object(["ms"], ms=_COUNT),
    "Carried": _object(["headers"], headers={"type": "object"}),
    "Doings": _object(["in_flight", "failures", "orders"], in_flight=_COUNT, failures=_COUNT, orders=_COUNT),
    "Failing": _object(["kind"], closed=True, kind={"type": "string", "enum": list(KINDS)}),
    "Failed": _object(["kind"], kind={"type": "string"}),
    "Numbers": _object(
        ["values"], closed=True, values={"type": "array", "items": _NUMBER, "minItems": 1, "maxItems": 1000}
    ),
    "Total": _object(["total", "degraded"], total=_NUMBER, degraded={"type": "boolean"}),
    "OrderContent": _object(["amount"], closed=True, amount={"type": "integer", "minimum": 1, "maximum": 1_000_000}),
    "Order": _object(["id", "amount"], id={"type": "string"}, amount=_COUNT),
}
