"""Does a service live through what it should refuse, and through clients that go away."""

import json
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from hybridcheck.cases import Budget, Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.check import AbuseCheck, Scene
from hybridcheck.checks.operations import operation_in
from hybridcheck.checks.overlaps import require_unthrottled
from hybridcheck.checks.protocol.addresses import addresses, ask_at
from hybridcheck.checks.protocol.travelling import asking_for
from hybridcheck.checks.repeats import describe
from hybridcheck.checks.survival import broken, crash_finding, look_after, look_before, needs_liveness, watch_of
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.profile.operations import Operation
from hybridcheck.target import AbuseTarget, Ask
from hybridcheck.verdict import Finding, passed, undecided

LATE = 2000
"""How many good elements stand before a bad one: parallel loops and type samples have long begun."""

WHOLE_BODIES: tuple[str, ...] = (
    "",
    "{",
    "null",
    "[]",
    '"text"',
    "\x00",
    "NaN",
    '{"":{}}',
    "[" * 64 + "]" * 64,
)
"""Bodies in the place of the declared one."""

VALUES: tuple[str, ...] = (
    "null",
    "true",
    '""',
    "[]",
    "{}",
    "-1",
    "1e400",
    "NaN",
    "9223372036854775808",
    "-9223372036854775809",
    '"\\ud800"',
    '"a\\u0000b"',
    f"[{'1,' * LATE}null]",
    f'[{"1," * LATE}"x"]',
)
"""JSON tokens in the place of each member of the declared body."""


class Survives(AbuseCheck):
    """The base: one case per service with a declared liveness, over its operations with a body."""

    dimension = Dimension.RELIABILITY
    severity = Severity.CRITICAL
    suite = "boundary"
    did: ClassVar[str]

    @abstractmethod
    def operations(self, scene: Scene, service: str) -> list[Operation]:
        """What is sent to a service."""

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per service."""
        found = False
        for name in scene.profile.services:
            chosen, watch = self.operations(scene, name), watch_of(scene.profile, name)
            if not chosen or (watch is None and not _crossed(scene, chosen)):
                continue
            found = True
            if watch is None:
                yield Unmet(subject=name, needs=needs_liveness(name))
                continue
            at = [params for operation in chosen for _, params in addresses(scene, operation)]
            params: dict[str, Json] = {"watch": watch, "at": at, **self.own_params(scene)}
            yield Case(check=self.id, subject=name, params=params)
        if not found:
            yield Unmet(subject="services", needs=needs_liveness(""))

    def own_params(self, scene: Scene) -> dict[str, Json]:
        """What a case keeps beside the operations."""
        return {}


class BadInput(Survives):
    """A service lives through every input that it has to refuse.

    Sends wrong bodies to each operation of the service that takes one, at its public address and beside the gateway:
    none, half of one, other types, numbers beyond 64 bits, NaN, lone surrogates, NUL, and lists whose last of 2,001
    elements is wrong. A request that breaks off, and a service that has restarted or is gone afterwards, are a fail.
    What is answered is not judged here. A refusal of everything shows nothing (the control has to succeed).
    """

    id = "survival.bad-input"
    remedy = "Catch every exception at the edge of the native code; none may leave a parallel region or a C callback."
    refs = ("CWE-248", "CWE-20")
    did = "input that has to be refused"

    def operations(self, scene: Scene, service: str) -> list[Operation]:
        """Those that read and have a JSON object for a body."""
        declared = scene.profile.services[service].operations
        found = [op for op in declared if op.reads and op.sendable and isinstance(op.body, dict)]
        return found[:3] if scene.budget is Budget.QUICK else found

    async def probe(self, case: Case, target: AbuseTarget) -> None:
        """Controls, looks, and everything bad in between; it stops where the service has broken."""
        watch = case.params["watch"]
        for index, params in enumerate(case.params["at"]):
            await target.read(f"control.{index}", ask_at(params))
        await look_before(target, watch)
        for index, params in enumerate(case.params["at"]):
            asks = [replace(ask_at(params), body=body.encode()) for body in bad_bodies(params)]
            sent = await target.together([target.read(f"bad.{index}.{n}", ask) for n, ask in enumerate(asks)])
            if any(broken(exchange) for exchange in sent):
                break
        await look_after(target, watch)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """A crash, or a service that lives on."""
        expected = f"{case.subject} lives through {self.did}"
        bad = evidence.exchanges("bad")
        crash = crash_finding(evidence, case.params["watch"], expected, bad, self.did)
        if crash is not None:
            return crash
        require_unthrottled(bad)
        at = case.params["at"]
        wanted = sum(len(bad_bodies(params)) for params in at)
        if len(bad) != wanted or len(evidence.exchanges("control")) != len(at):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{len(bad)} of {wanted} requests are recorded")
        working = [e for e in evidence.exchanges("control") if e.status in _statuses(at, e)]
        if len(working) < len(at):
            worst = next(e for e in evidence.exchanges("control") if e not in working)
            return undecided(Reason.NO_TEST_DATA, expected, f"a control: {describe(worst)}", exchanges=(worst.n,))
        failing = sum(exchange.status is not None and exchange.status >= 500 for exchange in bad)
        text = f"{len(bad)} bad requests, {failing} answered with a server error, no restart"
        return passed(expected, text, exchanges=(bad[0].n, bad[-1].n), n=len(bad))


class ClientAbort(Survives):
    """A service lives on when its clients reset their connections in the middle of an answer.

    Sends a request of the service twenty times, five at a time, and resets each connection at the first byte of the
    answer, at the public address and beside the gateway; connections are held beside. Connections that the service
    breaks itself, or requests between that break, and a service that has restarted or is gone, are a fail.
    """

    id = "survival.client-abort"
    remedy = "Ignore SIGPIPE or send with MSG_NOSIGNAL, and treat EPIPE and ECONNRESET as the end of one request."
    refs = ("CWE-248", "signal(7)")
    did = "resets in the middle of answers"

    BATCHES, AT_ONCE = 4, 5

    def operations(self, scene: Scene, service: str) -> list[Operation]:
        """The `large` probe's where it belongs to the service: its answer takes long. Else the first one that reads."""
        probe = scene.profile.probes.large
        reading = [op for op in scene.profile.services[service].operations if op.reads and op.sendable]
        large = [op for op in reading if probe is not None and op.id == probe.operation]
        return (large or reading)[:1]

    def own_params(self, scene: Scene) -> dict[str, Json]:
        """What makes the answer large."""
        probe = scene.profile.probes.large
        size = {"operation": probe.operation, "size": probe.size, "bytes": probe.most_bytes} if probe else None
        return {"large": size}

    async def probe(self, case: Case, target: AbuseTarget) -> None:
        """Looks; batches of aborts with a request after each, beside held connections."""
        watch = case.params["watch"]
        await look_before(target, watch)
        for index, params in enumerate(case.params["at"]):
            ask, ordinary = large_ask(case, params), ask_at(params)
            await target.read(f"control.{index}", ordinary)
            async with target.holding(f"held.{index}", ordinary, count=2, half=True):
                lives_on = await self._abort(target, index, ask, ordinary)
            if not lives_on:
                break
        await look_after(target, watch)

    async def _abort(self, target: AbuseTarget, index: int, ask: Ask, ordinary: Ask) -> bool:
        """Batches of aborts until a request between them breaks; whether none did."""
        for batch in range(self.BATCHES):
            await target.abort(f"abort.{index}.{batch}", ask, times=self.AT_ONCE, most_s=3)
            between = await target.read(f"between.{index}.{batch}", replace(ordinary, deadline_s=3))
            if broken(between):
                return False
        return True

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """A crash, or a service that lives on."""
        expected = f"{case.subject} lives through {self.did}"
        between, aborts = evidence.exchanges("between"), evidence.all(Observation, "abort")
        held, at = evidence.all(Observation, "held"), case.params["at"]
        cut = sum(int(record.values["ended_by_target"]) for record in held)
        unanswered = sum(int(record.values["broken"]) for record in aborts)
        also = f"{cut} connections that were held beside were cut" if cut else ""
        also = also or (f"{unanswered} requests were cut before a byte of an answer" if unanswered else "")
        crash = crash_finding(evidence, case.params["watch"], expected, between, self.did, also)
        if crash is not None:
            return crash
        if len(aborts) != self.BATCHES * len(at) or len(between) != len(aborts) or len(held) != len(at):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was done is recorded")
        controls = evidence.exchanges("control")
        answered = sum(int(record.values["answered"]) for record in aborts)
        if len(controls) != len(at) or not all(e.status in _statuses(at, e) for e in controls) or not answered:
            return undecided(Reason.NO_TEST_DATA, expected, "the request that is aborted has no answer to abort")
        text = f"{answered} answers were aborted, no restart"
        return passed(expected, text, exchanges=tuple(e.n for e in between), n=answered)


def large_ask(case: Case, params: dict[str, Json]) -> Ask:
    """The request of an address, with a large answer where the case knows how to ask for one."""
    large, operation = case.params["large"], operation_in(params)
    if large is None or large["operation"] != operation.id:
        return ask_at(params)
    return asking_for(params, {str(large["size"]): large["bytes"]})


def bad_bodies(params: dict[str, Json]) -> list[str]:
    """Every bad body for an operation: whole ones, and its own with one member replaced by each bad value."""
    body = operation_in(params).body
    members = body if isinstance(body, dict) else {}
    replaced = (_with(members, name, value) for name in members for value in VALUES)
    return [*WHOLE_BODIES, *replaced]


def _with(members: dict[str, Json], name: str, token: str) -> str:
    """An object with one member's value as that token, which need not be JSON."""
    parts = (f"{json.dumps(key)}: {token if key == name else json.dumps(value)}" for key, value in members.items())
    return f"{{{', '.join(parts)}}}"


def _statuses(at: list[dict[str, Json]], control: Exchange) -> tuple[int, ...]:
    """The declared statuses of the operation that a control asked."""
    return operation_in(at[int(control.label.rpartition(".")[2])]).expect.status


def _crossed(scene: Scene, operations: list[Operation]) -> bool:
    """Whether a boundary is crossed to reach one of the operations: then a liveness should be declared."""
    public = {route.public for boundary in scene.profile.boundaries.values() for route in boundary.routes}
    return any(operation.id in public for operation in operations)
