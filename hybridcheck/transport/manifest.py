"""The manifest: what this run is about to create, has created, and has removed; on the disk before the request.

One JSON line per step of one thing (`intended`, `created`, `not_created`, `removed`, `left`), numbered by `entry`.
`hybridcheck cleanup MANIFEST` removes from it what a killed run left behind. It holds no secret: only identity names.
"""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from hybridcheck.errors import ToolError, UsageError
from hybridcheck.evidence import Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.transport.on_disk import Lines

Step = Literal["intended", "created", "not_created", "removed", "left"]

DONE = frozenset({"removed", "not_created"})
"""Steps after which nothing is left of a thing."""

GONE = frozenset({404, 410})
"""Statuses that say that there is nothing to remove (any more)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing: which operation creates it, which removes it, as whom, and its id once it is known."""

    entry: int
    step: Step
    run_id: str
    base_url: str
    case: str
    operation: str
    cleanup: str | None
    identity: str | None
    resource: str | None = None


class Manifest:
    """A manifest file that is written to; each line is on the disk when its call returns.

    A last line that a killed run did not finish is cut off before the first new one. An id in which `is_secret` finds
    a secret (a hostile target may call a thing so) is not written down.
    """

    def __init__(self, path: Path, is_secret: Callable[[str], bool] = lambda _: False) -> None:
        self._lines = Lines(path)
        self._is_secret = is_secret
        self._entries = 0

    def intend(
        self, *, run_id: str, base_url: str, case: str, operation: str, cleanup: str | None, identity: str | None
    ) -> Entry:
        """Write down what the next request is about to create.

        Raises:
            OutputError: where it cannot be written; the request must then not be sent.
        """
        self._entries += 1
        entry = Entry(self._entries, "intended", run_id, base_url, case, operation, cleanup, identity)
        self._write(entry)
        return entry

    def step(self, entry: Entry, step: Step, resource: str | None = None) -> Entry:
        """Write down what has become of it."""
        moved = replace(entry, step=step, resource=resource if resource is not None else entry.resource)
        self._write(moved)
        return moved

    def _write(self, entry: Entry) -> None:
        if entry.resource is not None and self._is_secret(entry.resource):
            entry = replace(entry, resource=None)
        self._lines.append(asdict(entry))


def read_manifest(path: Path) -> tuple[Entry, ...]:
    """The last step of every entry, in the order of creation. A last line that was cut off is left out.

    Raises:
        UsageError: where the file cannot be read or is no manifest.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    last: dict[tuple[str, int], Entry] = {}
    for number, line in enumerate(lines[:-1], start=1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            hint = "give the manifest.ndjson of a run, not its ledger"
            raise UsageError(f"line {number} is no manifest entry", where=str(path), hint=hint) from error
        last[entry.run_id, entry.entry] = entry
    return tuple(last.values())


def cleanup_path(operation: Operation, resource: str) -> str:
    """The path of a clean-up operation for one resource: the id stands in each part that is not filled.

    Raises:
        ToolError: where the operation has no such part, or the id could change where the path leads.
    """
    path = operation.url_path()
    if "{" not in path:
        raise ToolError(f"the path of '{operation.id}' has no {{id}} part that says what to remove")
    if resource in {"", ".", ".."}:
        raise ToolError(f"'{resource}' is no id of a resource")
    return re.sub(r"\{[^{}]*\}", lambda _: quote(resource, safe=""), path)


def is_removed(exchange: Exchange) -> bool:
    """Whether the answer to a clean-up request says that the resource is gone."""
    return exchange.status is not None and (200 <= exchange.status < 300 or exchange.status in GONE)
