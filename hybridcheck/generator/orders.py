"""What the parent ordered: the plan as it came through the pipe, turned into requests that are ready to be sent."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlsplit

from hybridcheck import shapes
from hybridcheck.generator.operation import Operation
from hybridcheck.generator.recording import Book
from hybridcheck.generator.request_heads import heads
from hybridcheck.generator.sampling import sampler_of
from hybridcheck.generator.script import Script
from hybridcheck.generator.script_reading import read_script

__all__ = ["WHOLE", "Operation", "Orders", "Share", "read_orders"]

_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of a plan this process carries out: arrivals, users and turns are dealt out in turn to `of` processes.

    Arrival k of the plan is that of process k % of, so the processes together send exactly what one would send.
    """

    index: int = 0
    of: int = 1

    def part(self, count: int) -> int:
        """How many of so many things are this process's."""
        return shapes.part_of(count, self.index, self.of)


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class Orders:
    """The plan in the form in which the generator uses it; times in nanoseconds, seconds as such.

    `connections` are those of this process; `max_requests` and `max_rps` are the whole plan's, whatever the share. `rest`
    draws how many seconds a user of the closed model thinks; None where none does.
    """

    tls: bool
    host: str
    port: int
    addresses: tuple[str, ...]
    verify_tls: bool
    ca_file: str | None
    operations: tuple[Operation, ...]
    turn: tuple[int, ...]
    open_model: bool
    poisson: bool
    stages: shapes.Stages
    seed: int
    connections: int
    deadline_ns: int
    rest: Callable[[Random], float] | None
    pacing_s: float
    max_rps: float | None
    duration_ns: int
    warm_up_s: int
    max_requests: int
    script: Script | None
    share: Share

    @property
    def looks_into_answers(self) -> bool:
        """True when an operation's check needs headers or body of its answers."""
        return self.script is not None or any(
            found.content_type or found.expected_headers or found.body_contains or found.sampler
            for found in self.operations
        )


def read_orders(
    plan: Mapping[str, Any], secrets: Mapping[str, str], body_of: Mapping[str, bytes], share: Share = WHOLE
) -> Orders:
    """Turn the JSON form of a load plan into orders.

    Raises:
        ToolError: a secret that the plan names did not come, or would break the request apart.
        KeyError, ValueError: not a plan.
    """
    url = urlsplit(plan["base_url"])
    stages = shapes.stages_of(plan["shape"]["name"], plan["shape"]["parameters"])
    operations = tuple(_operation(plan, ordered, secrets, body_of[ordered["name"]]) for ordered in plan["operations"])
    return Orders(
        tls=url.scheme == "https",
        host=url.hostname or "",
        port=url.port or (443 if url.scheme == "https" else 80),
        addresses=tuple(plan["addresses"]),
        verify_tls=plan["verify_tls"],
        ca_file=plan["ca_file"],
        operations=operations,
        turn=shapes.operation_order([ordered["weight"] for ordered in plan["operations"]], plan["seed"]),
        open_model=plan["model"] == "open",
        poisson=plan["spacing"] == "poisson",
        stages=stages,
        seed=plan["seed"],
        connections=share.part(plan["connections"]),
        deadline_ns=round(plan["deadline_s"] * shapes.NS_PER_S),
        rest=_rest(plan),
        pacing_s=plan["pacing_s"],
        max_rps=plan["max_rps"],
        duration_ns=round(shapes.duration_s(stages) * shapes.NS_PER_S),
        warm_up_s=plan["warm_up_s"],
        max_requests=plan["max_requests"] or sys.maxsize,
        share=share,
        script=read_script(plan, {found.name: found for found in operations}, secrets, (share.index, share.of)),
    )


def _operation(
    plan: Mapping[str, Any], ordered: Mapping[str, Any], secrets: Mapping[str, str], body: bytes
) -> Operation:
    """One kind of request of a plan, with its book."""
    url = urlsplit(plan["base_url"])
    book = Book(
        ordered["name"],
        tuple(ordered["limits_ns"]),
        plan["warm_up_s"],
        plan["window_s"],
        one_time=plan["model"] == "closed",
    )
    request = _request(url.netloc, url.path.rstrip("/"), ordered, secrets, body)
    return Operation(ordered, request, book, sampler_of(ordered, plan["seed"]))


def _request(authority: str, prefix: str, ordered: Mapping[str, Any], secrets: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of a request; headers that the plan names replace ours, whatever their case."""
    sized = bool(body) or ordered["method"] in _BODY_EXPECTED
    headers = heads(authority, ordered, secrets, len(body) if sized else None)
    lines = [f"{ordered['method']} {prefix}{ordered['path']} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.values()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def _rest(plan: Mapping[str, Any]) -> Callable[[Random], float] | None:
    """How a user's thinking is drawn: exponential with a mean, or evenly between two bounds."""
    mean_s, (least_s, most_s) = plan["think_mean_s"], plan["think_s"]
    if mean_s:
        return lambda dice: dice.expovariate(1 / mean_s)
    return (lambda dice: dice.uniform(least_s, most_s)) if most_s else None
