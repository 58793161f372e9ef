"""What every kind of probe is made of: a strict part, a place in a document, an operation with a body of its own."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import ConfigDict, StringConstraints

from hybridcheck.cases import Frozen, Json

Place = Annotated[str, StringConstraints(pattern=r"^\$", max_length=500)]


class Part(Frozen):
    """Keys in any of their names, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Probe(Part):
    """An operation, and the body that it gets where its declared one does not fit."""

    operation: str
    body: dict[str, Json] | None = None

    def places(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every place that it names, with its keys below the probe."""
        for key, value in self.model_dump(by_alias=True, exclude_none=True).items():
            if key == "out" and isinstance(value, dict):
                yield from (((key, name), text) for name, text in value.items())
            elif key in {"in", "out", "a", "b", "limit"}:
                yield (key,), value
