"""Unit tests open no socket: what would leave the process fails at the point where it tries."""

import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to bind and to connect; an event loop's own socket pair needs neither."""

    def refuse(_socket: socket.socket, address: object) -> NoReturn:
        pytest.fail(f"a unit test may not open a socket ({address!r}); this test belongs in tests/integration")

    for name in ("bind", "connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
