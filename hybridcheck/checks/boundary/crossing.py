"""What checks of a boundary have in common: which boundary an operation crosses, and the requests of declared probes."""

import math
from dataclasses import replace

from hybridcheck.cases import Json
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import ask_for, json_body, params_of, suite_of
from hybridcheck.evidence import Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.boundaries import Boundary
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.target import Ask
from hybridcheck.tokens.document import placed, write


def declared(scene: Scene, operation_id: str) -> tuple[str, Operation, str] | None:
    """The service, the operation and the suite of an id that can be sent; None where there is none."""
    for name, service, operation in scene.profile.all_operations():
        if operation.id == operation_id and operation.sendable:
            return name, operation, suite_of(service)
    return None


def boundary_of(scene: Scene, operation_id: str) -> Boundary | None:
    """The boundary that an operation crosses: one that lists it, else one whose callee has it."""
    boundaries = scene.profile.boundaries.values()
    listed = next((b for b in boundaries if any(route.public == operation_id for route in b.routes)), None)
    found = declared(scene, operation_id)
    return listed or next((b for b in boundaries if found is not None and b.callee == found[0]), None)


def probed(scene: Scene, probe: Probe | None) -> dict[str, Json] | None:
    """A probe's operation with the probe's body as its own, as params of a case; None where it is not declared."""
    found = declared(scene, probe.operation) if probe is not None else None
    if probe is None or found is None:
        return None
    body = probe.body if probe.body is not None else found[1].body
    return params_of(found[1].model_copy(update={"body": body}), found[2])


def operation_of(params: dict[str, Json] | None) -> Operation:
    """The operation that `probed` kept."""
    return Operation.model_validate((params or {})["operation"])


def asking(operation: Operation, place: str, value: Json) -> Ask:
    """The declared request with a value at a place of its body."""
    body = placed(operation.body if isinstance(operation.body, dict) else {}, place, value)
    return ask_for(operation.model_copy(update={"body": write(body)}))


def with_header(ask: Ask, name: str | None, value: str) -> Ask:
    """The ask with one header more; as it is where the header has no name."""
    return replace(ask, headers=(*ask.headers, (name, value))) if name else ask


def found_at(exchange: Exchange, place: str) -> Json:
    """The value at a place of a successful JSON answer; None where there is none."""
    if exchange.status is None or not 200 <= exchange.status < 300:
        return None
    try:
        return value_at(json_body(exchange), place)
    except (ValueError, NoSuchPath):
        return None


def number_in(exchange: Exchange, place: str) -> float | None:
    """The number at a place of a successful JSON answer; None where there is none, or one that no double holds."""
    found = found_at(exchange, place)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        number = float(found)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def carried(exchange: Exchange, place: str, header: str) -> str | None:
    """The value of a header that the callee saw, as the answer tells it; None where it saw none."""
    headers = found_at(exchange, place)
    if not isinstance(headers, dict):
        return None
    return next((str(value) for name, value in headers.items() if name.lower() == header.lower()), None)


def is_good(exchange: Exchange) -> bool:
    """Whether the answer is complete and 2xx."""
    return exchange.status is not None and 200 <= exchange.status < 300


def numbers_of(*groups: tuple[Exchange, ...]) -> tuple[int, ...]:
    """The running numbers of exchanges."""
    return tuple(exchange.n for group in groups for exchange in group)
