"""The OpenAPI 3.1 document, written from the same routes that answer requests."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hybridcheck.reference.routing import Parameter, Route
from hybridcheck.reference.schema_check import Schema

_REASONS = {
    101: "The connection is a WebSocket now",
    200: "Done",
    201: "Created",
    202: "Taken up, and not done yet",
    204: "Done, nothing to say",
    400: "Not a JSON document",
    401: "No valid credentials",
    403: "Not allowed for this caller",
    404: "Not there",
    406: "The client accepts no type that is offered",
    409: "In conflict with an earlier request",
    412: "Changed meanwhile",
    413: "The body is too large",
    415: "The body is not application/json",
    422: "Well-formed, but not as declared",
    426: "Only as a WebSocket",
    429: "Too many attempts",
    502: "The native service failed",
    503: "Not available now",
    504: "The native service did not answer in time",
}


_SECURITY: Mapping[str, list[dict[str, list[str]]]] = {
    "public": [],
    "user": [{"bearer": []}],
    "admin": [{"bearer": ["admin"]}],  # OpenAPI 3.1: role names that are needed, for schemes without scopes
}

_PATH_VALUES: Mapping[str, Schema] = {"dashboard_id": {"type": "string", "examples": ["overview"]}}
"""Path parameters whose values exist in every reference system."""

_THRESHOLDS = {"max_latency_ms": 200, "max_error_ratio": 0.01, "max_recovery_s": 10}
"""What the system promises under load, as its profile says too."""


def openapi_document(
    title: str, routes: Iterable[Route], schemas: Mapping[str, Schema], body_limit_bytes: int
) -> dict[str, Any]:
    """Every route with its parameters, bodies, statuses and security."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for path, item in paths.items():
        names = re.findall(r"\{(\w+)\}", path)
        if names:
            item["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": _PATH_VALUES.get(name, {"type": "string"})}
                for name in names
            ]
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": f"Bodies may have at most {body_limit_bytes} bytes."},
        "x-thresholds": dict(_THRESHOLDS),
        "paths": paths,
        "components": {
            "schemas": dict(schemas),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def declared_statuses(route: Route) -> dict[int, str | None]:
    """All statuses that an operation can answer with, and the schema of each."""
    statuses = dict(route.answers)
    statuses.setdefault(406, "Problem")
    if route.body is not None:
        statuses |= dict.fromkeys((400, 413, 415, 422), "Problem")
    if route.access != "public":
        statuses.setdefault(401, "Problem")
    if route.access == "admin":
        statuses.setdefault(403, "Problem")
    return dict(sorted(statuses.items()))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.tag],
        "security": _SECURITY[route.access],
        "responses": {
            str(status): _answer(route, status, schema) for status, schema in declared_statuses(route).items()
        },
    }
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    if route.body is not None:
        schema = {"$ref": f"#/components/schemas/{route.body}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.binary:
        operation["requestBody"] = {"required": True, "content": {route.content_type: {"schema": {"type": "string"}}}}
    if route.access == "admin":
        operation["description"] = "For the role admin."
    if route.safe:
        operation["x-safe"] = True
    return operation


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": False,
        "schema": parameter.schema,
        "description": parameter.description,
    }


def _answer(route: Route, status: int, schema: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _REASONS[status]}
    if schema is not None:
        media_type = "application/problem+json" if schema == "Problem" else route.content_type
        answer["content"] = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return answer
