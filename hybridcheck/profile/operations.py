"""Declared operations and streams, and the short forms in which a profile may write them.

`GET /books` is the operation {id: "GET /books", method: GET, path: /books}; `GET /status/204 -> 204` also declares the
expected status. References to health and readiness take the same short form without a method.
"""

import re
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator

from hybridcheck.cases import Frozen, Json
from hybridcheck.profile.parts import Headers

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods of the read class; any other needs `safe: true` or a wider class."""

SHORT = re.compile(r"^(?:(?P<method>[A-Z]+)\s+)?(?P<path>/\S*?)(?:\s*->\s*(?P<status>\d{3}))?$")


PART = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, coerce_numbers_to_str=True)
"""Keys in any of their names, unknown keys refused; `query: {page: 1}` is text as it is sent."""


class Expect(Frozen):
    """What an operation answers: statuses, media type, headers, a text in the body, its JSON Schema, values at paths."""

    status: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(min_length=1)] = (200,)
    content_type: str | None = None
    json_schema: Json | None = Field(default=None, alias="schema")
    contains: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    values: dict[str, Json] = Field(default_factory=dict)
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    headers: dict[str, str] = Field(default_factory=dict)

    model_config = PART

    @field_validator("status")
    @classmethod
    def _final(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        interim = next((status for status in value if status < 200), None)
        if interim is not None:
            raise ValueError(f"{interim} is no final answer to a request: expect what comes after it, 200 to 599")
        return value

    @model_validator(mode="before")
    @classmethod
    def _status_alone(cls, data: Any) -> Any:
        if isinstance(data, int):
            return {"status": (data,)}
        if isinstance(data, dict) and isinstance(data.get("status"), int):
            return {**data, "status": (data["status"],)}
        return data


class Example(Frozen):
    """A known question and its answer: what to send and what must come back (values at paths into the JSON body)."""

    model_config = PART

    name: str = ""
    body: Json = None
    query: dict[str, str] = Field(default_factory=dict)
    expect: dict[str, Json]
    tolerance: Annotated[float, Field(ge=0)] = 0.0


class Refusal(Frozen):
    """A well-formed request that makes no sense, and the status that refuses it."""

    model_config = PART

    name: str = ""
    body: Json = None
    query: dict[str, str] = Field(default_factory=dict)
    status: Annotated[int, Field(ge=400, le=499)] = 422


class DataSpec(Frozen):
    """What data an answer shows: a list of points, a stamp (ISO 8601 or Unix seconds), and how old it may be."""

    points: str | None = None
    at: str | None = None
    max_age_s: Annotated[float, Field(gt=0)] | None = None


class Operation(Frozen):
    """A promise of the API: how to send it, who may, and what it answers.

    `path` may contain `{name}` parts that `params` fills. `auth`: who may call it ("none", "required", "optional").
    `identity` is who calls it in the positive control. `denied` are the statuses that count as a refusal. `roles`
    limits it to identities of these roles. `safe` lets a POST run in the read class. `private` marks answers that
    belong to the caller. `deterministic`: equal requests give equal answers. `twin` is the id of an operation that
    computes the same in another runtime. `limit` names the query parameter that pages. `create`/`delete` bind the
    resource that checks of the write class make and remove. `tags` are words that limits of a load phase may name.
    """

    model_config = PART

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Annotated[str, StringConstraints(pattern=r"^/", max_length=2000)]
    params: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)
    headers: Headers = Field(default_factory=dict)
    body: Json = None
    auth: Literal["none", "required", "optional"] = "none"
    identity: str | None = None
    roles: tuple[str, ...] = ()
    denied: tuple[int, ...] = (401, 403, 404, 302)
    safe: bool = False
    private: bool = False
    deterministic: bool = False
    visibility: Literal["public", "owner", "tenant"] = "public"
    expect: Expect = Expect()
    examples: tuple[Example, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    twin: str | None = None
    data: DataSpec | None = None
    creates: bool = False
    id_from: str | None = None
    read_back: str | None = None
    cleanup: str | None = None
    update: str | None = None
    tags: tuple[str, ...] = ()
    marker_field: str | None = None
    idempotency_header: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        short = data.get("request") if isinstance(data, dict) else data
        if isinstance(short, str) or (isinstance(data, dict) and "request" in data):
            raise ValueError(f"'{str(short)[:80]}' is not of the form 'GET /path' or 'GET /path -> 200'")
        return data

    @property
    def reads(self) -> bool:
        """Whether the read class may send it."""
        return self.method in READING_METHODS or self.safe

    def url_path(self) -> str:
        """The path with its parameters filled in; unfilled ones stay as `{name}`."""
        filled = self.path
        for name, value in self.params.items():
            filled = filled.replace("{" + name + "}", value)
        return filled

    @property
    def sendable(self) -> bool:
        """Whether every part of the path is filled in."""
        return "{" not in self.url_path()


class Reference(Frozen):
    """A path that answers one status: health and readiness (`/healthz` or `/healthz -> 204`).

    `needs` names the services without which the readiness says that the target is not ready.
    """

    path: Annotated[str, StringConstraints(pattern=r"^/")]
    status: int = 200
    needs: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        match = SHORT.match(data) if isinstance(data, str) else None
        if match is None:
            return data
        return {"path": match["path"], "status": int(match["status"] or 200)}


class StreamSpec(Frozen):
    """A stream: where it is, who may read it, and what its events carry (paths into their JSON data).

    `sequence` counts up by one; `sent_at` is the target's clock (Unix seconds, ISO 8601); `total` events end the stream cleanly;
    `end_event` is the name of the event that says so, and is none of them. `holds` are texts that every event has, by
    their paths: with letters beyond ASCII they show what becomes of characters that are split on the way. `failing` is
    the query, over `query`, that makes the stream fail before its `total`.
    """

    model_config = PART

    path: Annotated[str, StringConstraints(pattern=r"^/")]
    query: dict[str, str] = Field(default_factory=dict)
    auth: Literal["none", "required"] = "none"
    identity: str | None = None
    send: tuple[str, ...] = ()
    min_events: Annotated[int, Field(ge=2, le=10_000)] = 5
    sequence: str | None = None
    sent_at: str | None = None
    max_delay_ms: Annotated[float, Field(gt=0)] | None = None
    resumes: bool = False
    total: Annotated[int, Field(ge=1)] | None = None
    end_event: str | None = None
    failing: dict[str, str] = Field(default_factory=dict)
    holds: dict[str, str] = Field(default_factory=dict)
    within_s: Annotated[float, Field(gt=0, le=300)] = 10

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data


def expand_operations(data: Json, *, has_base: bool = False) -> Json:
    """Rewrite short forms in `operations` (text, or {request: "GET /x -> 200"}) and prefix a service's `base`."""
    if not isinstance(data, dict):
        return data
    base = data.get("base", "") if has_base else ""
    if not isinstance(base, str) or (base and not base.startswith("/")):
        raise ValueError(f"'base' is {str(base)[:80]!r}, which is not a path such as /api")
    base = base.rstrip("/")
    rest = {key: value for key, value in data.items() if key != "base" or not has_base}
    if isinstance(data.get("operations"), list | tuple):
        rest["operations"] = [_expand_one(operation, base) for operation in data["operations"]]
    for stream in ("sse", "websocket"):
        if base and stream in rest:
            rest[stream] = _prefixed(rest[stream], base)
    return rest


def _expand_one(operation: Json, base: str) -> Json:
    if isinstance(operation, Operation):
        return operation
    short = operation if isinstance(operation, str) else None
    if isinstance(operation, dict) and isinstance(operation.get("request"), str):
        short = operation["request"]
    rest = {key: value for key, value in operation.items() if key != "request"} if isinstance(operation, dict) else {}
    if short is None:
        return _prefixed(operation, base)
    match = SHORT.match(short)
    if match is None:
        return operation  # Operation itself complains, at the operation's own place
    method = match["method"] or "GET"
    path, _, query = match["path"].partition("?")
    expanded: dict[str, Json] = {"id": short.split("->")[0].strip(), "method": method, "path": base + path}
    if query:
        expanded["query"] = _query(query)
    if match["status"]:
        expanded["expect"] = {"status": [int(match["status"])]}
    return {**expanded, **rest}


def _prefixed(part: Json, base: str) -> Json:
    if isinstance(part, str):
        return base + part
    if isinstance(part, dict) and isinstance(part.get("path"), str):
        return {**part, "path": base + part["path"]}
    return part


def _query(text: str) -> dict[str, str]:
    pairs = parse_qsl(text, keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"'?{text[:80]}' gives a parameter twice, which a profile cannot say")
    return dict(pairs)
