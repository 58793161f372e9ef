"""`hybridcheck lint`: a profile, read as a run would read it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hybridcheck.cli import terminal
from hybridcheck.errors import ExitCode
from hybridcheck.profile.reading import read_profile


def command(
    profile: Annotated[Path, typer.Argument(metavar="PROFILE", help="The profile to read.")],
) -> ExitCode:
    """Find every error in a profile without sending anything.

    References (env:NAME, file:PATH) are resolved, so that what a run would miss is missing here too.
    """
    loaded = read_profile(profile, os.environ)
    read = loaded.profile
    operations = len(read.all_operations())
    counts = (
        f"{len(read.targets)} targets, {len(read.identities)} identities, {len(read.services)} services, "
        f"{operations} operations, {len(read.load)} load phases, {len(read.waivers)} waivers"
    )
    terminal.show(f"{profile}: no errors ({counts})")
    return ExitCode.READY
