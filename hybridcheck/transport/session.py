"""A run's session with its target: budgets, credentials, scope and the ledger, shared by the views of all cases."""

import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from hybridcheck.cases import PlannedCase, SafetyClass
from hybridcheck.errors import Complaint, ProfileError, ToolError
from hybridcheck.evidence import Exchange, StreamRecord
from hybridcheck.ledger import Ledger
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Ask
from hybridcheck.transport.budgets import Budgets
from hybridcheck.transport.exchange import Place, Sender, draft_of
from hybridcheck.transport.fault_views import DisruptView, FaultView
from hybridcheck.transport.handshake import tls_context
from hybridcheck.transport.hook_steps import HookRunner
from hybridcheck.transport.identities import Identities
from hybridcheck.transport.journal import Journal
from hybridcheck.transport.manifest import Manifest
from hybridcheck.transport.network import real_transport
from hybridcheck.transport.overhearing import overhear
from hybridcheck.transport.read_view import Driver, HookMeans, Means, ReadView
from hybridcheck.transport.scope import Origin, OutOfScope, ScopeGuard
from hybridcheck.transport.streams import Bounds
from hybridcheck.transport.views import AbuseView, LoadView, WriteView
from hybridcheck.transport.wire import Wire

CONNECT_ATTEMPTS = 3
"""How often an idempotent read may try to connect (requirement 004's retry_count)."""

CONNECT_TIMEOUT_S = 5.0
"""How long one attempt to connect may take, TLS included."""

VIEWS: dict[SafetyClass, type[ReadView]] = {
    SafetyClass.READ: ReadView,
    SafetyClass.WRITE: WriteView,
    SafetyClass.LOAD: LoadView,
    SafetyClass.ABUSE: AbuseView,
    SafetyClass.FAULT: FaultView,
    SafetyClass.DISRUPT: DisruptView,
}


class Session:
    """The one way from a run to its target.

    Args:
        base_url: the target's own address.
        profile: what the target promises, its scope and its limits.
        environment: what the target is; `production` gives read views only.
        ledger: where everything is recorded.
        redactor: the ledger's; it learns every credential before it is recorded.
        run_id: sent with every request.
        seed: of the random numbers of all cases.
        deadline_s: how long the run may take, in seconds after `started`.
        started: the run's start on the monotonic clock.
        manifest: the file that lists what is created; without it nothing can be created.
        journal: the file that lists which hooks are applied; without it none can be.
        connect_attempts: how often an idempotent read tries to connect, the first time included.
        driver: runs a load phase for load checks.
        transport: the httpx seam; the network where None.

    Raises:
        ProfileError: where the base URL, a declared address or the CA file cannot be used.
    """

    def __init__(  # noqa: PLR0913 - one place that wires a run together; all by keyword
        self,
        *,
        base_url: str,
        profile: Profile,
        environment: Environment,
        ledger: Ledger,
        redactor: Redactor,
        run_id: str,
        seed: int,
        deadline_s: float,
        started: float,
        manifest: Path | None = None,
        journal: Path | None = None,
        connect_attempts: int = CONNECT_ATTEMPTS,
        driver: Driver | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        limits = profile.limits
        self._environment, self._ledger = environment, ledger
        tls = _tls_of(base_url, profile)
        guard = _guard_of(base_url, profile)
        self._transport = transport if transport is not None else real_transport(tls, guard.pins)
        self._budgets = Budgets(
            max_requests=limits.max_requests, max_rps=limits.max_rps, started=started, deadline_s=deadline_s
        )
        sender = Sender(
            wire=Wire(self._transport, most_bytes=limits.max_body_bytes, connect_timeout_s=CONNECT_TIMEOUT_S),
            guard=guard,
            budgets=self._budgets,
            ledger=ledger,
            run_id=run_id,
            connect_attempts=connect_attempts,
            max_connections=limits.max_connections,
            request_deadline_s=limits.request_deadline_s,
        )
        self._identities = Identities(
            profile=profile, base_url=base_url, sender=sender, ledger=ledger, redactor=redactor
        )
        self._means = Means(
            profile=profile,
            base_url=base_url,
            run_id=run_id,
            seed=seed,
            ledger=ledger,
            sender=sender,
            identities=self._identities,
            tls=tls,
            manifest=Manifest(manifest, redactor.is_in) if manifest is not None else None,
            driver=driver,
            hooks=HookMeans(HookRunner(self._transport), Journal(journal)) if journal is not None else None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    @property
    def base_url(self) -> str:
        """The target's own address."""
        return self._means.base_url

    @property
    def requests_left(self) -> int:
        """How many requests the run may still send."""
        return self._budgets.requests_left

    def view(self, planned: PlannedCase) -> ReadView:
        """The view of a case's safety class: what it may do is what the view has methods for.

        Raises:
            ToolError: where the class may not run here (anything but reads in production, or a class that is not
                the transport's to give).
        """
        kind = VIEWS.get(planned.safety)
        if kind is None:
            raise ToolError(f"there is no view of the {planned.safety} class", where=planned.case.id)
        if self._environment is Environment.PRODUCTION and kind is not ReadView:
            raise ToolError(f"a {planned.safety} case never runs in production", where=planned.case.id)
        return kind(self._means, planned)

    def keep_back(self, seconds: float) -> None:
        """Keep the run's last seconds for what comes later; see `Budgets.keep_back`."""
        self._budgets.keep_back(seconds)

    async def glance(self, stream: str, ask: Ask) -> Exchange:
        """Send a GET for a sampler and give what came, unrecorded: its readings are the record.

        Raises:
            EvidenceLost: where it was not sent; the gap is recorded in the stream.
        """
        if ask.method != "GET":
            raise ToolError(f"a glance is a GET, not {ask.method}", where=stream)
        return await self._means.sender.send(Place(stream, "glance"), draft_of(ask, self._means.base_url))

    async def overhear(self, stream: str, ask: Ask, protocol: str, most_events: int, most_s: float) -> StreamRecord:
        """Listen for a load phase and give what came, unrecorded: its counts are the record.

        Raises:
            EvidenceLost: where it was not asked for; the gap is recorded in the stream.
        """
        bounds = Bounds(most_events, most_s, self._means.profile.limits.max_body_bytes)
        return await overhear(self._means, Place(stream, "listen"), ask, protocol, bounds)

    async def addresses(self) -> tuple[str, ...]:
        """Where the target's name leads in this run; none where it does not resolve.

        Raises:
            OutOfScope: where nothing may be sent there.
        """
        pins = self._means.sender.guard.pins
        try:
            return await pins.of(Origin.of(self.base_url).host)
        except OSError:
            return ()

    def shared_streams(self) -> tuple[str, ...]:
        """The shared streams that this session records under."""
        return self._identities.streams()

    def seal_shared(self) -> None:
        """End the shared streams; the executor calls it when the last case has ended."""
        for stream in self.shared_streams():
            self._ledger.seal(stream)


def _guard_of(base_url: str, profile: Profile) -> ScopeGuard:
    try:
        return ScopeGuard(base_url, profile)
    except OutOfScope as error:
        raise ProfileError((Complaint("base URL or scope", str(error)),)) from error


def _tls_of(base_url: str, profile: Profile) -> ssl.SSLContext:
    """The verifying context, with the CA file of the declared target that has this address."""
    targets = (target for target in profile.targets.values() if target.url.rstrip("/") == base_url.rstrip("/"))
    ca_file = next((target.tls.ca_file for target in targets if target.tls.ca_file), None)
    try:
        return tls_context(ca_file)
    except OSError as error:
        raise ProfileError((Complaint("targets.tls.ca_file", f"'{ca_file}' cannot be used: {error}"),)) from error
