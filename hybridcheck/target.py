"""What a check may do to the world: one protocol per safety class, each wider than the one before.

A check is handed the protocol of its class and nothing more, so `mypy --strict` refuses a read-only check that wants
to write. Everything that a method does is recorded under the check's case before it returns; a check cannot forget to
record, and cannot see what the recorder redacts later (the returned exchange is the unredacted one).

Methods do not raise for what the target does: the returned exchange says it. They raise `EvidenceLost` when the run
itself cannot go on with this case (budget spent, out of scope, interrupted, login failed); the `Gap` is then already
recorded and the check just ends.
"""

from collections.abc import Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, TypeVar

from hybridcheck.cases import Json
from hybridcheck.evidence import Exchange, GapReason, StreamRecord, TlsRecord

T = TypeVar("T")


class EvidenceLost(Exception):
    """The case cannot gather what it wants; a `Gap` of this reason is in the ledger."""

    def __init__(self, reason: GapReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that a check wants sent.

    `path` is relative to the target's base URL (or to `service_url` where given, which has to be in scope).
    `identity` sends the valid credential of a declared identity; `authorization` sends this credential instead (a
    garbage or tampered one). `via` names a service that is asked at its own `direct_url`, beside its gateway, with its
    `direct_headers`; with `bare` without them. `fresh` opens a connection of its own. `operation` is the declared operation's id.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    identity: str | None = None
    authorization: str | None = None
    fresh: bool = False
    operation: str | None = None
    service_url: str | None = None
    via: str | None = None
    bare: bool = False
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """How ordinary requests travel over a connection of their own.

    Head and body are written one after the other, each in pieces of `piece_bytes` (0: in one) with `pause_s` before
    every write but the first; `idle_s` is waited before the last request; `read_pause_s` before each read of an answer.
    """

    piece_bytes: int = 0
    pause_s: float = 0.0
    idle_s: float = 0.0
    read_pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Credential:
    """What a declared identity sends: header pairs, and the parts that checks may vary.

    `scheme` is "bearer", "basic", "api_key" or "cookie". `token` is the bare token or cookie value.
    """

    identity: str
    scheme: str
    headers: tuple[tuple[str, str], ...]
    token: str
    refresh_token: str | None = None
    facts: dict[str, Json] = field(default_factory=dict)


class ReadTarget(Protocol):
    """GET, HEAD and OPTIONS inside the scope, operations declared `safe: true`, and logins of declared identities."""

    @property
    def random(self) -> Random:
        """A generator seeded by the run's seed and the case, so that a case sends the same bytes again."""
        ...

    def now_s(self) -> float:
        """Seconds on a monotonic clock since the run's start."""
        ...

    def unix_s(self) -> float:
        """UTC seconds since the epoch by the tester's clock."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, within the run's deadline."""
        ...

    async def refill(self) -> None:
        """Wait until `limits.max_rps` lets as many requests go together as it ever does."""
        ...

    async def together(self, calls: Sequence[Awaitable[T]]) -> list[T]:
        """Run calls at the same time and give their results in order."""
        ...

    async def read(self, label: str, ask: Ask) -> Exchange:
        """Send a GET, HEAD or OPTIONS request, or a declared safe operation, and record it under `label`."""
        ...

    async def on_one_connection(self, label: str, asks: Sequence[Ask], manner: Manner) -> tuple[Exchange, ...]:
        """Send what `read` may send over one kept connection, one after the other, recorded as `label.1` and so on.

        `facts["connection"]` numbers the connection that an exchange came over: 2 where the target closed the first.
        """
        ...

    async def credential(self, identity: str) -> Credential:
        """The run's credential of an identity: logs in once per run, or again when `read` and the like need it."""
        ...

    async def login(self, label: str, identity: str) -> tuple[Exchange, Credential | None]:
        """A login of its own for this case (for what ends or ages a session), recorded under `label`."""
        ...

    async def session_call(self, label: str, identity: str, which: str, credential: Credential) -> Exchange:
        """Call a declared session operation (`whoami`, `refresh`, `logout`) with a credential of one's own `login`."""
        ...

    async def listen(self, label: str, ask: Ask, *, protocol: str, most_events: int, most_s: float) -> StreamRecord:
        """Open a stream (`sse` or `websocket`), take events until one of the bounds, close it, and record it."""
        ...

    async def handshake(self, label: str) -> TlsRecord:
        """Make a verified TLS handshake with the target and record what it showed."""
        ...

    def client(self, label: str) -> Any:
        """A client for code of another package; its requests are of the read class and recorded."""
        ...

    def observe(self, label: str, values: dict[str, Json]) -> None:
        """Record a named fact that the check derived from what it saw (never a judgement)."""
        ...

    def lost(self, reason: GapReason, detail: str = "") -> EvidenceLost:
        """Record a gap and give the error to raise."""
        ...


class WriteTarget(ReadTarget, Protocol):
    """Also creates and changes what this run created, sends small malformed requests, and one wrong password."""

    async def write(self, label: str, ask: Ask) -> Exchange:
        """Send any method to a declared operation; nothing is retried."""
        ...

    async def create(self, label: str, ask: Ask, *, cleanup: str | None, id_from: str | None) -> tuple[Exchange, str]:
        """Create a resource: the manifest entry is on disk before the request goes out.

        `id_from` is the path in the response body (`$.id`) of what `cleanup` (an operation id) needs. Returns the
        exchange and the id ("" where none came back). What was created is removed when the case ends, in reverse.
        """
        ...

    async def wrong_password(self, label: str, identity: str) -> tuple[Exchange, Credential | None]:
        """Try to log in as that identity with a random password, at most once per identity and run."""
        ...

    async def unknown_user(self, label: str, like: str) -> tuple[Exchange, str]:
        """Try to log in with a random password under a random name of the shape of that identity's; gives the name."""
        ...


class LoadTarget(WriteTarget, Protocol):
    """Also drives sustained traffic within the profile's rate and request budgets."""

    async def drive(self, stream: str, plan: dict[str, Json]) -> None:
        """Run a load phase with samplers beside it and record it under the shared stream `stream`."""
        ...


class AbuseTarget(LoadTarget, Protocol):
    """Also sends what may hurt others: raw bytes, slow and half-open connections."""

    async def raw(
        self, label: str, payload: bytes, *, most_s: float, close_after_send: bool = False, head_of: Ask | None = None
    ) -> bytes:
        """Send raw bytes on a connection of its own and give what came back until close, cap or deadline.

        With `head_of`, request line and headers of that ask go before the payload, without what frames a body and
        without the blank line. The observation has `sent`, `received` and `ended` ("by_target", "deadline", …).
        """
        ...

    async def abort(self, label: str, ask: Ask, *, times: int, most_s: float) -> None:
        """Send a request `times` times at once and reset each connection (RST) at the first byte of its answer.

        The observation has `times`, `answered` (a byte came), `broken` (none came) and `failures` by name.
        """
        ...

    def holding(self, label: str, ask: Ask, *, count: int, half: bool) -> AbstractAsyncContextManager[None]:
        """Hold `count` connections within the context, idle or with half the head of that ask sent.

        The observation, made at its end, has `asked`, `opened`, `ended_by_target` and `failures` by name.
        """
        ...


class FaultTarget(WriteTarget, Protocol):
    """Also applies declared hooks of the class fault."""

    def disturbed(self, label: str, hook: str) -> AbstractAsyncContextManager[None]:
        """A context within which a declared hook is applied.

        Entering applies it and proves that it works, or raises `EvidenceLost` (FAULT_NOT_DELIVERED). Leaving takes it
        back and proves that it is gone, also where the run is interrupted. `label.apply`, `label.active` and
        `label.clean` are recorded as observations with `done`.
        """
        ...


class DisruptTarget(FaultTarget, Protocol):
    """Also applies hooks of the class disrupt, which harm what others use."""
