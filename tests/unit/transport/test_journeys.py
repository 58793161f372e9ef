"""Journeys through a real session: judged from the ledger as written, cleaned up in reverse however they end."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from hybridcheck.cases import Case
from hybridcheck.checks.check import Scene
from hybridcheck.checks.workflows.completes import WorkflowCompletes
from hybridcheck.evidence import Evidence, GapReason
from hybridcheck.profile.models import Environment
from hybridcheck.target import EvidenceLost
from hybridcheck.transport.manifest import read_manifest
from hybridcheck.verdict import Finding, Outcome
from tests.unit.transport.stage import BASE_URL, Stage, profile_of, stage_of

PARTS: dict[str, Any] = {
    "operations": [
        {"id": "dropShelf", "method": "DELETE", "path": "/shelves/{id}"},
        {"id": "dropBook", "method": "DELETE", "path": "/books/{id}"},
    ],
    "workflows": {
        "fill": {
            "steps": [
                {"name": "shelf", "request": "POST /shelves -> 201", "body": {"name": "{marker}"}, "extract": {"shelf": "$.id"}, "cleanup": "dropShelf", "id_from": "$.id"},
                {"name": "book", "request": "POST /shelves/{shelf}/books -> 201", "cleanup": "dropBook", "id_from": "$.id"},
                {"name": "look", "request": "GET /shelves/{shelf}", "expect": {"values": {"$.books": 1}}},
            ]
        }
    },
}  # fmt: skip


class Library:
    """A target with shelves and books; `books` is what a look at a shelf counts. It may wait for ever at the look."""

    def __init__(self, books: int = 1, *, hangs: bool = False) -> None:
        self.books, self.hangs = books, hangs
        self.log: list[str] = []
        self.looked = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        path = request.url.path
        self.log.append(f"{request.method} {path}")
        if request.method == "POST":
            return httpx.Response(201, json={"id": f"{path.rsplit('/', 1)[1][:1]}{len(self.log)}"})
        if request.method == "GET":
            self.looked.set()
            if self.hangs:
                await asyncio.Event().wait()
            return httpx.Response(200, json={"books": self.books})
        return httpx.Response(204)


def prepared(folder: Path, library: Library) -> tuple[Stage, Case]:
    """A stage over a library, and the case."""
    profile = profile_of(**PARTS)
    stage = stage_of(folder, library, profile=profile)
    (case,) = WorkflowCompletes().cases(Scene(profile, BASE_URL, Environment.LOCAL))
    assert isinstance(case, Case)
    return stage, case


async def judged(folder: Path, library: Library) -> Finding:
    """The finding from what the ledger has on disk, after clean-up."""
    stage, case = prepared(folder, library)
    view = stage.write()
    await WorkflowCompletes().probe(case, view)
    await view.clean_up()
    return WorkflowCompletes().judge(case, Evidence(tuple(stage.records), {}))


async def test_a_journey_arrives_and_is_removed_in_reverse(tmp_path: Path) -> None:
    """A request of a workflow's own may be sent, and what it created is removed: the book before its shelf."""
    library = Library()
    finding = await judged(tmp_path, library)
    assert finding.outcome is Outcome.PASS
    assert library.log == [
        "POST /shelves",
        "POST /shelves/s1/books",
        "GET /shelves/s1",
        "DELETE /books/b2",
        "DELETE /shelves/s1",
    ]


async def test_a_journey_that_stops_is_removed_in_reverse_as_well(tmp_path: Path) -> None:
    """Both rounds, the last thing first."""
    library = Library(books=0)
    finding = await judged(tmp_path, library)
    assert finding.outcome is Outcome.FAIL
    assert "step 'look' (GET /shelves/{shelf}): $.books is 0 instead of 1" in finding.observed
    removed = [line for line in library.log if line.startswith("DELETE")]
    assert removed == ["DELETE /books/b5", "DELETE /shelves/s4", "DELETE /books/b2", "DELETE /shelves/s1"]


async def test_an_interrupted_journey_is_removed_in_reverse(tmp_path: Path) -> None:
    """Cancelled in the middle of a step: a gap, and clean-up all the same."""
    library = Library(hangs=True)
    stage, case = prepared(tmp_path, library)
    view = stage.write()
    running = asyncio.ensure_future(WorkflowCompletes().probe(case, view))
    await library.looked.wait()
    running.cancel()
    with pytest.raises((asyncio.CancelledError, EvidenceLost)):
        await running
    assert await view.clean_up() == ()
    assert library.log[-2:] == ["DELETE /books/b2", "DELETE /shelves/s1"]
    assert GapReason.INTERRUPTED in {gap.reason for gap in stage.gaps()}


async def test_a_killed_journey_is_in_the_manifest(tmp_path: Path) -> None:
    """Without a clean-up the manifest names what `hybridcheck cleanup` has to remove, and how."""
    library = Library()
    stage, case = prepared(tmp_path, library)
    await WorkflowCompletes().probe(case, stage.write())
    left = [(entry.step, entry.cleanup, entry.resource) for entry in read_manifest(stage.manifest_path)]
    assert left == [("created", "dropShelf", "s1"), ("created", "dropBook", "b2")]
    assert json.loads(stage.manifest_path.read_text().splitlines()[-1])["operation"] == "fill/book"
