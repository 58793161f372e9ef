"""Looking into a sample of the answers: is the body JSON, and as the declared schema says. No clock, no gevent."""

import json
import random
from typing import Any

_LONGEST_DETAIL = 200


class Sampler:
    """Chooses about one answer in `every` by a seeded dice, and checks it against a schema that is compiled once."""

    __slots__ = ("_dice", "_every", "_left", "_validator")

    def __init__(self, schema: Any, every: int, seed: str) -> None:
        from jsonschema import Draft202012Validator  # noqa: PLC0415 - a tenth of a second that most loads do not need

        self._validator = Draft202012Validator(schema)
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

    def fault(self, body: bytes) -> str | None:
        """What is wrong with a body, in words; None where nothing is."""
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as wrong:
            return f"the body is no JSON: {wrong}"[:_LONGEST_DETAIL]
        error = next(self._validator.iter_errors(found), None)
        if error is None:
            return None
        return f"the body is not as declared at {error.json_path}: {error.message}"[:_LONGEST_DETAIL]
