"""What the cases of each safety class are handed: `hybridcheck.target`'s protocols over one session.

A wider view is a subclass of the narrower one. The class is the permission: a read view has no method that writes.
"""

import asyncio
import json
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

import httpx

from hybridcheck.cases import Json, PlannedCase
from hybridcheck.errors import HybridcheckError, ToolError
from hybridcheck.evidence import Created, Exchange, GapReason, Observation, StreamRecord, TlsRecord
from hybridcheck.ledger import Ledger
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import READING_METHODS, Operation
from hybridcheck.target import Ask, Credential, EvidenceLost
from hybridcheck.transport import handshake, raw, streams
from hybridcheck.transport.client import client_of
from hybridcheck.transport.exchange import Draft, Place, Sender, draft_of, lost
from hybridcheck.transport.identities import Identities, LoginFailed, token_facts
from hybridcheck.transport.manifest import Entry, Manifest, Step, cleanup_path, is_removed
from hybridcheck.transport.uninterrupted import GRACE_S, to_its_end

T = TypeVar("T")

Driver = Callable[[str, dict[str, Json]], Awaitable[None]]
"""Runs a load phase under a shared stream; the gate injects it."""

SMALL_BODY_BYTES = 1024 * 1024
"""What a write case may send in one body; more is the abuse class."""

NOT_SENT = frozenset({GapReason.OUT_OF_SCOPE, GapReason.BUDGET_SPENT, GapReason.LOGIN_FAILED})
"""Gaps that say that the request did not go out; after any other it may have."""

CLEAN_UP_S = 5.0
"""Deadline of one clean-up request; it also runs after the run's deadline or an interruption."""


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
        if budgets.interrupted:
            raise self.lost(GapReason.INTERRUPTED, "the run was interrupted")
        if seconds > budgets.remaining_s():
            raise self.lost(GapReason.DEADLINE_SPENT, f"a wait of {seconds:g} s is longer than the run has left")
        await asyncio.sleep(seconds)

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

    async def credential(self, identity: str) -> Credential:
        """The run's credential of an identity."""
        return await self._credential("credential", identity)

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
        return operation if operation is not None and _fits(operation, ask.path) else None

    async def _draft(self, label: str, ask: Ask) -> Draft:
        """The ask as a draft, with the credential that it asks for."""
        draft = draft_of(ask, self._means.base_url)
        if ask.authorization is not None:
            headers = self._means.identities.headers_with(ask.identity, ask.authorization)
            return replace(draft, credentials=headers, facts=token_facts(ask.authorization.split(" ")[-1]))
        if ask.identity is None:
            return draft
        credential = await self._credential(label, ask.identity)
        return replace(draft, credentials=credential.headers, identity=ask.identity, facts=dict(credential.facts))

    async def _credential(self, label: str, identity: str) -> Credential:
        return await self._logging_in(label, self._means.identities.credential(identity), own=False)

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


class WriteView(ReadView):
    """Also writes what this run created (`target.WriteTarget`)."""

    def __init__(self, means: Means, planned: PlannedCase) -> None:
        super().__init__(means, planned)
        self._made: list[Entry] = []

    async def write(self, label: str, ask: Ask) -> Exchange:
        """Send any method to the path of a declared operation."""
        if not self._may_read(ask) and self._declared(ask) is None:
            raise self._refused(label, f"{ask.method} {ask.path} is no declared operation")
        self._refuse_large(label, ask)
        return await self._send(label, ask)

    async def create(self, label: str, ask: Ask, *, cleanup: str | None, id_from: str | None) -> tuple[Exchange, str]:
        """Create a resource, written down before the request goes out."""
        means = self._means
        if means.manifest is None:
            raise self.lost(GapReason.TOOL_FAULT, "there is no manifest to write down what is created")
        if self._declared(ask) is None:
            raise self._refused(label, f"{ask.method} {ask.path} is no declared operation")
        self._refuse_large(label, ask)
        await self._draft(label, ask)  # a login that fails leaves nothing to write down
        entry = means.manifest.intend(
            run_id=means.run_id,
            base_url=means.base_url,
            case=self._stream,
            operation=ask.operation or "",
            cleanup=cleanup,
            identity=ask.identity,
        )
        self._made.append(entry)  # from here on, whatever breaks: it may exist
        self._record(label, entry)
        means.ledger.sync()
        exchange = await self._creating(label, ask, entry)
        resource = _id_in(exchange, id_from)
        if exchange.status is not None and 400 <= exchange.status < 500:  # after a 5xx nobody knows
            self._forget(entry)
            resource = ""
        elif resource:
            entry = self._found(entry, resource)
        exchange = means.ledger.append(self._stream, exchange)
        if entry in self._made:
            self._record(label, entry)
        return exchange, resource

    async def wrong_password(self, label: str, identity: str) -> tuple[Exchange, Credential | None]:
        """Try to log in with a random password, at most once per identity and run."""
        if not await self._logging_in(label, self._first_wrong_password(identity)):
            detail = f"one wrong password for '{identity}' was sent in this run already"
            raise lost(self._means.ledger, self._place(label), GapReason.BUDGET_SPENT, detail)
        password = f"wrong-{self.random.getrandbits(96):024x}"
        call = self._means.identities.login(self._place(label), identity, password)
        return await self._logging_in(label, call)

    async def unknown_user(self, label: str, like: str) -> tuple[Exchange, str]:
        """Try to log in with a random password under a random name of the shape of that identity's."""
        password = f"wrong-{self.random.getrandbits(96):024x}"
        call = self._means.identities.unknown_login(self._place(label), like, password, self.random)
        return await self._logging_in(label, call)

    async def clean_up(self) -> tuple[str, ...]:
        """Remove in reverse what the case created; gives what is left, in words.

        It goes on where neither ledger nor manifest can be written any more: what was created is removed all the same.
        """
        left = []
        while self._made:
            entry = self._made.pop()
            complaint = await self.remove(entry)
            with suppress(HybridcheckError):
                self._step(entry, "left" if complaint else "removed")
                self._record(f"cleanup.{entry.entry}", entry, removed=not complaint)
            if complaint:
                left.append(f"{entry.operation} {entry.resource or '(no id)'}: {complaint}")
        return tuple(left)

    async def remove(self, entry: Entry) -> str:
        """Remove what an entry of a manifest names; gives what went wrong in words, empty where it is gone."""
        operation = self._means.profile.operation(entry.cleanup) if entry.cleanup else None
        if operation is None:
            return "no clean-up operation is declared"
        if not entry.resource:
            return "the target gave no id"
        try:
            path = cleanup_path(operation, entry.resource)
        except ToolError as error:
            return error.message
        identity = entry.identity or operation.identity
        ask = Ask(operation.method, path, identity=identity, operation=operation.id, deadline_s=CLEAN_UP_S)
        place = self._place(f"cleanup.{entry.entry}")
        try:
            draft = await self._draft(place.label, ask)
            exchange = await self._means.sender.send(place, draft, cleaning=True)
        except (EvidenceLost, HybridcheckError) as error:
            return str(error)
        with suppress(HybridcheckError):
            self._means.ledger.append(self._stream, exchange)
        return "" if is_removed(exchange) else f"{exchange.failure or exchange.status}"

    async def _creating(self, label: str, ask: Ask, entry: Entry) -> Exchange:
        """Send the request of a creation; gives the exchange, not yet recorded."""
        try:
            draft = await self._draft(label, ask)
            return await to_its_end(self._means.sender.send(self._place(label), draft), grace_s=GRACE_S)
        except EvidenceLost as error:
            if error.reason in NOT_SENT:
                self._forget(entry)
            raise

    def _found(self, entry: Entry, resource: str) -> Entry:
        """Keep the id of what was created, first of all where clean-up looks."""
        created = replace(entry, step="created", resource=resource)
        self._made[self._made.index(entry)] = created
        return self._step(entry, "created", resource)

    def _forget(self, entry: Entry) -> None:
        self._made.remove(entry)
        self._step(entry, "not_created")

    def _step(self, entry: Entry, step: Step, resource: str | None = None) -> Entry:
        manifest = self._means.manifest
        assert manifest is not None
        return manifest.step(entry, step, resource)

    def _record(self, label: str, entry: Entry, *, removed: bool | None = None) -> None:
        record = Created(
            label=label, operation=entry.operation, cleanup=entry.cleanup, resource=entry.resource, removed=removed
        )
        self._means.ledger.append(self._stream, record)

    def _refuse_large(self, label: str, ask: Ask) -> None:
        if ask.body is not None and len(ask.body) > SMALL_BODY_BYTES and not isinstance(self, AbuseView):
            raise self._refused(label, f"a body of {len(ask.body)} bytes is of the abuse class")

    async def _first_wrong_password(self, identity: str) -> bool:
        return self._means.identities.may_send_wrong_password(identity)


class LoadView(WriteView):
    """Also drives sustained traffic (`target.LoadTarget`)."""

    async def drive(self, stream: str, plan: dict[str, Json]) -> None:
        """Run a load phase through the driver that the gate gave."""
        driver = self._means.driver
        if driver is None:
            raise self.lost(GapReason.NOT_SUPPORTED_HERE, "this session has no load driver")
        await driver(stream, plan)


class AbuseView(LoadView):
    """Also sends raw bytes (`target.AbuseTarget`)."""

    async def raw(self, label: str, payload: bytes, *, most_s: float, close_after_send: bool = False) -> bytes:
        """Send raw bytes on a connection of its own and give what came back; an observation records both."""
        means = self._means
        transcript = await raw.converse(
            means.sender,
            self._place(label),
            means.base_url,
            means.tls,
            raw.Payload(payload, most_s, means.profile.limits.max_body_bytes, close_after_send),
        )
        self.observe(label, transcript.values())
        return transcript.received


def _fits(operation: Operation, path: str) -> bool:
    """Whether a path is that of the operation, any segment standing for a `{name}` part."""
    wanted = path.partition("?")[0]
    if wanted == operation.url_path():
        return True
    parts = re.split(r"\{[^{}]*\}", operation.path)
    return re.fullmatch("[^/]+".join(re.escape(part) for part in parts), wanted) is not None


def _id_in(exchange: Exchange, id_from: str | None) -> str:
    """The id in a JSON answer: a text or a whole number at the path; empty where there is none."""
    if exchange.response is None or id_from is None:
        return ""
    try:
        found = value_at(json.loads(exchange.response.body.content()), id_from)
    except (ValueError, NoSuchPath, RecursionError):
        return ""
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
