"""The compute probe as checks use it: work of a wanted size, and the result that shows that it was done."""

from hybridcheck.cases import Case, Json
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import ask_for, json_body, operation_in, params_of
from hybridcheck.evidence import Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.compute_probes import Compute
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask
from hybridcheck.tokens.document import placed, write


def compute_params(scene: Scene, suite: str) -> dict[str, Json] | None:
    """What a case keeps of the compute probe: operation, its service, its twin, and the light one; None without one."""
    probe = scene.profile.probes.compute
    found = [(name, op) for name, _, op in scene.profile.all_operations() if probe and op.id == probe.operation]
    if probe is None or not found or not (found[0][1].reads and found[0][1].sendable):
        return None
    service, operation = found[0]
    params = params_of(operation, suite) | {"probe": probe.model_dump(mode="json", by_alias=True), "service": service}
    for key, name in (("twin", operation.twin), ("light", probe.light)):
        other = scene.profile.operation(name or "")
        usable = other is not None and other.reads and other.sendable
        params[key] = params_of(other, suite)["operation"] if other is not None and usable else None
    return params


def compute_in(case: Case) -> tuple[Operation, Compute]:
    """The operation and the probe that `compute_params` kept."""
    return operation_in(case.params), Compute.model_validate(case.params["probe"])


def sized(operation: Operation, probe: Compute, size: int) -> Ask:
    """The request for work of a size."""
    own = probe.body if probe.body is not None else operation.body if isinstance(operation.body, dict) else {}
    return ask_for(operation.model_copy(update={"body": write(placed(own, probe.into, size))}))


def computed(exchange: Exchange, probe: Compute) -> Json:
    """The result in an answer; None where there is none."""
    if exchange.status is None or not 200 <= exchange.status < 300:
        return None
    try:
        return value_at(json_body(exchange), probe.out)
    except (ValueError, NoSuchPath):
        return None
