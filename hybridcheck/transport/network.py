"""The network as httpx and httpcore see it: connections to pinned addresses, on httpcore's public seam."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore
import httpx

from hybridcheck.transport.pins import Pins


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to where a run's names led at first."""

    def __init__(self, pins: Pins) -> None:
        self._pins = pins
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection.

        Raises:
            OutOfScope: see `Pins.connect`.
            httpcore.ConnectError, httpcore.ConnectTimeout: it cannot be made.
        """

        async def dial(address: str) -> httpcore.AsyncNetworkStream:
            return await self._real.connect_tcp(address, port, timeout, local_address, socket_options)

        try:
            return await self._pins.connect(host, dial, _close)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def _close(stream: httpcore.AsyncNetworkStream) -> None:
    await stream.aclose()


class PoolTransport(httpx.AsyncBaseTransport):
    """Sends requests over a pool of httpcore's; raises what httpcore raises, and `OutOfScope`."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        sent = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
        )
        answer = await self._pool.handle_async_request(sent)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=dict(answer.extensions)
        )

    async def aclose(self) -> None:
        """Close its connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of httpcore's answer as httpx's."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._answer.aiter_stream():
            yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()


def real_transport(tls: ssl.SSLContext, pins: Pins) -> httpx.AsyncBaseTransport:
    """The transport that talks to the network: HTTP/1.1, no retries, no environment, no connection kept."""
    return PoolTransport(
        httpcore.AsyncConnectionPool(
            ssl_context=tls, max_connections=None, max_keepalive_connections=0, network_backend=PinnedBackend(pins)
        )
    )
