"""The name of a failure says whose it may be: what this machine had nothing left for is not the target's."""

import errno
import os
import socket
import ssl

import pytest

from hybridcheck.generator.failures import named


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM])
def test_no_file_port_or_memory_left_is_the_generators(number: int) -> None:
    """The detail says which."""
    kind, detail = named(OSError(number, os.strerror(number)))
    assert kind == "generator"
    assert os.strerror(number) in detail


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "connect_refused"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "reset"),
        (OSError(errno.EHOSTUNREACH, "no route"), "other"),
        (ssl.SSLError(errno.EMFILE, "a number of OpenSSL's"), "tls"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "dns"),
    ],
)
def test_what_came_from_the_network_is_not(error: OSError, kind: str) -> None:
    """Whatever number it has."""
    assert named(error)[0] == kind
