"""What the scenarios of a load phase say about operations, identities, files and each other's variables."""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence

from hybridcheck.cases import Json
from hybridcheck.paths import is_path
from hybridcheck.profile.contradiction import Contradiction, near
from hybridcheck.profile.document import KeyPath
from hybridcheck.profile.load_phases import peak_level, planned_requests, requests_per_arrival
from hybridcheck.profile.load_scenarios import USER, LoadStep
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.templates import HOLE


def scenario_contradictions(profile: Profile, phase: LoadPhaseSpec, place: KeyPath) -> Iterator[Contradiction]:
    """Every name in the scenarios, setup, teardown and identities of a phase that means nothing."""
    for index, name in enumerate(phase.identities):
        if name not in profile.identities:
            yield Contradiction((*place, "identities", index), f"no identity '{name}'", near(name, profile.identities))
    yield from _credentials_needed(profile, phase, place)
    given = {*USER, *phase.feeders}
    prepared = yield from _steps(profile, phase.setup, (*place, "setup"), given)
    for name, scenario in phase.scenarios.items():
        yield from _steps(profile, scenario.steps, (*place, "scenarios", name, "steps"), prepared)
    yield from _steps(profile, phase.teardown, (*place, "teardown"), prepared)


def feeder_faults(phase: LoadPhaseSpec, name: str, rows: Sequence[Mapping[str, Json]]) -> Iterator[tuple[str, str]]:
    """What does not fit between a file's rows and a phase (message, hint): columns, and rows that are used once."""
    columns = rows[0].keys()
    for needed in sorted({needed for step in phase.all_steps() for needed in step.needs()}):
        first, _, column = needed.partition(".")
        if first == name and column.partition(".")[0] not in columns:
            yield f"it has no column '{column}'", near(column, columns)
    if phase.feeders[name].order != "once":
        return
    if phase.model == "closed" and (users := math.ceil(peak_level(phase))) > len(rows):
        yield f"{users:,} users need a row each, it has {len(rows):,}", "fewer users, or more rows"
    if phase.model == "open":
        arrivals = math.ceil((planned_requests(phase) or 0.0) / requests_per_arrival(phase) - 1e-9)
        if arrivals > len(rows):
            yield f"{arrivals:,} arrivals need a row each, it has {len(rows):,}", "order: circular, or more rows"


def _credentials_needed(profile: Profile, phase: LoadPhaseSpec, place: KeyPath) -> Iterator[Contradiction]:
    if not phase.identities:
        return
    sent = {step.operation for scenario in phase.scenarios.values() for step in scenario.steps} or set(phase.operations)
    found = [operation for _, _, operation in profile.all_operations() if operation.id in sent]
    if found and all(operation.identity is None or operation.auth == "none" for operation in found):
        message = "no operation of this phase is sent with an identity, so it does not matter who its users are"
        yield Contradiction((*place, "identities"), message, "leave them out, or give an operation `auth: required`")


def _steps(
    profile: Profile, steps: Sequence[LoadStep], place: KeyPath, given: set[str]
) -> Generator[Contradiction, None, set[str]]:
    """Complaints about steps in their order; gives the variables that are there after them."""
    known = set(given)
    operations = {operation.id: operation for _, _, operation in profile.all_operations()}
    for index, step in enumerate(steps):
        where = (*place, index)
        operation = operations.get(step.operation)
        if operation is None:
            hint = near(step.operation, operations)
            yield Contradiction((*where, "operation"), f"no operation has the id '{step.operation}'", hint)
        elif operation.auth == "required" and operation.identity is None:
            yield Contradiction(
                where, f"'{operation.id}' needs an identity to be sent", "give the operation an `identity`"
            )
        for name in _needed(step, operation):
            if name.partition(".")[0] not in known:
                hint = near(name.partition(".")[0], known)
                yield Contradiction(where, f"nothing gives '{{{name}}}' its value before this step", hint)
        for variable, path in step.extract.items():
            if not is_path(path):
                yield Contradiction((*where, "extract", variable), f"'{path}' is not a path into JSON", "$.items[0].id")
        known |= set(step.extract)
    return known


def _needed(step: LoadStep, operation: Operation | None) -> Iterator[str]:
    """Every variable that a step needs: in its own words, and in those parts of the path that nothing else fills."""
    yield from step.needs()
    if operation is None:
        return
    path_parts = {match["name"] for match in HOLE.finditer(operation.path) if match["name"]}
    yield from sorted(path_parts - set(step.params) - set(operation.params))
