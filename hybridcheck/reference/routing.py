"""Routes: one record per operation, from which requests are matched and the OpenAPI document is written."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hybridcheck.reference.schema_check import Schema, require_supported
from hybridcheck.reference.web import Answer, Problem, Request, Streamed

Handler = Callable[[Request], Awaitable[Answer | Streamed]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query or header parameter; its value is validated and, for integers, converted."""

    name: str
    schema: Schema
    description: str
    where: str = "query"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: how to reach it, who may call it, what goes in and what comes out."""

    method: str
    path: str
    handler: Handler
    operation: str
    summary: str
    tag: str
    answers: Mapping[int, str | None]  # status → component schema, None for no body
    access: str = "user"  # "public", "user", "admin"
    body: str | None = None  # component schema of the JSON body
    parameters: tuple[Parameter, ...] = ()
    content_type: str = "application/json"
    shared_cache: bool = False  # public and the same for everyone
    safe: bool = False  # a POST that changes nothing
    binary: bool = False  # takes bytes as they are

    @property
    def label(self) -> str:
        """The name of the operation in metrics."""
        return f"{self.method} {self.path}"


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route], schemas: Mapping[str, Schema]) -> None:
        """Request schemas with keywords that nothing enforces are refused."""
        self.routes = tuple(routes)
        self._fixed: dict[str, dict[str, Route]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Route]]] = {}
        for route in self.routes:
            if route.body is not None:
                require_supported(schemas[route.body])
            self._add(route)

    def _add(self, route: Route) -> None:
        if "{" not in route.path:
            self._fixed.setdefault(route.path, {})[route.method] = route
            return
        pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route.path)) + r"\Z")
        self._patterns.setdefault(route.path, (pattern, {}))[1][route.method] = route

    def methods_at(self, path: str) -> tuple[dict[str, Route], dict[str, str]] | None:
        """The routes of a path by method, with the path's values; None where nothing lives there."""
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, {}
        for pattern, routes in self._patterns.values():
            match = pattern.match(path)
            if match:
                return routes, match.groupdict()
        return None


def allowed_methods(routes: Mapping[str, Route]) -> str:
    """The value of `Allow` for a path."""
    methods = set(routes) | {"OPTIONS"} | ({"HEAD"} if "GET" in routes else set())
    return ", ".join(sorted(methods))


def integer_parameter(request_values: Mapping[str, str], parameter: Parameter) -> int:
    """An integer query parameter within its declared range, its default when absent; 422 otherwise."""
    schema: dict[str, Any] = parameter.schema
    text = request_values.get(parameter.name)
    if text is None:
        return int(schema["default"])
    if re.fullmatch(r"-?[0-9]{1,9}", text, re.ASCII) and schema["minimum"] <= int(text) <= schema["maximum"]:
        return int(text)
    raise Problem(422, f"{parameter.name}: integer from {schema['minimum']} to {schema['maximum']} expected")
