"""`hybridcheck schema`: the published JSON Schemas."""

import json
from typing import Annotated, Literal

import typer

from hybridcheck.cli import terminal
from hybridcheck.errors import ExitCode


def command(
    which: Annotated[Literal["profile", "verdict"], typer.Argument(metavar="profile|verdict", help="Which document.")],
) -> ExitCode:
    """Print the JSON Schema of the profile or of the verdict."""
    if which == "verdict":
        from hybridcheck.writers.json_document import verdict_schema  # brings jsonschema

        schema = verdict_schema()
    else:
        from hybridcheck.profile.schema import profile_schema  # the other half of the same choice

        schema = profile_schema()
    terminal.show(json.dumps(schema, indent=2, ensure_ascii=False))
    return ExitCode.READY
