"""From a declared operation to the request that a check sends, and from an answer to what is wrong with it."""

import json
from collections.abc import Iterator

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from hybridcheck.cases import Json
from hybridcheck.checks.check import Scene
from hybridcheck.evidence import Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.models import Service
from hybridcheck.profile.operations import Expect, Operation
from hybridcheck.statistics.closeness import same
from hybridcheck.target import Ask

MOST_LEVELS = 100
"""Of a body: comparing, and holding against a schema, needs several stack frames of the tester's for each level."""


def suite_of(service: Service | None) -> str:
    """The leaf of the integration tree that a service's operations belong to."""
    return service.kind.value if service else "api"


def operations(scene: Scene, *, reading: bool = True) -> Iterator[tuple[str, Operation]]:
    """Every declared operation that has a complete path, with its suite; only those of the read class if `reading`."""
    for _, service, operation in scene.profile.all_operations():
        if operation.sendable and operation.reads == reading:
            yield suite_of(service), operation


def ask_for(operation: Operation, *, identity: str | None = None) -> Ask:
    """The declared request of an operation, sent as `identity` (by default the one that it declares)."""
    headers = tuple(operation.headers.items())
    body = None
    if operation.body is not None:
        body = encode(operation.body)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = (*headers, ("Content-Type", "application/json"))
    who = identity if identity is not None else operation.identity
    return Ask(
        method=operation.method,
        path=operation.url_path(),
        query=tuple(operation.query.items()),
        headers=headers,
        body=body,
        identity=who if operation.auth != "none" else None,
        operation=operation.id,
    )


def encode(body: Json) -> bytes:
    """A declared body as bytes: text as it is, anything else as JSON."""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def params_of(operation: Operation, suite: str) -> dict[str, Json]:
    """What a case keeps of an operation, so that its judge needs no profile."""
    return {"operation": operation.model_dump(mode="json", by_alias=True, exclude_defaults=True), "suite": suite}


def operation_in(params: dict[str, Json]) -> Operation:
    """The operation that `params_of` kept."""
    return Operation.model_validate(params["operation"])


def json_body(exchange: Exchange) -> Json:
    """The JSON body of an answer.

    Raises:
        ValueError: where there is no complete JSON body (NaN and Infinity are not JSON), or one of too many levels.
    """
    if exchange.response is None or exchange.failure is not None:
        raise ValueError("there is no complete answer")
    try:
        document = json.loads(exchange.response.body.content(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error
    if _is_deep(document):
        raise ValueError(f"the body is nested more than {MOST_LEVELS} levels deep")
    return document


def _is_deep(document: Json) -> bool:
    """Whether a document has more than `MOST_LEVELS` levels."""
    layer: list[Json] = [document]
    for _ in range(MOST_LEVELS):
        parts = (part.values() if isinstance(part, dict) else part for part in layer if isinstance(part, dict | list))
        layer = [child for part in parts for child in part if isinstance(child, dict | list)]
        if not layer:
            return False
    return True


def complaint_about(exchange: Exchange, expect: Expect) -> str | None:
    """What is wrong with an answer, measured against what the operation declares; None where nothing is."""
    if exchange.failure is not None or exchange.response is None:
        detail = f": {exchange.failure_detail}" if exchange.failure_detail else ""
        return f"no complete answer ({exchange.failure}{detail})"
    response = exchange.response
    if response.status not in expect.status:
        return f"status {response.status}"
    if expect.content_type and response.media_type != expect.content_type.lower():
        return f"content type '{response.media_type}'"
    for name, value in expect.headers.items():
        if response.header(name) != value:
            return f"header {name}: {response.header(name)}"
    if expect.contains is not None and expect.contains.encode() not in response.body.content():
        return f"the body does not contain {expect.contains[:200]!r}"
    if expect.json_schema is None and not expect.values:
        return None
    try:
        document = json_body(exchange)
    except ValueError as error:
        return f"the body is not JSON: {error}"
    return schema_complaint(document, expect.json_schema) or values_complaint(document, expect.values, expect.tolerance)


def schema_complaint(document: Json, schema: Json) -> str | None:
    """Where a document breaks its JSON Schema (2020-12), in words; None where it does not."""
    if schema is None:
        return None
    try:
        error = best_match(Draft202012Validator(schema).iter_errors(document))
    except (SchemaError, RecursionError) as broken:
        raise ValueError(f"the declared schema cannot be used: {broken}") from broken
    except OverflowError:
        return "the body has a number that no double holds, where the schema asks for a multiple"
    return f"body at {error.json_path}: {error.message[:300]}" if error else None


def values_complaint(document: Json, values: dict[str, Json], tolerance: float = 0.0) -> str | None:
    """Which value at a path is not the declared one; None where all are."""
    for path, want in values.items():
        try:
            got = value_at(document, path)
        except NoSuchPath as missing:
            return f"{missing}"
        if not same(got, want, tolerance):
            return difference(path, got, want, tolerance)
    return None


def difference(path: str, got: Json, want: Json, tolerance: float) -> str:
    """Two values that are not the same, in words: of lists their lengths, or the first entry that differs."""
    if isinstance(got, list) and isinstance(want, list):
        if len(got) != len(want):
            return f"{path} has {len(got)} entries instead of {len(want)}"
        pairs = enumerate(zip(got, want, strict=True))
        index, first = next((index, pair) for index, pair in pairs if not same(*pair, tolerance))
        return difference(f"{path}[{index}]", *first, tolerance)
    return f"{path} is {json.dumps(got)[:200]} instead of {json.dumps(want)[:200]}"


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")
