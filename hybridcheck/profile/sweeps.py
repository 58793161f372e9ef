"""Parameter sweeps: one load phase for each value of a field in a request's body. Pure."""

import copy
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from hybridcheck.cases import Json
from hybridcheck.paths import STEP, NoSuchPath, value_at
from hybridcheck.profile.parts import Strict


class Sweep(Strict):
    """What is tried in turn, each in a phase of its own: the `field` of the JSON body that `operation` sends.

    `sizes`: the list that the operation declares there, repeated or cut to so many items. `values`: what to put there.
    """

    operation: str
    field: str
    sizes: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = ()
    values: tuple[Json, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> "Sweep":
        if bool(self.sizes) == bool(self.values):
            raise ValueError("a sweep has either sizes or values")
        if len(set(self.sizes)) != len(self.sizes):
            raise ValueError("a size is given twice")
        return self

    def single(self) -> Iterator[tuple[str, "Sweep"]]:
        """Each value alone, with the word that its phase is named by."""
        for size in self.sizes:
            yield str(size), self.model_copy(update={"sizes": (size,)})
        for number, value in enumerate(self.values, 1):
            yield str(number), self.model_copy(update={"values": (value,)})

    @property
    def points(self) -> int:
        """How many values there are."""
        return len(self.sizes) + len(self.values)

    def value(self, body: Json) -> Json:
        """What a sweep of one value puts into the field.

        Raises:
            NoSuchPath: the body has no such field, or no list of items there where a size is asked for.
        """
        declared = value_at(body, self.field)
        if self.values:
            return self.values[0]
        if not isinstance(declared, list | tuple) or not declared:
            raise NoSuchPath(f"no list of items at {self.field}")
        size = self.sizes[0]
        return (list(declared) * -(-size // len(declared)))[:size]

    def items(self, body: Json) -> int | None:
        """How many items a request of a sweep of one value has; None where the value is no list."""
        value = self.value(body)
        return len(value) if isinstance(value, list | tuple) else None

    def applied(self, body: Json) -> Json:
        """The body with the field's value.

        Raises:
            NoSuchPath: see `value`.
        """
        value, changed = self.value(body), copy.deepcopy(body)
        matches = list(STEP.finditer(self.field))
        if not matches:
            return value
        parent = value_at(changed, self.field[: matches[-1].start()] or "$")
        name, index, quoted = matches[-1].groups()
        parent[int(index) if index is not None else (name or quoted)] = value
        return changed
