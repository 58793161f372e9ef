"""`hybridcheck judge`: a ledger, judged again."""

from pathlib import Path
from typing import Annotated

import typer

from hybridcheck.cli import exits, rendering
from hybridcheck.cli import options as given
from hybridcheck.errors import ExitCode


def command(
    ledger: Annotated[Path, typer.Argument(metavar="LEDGER", help="The ledger.ndjson of a run.")],
    *,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="Judge by this profile instead: a what-if, and it says so.")
    ] = None,
    format_: given.FormatOption = given.Format.CONSOLE,
    output_file: given.OutputFile = None,
) -> ExitCode:
    """Judge a saved ledger again, without a target.

    The same ledger and the same version give the same verdict.json, byte for byte (--output-file).
    """
    from hybridcheck import gate  # the gate and all that it brings, not for --help

    if output_file is not None:
        rendering.check_writable(output_file)
    verdict = gate.judge_ledger(ledger, profile)
    source = rendering.Source(str(ledger.parent), profile)
    if output_file is not None:
        rendering.save(verdict, output_file, format_, source)
    rendering.show(verdict, format_, source)
    return exits.of_verdict(verdict.verdict, verdict.exit_code, exit_zero=verdict.policy.exit_zero)
