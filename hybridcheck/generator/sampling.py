"""Looking into a sample of the answers: is the body JSON, as the declared schema says, with the declared values. No clock."""

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from hybridcheck.generator import failures
from hybridcheck.statistics.closeness import same

_LONGEST_DETAIL = 200
Keys = Sequence[str | int]


class TooDeep(Exception):
    """A body nests deeper than can be followed here: our limit, no fault of the target's."""


class Sampler:
    """Chooses about one answer in `every` by a seeded dice, and checks it against a schema that is compiled once.

    values: keys of a path and what is to be there, numbers within `tolerance`.
    """

    __slots__ = ("_dice", "_every", "_left", "_tolerance", "_validator", "_values")

    def __init__(
        self, schema: Any, every: int, seed: str, values: Sequence[tuple[Keys, Any]] = (), tolerance: float = 0.0
    ) -> None:
        from jsonschema import Draft202012Validator  # noqa: PLC0415 - a tenth of a second that most loads do not need

        self._validator = Draft202012Validator(True if schema is None else schema)
        self._values, self._tolerance = values, tolerance
        self._dice = random.Random(seed)
        self._every = every
        self._left = 1  # the first answer is always looked into: a service that is wrong from the start shows at once

    def due(self) -> bool:
        """Whether the next answer is one of the sample."""
        self._left -= 1
        if self._left:
            return False
        self._left = self._dice.randint(1, 2 * self._every - 1)
        return True

    def fault(self, body: bytes) -> tuple[str, str] | None:
        """What is wrong with a body: the kind of failure, and words; None where nothing is.

        Raises:
            TooDeep: it nests deeper than a recursive schema can be followed here.
        """
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as wrong:
            return failures.SCHEMA, f"the body is no JSON: {wrong}"[:_LONGEST_DETAIL]
        try:
            return self._disagreement(found)
        except RecursionError as wrong:
            raise TooDeep from wrong
        except (ArithmeticError, ValueError) as wrong:  # 1e400, NaN, an integer of 400 digits
            return failures.SCHEMA, f"a number of the body is not as declared: {wrong}"[:_LONGEST_DETAIL]

    def _disagreement(self, found: Any) -> tuple[str, str] | None:
        error = next(self._validator.iter_errors(found), None)
        if error is not None:
            words = f"the body is not as declared at {error.json_path}: {error.message}"
            return failures.SCHEMA, words[:_LONGEST_DETAIL]
        for keys, wanted in self._values:
            words = self._other(found, keys, wanted)
            if words:
                return failures.VALUES, words[:_LONGEST_DETAIL]
        return None

    def _other(self, document: Any, keys: Keys, wanted: Any) -> str:
        """In words, where there is another value than the declared one; empty where there is none."""
        path = path_of(keys)
        try:
            found = at(document, keys)
        except (LookupError, TypeError):
            return f"nothing at {path}"
        return "" if same(found, wanted, self._tolerance) else f"{path} is {json.dumps(found)} instead of {wanted!r}"


def path_of(keys: Keys) -> str:
    """A path as a profile writes it."""
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def at(document: Any, keys: Keys) -> Any:
    """What a path leads to.

    Raises:
        LookupError, TypeError: nothing.
    """
    for key in keys:
        document = document[key]
    return document


def sampler_of(ordered: Mapping[str, Any], seed: int, *, as_declared: bool = True) -> Sampler | None:
    """What looks into answers to an operation; to requests that ask something else than it declares: without its values."""
    values = ordered["values"] if as_declared else ()
    if not ordered["sample_every"] or (ordered["json_schema"] is None and not values):
        return None
    return Sampler(
        ordered["json_schema"], ordered["sample_every"], f"{seed}/{ordered['name']}", values, ordered["tolerance"]
    )
