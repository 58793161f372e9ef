"""What the cases of the wider safety classes are handed: `hybridcheck.target`'s protocols over one session.

A wider view is a subclass of the narrower one, from `read_view.ReadView` on. The class is the permission.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from hybridcheck.cases import Json, PlannedCase
from hybridcheck.errors import HybridcheckError, ToolError
from hybridcheck.evidence import Created, Exchange, GapReason
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.target import Ask, Credential, EvidenceLost
from hybridcheck.transport import raw
from hybridcheck.transport.exchange import Draft, lost
from hybridcheck.transport.manifest import Entry, Step, cleanup_path, is_removed
from hybridcheck.transport.read_view import Means, ReadView
from hybridcheck.transport.uninterrupted import GRACE_S, to_its_end

T = TypeVar("T")

SMALL_BODY_BYTES = 1024 * 1024
"""What a write case may send in one body; more is the abuse class."""

NOT_SENT = frozenset({GapReason.OUT_OF_SCOPE, GapReason.BUDGET_SPENT, GapReason.DEADLINE_SPENT, GapReason.LOGIN_FAILED})
"""Gaps that say that the request did not go out; after any other it may have."""

CLEAN_UP_S = 5.0
"""Deadline of one clean-up request; it also runs after the run's deadline or an interruption."""


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

    async def raw(
        self, label: str, payload: bytes, *, most_s: float, close_after_send: bool = False, head_of: Ask | None = None
    ) -> bytes:
        """Send raw bytes on a connection of its own and give what came back; an observation records both."""
        means = self._means
        draft = Draft("RAW", means.base_url)
        if head_of is not None:
            draft = await self._abusing(label, head_of)
            payload = raw.head_of(means.sender.request(draft)) + payload
        bounds = raw.Payload(payload, most_s, means.profile.limits.max_body_bytes, close_after_send)
        transcript = await raw.converse(means.sender, self._place(label), draft, means.tls, bounds)
        self.observe(label, transcript.values())
        return transcript.received

    async def abort(self, label: str, ask: Ask, *, times: int, most_s: float) -> None:
        """Send a request several times at once and reset each connection at the first byte of its answer."""
        means, draft = self._means, await self._abusing(label, ask)
        found = await raw.abort(means.sender, self._place(label), draft, means.tls, times=times, most_s=most_s)
        self.observe(label, found.values())

    @asynccontextmanager
    async def holding(self, label: str, ask: Ask, *, count: int, half: bool) -> AsyncIterator[None]:
        """Hold idle or half-open connections within the context; an observation at its end says what became of them."""
        means, draft = self._means, await self._abusing(label, ask)
        held = raw.holding(means.sender, self._place(label), draft, means.tls, count=count, half=half)
        async with held as found:
            yield
        self.observe(label, found.values())

    async def _abusing(self, label: str, ask: Ask) -> Draft:
        """The draft of a request that the read class may send, to be sent in a way that only this class may."""
        if not self._may_read(ask):
            raise self._refused(label, f"{ask.method} {ask.path} is not of the read class")
        return await self._draft(label, ask)


def _id_in(exchange: Exchange, id_from: str | None) -> str:
    """The id in a JSON answer: a text or a whole number at the path; empty where there is none."""
    if exchange.response is None or id_from is None:
        return ""
    try:
        found = value_at(json.loads(exchange.response.body.content()), id_from)
    except (ValueError, NoSuchPath, RecursionError):
        return ""
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
