"""What each user does in turn: scenarios of steps, the rows that users are fed with, and who the users are; no gevent.

Steps come as pieces of text and names (see `profile.step_templates`), so that rendering a request is joining them.
"""

import copy
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hybridcheck.generator.cookies import Jar
from hybridcheck.generator.operation import Operation
from hybridcheck.generator.recording import Book

_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})
Variables = dict[str, Any]
Pairs = tuple[tuple[str, str], ...]


class NotRendered(Exception):
    """A request could not be made: a variable without a value, or a value that would break the request apart."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request in pieces, over the operation whose book it is booked in.

    extract: variable, keys of its path, and whether only a scalar will do, since it stands in a path, a header or a text.
    """

    operation: Operation
    path: Sequence[Sequence[str]]
    headers: Sequence[tuple[str, Sequence[Sequence[str]]]]
    fixed: Mapping[str, tuple[str, str]]
    body: Sequence[Sequence[str]]
    extract: Sequence[tuple[str, Sequence[str | int], bool]]
    think_s: tuple[float, float]
    as_user: bool
    prefix: str

    @property
    def book(self) -> Book:
        """Where an arrival is booked that nobody could begin."""
        return self.operation.book

    def variables(self) -> Iterator[str]:
        """Every variable that its request is filled in with."""
        templates = (self.path, self.body, *(template for _, template in self.headers))
        return (name for template in templates for kind, name in template if kind != "text")

    def own(self) -> "Step":
        """The step for one user: its operation carries that user's bytes, the book is everybody's."""
        operation = copy.copy(self.operation)
        return Step(operation, self.path, self.headers, self.fixed, self.body, self.extract, self.think_s,
                    self.as_user, self.prefix)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scenario:
    """A sequence of steps; `index` is its place in the script, `feeders` are those that its steps name."""

    index: int
    steps: tuple[Step, ...]
    feeders: tuple["Rows", ...] = ()

    @property
    def book(self) -> Book:
        """That of the first step."""
        return self.steps[0].book


class Rows:
    """Hands out the rows of a file: those of this process, in the order that was asked for."""

    def __init__(self, name: str, order: str, rows: Sequence[Variables], seed: str) -> None:
        self.name = name
        self._rows, self._order = rows, order
        self._dice = random.Random(seed)
        self._next = 0
        self._used = bytearray(len(rows))

    def take(self) -> Variables | None:
        """The next row; None where each is used once and all are."""
        if not self._rows or (self._order == "once" and self._next == len(self._rows)):
            return None
        if self._order == "random":
            chosen = self._dice.randrange(len(self._rows))
        else:
            chosen = self._next % len(self._rows)
            self._next += 1
        self._used[chosen] = 1
        return self._rows[chosen]

    @property
    def used(self) -> int:
        """How many of the rows have been handed out."""
        return sum(self._used)


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that makes users differ; `users` are the headers of each identity, in turn for each user.

    `belongings`: feeder → the rows that users have for good, in turn as well.
    """

    scenarios: tuple[Scenario, ...]
    turn: tuple[int, ...]
    setup: tuple[Step, ...]
    teardown: tuple[Step, ...]
    feeders: tuple[Rows, ...]
    users: tuple[Pairs, ...]
    belongings: Mapping[str, Sequence[Variables]]
    seed: int
    share: tuple[int, int] = (0, 1)


@dataclass(slots=True)
class User:
    """One virtual user: number, variables, credentials, cookies, and what was extracted."""

    number: int
    headers: Pairs
    dice: random.Random
    variables: Variables = field(default_factory=dict)
    rows: Variables = field(default_factory=dict)
    cookies: Jar = field(default_factory=Jar)
    path: str = "/"
    iterations: int = 0
    lacking: str = ""

    def begin(self, feeders: Sequence[Rows], prepared: Variables) -> bool:
        """A new iteration with a row of each feeder that it names; False where one has none left, which is `lacking`.

        Nothing of the last iteration is left but what setup gave, and the rows, which a teardown may name.
        """
        for feeder in feeders:
            row = feeder.take()
            if row is None:
                self.lacking = feeder.name
                return False
            self.rows[feeder.name] = row
        self.variables = {**prepared, **self.rows, "user": self.number, "iteration": self.iterations}
        self.iterations += 1
        return True

    def keep_cookie(self, line: str) -> None:
        """Take over a Set-Cookie header of the answer to the last request."""
        self.cookies.keep(line, self.path)

    def request(self, step: Step) -> bytes:
        """The bytes of a step's request as this user sends it.

        Raises:
            NotRendered: a variable has no value, a header would have a line break, or a value cannot be written.
        """
        try:
            body = "".join(_rendered(step.body, self.variables)).encode()
            headers = dict(step.fixed)
            if body or step.operation.method in _BODY_EXPECTED:
                headers["content-length"] = ("Content-Length", str(len(body)))
            for name, pieces in step.headers:
                headers[name.lower()] = (name, "".join(_rendered(pieces, self.variables)))
            if step.as_user:
                headers.update({name.lower(): (name, value) for name, value in self.headers})
            target = step.prefix + "".join(_rendered(step.path, self.variables))
            self.path = target.partition("?")[0]
            jar = self.cookies.line(self.path)
            if jar:
                given = headers.get("cookie", ("", ""))[1]
                headers["cookie"] = ("Cookie", f"{given}; {jar}" if given else jar)
            if any(character in value for _, value in headers.values() for character in "\r\n\0"):
                raise NotRendered("a header value contains a line break")
            lines = [f"{step.operation.method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.values())]
            return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
        except UnicodeEncodeError as wrong:
            raise NotRendered(f"a value cannot be written as {wrong.encoding}: {wrong.reason}") from wrong


def _rendered(pieces: Sequence[Sequence[str]], variables: Variables) -> Iterator[str]:
    for kind, text in pieces:
        if kind == "text":
            yield text
            continue
        value = _value(text, variables)
        if kind == "json":
            yield json.dumps(value)
            continue
        if value is None or isinstance(value, Mapping | list):
            raise NotRendered(f"'{text}' is no text or number")
        written = value if isinstance(value, str) else json.dumps(value)
        yield quote(written, safe="") if kind == "url" else json.dumps(written)[1:-1] if kind == "inner" else written


def _value(name: str, variables: Variables) -> Any:
    found: Any = variables
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise NotRendered(f"no variable '{name}'")
        found = found[part]
    return found
