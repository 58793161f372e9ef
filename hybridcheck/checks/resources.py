"""Resources that checks of the write class make: which operations make, read, change and remove them, and with what.

Bodies and paths of such operations have parts that only the run fills: `{marker}` in a body, `{id}` in a path.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from hybridcheck.cases import Json
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import ask_for, encode, params_of, suite_of
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget

MARKER = "{marker}"
UNFILLED = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A creating operation with what belongs to it; None for what the profile does not name."""

    create: Operation
    cleanup: Operation
    read_back: Operation | None
    update: Operation | None


def creators(scene: Scene) -> Iterator[tuple[str, Operation]]:
    """Every operation that creates something which a declared clean-up removes, with its suite."""
    for _, service, operation in scene.profile.all_operations():
        if operation.creates and operation.sendable and operation.cleanup and operation.id_from:
            yield suite_of(service), operation


def lifecycle_params(scene: Scene, operation: Operation, suite: str) -> dict[str, Json]:
    """What a case keeps of a creating operation and its companions."""
    params = params_of(operation, suite)
    for part in ("cleanup", "read_back", "update"):
        companion = scene.profile.operation(getattr(operation, part) or "")
        params[part] = params_of(companion, suite)["operation"] if companion is not None else None
    return params


def lifecycle_in(params: dict[str, Json]) -> Lifecycle:
    """What `lifecycle_params` kept."""
    create, cleanup, read_back, update = (
        Operation.model_validate(params[part]) if params[part] is not None else None
        for part in ("operation", "cleanup", "read_back", "update")
    )
    if create is None or cleanup is None:
        raise ValueError("a lifecycle has a creating operation and one that cleans up")
    return Lifecycle(create, cleanup, read_back, update)


def new_marker(target: ReadTarget) -> str:
    """A text that nobody else has: what the run created is known by it."""
    return f"hybridcheck-{target.random.getrandbits(48):012x}"


def marked(body: Json, marker: str) -> Json:
    """A declared body with every `{marker}` filled in."""
    if isinstance(body, str):
        return body.replace(MARKER, marker)
    if isinstance(body, dict):
        return {key: marked(value, marker) for key, value in body.items()}
    if isinstance(body, list):
        return [marked(value, marker) for value in body]
    return body


def ask_to_make(operation: Operation, marker: str) -> Ask:
    """The declared request with the marker in its body."""
    ask = ask_for(operation)
    return ask if operation.body is None else replace(ask, body=encode(marked(operation.body, marker)))


def ask_about(operation: Operation, resource: str, marker: str = "", *, identity: str | None = None) -> Ask:
    """The declared request of a companion operation for one resource: its id stands in each unfilled part."""
    path = UNFILLED.sub(lambda _: quote(resource, safe=""), operation.url_path())
    filled = ask_to_make(operation, marker)
    return replace(filled, path=path, identity=identity if identity is not None else filled.identity)
