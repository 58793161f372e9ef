"""A plan's script as it came through the pipe, turned into steps that are ready to be filled in."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from hybridcheck import shapes
from hybridcheck.generator.operation import Operation
from hybridcheck.generator.recording import Book
from hybridcheck.generator.request_heads import heads, secret_heads
from hybridcheck.generator.script import Rows, Scenario, Script, Step

Written = Mapping[str, Any]


class _Reader:
    """Makes steps of one plan."""

    def __init__(self, plan: Written, operations: Mapping[str, Operation], secrets: Mapping[str, str]) -> None:
        url = urlsplit(plan["base_url"])
        self._authority, self._prefix = url.netloc, url.path.rstrip("/")
        self._ordered = {ordered["name"]: ordered for ordered in (*plan["operations"], *plan["beside"])}
        self._operations, self._secrets = operations, secrets
        self._has_users = bool(plan["script"]["users"])

    def steps(self, written: Iterable[Written], *, booked: bool) -> tuple[Step, ...]:
        """Steps in their order; those that are not booked have books that nobody reports."""
        return tuple(self._step(one, booked=booked) for one in written)

    def _step(self, written: Written, *, booked: bool) -> Step:
        ordered = self._ordered[written["operation"]]
        name = ordered["name"]
        return Step(
            operation=self._operations[name] if booked else Operation(ordered, b"", Book(name, (), 0, 1)),
            path=written["path"],
            headers=written["headers"],
            fixed=heads(self._authority, ordered, self._secrets),
            body=written["body"],
            extract=written["extract"],
            think_s=(written["think_s"][0], written["think_s"][1]),
            as_user=self._has_users and bool(ordered["secret_headers"]),
            prefix=self._prefix,
        )


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
    return Script(
        scenarios=tuple(
            Scenario(number, reader.steps(found["steps"], booked=True))
            for number, found in enumerate(script["scenarios"])
        ),
        turn=shapes.operation_order([found["weight"] for found in script["scenarios"]], seed),
        setup=reader.steps(script["setup"], booked=False),
        teardown=reader.steps(script["teardown"], booked=False),
        feeders=tuple(
            Rows(found["name"], found["order"], _own_rows(found, plan, share), f"{seed}/{found['name']}/{index}")
            for found in script["feeders"]
            if found["order"] != "own"
        ),
        belongings={found["name"]: found["rows"] for found in script["feeders"] if found["order"] == "own"},
        users=tuple(
            tuple(secret_heads(user["secret_headers"], secrets, user["name"]).values()) for user in script["users"]
        ),
        seed=seed,
        share=share,
    )


def _own_rows(feeder: Written, plan: Written, share: tuple[int, int]) -> list[Any]:
    """The rows of this process's arrivals, or users: they are dealt out in turn as these are.

    All of them where there are fewer than processes, and one may be used more than once.
    """
    index, of = share
    users = plan["connections"] if plan["model"] == "closed" else of
    own = [row for number, row in enumerate(feeder["rows"]) if number % users % of == index]
    return own if own or feeder["order"] == "once" else feeder["rows"]
