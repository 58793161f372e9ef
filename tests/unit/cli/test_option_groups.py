"""Dataclasses as groups of options."""

import inspect
from dataclasses import dataclass
from typing import Annotated

import typer

from hybridcheck.cli.option_groups import spread


@dataclass(frozen=True)
class Group:
    """Two options."""

    one: Annotated[int, typer.Option("--one")] = 1
    two: Annotated[str | None, typer.Option("--two")] = None


@spread
def command(group: Group, *, other: bool = False) -> tuple[Group, bool]:
    """Return what was given."""
    return group, other


def test_fields_become_options_after_the_own_ones() -> None:
    """Their annotations and defaults come along; the group itself is no option."""
    signature = inspect.signature(command)
    assert list(signature.parameters) == ["other", "one", "two"]
    assert signature.parameters["one"].default == 1
    assert inspect.getdoc(command) == "Return what was given."


def test_the_group_is_built_from_what_was_given() -> None:
    """As Typer calls it: everything by keyword."""
    assert command(one=5, two="x", other=True) == (Group(5, "x"), True)
