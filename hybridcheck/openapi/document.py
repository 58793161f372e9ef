"""Reading OpenAPI 3.x and Swagger 2.0 documents that strangers wrote: sizes and depth are capped, nothing is fetched.

Only references within the document are followed. What a document says wrong is in `faults`, not raised.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import yaml

from hybridcheck.cases import Json

MOST_BYTES = 4 * 1024 * 1024
MOST_DEPTH = 200
MOST_FAULTS = 20
MOST_HOPS = 32
"""References that lead to references; a cycle ends here."""

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
VERSION = re.compile(r"[23]\.\d+(\.\d+)?")


class NotADescription(ValueError):
    """The bytes are no OpenAPI or Swagger document; the message says why."""


class BadReference(LookupError):
    """A `$ref` leads nowhere, in circles, or out of the document."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the document says about one status of one operation.

    `media_types` maps each declared media type to its schema (None where it gives none); empty where there is no body.
    """

    status: str
    media_types: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Described:
    """One operation of the document: its path template with the server's prefix, its method, and its answers."""

    path: str
    method: str
    answers: tuple[Answer, ...]

    def answer(self, status: int) -> Answer | None:
        """The answer for a status: itself, its class (`2XX`), or `default`; None where it is not documented."""
        by_status = {answer.status.upper(): answer for answer in self.answers}
        return by_status.get(str(status)) or by_status.get(f"{status // 100}XX") or by_status.get("DEFAULT")


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """A whole document: the dialect (`2.0`, `3.0` or `3.1`), its tree, operations, and what is wrong with it.

    Compared by identity, so that what is made of a document can be kept with it.
    """

    dialect: str
    root: dict[str, Json]
    operations: tuple[Described, ...]
    faults: tuple[str, ...]

    def find(self, method: str, path: str) -> Described | None:
        """The operation that a request belongs to: an exact path before a template, more fixed text before less."""
        fitting = [op for op in self.operations if op.method == method.upper() and _fits(op.path, path)]
        return max(fitting, key=lambda op: len(re.sub(r"\{[^{}]*\}", "", op.path)), default=None)


def read(content: bytes) -> Description:
    """Read a document from JSON, or from YAML without aliases.

    Raises:
        NotADescription: where it is none, too large, or nested too deeply.
    """
    root = _tree(content)
    dialect = _dialect(root)
    paths = root.get("paths")
    if not isinstance(paths, dict):
        if dialect == "3.1" and paths is None and ("components" in root or "webhooks" in root):
            paths = {}
        else:
            raise NotADescription("`paths` is no object")
    faults: list[str] = []
    prefix = _prefix(root, dialect)
    operations = tuple(_operations(root, dialect, prefix, paths, faults))
    return Description(dialect, root, operations, tuple(faults[:MOST_FAULTS]))


def resolve(root: Json, node: Json) -> Json:
    """The node itself, or what its chain of local references leads to.

    Raises:
        BadReference: where the chain leads nowhere, in circles, or out of the document.
    """
    for _ in range(MOST_HOPS):
        reference = node.get("$ref") if isinstance(node, dict) else None
        if not isinstance(reference, str):
            return node
        node = target_of(root, reference)
    raise BadReference("a chain of references without an end")


def target_of(root: Json, reference: str) -> Json:
    """What a local reference (`#/components/schemas/Pet`) names.

    Raises:
        BadReference: where it names nothing in this document.
    """
    if reference != "#" and not reference.startswith("#/"):
        raise BadReference(f"'{reference[:100]}' leads out of the document")
    found = root
    for part in reference[2:].split("/") if len(reference) > 1 else ():
        step = unquote(part).replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (KeyError, IndexError, TypeError, ValueError) as missing:
            raise BadReference(f"'{reference[:100]}' names nothing in the document") from missing
    return found


def _tree(content: bytes) -> dict[str, Json]:
    if len(content) > MOST_BYTES:
        raise NotADescription(f"it has more than {MOST_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
        root = json.loads(text) if text.lstrip().startswith(("{", "[")) else _yaml(text)
    except RecursionError as error:
        raise NotADescription("it is nested too deeply") from error
    except (ValueError, yaml.YAMLError) as error:
        raise NotADescription(f"neither JSON nor YAML: {str(error)[:200]}") from error
    if not isinstance(root, dict):
        raise NotADescription("it is no object")
    if _too_deep(root):
        raise NotADescription(f"it is nested more than {MOST_DEPTH} levels deep")
    return root


def _yaml(text: str) -> Json:
    """A YAML document as JSON values; aliases, of which bombs are made, are refused before anything is built."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            raise NotADescription("YAML aliases are not read")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            raise NotADescription(f"it is nested more than {MOST_DEPTH} levels deep")
    return _as_json(yaml.load(text, Loader=loader))  # noqa: S506 - one of the two safe loaders


def _as_json(value: Json) -> Json:
    """YAML's values as JSON has them: text keys (`200:` is a number there), dates as text."""
    if isinstance(value, dict):
        return {_key(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _key(key: Json) -> str:
    return {True: "true", False: "false", None: "null"}[key] if key is None or isinstance(key, bool) else str(key)


def _too_deep(root: Json) -> bool:
    level: list[Json] = [root]
    for _ in range(MOST_DEPTH):
        level = [item for node in level for item in _children(node) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _children(node: Json) -> Iterator[Json]:
    yield from node.values() if isinstance(node, dict) else node


def _dialect(root: dict[str, Json]) -> str:
    version = str(root.get("openapi") or root.get("swagger") or "")
    if not VERSION.fullmatch(version):
        raise NotADescription("it has no `openapi: 3.x` or `swagger: '2.0'`")
    if version.startswith("2."):
        return "2.0"
    return "3.0" if version.startswith("3.0") else "3.1"


def _prefix(root: dict[str, Json], dialect: str) -> str:
    """The path that the server puts before all paths; empty where it is not one plain path."""
    if dialect == "2.0":
        base = root.get("basePath")
    else:
        servers = root.get("servers")
        first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
        base = re.sub(r"^[a-z]+://[^/]*", "", str(first.get("url") or ""))
    text = str(base or "").rstrip("/")
    return text if text.startswith("/") and "{" not in text else ""


def _operations(
    root: dict[str, Json], dialect: str, prefix: str, paths: dict[str, Json], faults: list[str]
) -> Iterator[Described]:
    for path, item in paths.items():
        if not path.startswith("/"):
            if not path.startswith("x-"):
                faults.append(f"the path '{path[:100]}' does not begin with a slash")
            continue
        try:
            found = resolve(root, item)
        except BadReference as broken:
            faults.append(f"{path[:100]}: {broken}")
            continue
        for method in METHODS:
            operation = found.get(method) if isinstance(found, dict) else None
            if isinstance(operation, dict):
                answers = tuple(_answers(root, dialect, operation, f"{method.upper()} {path[:100]}", faults))
                yield Described(prefix + path, method.upper(), answers)


def _answers(
    root: dict[str, Json], dialect: str, operation: dict[str, Json], where: str, faults: list[str]
) -> Iterator[Answer]:
    responses = operation.get("responses")
    if not isinstance(responses, dict):
        if dialect != "3.1":
            faults.append(f"{where} has no responses")
        return
    for status, declared in responses.items():
        if not re.fullmatch(r"default|[1-5](\d\d|XX)|x-.*", str(status), re.IGNORECASE):
            faults.append(f"{where}: '{str(status)[:20]}' is no status")
            continue
        try:
            answer = resolve(root, declared)
        except BadReference as broken:
            faults.append(f"{where} {status}: {broken}")
            continue
        if isinstance(answer, dict):
            yield Answer(str(status), _media_types(root, dialect, operation, answer))


def _media_types(
    root: dict[str, Json], dialect: str, operation: dict[str, Json], answer: dict[str, Json]
) -> dict[str, Json]:
    if dialect == "2.0":
        if "schema" not in answer:
            return {}
        produces = operation.get("produces") or root.get("produces") or ["application/json"]
        return {str(name).lower(): answer["schema"] for name in produces} if isinstance(produces, list) else {}
    content = answer.get("content")
    if not isinstance(content, dict):
        return {}
    return {
        name.partition(";")[0].strip().lower(): media.get("schema") if isinstance(media, dict) else None
        for name, media in content.items()
    }


def _fits(template: str, path: str) -> bool:
    parts = re.split(r"\{[^{}]*\}", template)
    return re.fullmatch("[^/]+".join(re.escape(part) for part in parts), path) is not None
