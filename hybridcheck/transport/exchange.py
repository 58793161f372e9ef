"""From an `Ask` to a recorded `Exchange`: scope, budgets, connection retries, and the ledger, at one choke point."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote, urlencode

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt, stop_before_delay
from tenacity import wait_exponential as wait_longer

from hybridcheck import __version__
from hybridcheck.cases import Json
from hybridcheck.errors import HybridcheckError
from hybridcheck.evidence import Exchange, Failure, Gap, GapReason, SentRequest
from hybridcheck.ledger import Ledger, body_of
from hybridcheck.profile.operations import READING_METHODS
from hybridcheck.target import Ask, EvidenceLost
from hybridcheck.transport.budgets import Budgets
from hybridcheck.transport.decoding import ACCEPT_ENCODING
from hybridcheck.transport.failures import CONNECT_FAILURES, detail_of
from hybridcheck.transport.scope import Origin, OutOfScope, ScopeGuard
from hybridcheck.transport.wire import Outcome, Wire, header_pairs

RUN_HEADER = "X-Hybridcheck-Run"
"""Carries the run's id in every request, so that the target's operators can tell our traffic."""

CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
"""Between attempts to connect: doubling."""

LATE = frozenset({Failure.CONNECT_TIMEOUT, Failure.READ_TIMEOUT, Failure.WRITE_TIMEOUT, Failure.DEADLINE})

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A request ready to go: what `Ask` says, with its credential in the headers and its facts beside it."""

    method: str
    url: str
    headers: Pairs = ()
    body: bytes | None = None
    credentials: Pairs = ()
    identity: str | None = None
    operation: str | None = None
    deadline_s: float | None = None
    facts: dict[str, Json] = field(default_factory=dict)

    def carries_credentials(self) -> bool:
        """Whether it has a credential, also one that a check put into the headers itself."""
        return bool(self.credentials) or any(name.lower() in CREDENTIAL_HEADERS for name, _ in self.headers)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record goes: its stream, and the label under which the check asked."""

    stream: str
    label: str


def lost(ledger: Ledger, place: Place, reason: GapReason, detail: str = "") -> EvidenceLost:
    """Record a gap and give the error to raise."""
    ledger.append(place.stream, Gap(label=place.label, reason=reason, detail=detail))
    return EvidenceLost(reason, detail)


class Sender:
    """Sends drafts within scope and budgets.

    Args:
        connect_attempts: how often an idempotent read may try to establish a connection, the first time included.
        max_connections: how many requests may be under way at once.
        request_deadline_s: deadline of a request that names none.
    """

    def __init__(
        self,
        *,
        wire: Wire,
        guard: ScopeGuard,
        budgets: Budgets,
        ledger: Ledger,
        run_id: str,
        connect_attempts: int,
        max_connections: int,
        request_deadline_s: float,
    ) -> None:
        self.wire, self.guard, self.budgets, self.ledger = wire, guard, budgets, ledger
        self.connections = asyncio.Semaphore(max_connections)
        self.run_id, self.user_agent = run_id, f"hybridcheck/{__version__}"
        self._own_headers = (("User-Agent", self.user_agent), (RUN_HEADER, run_id))
        self._connect_attempts = connect_attempts
        self._request_deadline_s = request_deadline_s

    async def send(self, place: Place, draft: Draft, *, cleaning: bool = False, over: Wire | None = None) -> Exchange:
        """Send a draft and give the exchange, not yet recorded: the caller learns secrets from it first.

        Args:
            place: where a gap is recorded.
            draft: what to send.
            cleaning: clean-up goes on after the run's deadline and when the budget is spent.
            over: the wire to send over; the session's own where None.

        Raises:
            EvidenceLost: where it was not sent, or was cut by the run's own end; the gap is recorded.
        """
        async with self.permission(place, draft, cleaning=cleaning):
            request = self.request(draft)
            deadline_s, cut = self.deadline(draft, cleaning=cleaning)
            at_s = self.budgets.now_s()
            outcome, failures = await self._attempts(request, deadline_s, over or self.wire)
            self.budgets.spend_bytes(outcome.kept_bytes)
            if cut and outcome.failure in LATE:
                raise EvidenceLost(GapReason.INTERRUPTED, "the run's deadline came in mid-request")
            return _exchange(place.label, draft, request, outcome, failures, at_s)

    def permission(self, place: Place, draft: Draft, *, cleaning: bool = False) -> "_Permission":
        """A context in which the draft may be sent: in scope, within budgets, one of the open connections.

        Whatever forbids or breaks it is recorded as a gap at `place` and raised as `EvidenceLost`.
        """
        return _Permission(self, place, draft, cleaning=cleaning)

    def request(self, draft: Draft) -> httpx.Request:
        """The draft as httpx sends it: our own headers first, the draft's over them, credentials last."""
        defaults = (*self._own_headers, ("Accept", "*/*"), ("Accept-Encoding", ACCEPT_ENCODING))
        given = {name.lower() for name, _ in (*draft.headers, *draft.credentials)}
        kept = tuple(pair for pair in defaults if pair[0].lower() not in given)
        headers = [(_octets(name), _octets(value)) for name, value in (*kept, *draft.headers, *draft.credentials)]
        return httpx.Request(draft.method, _parsed(draft.url), headers=headers, content=draft.body)

    async def _attempts(
        self, request: httpx.Request, deadline_s: float, wire: Wire
    ) -> tuple[Outcome, tuple[Failure, ...]]:
        """Send; an idempotent read whose connection could not be established is tried again, and each try is kept."""
        failures: list[Failure] = []
        ends_at = asyncio.get_running_loop().time() + deadline_s

        async def attempt() -> Outcome:
            left_s = ends_at - asyncio.get_running_loop().time()
            outcome = await wire.send(request, max(left_s, 0.001))
            if outcome.failure in CONNECT_FAILURES and outcome.failure is not None:
                failures.append(outcome.failure)
            return outcome

        if request.method not in READING_METHODS:
            return await attempt(), tuple(failures)
        outcome = await _retrying(self._connect_attempts, deadline_s)(attempt)
        return outcome, tuple(failures)

    def deadline(self, draft: Draft, *, cleaning: bool = False) -> tuple[float, bool]:
        """The request's deadline in seconds, and whether the end of the run cuts it short."""
        wanted_s = draft.deadline_s or self._request_deadline_s
        remaining_s = self.budgets.remaining_s()
        if cleaning or remaining_s >= wanted_s:
            return wanted_s, False
        return remaining_s, True


class _Permission:
    """See `Sender.permission`."""

    def __init__(self, sender: Sender, place: Place, draft: Draft, *, cleaning: bool) -> None:
        self._sender, self._place, self._draft, self._cleaning = sender, place, draft, cleaning
        self._held = False

    async def __aenter__(self) -> None:
        try:
            await self._enter()
        except BaseException as error:
            self._release()
            self._translate(error)
            raise

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._release()
        if error is not None:
            self._translate(error)

    async def _enter(self) -> None:
        sender = self._sender
        origin = sender.guard.allow(as_sent(self._draft.url))
        if self._draft.carries_credentials() and not sender.guard.may_carry_credentials(origin):
            raise OutOfScope(f"credentials are not sent to http://{origin.host}")
        await sender.guard.allow_address(origin)
        if not self._cleaning:
            await sender.budgets.take()
        await sender.connections.acquire()
        self._held = True
        if not self._cleaning:
            sender.budgets.check()

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._sender.connections.release()

    def _translate(self, error: BaseException) -> None:
        """Record what stopped the request as a gap; raise it as `EvidenceLost`, a cancellation as itself."""
        ledger = self._sender.ledger
        if isinstance(error, HybridcheckError):
            return  # the ledger itself is broken: there is nowhere to record anything
        if isinstance(error, asyncio.CancelledError):
            lost(ledger, self._place, GapReason.INTERRUPTED, "cancelled before its end")
        elif isinstance(error, EvidenceLost):
            raise lost(ledger, self._place, error.reason, error.detail) from error
        elif isinstance(error, OutOfScope):
            raise lost(ledger, self._place, GapReason.OUT_OF_SCOPE, str(error)) from error
        elif isinstance(error, Exception):
            raise lost(ledger, self._place, GapReason.TOOL_FAULT, detail_of(error)) from error


def as_sent(url: str) -> str:
    """The URL as httpx will send it: the guard judges this form, not the one that was written.

    Raises:
        OutOfScope: where it is no URL.
    """
    try:
        return str(_parsed(url))
    except httpx.InvalidURL as error:
        raise OutOfScope(f"not a URL: {error}") from error


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """A URL as httpx reads it: read once, for the guard and for the request, and most are asked for again."""
    return httpx.URL(url)


async def opened(sender: Sender, url: str, tls: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to where a URL leads, over TLS where it says so; raises `OutOfScope` and what the system raises."""
    origin = Origin.of(url)
    made = await sender.guard.pins.socket(origin.host, origin.port)
    if origin.scheme != "https":
        return await asyncio.open_connection(sock=made)
    return await asyncio.open_connection(sock=made, ssl=tls, server_hostname=origin.host)


def draft_of(ask: Ask, base_url: str) -> Draft:
    """The draft of an ask, without credentials."""
    url = (ask.service_url or base_url).rstrip("/") + ask.path
    if ask.query:
        url += ("&" if "?" in url else "?") + urlencode(ask.query, quote_via=quote)
    return Draft(
        method=ask.method.upper(),
        url=url,
        headers=ask.headers,
        body=ask.body,
        operation=ask.operation,
        deadline_s=ask.deadline_s,
    )


def sent_request(request: httpx.Request, body: bytes | None) -> SentRequest:
    """A request as a record."""
    return SentRequest(
        method=request.method,
        url=str(request.url),
        headers=header_pairs(request.headers),
        body=body_of(body) if body is not None else None,
    )


def _exchange(
    label: str, draft: Draft, request: httpx.Request, outcome: Outcome, failures: tuple[Failure, ...], at_s: float
) -> Exchange:
    last_failed = outcome.failure in CONNECT_FAILURES
    return Exchange(
        label=label,
        request=sent_request(request, draft.body),
        response=outcome.response,
        failure=outcome.failure,
        failure_detail=outcome.detail,
        operation=draft.operation,
        identity=draft.identity,
        at_s=at_s,
        connect_attempts=len(failures) + (0 if last_failed else 1),
        attempt_failures=failures,
        first_byte_ms=outcome.first_byte_ms,
        total_ms=outcome.total_ms,
        facts=draft.facts,
    )


def _retrying(attempts: int, deadline_s: float) -> Callable[[Callable[[], Awaitable[Outcome]]], Awaitable[Outcome]]:
    return AsyncRetrying(
        stop=stop_after_attempt(attempts) | stop_before_delay(deadline_s),
        wait=wait_longer(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S),
        retry=retry_if_result(_not_connected),
        retry_error_callback=_last_outcome,
    )


def _not_connected(outcome: Outcome) -> bool:
    return outcome.failure in CONNECT_FAILURES


def _last_outcome(state: RetryCallState) -> Outcome:
    assert state.outcome is not None
    outcome: Outcome = state.outcome.result()
    return outcome


def _octets(text: str) -> bytes:
    """A header's name or value as bytes: Latin-1 where it can be, else UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()
