"""What the target itself shows: its document, health routes, and how the operations that anybody may call answer.

Everything goes through a session whose scope is the origin of the base URL, and is bounded in number and time.
"""

import logging
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hybridcheck.checks.repeats import alike
from hybridcheck.drafting.entries import Answered
from hybridcheck.errors import ExitCode, HybridcheckError, UsageError
from hybridcheck.evidence import Exchange
from hybridcheck.integrators.discovery import DOCUMENTS, METRICS, READINESS
from hybridcheck.integrators.preflight import PREFLIGHT, UNHEARD
from hybridcheck.ledger import Ledger
from hybridcheck.openapi.document import MOST_BYTES, Description, NotADescription, read
from hybridcheck.profile.models import Environment, Limits, Profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Ask, EvidenceLost, ReadTarget
from hybridcheck.transport.session import Session

LOG = logging.getLogger(__name__)

MOST_ASKED = 60
"""Operations that are tried out."""

MOST_S = 40.0
DEADLINE_S = 5.0
ACCEPT = (("Accept", "application/json, application/yaml, */*;q=0.5"),)


@dataclass(frozen=True, slots=True)
class Routes:
    """Routes that just answered: readiness or health by their usual names, and metrics."""

    health: str | None = None
    metrics: str | None = None


class Unreachable(HybridcheckError):
    """The base URL gave no HTTP answer."""

    exit_code = ExitCode.UNREACHABLE


@asynccontextmanager
async def looking_at(origin: str) -> AsyncIterator["Look"]:
    """A look at one origin, and nowhere else.

    Raises:
        UsageError: where the address cannot be used.
    """
    profile = Profile(version=1, limits=Limits(max_rps=50, max_requests=500, max_body_bytes=MOST_BYTES))
    redactor = Redactor(secrets.token_bytes(32))
    with tempfile.TemporaryDirectory(prefix="hybridcheck-init-") as folder:
        ledger = Ledger(Path(folder) / "look.ndjson", redactor)
        session = Session(
            base_url=origin,
            profile=profile,
            environment=Environment.UNKNOWN,
            ledger=ledger,
            redactor=redactor,
            run_id=f"init-{secrets.token_hex(3)}",
            seed=secrets.randbelow(2**32),
            deadline_s=MOST_S,
            started=time.monotonic(),
            connect_attempts=1,
        )
        try:
            async with session:
                yield Look(session.view(PREFLIGHT))
        finally:
            ledger.close()


class Look:
    """Asks for documents, health and operations; reads only."""

    def __init__(self, view: ReadTarget) -> None:
        self._view = view
        self._asked = 0

    async def document(self, path: str) -> Description:
        """The document at a path.

        Raises:
            UsageError: where there is none that can be read.
            Unreachable: where nothing comes.
        """
        exchange = await self._get(path, headers=ACCEPT)
        if exchange is None or exchange.response is None:
            raise _silent(path, exchange)
        status, body = exchange.response.status, exchange.response.body
        if status != 200:
            led = exchange.response.header("location") if 300 <= status < 400 else None
            hint = f"it leads to {led[:200]}: give that address, if it is the same system" if led else _FILE_HINT
            raise UsageError(f"GET {path} answered {status}, not an OpenAPI document", where="--from", hint=hint)
        if not body.complete or exchange.failure is not None:
            raise UsageError(f"the document at {path} has more than {MOST_BYTES:,} bytes, or was cut", where="--from")
        try:
            return read(body.content())
        except NotADescription as fault:
            raise UsageError(
                f"what {path} answers is no OpenAPI document: {fault}", where="--from", hint=_FILE_HINT
            ) from fault

    async def search(self) -> tuple[str, Description] | None:
        """The first document at one of the usual paths; None where there is none.

        Raises:
            Unreachable: where nothing answers HTTP at all.
        """
        control = await self._control()
        if control is None or control.response is None:
            raise _silent("/", control)
        for path in DOCUMENTS:
            try:
                return path, await self.document(path)
            except (UsageError, Unreachable) as fault:
                LOG.debug("%s: %s", path, fault)
        return None

    async def routes(self, known: Sequence[str]) -> Routes:
        """Which of the documented and the usual routes of readiness answer 200, unlike a path that cannot exist."""
        control = await self._control()
        health = await self._first([*known, *READINESS], control)
        metrics = await self._first(METRICS, control)
        exchange = await self._get(metrics) if metrics else None
        shown = exchange.response.body.content() if exchange is not None and exchange.response is not None else b""
        return Routes(health, metrics if b"# TYPE " in shown else None)

    async def answers(self, asked: Mapping[str, str | None]) -> dict[str, Answered]:
        """What each path and query answers; those beyond the bounds are left out.

        Args:
            asked: path and query, and beside it a path of the same operation that cannot exist, where one is known.
        """
        found: dict[str, Answered] = {}
        for target, nowhere in list(asked.items())[:MOST_ASKED]:
            exchange = await self._get(target)
            if exchange is not None and exchange.failure is None and exchange.response is not None:
                control = await self._get(nowhere) if nowhere else None
                anything = control is not None and alike(exchange, control)
                seconds = (exchange.total_ms or 0.0) / 1000
                found[target] = Answered(exchange.response.status, exchange.response.media_type, seconds, anything)
            elif exchange is not None:
                found[target] = Answered(None, "", DEADLINE_S)
        return found

    async def _control(self) -> Exchange | None:
        return await self._get(f"/hc{self._view.random.getrandbits(64):016x}")

    async def _first(self, paths: Sequence[str], control: Exchange | None) -> str | None:
        for path in dict.fromkeys(paths):
            exchange = await self._get(path)
            if exchange is not None and exchange.status == 200 and not (control and alike(exchange, control)):
                return path
        return None

    async def _get(self, path: str, headers: tuple[tuple[str, str], ...] = ()) -> Exchange | None:
        """The exchange; None where it was not sent (a denied path, the bounds)."""
        self._asked += 1
        try:
            return await self._view.read(
                f"look.{self._asked}", Ask("GET", path, headers=headers, deadline_s=DEADLINE_S)
            )
        except EvidenceLost as lost:
            LOG.debug("not asked: %s: %s", path, lost)
            return None


_FILE_HINT = "give the document's own address, or save it to a file: --from FILE"


def _silent(path: str, exchange: Exchange | None) -> Unreachable:
    failure = exchange.failure if exchange is not None else None
    words = UNHEARD.get(failure, str(failure)) if failure is not None else "it is not in the scope, or the time is up"
    return Unreachable(
        f"GET {path} got no answer: {words}", where="--base-url or --from", hint="is the system running?"
    )


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def path_of(url: str) -> str:
    """Path and query of a URL."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
