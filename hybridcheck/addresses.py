"""Addresses that are never requested, whoever's name leads there: where clouds hand out credentials to whoever asks."""

import ipaddress
from collections.abc import Iterator

METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192")
)
"""Beside all of link-local, where most of them are."""

TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""What NAT64 translates into the IPv4 address in its last four bytes (RFC 6052)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_never_requested(host: str) -> bool:
    """Whether a host is such an address, also where an IPv6 address stands for an IPv4 one; a name is none."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return any(meant.is_link_local or meant in METADATA for meant in _meanings(address))


def _meanings(address: Address) -> Iterator[Address]:
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        yield from (inner for inner in (address.ipv4_mapped, address.sixtofour) if inner is not None)
        if address in TRANSLATED:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
