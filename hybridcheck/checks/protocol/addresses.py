"""Where an operation answers: at the public address, and beside the gateway at its service's own."""

from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Json
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import ask_for, operation_in, params_of
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask


def sendable(scene: Scene, operation_id: str) -> Operation | None:
    """The declared operation of that id, where the read class may send it."""
    found = scene.profile.operation(operation_id)
    return found if found is not None and found.reads and found.sendable else None


def addresses(scene: Scene, operation: Operation, suite: str = "boundary") -> Iterator[tuple[str, dict[str, Json]]]:
    """Each address of an operation: a subject, and the params that `ask_at` needs; the public one first.

    Beside the gateway it answers where a boundary gives its native path and the callee has a `direct_url`.
    """
    kept = params_of(operation, suite)
    yield f"{operation.id} at the public address", {**kept, "via": None, "path": operation.url_path()}
    for boundary in scene.profile.boundaries.values():
        callee = scene.profile.services.get(boundary.callee)
        if callee is None or callee.direct_url is None:
            continue
        for route in boundary.routes:
            if route.public == operation.id and route.native is not None:
                subject = f"{operation.id} beside the gateway, at {boundary.callee}"
                yield subject, {**kept, "via": boundary.callee, "path": route.native}


def ask_at(params: dict[str, Json], body: Json = None) -> Ask:
    """The declared request of a case's operation at the case's address, with another body where one is given."""
    operation = operation_in(params)
    if body is not None:
        operation = operation.model_copy(update={"body": body})
    ask = ask_for(operation)
    if params["via"] is None:
        return ask
    return replace(ask, path=str(params["path"]), via=str(params["via"]), identity=None)
