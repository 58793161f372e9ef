"""How a request of each documented operation looks: parameters, body, who may send it. Swagger 2.0 and OpenAPI 3.x alike.

Pure, like all of this room: only references within the document are followed, and what is malformed is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hybridcheck.cases import Json
from hybridcheck.openapi.document import METHODS, BadReference, Described, Description, resolve

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: where it goes (`path`, `query`, `header`, `cookie`), and what the document says of its value."""

    name: str
    where: str
    required: bool
    schema: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Sent:
    """A request body: its media type and schema; an example of the whole stands in the schema."""

    media_type: str
    schema: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Need:
    """A security scheme that a caller needs, by its name in the document, with the roles or scopes asked for."""

    scheme: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """An operation with all that is needed to send it.

    `needs` is the first documented way in; empty where anybody may call it. `safe` is the extension `x-safe`: whatever
    its method is, it changes nothing.
    """

    described: Described
    operation_id: str
    summary: str
    tag: str
    parameters: tuple[Parameter, ...]
    body: Sent | None
    needs: tuple[Need, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Scheme:
    """A security scheme: `bearer`, `basic`, `key` (with the header), or `other`, which cannot be declared."""

    kind: str
    header: str = ""
    has_scopes: bool = False


def offered(description: Description) -> Iterator[Offered]:
    """Every operation, in the order of the document."""
    root = description.root
    places = _places(root)
    for described, (item, operation) in zip(description.operations, places, strict=False):
        own = tuple(_parameters(root, (item.get("parameters"), operation.get("parameters"))))
        plain = tuple(parameter for parameter in own if parameter.where in {"path", "query", "header", "cookie"})
        tags = operation.get("tags")
        yield Offered(
            described=described,
            operation_id=_text(operation.get("operationId")),
            summary=_text(operation.get("summary")) or _text(operation.get("description")),
            tag=_text(tags[0]) if isinstance(tags, list) and tags else "",
            parameters=plain,
            body=_body_2(root, operation, own) if description.dialect == "2.0" else _body_3(root, operation),
            needs=_needs(operation.get("security", root.get("security"))),
            safe=operation.get("x-safe") is True,
        )


def schemes(description: Description) -> dict[str, Scheme]:
    """The security schemes by their names."""
    root = description.root
    components = root.get("components")
    declared = root.get("securityDefinitions") or (
        components.get("securitySchemes") if isinstance(components, dict) else None
    )
    found = declared.items() if isinstance(declared, dict) else ()
    return {str(name): _scheme(resolved(root, scheme)) for name, scheme in found}


def resolved(root: Json, node: Json) -> dict[str, Json]:
    """The mapping that a node is or leads to; empty where it is none."""
    try:
        found = resolve(root, node)
    except BadReference:
        return {}
    return found if isinstance(found, dict) else {}


def _places(root: dict[str, Json]) -> Iterator[tuple[dict[str, Json], dict[str, Json]]]:
    """Path item and operation of each described operation: the same walk as that of the reader."""
    paths = root.get("paths")
    for path, node in paths.items() if isinstance(paths, dict) else ():
        item = resolved(root, node) if path.startswith("/") else {}
        for method in METHODS:
            operation = item.get(method)
            if isinstance(operation, dict):
                yield item, operation


def _parameters(root: Json, lists: tuple[Json, ...]) -> Iterator[Parameter]:
    """Those of the path item, then the operation's own, which replace them by name and place."""
    found: dict[tuple[str, str], Parameter] = {}
    for listed in lists:
        for node in listed if isinstance(listed, list) else ():
            declared = resolved(root, node)
            name, where = _text(declared.get("name")), _text(declared.get("in"))
            if name or where == "body":
                required = declared.get("required") is True or where == "path"
                found[name, where] = Parameter(name, where, required, _schema_of(root, declared))
    yield from found.values()


def _schema_of(root: Json, declared: dict[str, Json]) -> dict[str, Json]:
    """The schema of a parameter, in Swagger 2.0 the parameter itself; its own example goes first."""
    content = declared.get("content")
    if isinstance(declared.get("schema"), dict):
        schema = declared["schema"]
    elif isinstance(content, dict) and content:
        schema = resolved(root, next(iter(content.values()))).get("schema")
    else:
        schema = {key: value for key, value in declared.items() if key not in {"name", "in", "required"}}
    return _with_example(root, resolved(root, schema), declared)


def _with_example(root: Json, schema: dict[str, Json], carrier: dict[str, Json]) -> dict[str, Json]:
    """The schema with the example of what carries it (a parameter, a media type), where that has one."""
    for key in ("example", "x-example"):
        if key in carrier:
            return {**schema, "example": carrier[key]}
    examples = carrier.get("examples")
    first = resolved(root, next(iter(examples.values()))) if isinstance(examples, dict) and examples else {}
    return {**schema, "example": first["value"]} if "value" in first else schema


def _body_3(root: Json, operation: dict[str, Json]) -> Sent | None:
    content = resolved(root, operation.get("requestBody")).get("content")
    media = {name: resolved(root, node) for name, node in content.items()} if isinstance(content, dict) else {}
    for name, node in sorted(media.items(), key=lambda pair: _preference(pair[0])):
        media_type = name.partition(";")[0].strip().lower()
        return Sent(media_type, _with_example(root, resolved(root, node.get("schema")), node))
    return None


def _body_2(root: dict[str, Json], operation: dict[str, Json], parameters: tuple[Parameter, ...]) -> Sent | None:
    consumes = operation.get("consumes") or root.get("consumes") or ["application/json"]
    listed = [str(name).partition(";")[0].lower() for name in consumes] if isinstance(consumes, list) else []
    for parameter in parameters:
        if parameter.where == "body":
            return Sent(min(listed, key=_preference, default="application/json"), parameter.schema)
    fields = {parameter.name: parameter for parameter in parameters if parameter.where == "formData"}
    if not fields:
        return None
    schema = {
        "type": "object",
        "properties": {name: parameter.schema for name, parameter in fields.items()},
        "required": [name for name, parameter in fields.items() if parameter.required],
    }
    return Sent(next((name for name in listed if name in FORMS), FORMS[0]), schema)


def _preference(media_type: str) -> int:
    kind = media_type.partition(";")[0].strip().lower()
    return 0 if kind == "application/json" else 1 if kind.endswith("json") else 2 if kind in FORMS else 3


def _needs(security: Json) -> tuple[Need, ...]:
    """The first way in; none where there is no requirement, or where an empty one is among them."""
    if not isinstance(security, list) or not security or any(not isinstance(way, dict) or not way for way in security):
        return ()
    return tuple(
        Need(str(name), tuple(_text(role) for role in roles if _text(role)) if isinstance(roles, list) else ())
        for name, roles in security[0].items()
    )


def _scheme(declared: dict[str, Json]) -> Scheme:
    kind, name = _text(declared.get("type")), _text(declared.get("name"))
    http = _text(declared.get("scheme")).lower()
    if kind == "basic" or (kind == "http" and http == "basic"):
        return Scheme("basic")
    if kind in {"oauth2", "openIdConnect"} or (kind == "http" and http == "bearer"):
        return Scheme("bearer", has_scopes=kind != "http")
    if kind == "apiKey" and declared.get("in") == "header" and name:
        return Scheme("bearer") if name.lower() == "authorization" else Scheme("key", name)
    return Scheme("other")


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
