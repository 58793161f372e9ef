"""What each user of a load does in turn, as the plan carries it to the generator; and how a drive becomes that."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hybridcheck.paths import STEP
from hybridcheck.profile.drives import Drive
from hybridcheck.profile.feeders import read_rows
from hybridcheck.profile.load_phases import connections
from hybridcheck.profile.step_templates import DriveStep, Template


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ScriptStep(_Frozen):
    """One step: the operation in whose book it is booked, its request in pieces, what to take from its answer."""

    operation: str
    path: Template
    headers: tuple[tuple[str, Template], ...] = ()
    body: Template = ()
    extract: tuple[tuple[str, tuple[str | int, ...]], ...] = ()
    think_s: tuple[float, float] = (0.0, 0.0)
    as_declared: bool = False


class ScriptScenario(_Frozen):
    """A sequence of steps and how often it is begun beside the others."""

    name: str
    weight: int = Field(ge=1)
    steps: tuple[ScriptStep, ...] = Field(min_length=1)


class ScriptUser(_Frozen):
    """An identity that virtual users have in turn: header → name of the secret that is its value."""

    name: str
    secret_headers: tuple[tuple[str, str], ...]


class ScriptFeeder(_Frozen):
    """A file's rows, with no column that no step names; `own`: each user has one of them for good, in turn."""

    name: str
    order: Literal["circular", "random", "once", "own"]
    rows: tuple[dict[str, Any], ...] = Field(min_length=1)


class Script(_Frozen):
    """Everything that makes users differ. Steps of `setup` and `teardown` may be of operations outside of the plan's."""

    scenarios: tuple[ScriptScenario, ...] = Field(min_length=1)
    setup: tuple[ScriptStep, ...] = ()
    teardown: tuple[ScriptStep, ...] = ()
    users: tuple[ScriptUser, ...] = ()
    feeders: tuple[ScriptFeeder, ...] = ()


def script_of(drive: Drive, users: Sequence[ScriptUser]) -> Script | None:
    """The script of a drive, its files read; None where every request is known before.

    Raises:
        FeederError: a file is not what it was when the profile was read.
    """
    if not drive.scenarios:
        return None
    steps = (*drive.setup, *drive.teardown, *(step for scenario in drive.scenarios for step in scenario.steps))
    return Script(
        scenarios=tuple(
            ScriptScenario(name=found.name, weight=found.weight, steps=_steps(found.steps)) for found in drive.scenarios
        ),
        setup=_steps(drive.setup),
        teardown=_steps(drive.teardown),
        users=tuple(users),
        feeders=tuple(_feeder(drive, name, steps) for name in drive.spec.feeders),
    )


def _feeder(drive: Drive, name: str, steps: Sequence[DriveStep]) -> ScriptFeeder:
    """The rows that steps are fed with: what only logs users in stays here."""
    feeder, own = drive.spec.feeders[name], drive.spec.logs_in_with
    needed = {variable for step in steps for variable in step.variables() if variable.partition(".")[0] == name}
    columns = {variable.split(".")[1] for variable in needed if "." in variable}
    whole = name in needed
    rows = [
        {column: value for column, value in row.items() if whole or column in columns}
        for row in read_rows(Path(feeder.file))
    ]
    if own is None or own.feeder != name:
        return ScriptFeeder(name=name, order=feeder.order, rows=tuple(rows))
    return ScriptFeeder(name=name, order="own", rows=tuple(rows[: connections(drive.spec)]))


def _steps(steps: Sequence[DriveStep]) -> tuple[ScriptStep, ...]:
    return tuple(
        ScriptStep(
            operation=step.operation,
            path=step.path,
            headers=step.headers,
            body=step.body,
            extract=tuple((name, keys_of(path)) for name, path in step.extract),
            think_s=step.think_s,
            as_declared=step.as_declared,
        )
        for step in steps
    )


def keys_of(path: str) -> tuple[str | int, ...]:
    """The keys and indices that a path goes down by."""
    return tuple(_key(*match.groups()) for match in STEP.finditer(path))


def _key(name: str | None, index: str | None, quoted: str | None) -> str | int:
    return int(index) if index is not None else (name or quoted or "")
