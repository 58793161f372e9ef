"""A JSON document as it was written: the text of its numbers, the order of its keys, keys that are there twice.

A tester that reads numbers into doubles cannot see that somebody else did. Strings, lists, true, false and null are
Python's own; a number is a `Number`, an object an `Object`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeAlias

from hybridcheck.cases import Json
from hybridcheck.paths import STEP, is_path

MOST_DIGITS = 400
"""Of an integer that is made of a number token; a target must not make the tester compute with millions."""


class NotJson(ValueError):
    """The bytes are no JSON document (RFC 8259): NaN and Infinity are none either."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number token."""

    text: str

    @property
    def integral(self) -> bool:
        """Whether it is written as an integer, without fraction and exponent."""
        return not any(sign in self.text for sign in ".eE")

    def exact(self) -> Decimal | None:
        """The value, exactly; None where its exponent is beyond any measure."""
        try:
            return Decimal(self.text)
        except InvalidOperation:
            return None

    def whole(self) -> int | None:
        """The value as an integer, where it is one of at most `MOST_DIGITS` digits; however it is written."""
        value = self.exact()
        if value is None or value.adjusted() >= MOST_DIGITS or value != value.to_integral_value():
            return None
        return int(value)

    def double(self) -> float:
        """The nearest double; infinite where it is out of range."""
        return float(self.text)


@dataclass(frozen=True, slots=True)
class Object:
    """An object: its members in the order in which they were written, each key as often as it is there."""

    members: tuple[tuple[str, "Token"], ...]

    def __getitem__(self, name: str) -> "Token":
        """The last value of that key, as most readers take it; KeyError where there is none."""
        if not isinstance(name, str):
            raise TypeError("the members of an object have names")
        for key, value in reversed(self.members):
            if key == name:
                return value
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The keys in order."""
        return tuple(name for name, _ in self.members)


Token: TypeAlias = Number | Object | Sequence["Token"] | str | bool | None
"""A JSON value; a sequence is a list."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Text that is written as it is, whether it is JSON or not."""

    text: str


def read(body: bytes | str) -> Token:
    """The document.

    Raises:
        NotJson: it is none, is not UTF-8, or is nested too deeply to be read.
    """
    try:
        text = body.decode("utf-8") if isinstance(body, bytes) else body
        found: Token = json.loads(
            text, parse_int=Number, parse_float=Number, parse_constant=_refuse, object_pairs_hook=_object
        )
    except RecursionError as error:
        raise NotJson("it is nested too deeply") from error
    except ValueError as error:
        raise NotJson(str(error)) from error
    return found


def write(value: Any) -> str:
    """The text of a document: of tokens, of Python's own JSON values, and of `Raw` parts. Nothing is added between."""
    if isinstance(value, Number | Raw):
        return value.text
    if isinstance(value, Object):
        return "{" + ",".join(f"{write(name)}:{write(part)}" for name, part in value.members) + "}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{write(name)}:{write(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(write(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def plain(token: Token) -> Json:
    """The document as `json.loads` would give it: last key wins, numbers as int or float."""
    if isinstance(token, Number):
        return int(token.text) if token.integral else float(token.text)
    if isinstance(token, Object):
        return {name: plain(value) for name, value in token.members}
    if isinstance(token, list):
        return [plain(value) for value in token]
    return token


def placed(document: Json, path: str, value: Any) -> Json:
    """The document with `value` at the path; objects that are missing on the way are made.

    Raises:
        LookupError: the path is malformed, or leads through something that is no object and no list.
    """
    if not is_path(path):
        raise LookupError(f"'{path}' is not a path like $.items[0].id")
    steps: list[str | int] = []
    for match in STEP.finditer(path):
        name, index, quoted = match.groups()
        steps.append(int(index) if index is not None else name or quoted)
    return _placed(document, steps, value)


def _placed(document: Json, steps: list[str | int], value: Any) -> Json:
    if not steps:
        return value
    step, *rest = steps
    if isinstance(step, str) and (document is None or isinstance(document, dict)):
        inside = dict(document or {})
        return inside | {step: _placed(inside.get(step), rest, value)}
    if isinstance(step, int) and isinstance(document, list) and step < len(document):
        return [*document[:step], _placed(document[step], rest, value), *document[step + 1 :]]
    raise LookupError(f"nothing can be put at step {step!r}")


def _object(pairs: list[tuple[str, Token]]) -> Object:
    return Object(tuple(pairs))


def _refuse(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")
