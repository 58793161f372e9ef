"""Addresses that are never requested, in every form in which they can be written."""

import pytest

from hybridcheck.addresses import is_never_requested


@pytest.mark.parametrize(
    ("host", "never"),
    [
        ("169.254.169.254", True),
        ("169.254.0.1", True),
        ("100.100.100.200", True),
        ("fd00:ec2::254", True),
        ("fe80::1", True),
        ("fe80::1%eth0", True),
        ("::ffff:169.254.169.254", True),
        ("2002:a9fe:a9fe::1", True),
        ("64:ff9b::a9fe:a9fe", True),
        ("64:ff9b::7f00:1", False),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("::1", False),
        ("metadata.test", False),
    ],
)
def test_where_credentials_are_handed_out(host: str, never: bool) -> None:
    """Link-local and the clouds' own, also inside of IPv6; a name is judged by what it leads to."""
    assert is_never_requested(host) is never
