"""`hybridcheck init`: a first profile from an OpenAPI document."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hybridcheck.cases import Group
from hybridcheck.checks.check import Scene
from hybridcheck.cli import options as given
from hybridcheck.cli import terminal
from hybridcheck.drafting.making import Made, make
from hybridcheck.errors import ExitCode, UsageError
from hybridcheck.plan import Selection, open_questions
from hybridcheck.plan import make as plan_of
from hybridcheck.plugins import installed
from hybridcheck.profile.lookup import FILE_NAMES
from hybridcheck.profile.models import Environment
from hybridcheck.writers.json_document import to_bytes, write_whole
from hybridcheck.writers.wording import counted

From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="URL|FILE", help="The OpenAPI or Swagger document; else it is searched at --base-url."
    ),
]
BaseUrl = Annotated[str | None, typer.Option("--base-url", help="URL of the system; only its origin is asked.")]
Output = Annotated[Path, typer.Option("--output", help="The file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that exists.")]


def command(
    *,
    from_: From = None,
    base_url: BaseUrl = None,
    output: Output = Path(FILE_NAMES[0]),
    force: Force = False,
    verbose: given.Verbose = False,
) -> ExitCode:
    """Write a first profile from an OpenAPI document.

    Reads Swagger 2.0, OpenAPI 3.0 and 3.1, in JSON or YAML. Sends GET requests only, to operations that anybody may
    call, and to nothing but the origin of the base URL. What is guessed is marked GUESS, what only you know FILL IN.
    """
    if output.exists() and not force:
        raise UsageError(f"{output} exists", where="--output", hint="--force writes over it; --output names another")
    made = asyncio.run(make(from_, base_url, today=datetime.now(UTC).date()))
    write_whole(to_bytes(made.draft.text), output)
    terminal.show("\n".join(_told(made, output)))
    return ExitCode.READY


def _told(made: Made, output: Path) -> list[str]:
    """What was written, what is left to fill in, and what comes next."""
    profile = made.loaded.profile
    target = next(iter(profile.targets.values()), None)
    url, environment = (target.url, target.environment) if target else ("http://127.0.0.1", Environment.UNKNOWN)
    plan = plan_of(Scene(profile, url, environment), installed().checks, Selection())
    required = sum(planned.group is Group.REQUIRED for planned in plan.cases)
    counts = (
        (len(profile.all_operations()), "operation"),
        (len(profile.services), "service"),
        (required, "required promise"),
    )
    lines = [f"{output}: " + ", ".join(counted(count, what) for count, what in counts)]
    if made.draft.to_do:
        lines += ["", "To fill in:", *(f"  - {line}" for line in made.draft.to_do)]
    opened = open_questions(plan, profile)
    if opened:
        names = ", ".join(question.question for question in opened)
        lines += ["", f"Open core questions: {names}. Until they are answered, a run is INCONCLUSIVE."]
    name = next(iter(profile.targets), "URL")
    lines += [
        "",
        "Next:",
        f"  hybridcheck lint {output}",
        f"  hybridcheck validate --base-url {name} --profile {output}",
    ]
    return lines
