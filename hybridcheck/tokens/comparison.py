"""How two JSON documents are compared: as bytes, then as tokens, then as values, by a declared rule."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from hybridcheck.tokens.document import NotJson, Number, Object, Token, read, write

RULE = re.compile(r"(exact|tokens|unordered|set|status)|(ulp):(\d{1,9})|(rel):(\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)")


class Level(StrEnum):
    """The strictest sense in which two documents agree."""

    BYTES = "bytes"
    TOKENS = "tokens"
    VALUES = "values"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Agreement:
    """In which sense two documents agree, and where they first differ in the sense that the rule asks for."""

    level: Level
    where: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the rule is kept."""
        return self.level is not Level.NOT


@dataclass(frozen=True, slots=True)
class Comparison:
    """A rule.

    `exact`: equal values; a number that is written as an integer is compared as one, any other as a double. `tokens`:
    numbers as written, keys in the same order and as often. `ulp:N`, `rel:X`: numbers at most so far apart, all else
    exact. `unordered`, `set`: lists without their order, and without repetitions. `status`: bodies do not matter.
    """

    kind: str
    bound: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Comparison":
        """The rule of that name; ValueError where there is none."""
        match = RULE.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is none of exact, tokens, ulp:N, rel:X, unordered, set, status")
        plain, ulp, ulps, _, relative = match.groups()
        if plain:
            return cls(plain)
        return cls("ulp", float(ulps)) if ulp else cls("rel", float(relative))

    def difference(self, want: Token, got: Token, where: str = "$") -> str | None:
        """Where and how `got` is not what the rule allows for `want`; None where it is."""
        if self.kind == "status":
            return None
        if isinstance(want, Number) and isinstance(got, Number):
            same = want == got if self.kind == "tokens" else self._same_number(want, got)
            return None if same else f"{where} is {got.text[:100]} instead of {want.text[:100]}"
        if isinstance(want, Object) and isinstance(got, Object):
            return self._objects(want, got, where)
        if isinstance(want, list) and isinstance(got, list):
            return self._lists(want, got, where)
        same = type(want) is type(got) and want == got
        return None if same else f"{where} is {write(got)[:100]} instead of {write(want)[:100]}"

    def _same_number(self, want: Number, got: Number) -> bool:
        if self.kind in {"ulp", "rel"}:
            return within(want.double(), got.double(), self.kind, self.bound)
        return same_number(want, got)

    def _objects(self, want: Object, got: Object, where: str) -> str | None:
        mine, other = (want.names, got.names) if self.kind == "tokens" else (sorted(want.names), sorted(got.names))
        if mine != other:
            return f"the keys of {where} are {', '.join(got.names)[:100]} instead of {', '.join(want.names)[:100]}"
        both = zip(want.members, got.members, strict=True) if self.kind == "tokens" else _by_name(want, got)
        found = (self.difference(a, b, f"{where}.{name}") for (name, a), (_, b) in both)
        return next((text for text in found if text), None)

    def _lists(self, want: list[Token], got: list[Token], where: str) -> str | None:
        if self.kind in {"unordered", "set"}:
            sort: Callable[[list[str]], list[str]] = sorted if self.kind == "unordered" else _once
            same = sort([canonical(part) for part in want]) == sort([canonical(part) for part in got])
            return None if same else f"{where} does not have the same items"
        if len(want) != len(got):
            return f"{where} has {len(got)} items instead of {len(want)}"
        pairs = enumerate(zip(want, got, strict=True))
        return next((text for i, (a, b) in pairs if (text := self.difference(a, b, f"{where}[{i}]"))), None)


def compare(want: bytes, got: bytes, rule: Comparison) -> Agreement:
    """Two bodies by a rule: equal bytes end the question, then equal tokens, then what the rule says of values."""
    if want == got or rule.kind == "status":
        return Agreement(Level.BYTES if want == got else Level.VALUES)
    try:
        mine, other = read(want), read(got)
    except NotJson as error:
        return Agreement(Level.NOT, f"not JSON: {error}")
    tokens = Comparison("tokens").difference(mine, other)
    if tokens is None:
        return Agreement(Level.TOKENS)
    where = rule.difference(mine, other)
    return Agreement(Level.VALUES) if where is None else Agreement(Level.NOT, where)


def same_number(want: Number, got: Number) -> bool:
    """Equal values: exactly where `want` is written as an integer, else as doubles, the sign of zero counted."""
    if want.integral:
        exact: Decimal | None = want.exact()
        return exact is not None and exact == got.exact()
    one, other = want.double(), got.double()
    return one == other and math.copysign(1.0, one) == math.copysign(1.0, other)


def within(want: float, got: float, kind: str, bound: float) -> bool:
    """Whether two doubles are at most `bound` units in the last place, or that relative part, of `want` apart."""
    if want == got:
        return True
    if not (math.isfinite(want) and math.isfinite(got)):
        return False
    return abs(want - got) <= bound * (math.ulp(want) if kind == "ulp" else abs(want))


def canonical(token: Token) -> str:
    """A text that two values share where `exact` calls them equal and each list has its order."""
    if isinstance(token, Number):
        whole = token.whole()
        return str(whole) if whole is not None and (whole or not token.text.startswith("-")) else repr(token.double())
    if isinstance(token, Object):
        return "{" + ",".join(sorted(f"{write(name)}:{canonical(value)}" for name, value in token.members)) + "}"
    if isinstance(token, list):
        return "[" + ",".join(canonical(value) for value in token) + "]"
    return write(token)


def _by_name(want: Object, got: Object) -> "zip[tuple[tuple[str, Token], tuple[str, Token]]]":
    return zip(sorted(want.members, key=_name), sorted(got.members, key=_name), strict=True)


def _name(member: tuple[str, Token]) -> str:
    return member[0]


def _once(texts: list[str]) -> list[str]:
    return sorted(set(texts))
