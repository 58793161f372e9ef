"""What each user of a load does in turn, as the plan carries it to the generator; and how a drive becomes that."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hybridcheck.paths import STEP
from hybridcheck.profile.drives import Drive
from hybridcheck.profile.feeders import read_rows
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
    """A file's rows."""

    name: str
    order: Literal["circular", "random", "once"]
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
    feeders = drive.spec.feeders.items()
    return Script(
        scenarios=tuple(
            ScriptScenario(name=found.name, weight=found.weight, steps=_steps(found.steps)) for found in drive.scenarios
        ),
        setup=_steps(drive.setup),
        teardown=_steps(drive.teardown),
        users=tuple(users),
        feeders=tuple(
            ScriptFeeder(name=name, order=feeder.order, rows=read_rows(Path(feeder.file))) for name, feeder in feeders
        ),
    )


def _steps(steps: Sequence[DriveStep]) -> tuple[ScriptStep, ...]:
    return tuple(
        ScriptStep(
            operation=step.operation,
            path=step.path,
            headers=step.headers,
            body=step.body,
            extract=tuple((name, _keys(path)) for name, path in step.extract),
            think_s=step.think_s,
        )
        for step in steps
    )


def _keys(path: str) -> tuple[str | int, ...]:
    """The keys and indices that a path goes down by."""
    return tuple(_key(*match.groups()) for match in STEP.finditer(path))


def _key(name: str | None, index: str | None, quoted: str | None) -> str | int:
    return int(index) if index is not None else (name or quoted or "")
