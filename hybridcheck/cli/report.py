"""`hybridcheck report`: a saved verdict, rendered again."""

from pathlib import Path
from typing import Annotated

import typer

from hybridcheck.cli import options as given
from hybridcheck.cli import rendering
from hybridcheck.errors import ExitCode
from hybridcheck.writers import json_document


def command(
    document: Annotated[Path, typer.Argument(metavar="VERDICT_JSON", help="The verdict.json of a run.")],
    *,
    format_: given.FormatOption = given.Format.CONSOLE,
    output_file: given.OutputFile = None,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="The profile of the run, for SARIF to point into.")
    ] = None,
) -> ExitCode:
    """Render a saved verdict in another format.

    Exits 0 once it is rendered, whatever the verdict says: `validate` and `judge` carry the verdict in their exit code.
    """
    verdict = json_document.read(document)
    source = rendering.Source(str(document.parent), profile)
    if output_file is None:
        rendering.show(verdict, format_, source)
    else:
        rendering.check_writable(output_file)
        rendering.save(verdict, output_file, format_, source)
    return ExitCode.READY
