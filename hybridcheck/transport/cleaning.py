"""Removing what a killed run left behind, from its manifest alone (`hybridcheck cleanup MANIFEST`)."""

from dataclasses import dataclass
from pathlib import Path

from hybridcheck.cases import Case, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.errors import UsageError
from hybridcheck.transport.manifest import Entry, Manifest, mend, read_manifest
from hybridcheck.transport.session import Session
from hybridcheck.transport.views import WriteView

CASE = PlannedCase(
    case=Case(check="cleanup", subject="manifest"),
    group=Group.ADVISORY,
    phase=Phase.AFTER,
    safety=SafetyClass.WRITE,
    dimension=Dimension.FUNCTIONAL,
    severity=Severity.LOW,
)
"""The case under which clean-up is recorded when it runs on its own."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of a manifest's entries: removed ones, and what is left with the reason, in words."""

    removed: tuple[str, ...]
    left: tuple[str, ...]


async def clean(path: Path, session: Session) -> Cleaned:
    """Remove, newest first, what the manifest says was created and not removed; note each step in the manifest.

    Raises:
        UsageError: where the file is no manifest, or one of another target.
        ToolError: where the session is with a production target.
    """
    entries = read_manifest(path)
    _refuse_foreign(entries, session.base_url, path)
    view = session.view(CASE)
    assert isinstance(view, WriteView)
    mend(path)
    manifest = Manifest(path)
    removed: list[str] = []
    left: list[str] = []
    for entry in reversed(entries):
        if entry.step in {"removed", "not_created"}:
            continue
        complaint = await view.remove(entry)
        manifest.step(entry, "left" if complaint else "removed")
        name = f"{entry.operation} {entry.resource or '(no id)'}"
        (left if complaint else removed).append(f"{name}: {complaint}" if complaint else name)
    return Cleaned(tuple(removed), tuple(left))


def _refuse_foreign(entries: tuple[Entry, ...], base_url: str, path: Path) -> None:
    others = {entry.base_url for entry in entries} - {base_url}
    if others:
        raise UsageError(f"it lists what was created at {sorted(others)}, not at {base_url}", where=str(path))
