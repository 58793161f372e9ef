"""The journal of hooks: which fault is about to be applied, is applied, and is gone; on the disk before it happens.

`hybridcheck cleanup` reverts from it what a killed run left. It holds no secret: only the names of hooks.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from hybridcheck.errors import UsageError
from hybridcheck.transport.on_disk import Lines

JOURNAL_NAME = "hooks.ndjson"

HookStage = Literal["intended", "applied", "clean", "left"]
"""`clean`: reverted, and proved so. Anything else may still be there."""


@dataclass(frozen=True, slots=True)
class HookEntry:
    """One application of a hook."""

    entry: int
    stage: HookStage
    run_id: str
    base_url: str
    case: str
    hook: str


class Journal:
    """A journal that is written to."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._entries = 0

    def intend(self, *, run_id: str, base_url: str, case: str, hook: str) -> HookEntry:
        """Write down what is about to be applied.

        Raises:
            OutputError: where it cannot be written; the hook must then not be applied.
        """
        self._entries += 1
        entry = HookEntry(self._entries, "intended", run_id, base_url, case, hook)
        self._lines.append(asdict(entry))
        return entry

    def stage(self, entry: HookEntry, stage: HookStage) -> HookEntry:
        """Write down what has become of it."""
        moved = replace(entry, stage=stage)
        self._lines.append(asdict(moved))
        return moved


def read_journal(path: Path) -> tuple[HookEntry, ...]:
    """The last stage of every entry, in the order of application. A last line that was cut off is left out.

    Raises:
        UsageError: where the file cannot be read or is no journal.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    last: dict[tuple[str, int], HookEntry] = {}
    for number, line in enumerate(lines[:-1], start=1):
        try:
            entry = HookEntry(**json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            raise UsageError(f"line {number} is no entry of a journal of hooks", where=str(path)) from error
        last[entry.run_id, entry.entry] = entry
    return tuple(last.values())
