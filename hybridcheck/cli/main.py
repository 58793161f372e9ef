"""The entry point: names every command, and imports the module of the one that is asked for."""

import importlib
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

import typer
import typer.core
import typer.main

import hybridcheck
from hybridcheck.cli import exits, terminal
from hybridcheck.errors import ExitCode

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "validate": "Say whether the system behind a base URL may go to production.",
        "integrate": "Check how the services work together: chosen suites, a scoped verdict.",
        "load": "Drive the profile's load, or the load that the options say, and judge it: a scoped verdict on performance.",
        "demo": "See a verdict in half a minute, on an embedded reference system.",
        "judge": "Judge a saved ledger again, without a target.",
        "report": "Render a saved verdict in another format.",
        "replay": "Show how to repeat a case by hand, or run it again.",
        "checks": "List every check.",
        "explain": "Explain a check: what it proves, and what to do when it fails.",
        "schema": "Print the JSON Schema of the profile or of the verdict.",
        "init": "Write a first profile from an OpenAPI document.",
        "lint": "Find every error in a profile without sending anything.",
        "cleanup": "Take back the faults that a run left applied, and remove what it created and could not remove itself.",
    }
)
"""Name of a command (and of its module in this folder) → the first line of its docstring."""


class LazyGroup(typer.core.TyperGroup):
    """Knows its commands by name and one line, so that `--help` imports none of them."""

    def __init__(self, **settings: Any) -> None:
        settings["commands"] = {
            name: typer.core.TyperCommand(name, short_help=line, rich_markup_mode=None)
            for name, line in COMMANDS.items()
        }
        super().__init__(**settings)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the name as usual, then import what it stands for."""
        name, _stub, rest = super().resolve_command(ctx, args)
        return name, load_command(name or ""), rest


def load_command(name: str) -> Any:
    """The real command of that name, from `command` in its module."""
    module = importlib.import_module(f"hybridcheck.cli.{name}")
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(module.command)
    return typer.main.get_command(single)


app = typer.Typer(cls=LazyGroup, add_completion=False, rich_markup_mode=None, no_args_is_help=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        terminal.show(f"hybridcheck {hybridcheck.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def hybridcheck_command(
    ctx: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Say, with evidence, whether a running HTTP system may go to production.

    Exit codes: 0 READY, 1 NOT_READY, 2 usage or profile error (nothing was sent), 3 INCONCLUSIVE, 4 target unreachable,
    5 our own fault, 130 or 143 interrupted. Begin with `hybridcheck demo`.
    """
    if ctx.invoked_subcommand is None:
        terminal.tell(ctx.get_help(), lines=True)
        raise typer.Exit(ExitCode.USAGE)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    terminal.prepare()
    group = typer.main.get_command(app)
    sys.exit(exits.of_call(lambda: group.main(arguments, prog_name="hybridcheck", standalone_mode=False)))
