"""`hybridcheck checks`: the catalogue as a list."""

import json
from typing import Annotated, Literal

import typer

from hybridcheck.checks.catalogue import CHECKS
from hybridcheck.checks.check import Check
from hybridcheck.cli import terminal
from hybridcheck.errors import ExitCode


def command(
    *,
    format_: Annotated[Literal["console", "json"], typer.Option("--format", help="How to print the list.")] = "console",
) -> ExitCode:
    """List every check."""
    checks = sorted((check() for check in CHECKS), key=lambda check: check.id)
    if format_ == "json":
        terminal.show(json.dumps([_facts(check) for check in checks], indent=2, ensure_ascii=False))
        return ExitCode.READY
    width = max(len(check.id) for check in checks)
    for check in checks:
        terminal.show(
            f"{check.id:<{width}}  {check.severity:<8}  {check.dimension:<11}  {check.safety:<7}  {check.title}"
        )
    return ExitCode.READY


def _facts(check: Check) -> dict[str, str | int | list[str] | None]:
    return {
        "id": check.id,
        "title": check.title,
        "severity": check.severity,
        "dimension": check.dimension,
        "safety": check.safety,
        "phase": check.phase,
        "core": check.core,
        "suite": check.suite or None,
        "since": check.since,
        "refs": list(check.refs),
        "tags": list(check.tags),
    }
