"""What the scenarios of a load phase say about operations, identities, files and each other's variables."""

import math
from collections.abc import Collection, Generator, Iterator, Sequence

from hybridcheck.paths import is_path
from hybridcheck.profile.contradiction import Contradiction, near
from hybridcheck.profile.document import KeyPath
from hybridcheck.profile.feeders import Row
from hybridcheck.profile.load_phases import (
    connections,
    naming_share,
    peak_level,
    planned_requests,
    requests_per_arrival,
)
from hybridcheck.profile.load_scenarios import USER, FeederIdentities, LoadStep
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.templates import HOLE, names_in, parts_of


def scenario_contradictions(profile: Profile, phase: LoadPhaseSpec, place: KeyPath) -> Iterator[Contradiction]:
    """Every name in the scenarios, setup, teardown and identities of a phase that means nothing."""
    own = phase.logs_in_with
    for index, name in enumerate(phase.named_identities):
        if name not in profile.identities:
            yield Contradiction((*place, "identities", index), f"no identity '{name}'", near(name, profile.identities))
    if own is not None:
        yield from _rows_can_log_in(profile, phase, own, (*place, "identities"))
    yield from _credentials_needed(profile, phase, place)
    yield from _feeder_names(profile, phase, (*place, "feeders"))
    before = set(USER) if own is None else {*USER, own.feeder}
    prepared = yield from _steps(profile, phase, phase.setup, (*place, "setup"), before)
    prepared |= set(phase.feeders)
    for name, scenario in phase.scenarios.items():
        yield from _steps(profile, phase, scenario.steps, (*place, "scenarios", name, "steps"), prepared)
    yield from _steps(profile, phase, phase.teardown, (*place, "teardown"), prepared)


def _feeder_names(profile: Profile, phase: LoadPhaseSpec, place: KeyPath) -> Iterator[Contradiction]:
    """A feeder that hides a variable that is always there, or that no step takes anything from."""
    operations = {operation.id: operation for _, _, operation in profile.all_operations()}
    needed = {name for step in phase.all_steps() for name in _needed(step, operations.get(step.operation))}
    used = {name.partition(".")[0] for name in needed}
    if phase.logs_in_with is not None:
        used.add(phase.logs_in_with.feeder)
    for name in phase.feeders:
        if name in USER:
            yield Contradiction((*place, name), f"'{{{name}}}' is there for every user already", "another name")
        elif name not in used:
            hint = f"{{{name}.COLUMN}} in a step, or leave the feeder out"
            yield Contradiction((*place, name), f"no step takes anything from '{name}'", hint)


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
    yield from _columns_of(phase, name, columns)
    yield from _no_scalars(phase, name, numbered)
    yield from _no_headers(phase, name, numbered)
    if phase.feeders[name].order != "once":
        return
    users = math.ceil(peak_level(phase)) if phase.model == "closed" else connections(phase) if logs_in else 0
    if users > len(rows):
        yield f"{users:,} users need a row each, it has {len(rows):,}", "fewer users, or more rows"
    if phase.model == "open" and logs_in is None:
        arrivals = math.ceil(
            (planned_requests(phase) or 0.0) / requests_per_arrival(phase) * naming_share(phase, name) - 1e-9
        )
        if arrivals > len(rows):
            yield f"{arrivals:,} arrivals need a row each, it has {len(rows):,}", "order: circular, or more rows"


def _columns_of(phase: LoadPhaseSpec, name: str, columns: Collection[str]) -> Iterator[tuple[str, str]]:
    """What steps name of a feeder and its file does not have."""
    for needed in sorted({needed for step in phase.all_steps() for needed in step.needs()}):
        first, _, column = needed.partition(".")
        if first == name and not column:
            yield f"'{{{name}}}' is a whole row: it has to say which column", f"{{{name}.{next(iter(columns))}}}"
        elif first == name and column.partition(".")[0] not in columns:
            yield f"it has no column '{column}'", near(column, columns)


def _no_scalars(phase: LoadPhaseSpec, name: str, numbered: Sequence[tuple[int, Row]]) -> Iterator[tuple[str, str]]:
    """Columns that stand where only a text or a number has a place, and have something else."""
    in_texts = {needed for s in phase.all_steps() for needed in names_in([s.params, s.query or {}, s.headers])}
    for column in sorted(needed.partition(".")[2] for needed in in_texts if needed.startswith(f"{name}.")):
        for line, row in numbered:
            if column in row and (row[column] is None or isinstance(row[column], dict | list)):
                yield f"line {line}: '{column}' is no text or number, and stands in a path, a query or a header", ""
                break


def _no_headers(phase: LoadPhaseSpec, name: str, numbered: Sequence[tuple[int, Row]]) -> Iterator[tuple[str, str]]:
    """Columns that stand in a header, and have a text that none can carry: a request with it is never sent."""
    in_headers = {needed.partition(".")[2] for s in phase.all_steps() for needed in names_in(s.headers)
                  if needed.startswith(f"{name}.")}  # fmt: skip
    for column in sorted(in_headers):
        for line, row in numbered:
            text = row.get(column)
            if isinstance(text, str) and any(character in "\r\n\0" or character > "\xff" for character in text):
                hint = "letters of latin-1 and no line break, or the column in a query or a body"
                yield f"line {line}: '{column}' stands in a header, and has a character that no header carries", hint
                break


def _credentials_needed(profile: Profile, phase: LoadPhaseSpec, place: KeyPath) -> Iterator[Contradiction]:
    if not phase.identities:
        return
    sent = {step.operation for scenario in phase.scenarios.values() for step in scenario.steps} or set(phase.operations)
    found = [operation for _, _, operation in profile.all_operations() if operation.id in sent]
    if found and all(operation.identity is None or operation.auth == "none" for operation in found):
        message = "no operation of this phase is sent with an identity, so it does not matter who its users are"
        yield Contradiction((*place, "identities"), message, "leave them out, or give an operation `auth: required`")


def _steps(
    profile: Profile, phase: LoadPhaseSpec, steps: Sequence[LoadStep], place: KeyPath, given: set[str]
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
        else:
            yield from _sends(operation, step, where)
        for name in _needed(step, operation):
            if name.partition(".")[0] not in known:
                hint = near(name.partition(".")[0], known)
                yield Contradiction(where, f"nothing gives '{{{name}}}' its value before this step", hint)
        for name in step.unclosed():
            if name.partition(".")[0] in known:
                yield Contradiction(where, f"'{{{name}' is not closed, and would be sent as it stands", f"{{{name}}}")
        yield from _extracts(step, {*USER, *phase.feeders}, (*where, "extract"))
        known |= set(step.extract)
    return known


def _sends(operation: Operation, step: LoadStep, place: KeyPath) -> Iterator[Contradiction]:
    """Who sends the step's operation, and whether its path has what the step fills."""
    if operation.auth == "required" and operation.identity is None:
        yield Contradiction(place, f"'{operation.id}' needs an identity to be sent", "give the operation an `identity`")
    parts = parts_of(operation.path)
    for name in step.params:
        if name not in parts:
            message = f"the path of '{operation.id}' ({operation.path}) has no '{{{name}}}'"
            yield Contradiction((*place, "params", name), message, near(name, parts))


def _extracts(step: LoadStep, taken: set[str], place: KeyPath) -> Iterator[Contradiction]:
    """Where the step's variables come from, and that they hide none that is given otherwise."""
    for variable, path in step.extract.items():
        if not is_path(path):
            yield Contradiction((*place, variable), f"'{path}' is not a path into JSON", "$.items[0].id")
        if variable in taken:
            what = "is there for every user already" if variable in USER else "is a feeder's"
            yield Contradiction((*place, variable), f"'{{{variable}}}' {what}", "another name")


def _needed(step: LoadStep, operation: Operation | None) -> Iterator[str]:
    """Every variable that a step needs: in its own words, and in those parts of the path that nothing else fills."""
    yield from step.needs()
    if operation is None:
        return
    path_parts = {match["name"] for match in HOLE.finditer(operation.path) if match["name"]}
    yield from sorted(path_parts - set(step.params) - set(operation.params))
