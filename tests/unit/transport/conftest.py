"""Ledgers that tests opened are closed after each test; no name is resolved."""

from asyncio.base_events import BaseEventLoop
from collections.abc import Iterator

import pytest

from tests.unit.transport.stage import close_ledgers


@pytest.fixture(autouse=True)
def _ledgers_are_closed() -> Iterator[None]:
    yield
    close_ledgers()


@pytest.fixture(autouse=True)
def _no_name_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every host is this machine: unit tests ask no name server."""

    async def resolve(self: object, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(BaseEventLoop, "getaddrinfo", resolve)
