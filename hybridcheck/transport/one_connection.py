"""One connection that is kept: requests go over it one after the other, in pieces and with pauses where that is asked.

A transport for `wire.Wire` on httpcore's public network seam, for a single check and closed with it. It never opens a
second connection beside the first; where the target has closed the first one, the next request opens another, and
`opened` says so.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from hybridcheck.target import Manner
from hybridcheck.transport.network import PinnedBackend, PoolTransport
from hybridcheck.transport.pins import Pins

SMALL_WINDOW_BYTES = 16 * 1024
"""The receive buffer of a slow reader: the target has to wait for it, as it waits for a slow line."""

SLOW_READ_BYTES = 64 * 1024


class OneConnection(PoolTransport):
    """Sends requests over one connection in a given manner."""

    def __init__(self, tls: ssl.SSLContext, manner: Manner, pins: Pins) -> None:
        self._backend = _Backend(manner, pins)
        slow = ((socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW_BYTES),) if manner.read_pause_s else None
        super().__init__(
            httpcore.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=1,
                max_keepalive_connections=1,
                network_backend=self._backend,
                socket_options=slow,
            )
        )

    @property
    def opened(self) -> int:
        """How many connections were opened so far."""
        return self._backend.opened


class _Backend(httpcore.AsyncNetworkBackend):
    """Opens connections that write and read in a given manner, and counts them."""

    def __init__(self, manner: Manner, pins: Pins) -> None:
        self.opened = 0
        self._manner = manner
        self._real = PinnedBackend(pins)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection, counted."""
        stream = await self._real.connect_tcp(host, port, timeout, local_address, socket_options)
        self.opened += 1
        return _Stream(stream, self._manner)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that writes in pieces and reads slowly where its manner says so."""

    def __init__(self, real: httpcore.AsyncNetworkStream, manner: Manner) -> None:
        self._real, self._manner = real, manner
        self._written = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        """What has arrived, after the manner's pause."""
        if not self._manner.read_pause_s:
            return await self._real.read(max_bytes, timeout)
        await asyncio.sleep(self._manner.read_pause_s)
        return await self._real.read(min(max_bytes, SLOW_READ_BYTES), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        """Write in the manner's pieces; what httpcore writes at a time (head, body) is never joined."""
        if not buffer:
            return
        size = self._manner.piece_bytes or len(buffer)
        for start in range(0, len(buffer), size):
            if self._written and self._manner.pause_s:
                await asyncio.sleep(self._manner.pause_s)
            self._written = True
            await self._real.write(buffer[start : start + size], timeout)

    async def aclose(self) -> None:
        """Close it."""
        await self._real.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        """The same over TLS: pieces become records of their own."""
        return _Stream(await self._real.start_tls(ssl_context, server_hostname, timeout), self._manner)

    def get_extra_info(self, info: str) -> Any:
        """What the real connection knows."""
        return self._real.get_extra_info(info)
