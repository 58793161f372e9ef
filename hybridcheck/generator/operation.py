"""One kind of request as the generator sends it."""

from collections.abc import Mapping
from typing import Any, Protocol

from hybridcheck.generator.recording import Book


class Sample(Protocol):
    """Chooses answers and holds them against schema and values; see `sampling.Sampler`."""

    def due(self) -> bool:
        """Whether the next answer is one of the sample."""

    def fault(self, body: bytes) -> tuple[str, str] | None:
        """What is wrong with a body: the kind of failure, and words; None where nothing is."""


class Operation:
    """One kind of request with all its bytes, what a right answer is, and its book."""

    __slots__ = (
        "body_contains",
        "book",
        "content_type",
        "content_type_as_sent",
        "expected",
        "expected_headers",
        "head",
        "method",
        "name",
        "request",
        "sampler",
    )

    def __init__(self, ordered: Mapping[str, Any], request: bytes, book: Book, sampler: Sample | None = None) -> None:
        self.name: str = ordered["name"]
        self.method: str = ordered["method"]
        self.request = request
        self.head = self.method == "HEAD"
        self.expected = frozenset(ordered["expected_statuses"])
        self.content_type: bytes | None = _encoded(ordered["content_type"], lower=True)
        self.content_type_as_sent: bytes | None = None
        self.expected_headers = {
            name.lower().encode(): value.encode("latin-1", "replace")
            for name, value in ordered.get("expected_headers", ())
        }
        self.body_contains: bytes | None = _encoded(ordered["body_contains"], lower=False)
        self.book = book
        self.sampler = sampler


def _encoded(text: str | None, *, lower: bool) -> bytes | None:
    if text is None:
        return None
    return (text.lower() if lower else text).encode()
