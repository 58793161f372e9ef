"""Routes of the native service that show how messages travel: a large answer, and pages of a list."""

from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.routing import Handler, Route
from hybridcheck.reference.web import Answer, Problem, Request, json_answer

MOST_ROWS = 100
ROWS = tuple({"id": f"row-{number}", "value": number * number} for number in range(10))
FOREIGN = tuple({"id": f"foreign-{number}", "value": -1} for number in range(10))
"""What lies behind the list in memory, where nothing checks an index."""


def wire_routes(blob: Handler, page: Handler) -> list[Route]:
    """The routes, on either side of the boundary."""
    inner = {502: "Problem", 503: "Problem", 504: "Problem"}
    rows = (
        ("/analytics/blob", blob, "blob", "A text of the wanted length", "BlobSize", "Blob"),
        ("/analytics/page", page, "page", "A part of a list", "PageWanted", "Page"),
    )
    return [
        Route("POST", path, handler, name, summary, "analytics", {200: answer, **inner}, body=body, safe=True)
        for path, handler, name, summary, body, answer in rows
    ]


class Wire:
    """The native side of both."""

    def __init__(self, defects: Switches) -> None:
        self._defects = defects

    async def blob(self, request: Request) -> Answer:
        """A text of that many bytes, each of its 16-byte lines with its number, so that a missing one shows."""
        size: int = request.document["bytes"]
        return json_answer({"text": "".join(f"{line:015d}." for line in range(size // 16 + 1))[:size]})

    async def page(self, request: Request) -> Answer:
        """Rows from `offset` on, at most `limit`; 422 beyond what makes sense."""
        offset, limit = request.document["offset"], request.document["limit"]
        if self._defects.on("wire-index-unchecked"):
            return _page(_unchecked(offset, limit))
        if offset < 0 or not 1 <= limit <= MOST_ROWS:
            raise Problem(422, f"offset: at least 0, limit: from 1 to {MOST_ROWS}")
        return _page(list(ROWS[offset : offset + limit]))


def _page(rows: list[dict[str, Any]]) -> Answer:
    return json_answer({"items": rows, "total": len(ROWS)})


def _unchecked(offset: int, limit: int) -> list[dict[str, Any]]:
    """What pointer arithmetic finds: the memory behind the list belongs to somebody else."""
    memory = (*ROWS, *FOREIGN)
    return [memory[index % len(memory)] for index in range(offset, offset + max(0, min(limit, 3)))]
