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
        from hybridcheck.profile.models import Profile  # the other half of the same choice

        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Profile.model_json_schema()}
    terminal.show(json.dumps(schema, indent=2, ensure_ascii=False))
    return ExitCode.READY
