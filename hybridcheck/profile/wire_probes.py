"""Probes of how messages travel: a large answer, pages and totals of a list, and where broken framing may be sent."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints

from hybridcheck.profile.probe_parts import Place, Probe

Where = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Where a number goes: a place in the body (`$.bytes`), or else the name of a query parameter."""


class Large(Probe):
    """Answers with a body of at least as many bytes as it is asked for."""

    size: Where = "$.bytes"
    most_bytes: Annotated[int, Field(ge=256 * 1024, le=4 * 1024 * 1024)] = 1024 * 1024

    def places(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The place of the size, where it is one."""
        if self.size.startswith("$"):
            yield ("size",), self.size


class Paged(Probe):
    """Gives the part of a list that `offset` and `limit` ask for; `most` is a limit that takes in the whole list.

    `items` is where the answer has the part. What lies outside the list is refused, or is an empty part.
    """

    offset: Where = "$.offset"
    limit: Where = "$.limit"
    items: Place = "$.items"
    most: Annotated[int, Field(ge=1, le=10_000)] = 100

    def places(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The places among the three."""
        for key in ("offset", "limit", "items"):
            text: str = getattr(self, key)
            if text.startswith("$"):
                yield (key,), text


class Listing(Probe):
    """A list that says how many rows there are: `total` and `items` of its answer, and the parameter of rows a page.

    `make` is the operation that makes a row; `most` rows a page take in at least two.
    """

    make: str
    items: Place = "$.items"
    total: Place = "$.total"
    limit: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "limit"
    most: Annotated[int, Field(ge=2, le=10_000)] = 50

    def places(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Both."""
        yield from ((("items",), self.items), (("total",), self.total))


class QueryEcho(Probe):
    """Gives back what a query parameter held."""

    parameter: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "text"
    out: Place = "$.text"


class Framing(Probe):
    """An operation that may be sent requests with broken framing at the public address: nobody else is behind it.

    A server in front that shares connections between callers could mix up their requests. Beside the gateway, at a
    service's `direct_url`, no declaration is needed.
    """
