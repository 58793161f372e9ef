"""Creating and cleaning up: written down before the request, removed in reverse, residue said."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from hybridcheck.errors import OutputError, ToolError, UsageError
from hybridcheck.evidence import Created, Exchange, GapReason
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, EvidenceLost
from hybridcheck.transport.manifest import Manifest, cleanup_path, read_manifest
from tests.unit.transport.stage import Stage, close_ledgers, profile_of, stage_of

OPERATIONS = [
    {"id": "add", "method": "POST", "path": "/books"},
    {"id": "drop", "method": "DELETE", "path": "/books/{id}"},
]
ASK = Ask("POST", "/books", body=b"{}", operation="add")


class Shelf:
    """A target that keeps books; `stuck` ones cannot be removed."""

    def __init__(self, manifest: Path | None = None) -> None:
        self.books: list[int] = []
        self.log: list[str] = []
        self.stuck: set[int] = set()
        self.manifest = manifest
        self.status = 201

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.log.append(f"{request.method} {request.url.path}")
        if request.method == "POST":
            if self.manifest is not None:
                assert json.loads(self.manifest.read_bytes().splitlines()[-1])["step"] == "intended"
            if self.status >= 400:
                return httpx.Response(self.status)
            self.books.append(len(self.log))
            return httpx.Response(self.status, json={"book": {"id": self.books[-1]}})
        if request.method == "OPTIONS":
            return httpx.Response(204)
        book = int(request.url.path.rsplit("/", 1)[1])
        if book in self.stuck:
            return httpx.Response(500)
        self.books.remove(book)
        return httpx.Response(204)


def stage_with(folder: Path, shelf: Shelf, **options: Any) -> Stage:
    """A stage with the shelf behind it."""
    stage = stage_of(folder, shelf, profile=profile_of(operations=OPERATIONS), **options)
    shelf.manifest = stage.manifest_path
    return stage


async def test_what_is_created_is_written_down_first_and_removed_in_reverse(tmp_path: Path) -> None:
    """The manifest has the intention before the target has the request (the shelf asserts it)."""
    shelf = Shelf()
    stage = stage_with(tmp_path, shelf)
    view = stage.write()
    for _ in range(2):
        exchange, resource = await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
        assert exchange.status == 201
        assert resource == str(shelf.books[-1])
    assert await view.clean_up() == ()
    assert shelf.log == ["POST /books", "POST /books", "DELETE /books/2", "DELETE /books/1"]
    assert shelf.books == []
    assert [entry.step for entry in read_manifest(stage.manifest_path)] == ["removed", "removed"]
    kinds = [(type(record).__name__, getattr(record, "removed", None)) for record in stage.records]
    assert (
        kinds
        == [("Created", None), ("Exchange", None), ("Created", None)] * 2
        + [
            ("Exchange", None),
            ("Created", True),
        ]
        * 2
    )
    assert await view.clean_up() == ()


async def test_what_cannot_be_removed_is_residue(tmp_path: Path) -> None:
    """It is in the words that come back, in the ledger and in the manifest."""
    shelf = Shelf()
    stage = stage_with(tmp_path, shelf)
    view = stage.write()
    await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
    shelf.stuck.add(1)
    assert await view.clean_up() == ("add 1: 500",)
    assert stage.created()[-1].removed is False
    assert [entry.step for entry in read_manifest(stage.manifest_path)] == ["left"]


@pytest.mark.parametrize(
    "cleanup, id_from, why",
    [(None, "$.book.id", "no clean-up operation"), ("drop", "$.nothing", "gave no id"), ("drop", None, "gave no id")],
)
async def test_what_nobody_knows_how_to_remove_is_residue(
    tmp_path: Path, cleanup: str | None, id_from: str | None, why: str
) -> None:
    """It is never guessed what to delete."""
    shelf = Shelf()
    view = stage_with(tmp_path, shelf).write()
    await view.create("make", ASK, cleanup=cleanup, id_from=id_from)
    (left,) = await view.clean_up()
    assert why in left
    assert shelf.log == ["POST /books"]


async def test_a_refused_creation_leaves_nothing_to_remove(tmp_path: Path) -> None:
    """A 4xx says that nothing was made."""
    shelf = Shelf()
    shelf.status = 422
    stage = stage_with(tmp_path, shelf)
    view = stage.write()
    _, resource = await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
    assert resource == ""
    assert await view.clean_up() == ()
    assert [entry.step for entry in read_manifest(stage.manifest_path)] == ["not_created"]


async def test_an_unanswered_creation_is_residue(tmp_path: Path) -> None:
    """The target may have done it: nobody knows, and that is said."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone")

    stage = stage_of(tmp_path, handler, profile=profile_of(operations=OPERATIONS))
    view = stage.write()
    exchange, _ = await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
    assert exchange.failure is not None
    assert await view.clean_up() == ("add (no id): the target gave no id",)


async def test_a_creation_that_broke_the_target_may_have_happened(tmp_path: Path) -> None:
    """After a 5xx nobody knows: it is residue."""
    shelf = Shelf()
    shelf.status = 500
    view = stage_with(tmp_path, shelf).write()
    await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
    assert await view.clean_up() == ("add (no id): the target gave no id",)


async def test_clean_up_goes_on_beyond_a_spent_budget(tmp_path: Path) -> None:
    """Nothing is left behind for want of a request."""
    shelf = Shelf()
    stage = stage_of(tmp_path, shelf, profile=profile_of(operations=OPERATIONS, limits={"max_requests": 1}))
    view = stage.write()
    await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
    assert await view.clean_up() == ()
    assert shelf.books == []


async def test_a_cancelled_creation_is_residue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request was under way: the target may have done it."""
    monkeypatch.setattr("hybridcheck.transport.views.GRACE_S", 0.05)
    entered = asyncio.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        entered.set()
        await asyncio.Event().wait()
        return httpx.Response(201)

    stage = stage_of(tmp_path, handler, profile=profile_of(operations=OPERATIONS))
    view = stage.write()
    task = asyncio.create_task(view.create("make", ASK, cleanup="drop", id_from="$.book.id"))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await view.clean_up() == ("add (no id): the target gave no id",)
    assert [entry.step for entry in read_manifest(stage.manifest_path)] == ["left"]


async def test_a_creation_that_was_not_sent_leaves_nothing(tmp_path: Path) -> None:
    """A spent budget stops it before the wire."""
    shelf = Shelf()
    stage = stage_of(tmp_path, shelf, profile=profile_of(operations=OPERATIONS, limits={"max_requests": 1}))
    view = stage.write()
    await view.read("spend", Ask("OPTIONS", "/books/7"))
    shelf.log.clear()
    with pytest.raises(EvidenceLost):
        await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
    assert await view.clean_up() == ()
    assert shelf.log == []
    assert [entry.step for entry in read_manifest(stage.manifest_path)] == ["not_created"]


async def test_a_creation_for_which_no_time_was_left_leaves_nothing(tmp_path: Path) -> None:
    """The run's time was over before the wire, and nobody is told to remove what there never was."""
    shelf = Shelf()
    view = stage_with(tmp_path, shelf, deadline_s=0).write()
    with pytest.raises(EvidenceLost, match="no time is left before the run's deadline"):
        await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
    assert await view.clean_up() == ()
    assert shelf.log == []
    assert shelf.manifest is not None
    assert [entry.step for entry in read_manifest(shelf.manifest)] == ["not_created"]


async def test_what_was_created_is_removed_although_nothing_can_be_written(tmp_path: Path) -> None:
    """A full disk: the ledger takes nothing more, and the shelf is empty all the same."""
    shelf = Shelf()
    stage = stage_with(tmp_path, shelf)
    view = stage.write()
    await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
    close_ledgers()
    assert await view.clean_up() == ()
    assert shelf.books == []


async def test_what_the_ledger_could_not_take_is_removed_too(tmp_path: Path) -> None:
    """The disk fills up while the answer is under way: its id is known to clean-up before anything is written."""

    class Filling(Shelf):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                close_ledgers()
            return super().__call__(request)

    shelf = Filling()
    view = stage_with(tmp_path, shelf).write()
    with pytest.raises(ToolError):
        await view.create("make", ASK, cleanup="drop", id_from="$.book.id")
    assert shelf.books == [1]
    assert await view.clean_up() == ()
    assert shelf.books == []


async def test_nothing_is_created_where_it_cannot_be_written_down(tmp_path: Path) -> None:
    """No manifest, or one that cannot be written: no request."""
    shelf = Shelf()
    without = stage_of(tmp_path, shelf, profile=profile_of(operations=OPERATIONS), manifest=None)
    with pytest.raises(EvidenceLost):
        await without.write().create("make", ASK, cleanup="drop", id_from="$.id")
    broken = stage_of(
        tmp_path, shelf, profile=profile_of(operations=OPERATIONS), manifest=tmp_path / "no-folder" / "manifest"
    )
    with pytest.raises(OutputError):
        await broken.write().create("make", ASK, cleanup="drop", id_from="$.id")
    assert shelf.log == []


@pytest.mark.parametrize(
    "ask",
    [
        Ask("POST", "/books"),
        Ask("POST", "/other", operation="add"),
        Ask("POST", "/books", operation="unknown"),
        Ask("PUT", "/books", operation="add", body=b"x" * (1024 * 1024 + 1)),
    ],
)
async def test_writes_go_to_declared_operations_and_stay_small(tmp_path: Path, ask: Ask) -> None:
    """Anything else is out of scope, and not sent."""
    shelf = Shelf()
    stage = stage_with(tmp_path, shelf)
    with pytest.raises(EvidenceLost) as lost:
        await stage.write().write("w", ask)
    assert lost.value.reason is GapReason.OUT_OF_SCOPE
    assert shelf.log == []


async def test_a_killed_runs_manifest_is_enough_to_clean_up(tmp_path: Path) -> None:
    """Another session removes what the first left; a line that was cut off in mid-write harms nothing."""
    shelf = Shelf()
    first = stage_with(tmp_path, shelf)
    for _ in range(3):
        await first.write().create("make", ASK, cleanup="drop", id_from="$.book.id")
    with first.manifest_path.open("ab") as file:
        file.write(b'{"entry": 4, "step": "inten')  # killed while it wrote
    shelf.stuck.add(2)
    view, manifest = stage_with(tmp_path, shelf).write(), Manifest(first.manifest_path)
    for entry in reversed(read_manifest(first.manifest_path)):
        manifest.step(entry, "left" if await view.remove(entry) else "removed")
    assert shelf.books == [2]
    assert [entry.step for entry in read_manifest(first.manifest_path)] == ["removed", "left", "removed"]


@pytest.mark.parametrize("content", [b"not json\n", b'{"entry": 1}\n', b"[]\n", b"\xff\n"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    """With the line that is wrong, and what to give; no word about our own classes."""
    path = tmp_path / "m.ndjson"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="line 1 is no manifest entry") as caught:
        read_manifest(path)
    assert caught.value.message == "line 1 is no manifest entry"
    assert "manifest.ndjson" in caught.value.hint


@pytest.mark.parametrize("resource, path", [("a/../b", "/books/a%2F..%2Fb"), ("7?x=1", "/books/7%3Fx%3D1")])
def test_an_id_cannot_lead_elsewhere(resource: str, path: str) -> None:
    """It comes from the target, and stays one segment."""
    assert cleanup_path(Operation.model_validate(OPERATIONS[1]), resource) == path


@pytest.mark.parametrize("resource", ["", ".", ".."])
def test_what_is_no_id_is_refused(resource: str) -> None:
    """A dot segment would name the collection."""
    with pytest.raises(ToolError):
        cleanup_path(Operation.model_validate(OPERATIONS[1]), resource)


async def test_records_of_creation_are_in_order(tmp_path: Path) -> None:
    """Created (intended), exchange, created (with its id)."""
    stage = stage_with(tmp_path, Shelf())
    await stage.write().create("make", ASK, cleanup="drop", id_from="$.book.id")
    before, exchange, after = stage.records
    assert isinstance(before, Created)
    assert isinstance(exchange, Exchange)
    assert isinstance(after, Created)
    assert (before.resource, after.resource) == (None, "1")


def test_an_id_that_holds_a_secret_is_not_written_down(tmp_path: Path) -> None:
    """A hostile target may call what was made like a token; the thing itself is still known to the run."""
    manifest = Manifest(tmp_path / "m", lambda text: "token" in text)
    entry = manifest.intend(run_id="r", base_url="b", case="c", operation="o", cleanup="d", identity=None)
    assert manifest.step(entry, "created", "the-token").resource == "the-token"
    assert b"the-token" not in (tmp_path / "m").read_bytes()
    assert [(one.step, one.resource) for one in read_manifest(tmp_path / "m")] == [("created", None)]
