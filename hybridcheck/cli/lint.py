"""`hybridcheck lint`: a profile, read and planned as a run would do it."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hybridcheck.binding import refuse_bare_secrets
from hybridcheck.cases import Budget, Group
from hybridcheck.checks.check import Scene
from hybridcheck.cli import options as given
from hybridcheck.cli import terminal
from hybridcheck.errors import ExitCode, ProfileError
from hybridcheck.plan import Plan, Selection, make, open_questions
from hybridcheck.plugins import installed
from hybridcheck.profile.load_foresight import few_connections
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.profile.reading import read_profile


def command(
    profile: Annotated[Path, typer.Argument(metavar="PROFILE", help="The profile to read.")],
    *,
    budget: given.BudgetOption = Budget.STANDARD,
) -> ExitCode:
    """Find every error in a profile without sending anything.

    References (env:NAME, file:PATH) are resolved, so that what a run would miss is missing here too. Says for each
    target how many cases a run would have, and which core questions would stay open; and warns of what is no error, but
    known before: limits that a load is too short to decide, and fewer connections than it may need.
    """
    loaded = read_profile(profile, os.environ)
    refuse_bare_secrets(loaded)
    read = loaded.profile
    scenes = [Scene(read, target.url, target.environment) for target in read.targets.values()]
    names = list(read.targets) or ["a URL without a name"]
    scenes = scenes or [Scene(read, "http://127.0.0.1", Environment.UNKNOWN)]
    selection = Selection(budget=budget or Budget.STANDARD)
    plans = [
        make(scene, installed().checks, selection, today=datetime.now(UTC).date(), place=loaded.place)
        for scene in scenes
    ]
    complaints = dict.fromkeys(complaint for plan in plans for complaint in plan.complaints)
    if complaints:
        raise ProfileError(tuple(complaints))
    terminal.show(f"{profile}: no errors")
    for warning in dict.fromkeys(_warnings(plans, read)):
        terminal.show(f"warning: {warning}")
    for name, plan in zip(names, plans, strict=True):
        terminal.show("\n".join(_preview(name, plan, read)))
    return ExitCode.READY


def _warnings(plans: list[Plan], profile: Profile) -> Iterator[str]:
    for plan in plans:
        for planned in plan.cases:
            short = planned.case.params.get("cannot_decide")
            if short and planned.group in (Group.REQUIRED, Group.ADVISORY):
                yield f"{planned.case.id} will stay undecided: {short}"
    yield from (f"load phase {name}: {text}" for name, text in few_connections(profile))


def _preview(name: str, plan: Plan, profile: Profile) -> list[str]:
    """What a run against one target would be about."""
    counts = Counter(planned.group for planned in plan.cases)
    lines = [f"{name}: " + ", ".join(f"{counts[group]} {group.replace('_', ' ')}" for group in Group)]
    for question in open_questions(plan, profile):
        lines.append(f"  nothing answers '{question.question}': no run can be READY; this would change it:")
        lines += [f"    {line}" for line in question.lines]
    return lines
