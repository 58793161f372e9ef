"""A plan's script as it came through the pipe, turned into steps that are ready to be filled in."""

import copy
import heapq
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from hybridcheck import shapes
from hybridcheck.generator.operation import Operation
from hybridcheck.generator.recording import Book
from hybridcheck.generator.request_heads import heads, secret_heads
from hybridcheck.generator.sampling import sampler_of
from hybridcheck.generator.script import Rows, Scenario, Script, Step

Written = Mapping[str, Any]

_FEWEST_ROUNDS, _FEWEST_TURNS = 4, 1000
"""Before the order of the scenarios comes again."""


class _Reader:
    """Makes steps of one plan."""

    def __init__(self, plan: Written, operations: Mapping[str, Operation], secrets: Mapping[str, str]) -> None:
        url = urlsplit(plan["base_url"])
        self._authority, self._prefix = url.netloc, url.path.rstrip("/")
        self._ordered = {ordered["name"]: ordered for ordered in (*plan["operations"], *plan["beside"])}
        self._operations, self._secrets = operations, secrets
        self._has_users = bool(plan["script"]["users"])
        self._in_texts = frozenset(_in_texts(plan["script"]))
        self._seed = plan["seed"]
        self._others: dict[str, Operation] = {}

    def steps(self, written: Iterable[Written], *, booked: bool) -> tuple[Step, ...]:
        """Steps in their order; those that are not booked have books that nobody reports."""
        return tuple(self._step(one, booked=booked) for one in written)

    def _step(self, written: Written, *, booked: bool) -> Step:
        ordered = self._ordered[written["operation"]]
        name = ordered["name"]
        return Step(
            operation=self._asked(ordered, as_declared=written["as_declared"])
            if booked
            else Operation(ordered, b"", Book(name, (), 0, 1)),
            path=written["path"],
            headers=written["headers"],
            fixed=heads(self._authority, ordered, self._secrets),
            body=written["body"],
            extract=[(name, keys, name in self._in_texts) for name, keys in written["extract"]],
            think_s=(written["think_s"][0], written["think_s"][1]),
            as_user=self._has_users and bool(ordered["secret_headers"]),
            prefix=self._prefix,
        )

    def _asked(self, ordered: Written, *, as_declared: bool) -> Operation:
        """The operation, or a copy with the same book where a step asks something else than it declares.

        Then neither its `contains` nor its `values` are told of the answer.
        """
        name = ordered["name"]
        if as_declared:
            return self._operations[name]
        if name not in self._others:
            other = self._others[name] = copy.copy(self._operations[name])
            other.body_contains = None
            other.sampler = sampler_of(ordered, self._seed, as_declared=False)
        return self._others[name]


def _in_texts(script: Written) -> Iterator[str]:
    """The variables that stand, whole, in a path, a header or a text: what is not a scalar has no place there."""
    ways = [script["setup"], script["teardown"], *(found["steps"] for found in script["scenarios"])]
    for step in (step for way in ways for step in way):
        for template in (step["path"], step["body"], *(template for _, template in step["headers"])):
            yield from (name for kind, name in template if kind not in {"text", "json"})


def read_script(
    plan: Written, operations: Mapping[str, Operation], secrets: Mapping[str, str], share: tuple[int, int]
) -> Script | None:
    """What users do in turn; None where every request is known before. `share`: (index, number) of this process.

    Raises:
        ToolError: a secret that the plan names did not come.
    """
    script = plan.get("script")
    if script is None:
        return None
    reader, index, seed = _Reader(plan, operations, secrets), share[0], plan["seed"]
    ways = [reader.steps(found["steps"], booked=True) for found in script["scenarios"]]
    names = [{name.partition(".")[0] for step in way for name in step.variables()} for way in ways]
    turn = _turns([found["weight"] for found in script["scenarios"]], seed)
    feeders = {}
    for found in script["feeders"]:
        name, order = found["name"], found["order"]
        if order != "own":
            own = _own_rows(found, plan, share, [name in names[scenario] for scenario in turn])
            feeders[name] = Rows(name, order, own, f"{seed}/{name}/{index}")
    return Script(
        scenarios=tuple(
            Scenario(number, way, tuple(rows for name, rows in feeders.items() if name in names[number]))
            for number, way in enumerate(ways)
        ),
        turn=turn,
        setup=reader.steps(script["setup"], booked=False),
        teardown=reader.steps(script["teardown"], booked=False),
        feeders=tuple(feeders.values()),
        belongings={found["name"]: found["rows"] for found in script["feeders"] if found["order"] == "own"},
        users=tuple(
            tuple(secret_heads(user["secret_headers"], secrets, user["name"]).values()) for user in script["users"]
        ),
        seed=seed,
        share=share,
    )


def _turns(weights: Sequence[int], seed: int) -> tuple[int, ...]:
    """The cycle in which scenarios take turns: the order of the weights again and again, shuffled anew each time.

    Always the same order would keep step with users and rows that take turns too: one user would do all of a kind.
    """
    once = shapes.operation_order(weights, seed)
    rounds = max(_FEWEST_ROUNDS, -(-_FEWEST_TURNS // len(once)))
    return tuple(turn for number in range(rounds) for turn in shapes.operation_order(weights, seed + number))


def _own_rows(feeder: Written, plan: Written, share: tuple[int, int], named: Sequence[bool]) -> list[Any]:
    """The rows that fall to this process: they are dealt out as the turns are in which a scenario names the feeder.

    named: for each place in the cycle of turns, whether its scenario does. All rows where none would fall to the process,
    and one may be used more than once.
    """
    index, of = share
    users = plan["connections"] if plan["model"] == "closed" else of
    takers = heapq.merge(*(_takes(process, of, users, named) for process in range(of)))
    own = [row for row, (_, process) in zip(feeder["rows"], takers, strict=False) if process == index]
    return own if own or feeder["order"] == "once" else feeder["rows"]


def _takes(process: int, of: int, users: int, named: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """When a process takes a row of a feeder: (number of the turn, process), if all users took their turns one by one."""
    own_users, cycle = shapes.part_of(users, process, of), len(named)
    taking = [turn for turn in range(cycle) if named[(process + turn * of) % cycle]]
    for count in itertools.count() if taking and own_users else ():
        turn = count // len(taking) * cycle + taking[count % len(taking)]
        yield turn // own_users * users + process + turn % own_users * of, process
