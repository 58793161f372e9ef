"""`hybridcheck explain`: the documentation of one check, from its docstring and fields."""

import difflib
import inspect
from typing import Annotated

import typer

from hybridcheck.checks.check import Check
from hybridcheck.cli import terminal
from hybridcheck.errors import ExitCode, UsageError
from hybridcheck.plugins import installed
from hybridcheck.reference.defects import CATALOGUE


def command(
    name: Annotated[str, typer.Argument(metavar="ID", help="The id of a check, or of one of its cases.")],
) -> ExitCode:
    """Explain a check: what it proves, and what to do when it fails."""
    known = installed().checks
    check = known.get(name.partition("[")[0])
    if check is None:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`hybridcheck checks` lists them"
        raise UsageError(f"there is no check '{name}'", hint=hint)
    terminal.show(explanation(check))
    return ExitCode.READY


def explanation(check: Check) -> str:
    """All that is known about a check, as text."""
    defects = [
        f"{defect.name}: {defect.wrong}"
        for defect in CATALOGUE
        if defect.check in {check.id, *check.formerly} and not defect.demo_needs
    ]
    rows = (
        ("id", check.id),
        ("formerly", ", ".join(check.formerly)),
        ("severity", f"{check.severity} ({'required' if check.severity.rank < 2 else 'advisory'} by default)"),
        ("dimension", check.dimension),
        ("answers", f"the core question '{check.core}'" if check.core else ""),
        ("class", f"{check.safety} (phase {check.phase})"),
        ("since", f"catalogue {check.since}"),
        ("references", ", ".join(check.refs)),
        ("to do", check.remedy),
        ("see it fail", "\n".join(f"hybridcheck demo --defect {line}" for line in defects)),
    )
    lines = [inspect.cleandoc(type(check).__doc__ or ""), ""]
    for name, words in rows:
        for position, line in enumerate(words.splitlines()):
            lines.append(f"{name if position == 0 else '':<12} {line}")
    return "\n".join(lines)
