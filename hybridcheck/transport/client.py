"""An httpx client for code of other packages: every request goes through a case's view and is recorded there."""

from typing import Protocol
from urllib.parse import urlsplit

import httpx

from hybridcheck.evidence import Exchange, Failure
from hybridcheck.target import Ask

TIMEOUTS = frozenset({Failure.CONNECT_TIMEOUT, Failure.READ_TIMEOUT, Failure.WRITE_TIMEOUT, Failure.DEADLINE})

OURS = frozenset({"host", "user-agent", "accept-encoding", "connection", "content-length", "x-hybridcheck-run"})
"""Headers that the transport writes itself."""


class Reading(Protocol):
    """A view as far as this client needs it."""

    async def read(self, label: str, ask: Ask) -> Exchange:
        """Send a request of the read class and record it."""
        ...


class ViewTransport(httpx.AsyncBaseTransport):
    """Turns httpx requests into asks of a view, and recorded exchanges back into httpx responses.

    What the read class may not send is refused by the view, which records the gap.
    """

    def __init__(self, view: Reading, label: str, base_url: str) -> None:
        self._view, self._label, self._base_url = view, label, base_url.rstrip("/")
        self._count = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            httpx.TransportError: where the target gave no complete answer.
            EvidenceLost: where the run does not send it.
        """
        self._count += 1
        body = await request.aread()
        headers = tuple((name, value) for name, value in request.headers.items() if name.lower() not in OURS)
        url = request.url
        origin, path = f"{url.scheme}://{url.netloc.decode()}", url.raw_path.decode().partition("?")[0]
        own = self._base_url.startswith(origin)
        relative = path.removeprefix(urlsplit(self._base_url).path) if own else path
        ask = Ask(
            request.method,
            relative or "/",
            query=tuple(url.params.multi_items()),
            headers=headers,
            body=body or None,
            service_url=None if own else origin,
        )
        exchange = await self._view.read(f"{self._label}.{self._count}", ask)
        if exchange.response is None or exchange.failure is not None:
            kind = httpx.TimeoutException if exchange.failure in TIMEOUTS else httpx.NetworkError
            raise kind(f"{exchange.failure}: {exchange.failure_detail}", request=request)
        answer = exchange.response
        kept = [(name, value) for name, value in answer.headers if name.lower() != "content-encoding"]
        return httpx.Response(
            answer.status, headers=kept, stream=httpx.ByteStream(answer.body.content()), request=request
        )


def client_of(view: Reading, label: str, base_url: str) -> httpx.AsyncClient:
    """A client whose requests are recorded under `label.1`, `label.2` and so on."""
    return httpx.AsyncClient(transport=ViewTransport(view, label, base_url), base_url=base_url, trust_env=False)
