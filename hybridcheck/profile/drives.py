"""From a declared load phase to what the generator has to do: scaled to the budget, every request resolved. Pure."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import quote, urlencode

from pydantic import Field

from hybridcheck.cases import Budget, Frozen, Json
from hybridcheck.profile.listener_consistency import heard_stream
from hybridcheck.profile.load_phases import asks_as_declared, check_every, looked_at, shortened, weights
from hybridcheck.profile.load_scenarios import LoadStep
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation, StreamSpec
from hybridcheck.profile.step_templates import PATH_SAFE, DriveStep, step_of

LONGEST_S = {Budget.QUICK: 13.0, Budget.STANDARD: 120.0}
"""The longest load phase of a budget; `full` drives phases as declared."""

LONGEST_TOGETHER_S = 360.0
"""All phases of a standard run together, so that it ends within its ten minutes; no phase gets less than a quick one."""

FEWEST_JUDGED_S = 11.0
"""What a shortened phase leaves to judge: its warm-up is shortened too."""

MOST_WEIGHT = 10_000


class DriveOperation(Frozen):
    """One kind of request of a load phase. `limits_ms` are the latency limits that its answers are counted against.

    `path` has its query, both percent-encoded, relative to the target's base URL. `body` is text in UTF-8. `contains` and
    `values` are of the answer to this very request.
    """

    id: str
    method: str
    path: str
    weight: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    identity: str | None = None
    expected_statuses: tuple[int, ...]
    content_type: str | None = None
    limits_ms: tuple[float, ...] = ()
    expected_headers: tuple[tuple[str, str], ...] = ()
    contains: str | None = None
    json_schema: Json = None
    values: dict[str, Json] = Field(default_factory=dict)
    tolerance: float = 0.0
    sample_every: int = 0


class DriveScenario(Frozen):
    """A way through the system with its weight; a phase of weighted operations has one of a single step for each."""

    name: str
    weight: int
    steps: tuple[DriveStep, ...]


class DriveListeners(Frozen):
    """So many users who hold one declared stream open; `name` is `SERVICE/sse` or `SERVICE/websocket`."""

    name: str
    protocol: Literal["sse", "websocket"]
    users: int
    stay_s: float
    spec: StreamSpec


class Drive(Frozen):
    """A load phase as it will be driven; its records go to the shared stream `stream` (`load/NAME`).

    `scenarios`, `setup` and `teardown` are there where requests depend on who sends them and on what came before.
    """

    stream: str
    spec: LoadPhaseSpec
    operations: tuple[DriveOperation, ...] = Field(min_length=1)
    shortened_from_s: float | None = None
    scenarios: tuple[DriveScenario, ...] = ()
    setup: tuple[DriveStep, ...] = ()
    teardown: tuple[DriveStep, ...] = ()
    items: int | None = None
    """Of a sweep: how many items each request has."""
    beside: tuple[DriveOperation, ...] = ()
    """Operations of setup and teardown alone: they are in no numbers."""
    listeners: tuple[DriveListeners, ...] = ()

    @property
    def listen_stream(self) -> str:
        """The shared stream of what the listeners hear: their gaps are none of the requests' (`listen/NAME`)."""
        return listen_stream(self.stream.removeprefix("load/"))


def listen_stream(phase: str) -> str:
    """The shared stream of what the listeners of a phase hear."""
    return f"listen/{phase}"


def drive_of(profile: Profile, name: str, budget: Budget) -> Drive:
    """The drive of the declared phase `name`; its operations must exist and be sendable (`consistency` sees to it)."""
    declared = profile.load[name]
    connections = min(declared.max_connections, profile.limits.max_connections)
    spec = scaled(declared, budget, len(profile.load)).model_copy(update={"max_connections": connections})
    chosen = weights(profile, declared)
    whole = _whole_weights(chosen)
    found = {operation.id: operation for _, _, operation in profile.all_operations()}
    prepared = {step.operation: 1 for step in (*declared.setup, *declared.teardown) if step.operation not in whole}
    operations = tuple(_resolved(profile, spec, found[key], weight) for key, weight in whole.items())
    beside = tuple(_resolved(profile, spec, found[key], weight) for key, weight in prepared.items())
    longer = declared.duration_s if spec.duration_s < declared.duration_s else None
    return Drive(
        stream=f"load/{name}",
        spec=spec,
        operations=operations,
        shortened_from_s=longer,
        scenarios=_scenarios(declared, found, whole) if declared.as_users else (),
        setup=tuple(_step(declared, found, step) for step in declared.setup),
        teardown=tuple(_step(declared, found, step) for step in declared.teardown),
        items=declared.sweep.items(found[declared.sweep.operation].body) if declared.sweep is not None else None,
        beside=beside,
        listeners=tuple(_listeners(profile, declared)),
    )


def _listeners(profile: Profile, declared: LoadPhaseSpec) -> Iterator[DriveListeners]:
    for one in declared.listeners:
        spec = heard_stream(profile, one)
        if spec is not None:
            asked = spec.model_copy(update={"query": {**spec.query, **one.query}})
            yield DriveListeners(name=one.name, protocol=one.stream, users=one.users, stay_s=one.stay_s, spec=asked)


def _step(declared: LoadPhaseSpec, found: Mapping[str, Operation], step: LoadStep) -> DriveStep:
    operation = found[step.operation]
    return step_of(operation, step, as_declared=asks_as_declared(declared, operation, step))


def _scenarios(
    declared: LoadPhaseSpec, found: Mapping[str, Operation], weights: Mapping[str, int]
) -> tuple[DriveScenario, ...]:
    """The declared scenarios, or one step for each weighted operation."""
    if not declared.scenarios:
        single = {key: (weight, (_step(declared, found, LoadStep(operation=key)),)) for key, weight in weights.items()}
        return tuple(DriveScenario(name=key, weight=weight, steps=steps) for key, (weight, steps) in single.items())
    return tuple(
        DriveScenario(
            name=name,
            weight=scenario.weight,
            steps=tuple(_step(declared, found, step) for step in scenario.steps),
        )
        for name, scenario in declared.scenarios.items()
    )


def scaled(spec: LoadPhaseSpec, budget: Budget, phases: int = 1) -> LoadPhaseSpec:
    """One of so many phases within the budget's time. Limits, rates and users stay as declared; a climb gets steeper."""
    longest_s = _longest_s(budget, phases)
    if spec.duration_s <= longest_s:
        return spec
    warmup_s = min(spec.warmup_s, longest_s - FEWEST_JUDGED_S)
    return shortened(spec, longest_s).model_copy(update={"warmup_s": warmup_s})


def _longest_s(budget: Budget, phases: int) -> float:
    """The longest of so many load phases within the budget's time."""
    if budget is Budget.STANDARD:
        return min(LONGEST_S[budget], max(LONGEST_S[Budget.QUICK], LONGEST_TOGETHER_S / phases))
    return LONGEST_S.get(budget, math.inf)


def wider(budget: Budget) -> tuple[Budget, ...]:
    """The budgets that have room for longer load phases, the smallest first."""
    every = tuple(Budget)
    return every[every.index(budget) + 1 :]


def with_budget(duration_s: float, budget: Budget, phases: int = 1) -> str:
    """` with --budget full`, where that has room for so long a phase and this one has not; else empty."""
    fits = next(one for one in (budget, *wider(budget)) if duration_s <= _longest_s(one, phases))
    return "" if fits is budget else f" with --budget {fits}"


def encode_path(operation: Operation) -> str:
    """The path of a request with its parameters and query, percent-encoded."""
    query = urlencode(list(operation.query.items()))
    return quote(operation.url_path(), safe=PATH_SAFE) + (f"?{query}" if query else "")


def _resolved(profile: Profile, spec: LoadPhaseSpec, operation: Operation, weight: int) -> DriveOperation:
    headers = tuple(operation.headers.items())
    body, declared = None, operation.body
    if spec.sweep is not None and spec.sweep.operation == operation.id:
        declared = spec.sweep.applied(declared)
    if declared is not None:
        body = declared if isinstance(declared, str) else json.dumps(declared)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = (*headers, ("Content-Type", "application/json"))
    return DriveOperation(
        id=operation.id,
        method=operation.method,
        path=encode_path(operation),
        weight=weight,
        headers=headers,
        body=body,
        identity=operation.identity if operation.auth != "none" else None,
        expected_statuses=operation.expect.status,
        content_type=operation.expect.content_type,
        expected_headers=tuple(operation.expect.headers.items()),
        contains=operation.expect.contains
        if asks_as_declared(spec, operation) and operation.method != "HEAD"
        else None,
        values=operation.expect.values if asks_as_declared(spec, operation) else {},
        tolerance=operation.expect.tolerance,
        json_schema=operation.expect.json_schema,
        sample_every=sampled_every(profile, spec, operation),
        limits_ms=_limits_ms(profile, spec, operation),
    )


def sampled_every(profile: Profile, spec: LoadPhaseSpec, operation: Operation) -> int:
    """One in how many of an operation's answers is held against schema and values; 0 for none. `spec` as it will be driven."""
    return check_every(profile, spec) if operation.id in looked_at(profile, spec) else 0


def _limits_ms(profile: Profile, spec: LoadPhaseSpec, operation: Operation) -> tuple[float, ...]:
    """Every latency that answers are held to: thresholds, objectives, limits, and what breaks a load off."""
    limits = {profile.thresholds.max_latency_ms}
    for objective in (spec.objectives.get(operation.id), spec.objectives.get("*")):
        if objective is not None:
            limits |= {objective.p95_ms, objective.p99_ms}
    for limit in spec.limits:
        if limit.operation in (None, operation.id) and (limit.tag is None or limit.tag in operation.tags):
            limits |= {limit_ms for _, limit_ms in limit.latencies_ms()}
    if spec.abort_when != "never":
        limits.add(spec.abort_when.latency_ms)
    return tuple(sorted(limit for limit in limits if limit is not None))


def _whole_weights(declared: Mapping[str, float]) -> dict[str, int]:
    """Weights as whole numbers in the declared proportions: as they are where they are whole, else per ten thousand."""
    if all(weight.is_integer() and weight <= MOST_WEIGHT for weight in map(float, declared.values())):
        return {key: int(weight) for key, weight in declared.items()}
    total = sum(declared.values())
    return {key: max(1, round(weight / total * MOST_WEIGHT)) for key, weight in declared.items()}
