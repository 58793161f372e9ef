"""The guard of the unit tests guards."""

import asyncio
import socket

import pytest


@pytest.mark.parametrize("method", ["bind", "connect", "connect_ex"])
def test_a_socket_is_refused(method: str) -> None:
    """Binding and connecting fail the test, and the message says where such a test belongs."""
    with socket.socket() as one, pytest.raises(pytest.fail.Exception, match="tests/integration"):
        getattr(one, method)(("127.0.0.1", 0))


async def test_an_asynchronous_connection_is_refused() -> None:
    """The event loop itself works, but what it opens is refused."""
    with pytest.raises(pytest.fail.Exception, match="tests/integration"):
        await asyncio.open_connection("127.0.0.1", 9)
