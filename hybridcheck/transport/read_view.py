"""What a read case is handed (`target.ReadTarget`), over one session: no method of it writes."""

import asyncio
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

import httpx

from hybridcheck.cases import Json, PlannedCase
from hybridcheck.evidence import Exchange, GapReason, Observation, StreamRecord, TlsRecord
from hybridcheck.ledger import Ledger
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import READING_METHODS, Operation
from hybridcheck.target import Ask, Credential, EvidenceLost, Manner
from hybridcheck.transport import handshake, streams
from hybridcheck.transport.client import client_of
from hybridcheck.transport.exchange import Draft, Place, Sender, draft_of, lost
from hybridcheck.transport.hook_steps import HookRunner
from hybridcheck.transport.identities import Identities, LoginFailed, token_facts
from hybridcheck.transport.journal import Journal
from hybridcheck.transport.manifest import Manifest
from hybridcheck.transport.one_connection import OneConnection

T = TypeVar("T")

Driver = Callable[[str, dict[str, Json]], Awaitable[None]]
"""Runs a load phase under a shared stream; the gate injects it."""


@dataclass(frozen=True, slots=True)
class HookMeans:
    """What applies hooks and writes them down; `left` are those that could not be reverted: then no more are applied."""

    runner: HookRunner
    journal: Journal
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Means:
    """What every view of a session shares."""

    profile: Profile
    base_url: str
    run_id: str
    seed: int
    ledger: Ledger
    sender: Sender
    identities: Identities
    tls: ssl.SSLContext
    manifest: Manifest | None
    driver: Driver | None
    hooks: HookMeans | None = None


class ReadView:
    """Reads, logins, streams and handshakes for one case (`target.ReadTarget`)."""

    def __init__(self, means: Means, planned: PlannedCase) -> None:
        self._means = means
        self._stream = planned.case.id
        self._random = Random(f"{means.seed}:{planned.case.id}")

    @property
    def random(self) -> Random:
        """A generator seeded by the run's seed and the case."""
        return self._random

    def now_s(self) -> float:
        """Seconds since the run's start."""
        return self._means.sender.budgets.now_s()

    def unix_s(self) -> float:
        """UTC seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait; a wait beyond the run's deadline is a gap at once."""
        budgets = self._means.sender.budgets
        if seconds > budgets.left_s():
            raise self.lost(GapReason.DEADLINE_SPENT, f"a wait of {seconds:g} s is too long before {budgets.end}")
        await asyncio.sleep(seconds)

    async def refill(self) -> None:
        """Wait until as many requests may go together as ever may."""
        await self.sleep(self._means.sender.budgets.refilled_in_s())

    async def together(self, calls: Sequence[Awaitable[T]]) -> list[T]:
        """Run calls at the same time; all have ended when the first error, if any, is raised."""
        results = await asyncio.gather(*calls, return_exceptions=True)
        done: list[T] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            done.append(result)
        return done

    async def read(self, label: str, ask: Ask) -> Exchange:
        """Send a request of the read class and record it."""
        if not self._may_read(ask):
            raise self._refused(label, f"{ask.method} {ask.path} is not of the read class")
        return await self._send(label, ask)

    async def on_one_connection(self, label: str, asks: Sequence[Ask], manner: Manner) -> tuple[Exchange, ...]:
        """Send requests of the read class over one kept connection and record each."""
        refused = next((ask for ask in asks if not self._may_read(ask)), None)
        if refused is not None:
            raise self._refused(label, f"{refused.method} {refused.path} is not of the read class")
        exchanges = []
        async with OneConnection(self._means.tls, manner, self._means.sender.guard.pins) as connection:
            for number, ask in enumerate(asks, 1):
                if manner.idle_s and number == len(asks):
                    await self.sleep(manner.idle_s)
                exchanges.append(await self._send_over(connection, f"{label}.{number}", ask))
        return tuple(exchanges)

    async def credential(self, identity: str, lasting_s: float = 0.0) -> Credential:
        """The run's credential of an identity; see `Identities.credential`."""
        return await self._credential("credential", identity, lasting_s)

    async def login(self, label: str, identity: str) -> tuple[Exchange, Credential | None]:
        """A login of this case's own."""
        return await self._logging_in(label, self._means.identities.login(self._place(label), identity))

    async def session_call(self, label: str, identity: str, which: str, credential: Credential) -> Exchange:
        """Call a declared session operation with a credential."""
        call = self._means.identities.session_call(self._place(label), identity, which, credential)
        return await self._logging_in(label, call)

    async def listen(self, label: str, ask: Ask, *, protocol: str, most_events: int, most_s: float) -> StreamRecord:
        """Open a stream, take events until one of the bounds, close it, and record it."""
        if ask.method.upper() not in READING_METHODS:
            raise self._refused(label, f"a stream is opened with GET, not {ask.method}")
        draft = await self._draft(label, ask)
        bounds = streams.Bounds(most_events, most_s, self._means.profile.limits.max_body_bytes)
        sender, place = self._means.sender, self._place(label)
        if protocol == "sse":
            record = await streams.listen_sse(sender, place, draft, bounds)
        elif protocol == "websocket":
            record = await streams.listen_websocket(sender, place, draft, bounds, self._means.tls)
        else:
            raise self.lost(GapReason.TOOL_FAULT, f"'{protocol}' is neither sse nor websocket")
        sender.budgets.spend_bytes(sum(len(event.data) for event in record.events))
        return self._means.ledger.append(self._stream, record)

    async def handshake(self, label: str) -> TlsRecord:
        """Make a verified TLS handshake with the target and record it."""
        means = self._means
        record = await handshake.shake(means.sender, self._place(label), means.base_url, means.tls)
        return means.ledger.append(self._stream, record)

    def observe(self, label: str, values: dict[str, Json]) -> None:
        """Record a named fact."""
        record = Observation(label=label, values=values, at_s=self.now_s())
        self._means.ledger.append(self._stream, record)

    def lost(self, reason: GapReason, detail: str = "") -> EvidenceLost:
        """Record a gap and give the error to raise."""
        return lost(self._means.ledger, self._place(""), reason, detail)

    def client(self, label: str) -> httpx.AsyncClient:
        """A client for code of another package; every request of it is recorded."""
        return client_of(self, label, self._means.base_url)

    async def clean_up(self) -> tuple[str, ...]:
        """Remove what the case created; gives what could not be removed, in words. The executor calls it."""
        return ()

    def _place(self, label: str) -> Place:
        return Place(self._stream, label)

    def _refused(self, label: str, detail: str) -> EvidenceLost:
        return lost(self._means.ledger, self._place(label), GapReason.OUT_OF_SCOPE, detail)

    def _may_read(self, ask: Ask) -> bool:
        if ask.method.upper() in READING_METHODS:
            return True
        operation = self._declared(ask)
        return operation is not None and operation.safe and operation.method == ask.method.upper()

    def _declared(self, ask: Ask) -> Operation | None:
        """The declared operation that the ask names, where its path is the operation's."""
        operation = self._means.profile.operation(ask.operation) if ask.operation is not None else None
        if operation is None:
            return None
        fits = self._crosses(operation, ask) if ask.via is not None else _fits(operation, ask.path)
        return operation if fits else None

    def _crosses(self, operation: Operation, ask: Ask) -> bool:
        """Whether a boundary declares that the service answers this operation under this path of its own."""
        boundaries = self._means.profile.boundaries.values()
        routes = (route for boundary in boundaries if boundary.callee == ask.via for route in boundary.routes)
        return any(route.public == operation.id and route.native == ask.path for route in routes)

    def _direct(self, label: str, ask: Ask) -> Ask:
        """The ask with the address, and the headers, of the service that it is sent to beside its gateway."""
        service = self._means.profile.services.get(ask.via or "")
        if service is None or service.direct_url is None:
            raise self._refused(label, f"services.{ask.via}.direct_url is not declared")
        wanted = () if ask.bare else tuple((k, v.get_secret_value()) for k, v in service.direct_headers.items())
        return replace(ask, service_url=service.direct_url, headers=(*ask.headers, *wanted))

    async def _draft(self, label: str, ask: Ask) -> Draft:
        """The ask as a draft, with the credential that it asks for."""
        draft = draft_of(self._direct(label, ask) if ask.via is not None else ask, self._means.base_url)
        if ask.authorization is not None:
            headers = self._means.identities.headers_with(ask.identity, ask.authorization)
            return replace(draft, credentials=headers, facts=token_facts(ask.authorization.split(" ")[-1]))
        if ask.identity is None:
            return draft
        credential = await self._credential(label, ask.identity)
        return replace(draft, credentials=credential.headers, identity=ask.identity, facts=dict(credential.facts))

    async def _credential(self, label: str, identity: str, lasting_s: float = 0.0) -> Credential:
        return await self._logging_in(label, self._means.identities.credential(identity, lasting_s), own=False)

    async def _logging_in(self, label: str, call: Awaitable[T], *, own: bool = True) -> T:
        """Await a login; what goes wrong is a gap of this case too (`own` calls record theirs already)."""
        try:
            return await call
        except LoginFailed as error:
            raise lost(self._means.ledger, self._place(label), GapReason.LOGIN_FAILED, str(error)) from error
        except EvidenceLost as error:
            if own:
                raise
            raise lost(self._means.ledger, self._place(label), error.reason, error.detail) from error

    async def _send(self, label: str, ask: Ask, *, cleaning: bool = False) -> Exchange:
        draft = await self._draft(label, ask)
        exchange = await self._means.sender.send(self._place(label), draft, cleaning=cleaning)
        return self._means.ledger.append(self._stream, exchange)

    async def _send_over(self, connection: OneConnection, label: str, ask: Ask) -> Exchange:
        """Send over a connection of the case's own; the exchange says which of its connections it came over."""
        draft, sender = await self._draft(label, ask), self._means.sender
        exchange = await sender.send(self._place(label), draft, over=sender.wire.over(connection))
        facts = {**exchange.facts, "connection": connection.opened}
        return self._means.ledger.append(self._stream, exchange.model_copy(update={"facts": facts}))


def _fits(operation: Operation, path: str) -> bool:
    """Whether a path is that of the operation, any segment standing for a `{name}` part."""
    wanted = path.partition("?")[0]
    if wanted == operation.url_path():
        return True
    parts = re.split(r"\{[^{}]*\}", operation.path)
    return re.fullmatch("[^/]+".join(re.escape(part) for part in parts), wanted) is not None
