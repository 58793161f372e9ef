"""Unit tests open no socket: what would leave the process fails at the point where it tries. Handmade verdicts."""

import socket
from typing import NoReturn

import pytest

from hybridcheck.verdict import Verdict
from tests.unit.writers import verdicts


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to bind and to connect; an event loop's own socket pair needs neither."""

    def refuse(_socket: socket.socket, address: object) -> NoReturn:
        pytest.fail(f"a unit test may not open a socket ({address!r}); this test belongs in tests/integration")

    for name in ("bind", "connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)


@pytest.fixture
def ready() -> Verdict:
    """READY, with one case."""
    return verdicts.verdict()


@pytest.fixture
def blocked() -> Verdict:
    """NOT_READY, with a case of every outcome in every group."""
    return verdicts.blocked()


@pytest.fixture
def hostile() -> Verdict:
    """NOT_READY, every text that a target can reach is an attack."""
    return verdicts.hostile()
