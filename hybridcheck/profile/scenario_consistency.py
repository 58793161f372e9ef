"""What the scenarios of a load phase say about operations, identities, files and each other's variables."""

import math
from collections.abc import Generator, Iterator, Sequence

from hybridcheck.paths import is_path
from hybridcheck.profile.contradiction import Contradiction, near
from hybridcheck.profile.document import KeyPath
from hybridcheck.profile.feeders import Row
from hybridcheck.profile.load_phases import connections, peak_level, planned_requests, requests_per_arrival
from hybridcheck.profile.load_scenarios import USER, FeederIdentities, LoadStep
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.templates import HOLE


def scenario_contradictions(profile: Profile, phase: LoadPhaseSpec, place: KeyPath) -> Iterator[Contradiction]:
    """Every name in the scenarios, setup, teardown and identities of a phase that means nothing."""
    own = phase.logs_in_with
    for index, name in enumerate(phase.named_identities):
        if name not in profile.identities:
            yield Contradiction((*place, "identities", index), f"no identity '{name}'", near(name, profile.identities))
    if own is not None:
        yield from _rows_can_log_in(profile, phase, own, (*place, "identities"))
    yield from _credentials_needed(profile, phase, place)
    before = set(USER) if own is None else {*USER, own.feeder}
    prepared = yield from _steps(profile, phase.setup, (*place, "setup"), before)
    prepared |= set(phase.feeders)
    for name, scenario in phase.scenarios.items():
        yield from _steps(profile, scenario.steps, (*place, "scenarios", name, "steps"), prepared)
    yield from _steps(profile, phase.teardown, (*place, "teardown"), prepared)


def _rows_can_log_in(
    profile: Profile, phase: LoadPhaseSpec, own: FeederIdentities, place: KeyPath
) -> Iterator[Contradiction]:
    if own.feeder not in phase.feeders:
        yield Contradiction((*place, "feeder"), f"no feeder '{own.feeder}'", near(own.feeder, phase.feeders))
    elif phase.feeders[own.feeder].order == "random":
        message = f"users have the rows of '{own.feeder}' in turn and for good, so that order: random means nothing"
        yield Contradiction((*place, "feeder"), message, "order: circular, or once: no two users share a row")
    if profile.session is None:
        yield Contradiction(place, "nothing says how users log in", "session: {login: {path: …, body: …, token: …}}")


def feeder_faults(phase: LoadPhaseSpec, name: str, numbered: Sequence[tuple[int, Row]]) -> Iterator[tuple[str, str]]:
    """What does not fit between a file's rows and a phase (message, hint): columns, and rows that are used once."""
    rows, own = [row for _, row in numbered], phase.logs_in_with
    columns = rows[0].keys()
    logs_in = own if own is not None and own.feeder == name else None
    for needed in (logs_in.username, logs_in.password) if logs_in else ():
        if needed not in columns:
            yield f"it has no column '{needed}' to log in with", near(needed, columns)
            continue
        unfit = next((line for line, row in numbered if not isinstance(row[needed], str) or not row[needed]), None)
        if unfit is not None:
            yield f"line {unfit}: '{needed}' is no text to log in with", "a name and a password in each row"
    for needed in sorted({needed for step in phase.all_steps() for needed in step.needs()}):
        first, _, column = needed.partition(".")
        if first == name and column.partition(".")[0] not in columns:
            yield f"it has no column '{column}'", near(column, columns)
    if phase.feeders[name].order != "once":
        return
    users = math.ceil(peak_level(phase)) if phase.model == "closed" else connections(phase) if logs_in else 0
    if users > len(rows):
        yield f"{users:,} users need a row each, it has {len(rows):,}", "fewer users, or more rows"
    if phase.model == "open" and logs_in is None:
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
