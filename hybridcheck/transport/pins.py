"""Where the names of a run lead: each is looked up once, judged, and connected to there and nowhere else.

Every connection of this process to a target goes through `Pins.connect`: between the judgement and the connection nobody
is asked again, so that an answer that changes (DNS rebinding) reaches nothing. Host, SNI and the name in the certificate
stay those of the URL.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hybridcheck.addresses import is_never_requested

RESOLVE_S = 5.0
"""How long a name may take to resolve."""

HEAD_START_S = 0.25
"""How long an address is waited for before the next one is tried beside it (RFC 8305, 5)."""

T = TypeVar("T")

Dial = Callable[[str], Awaitable[T]]
"""Connects to one address."""


class OutOfScope(Exception):
    """The request may not be sent; the message says why."""


class Pins:
    """The addresses of a run's names; the first answer that a name gives holds for the whole run."""

    def __init__(self) -> None:
        self._pinned: dict[str, tuple[str, ...]] = {}

    async def of(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, in the resolver's order; a name without any is asked again the next time.

        Raises:
            OutOfScope: one of them is never requested, or a name of this machine leads to another.
            OSError: it does not resolve.
        """
        if host not in self._pinned:
            found = (host,) if _is_address(host) else await _look_up(host)
            _judge(host, found)
            self._pinned.setdefault(host, found)
        return self._pinned[host]

    async def connect(self, host: str, dial: Dial[T], discard: Callable[[T], Awaitable[None]]) -> T:
        """What `dial` gives for the first address that accepts; what comes too late is discarded.

        Raises:
            OutOfScope: see `of`; or none accepts, and the name leads elsewhere now: what that says about the target
                nobody knows.
            Exception: what `dial` raised.
        """
        addresses = await self.of(host)
        try:
            return await _first(addresses, dial, discard)
        except Exception:
            await self._refuse_moved(host)
            raise

    async def socket(self, host: str, port: int) -> socket.socket:
        """A connected non-blocking socket; see `connect`."""
        loop = asyncio.get_running_loop()

        async def dial(address: str) -> socket.socket:
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            made.setblocking(False)
            try:
                await loop.sock_connect(made, (address, port))
            except BaseException:
                made.close()
                raise
            return made

        async def discard(made: socket.socket) -> None:
            made.close()

        return await self.connect(host, dial, discard)

    async def _refuse_moved(self, host: str) -> None:
        if _is_address(host):
            return
        try:
            now = await _look_up(host)
        except OSError:
            return
        elsewhere = [address for address in now if address not in self._pinned[host]]
        if elsewhere:
            raise OutOfScope(f"{host} leads to {elsewhere[0]} now; this run asks what it led to at first")


async def _look_up(host: str) -> tuple[str, ...]:
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is too long, or empty
        raise socket.gaierror(socket.EAI_NONAME, f"{host[:100]} is no name: {error}") from error
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _judge(host: str, found: tuple[str, ...]) -> None:
    for address in found:
        if is_never_requested(address):
            raise OutOfScope(f"{host} leads to {address}: a metadata or link-local address, which is never requested")
        if is_loopback(host) and not is_loopback(address):
            raise OutOfScope(f"{host} leads to {address}, which is not this machine")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _first(addresses: tuple[str, ...], dial: Dial[T], discard: Callable[[T], Awaitable[None]]) -> T:
    """The first connection that stands: one address after the other, and beside it where it takes its time."""
    if len(addresses) == 1:
        return await dial(addresses[0])
    waiting, errors = list(addresses), list[Exception]()
    under_way: set[asyncio.Task[T]] = set()
    try:
        while waiting or under_way:
            if waiting:
                under_way.add(asyncio.create_task(_dialled(dial, waiting.pop(0))))
            head_start_s = HEAD_START_S if waiting else None
            done, _ = await asyncio.wait(under_way, timeout=head_start_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None:
                    under_way.remove(task)
                    return task.result()
                under_way.remove(task)
                errors.append(error if isinstance(error, Exception) else OSError(str(error)))
    finally:
        for task in under_way:
            task.cancel()
        for late in await asyncio.gather(*under_way, return_exceptions=True):
            if not isinstance(late, BaseException):
                await discard(late)
    raise OSError("All connection attempts failed") from ExceptionGroup("each address", errors)


async def _dialled(dial: Dial[T], address: str) -> T:
    return await dial(address)
