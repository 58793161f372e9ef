"""Where a run may send anything at all: the target's own origin and what the profile declares, and nothing else.

The guard is asked for every request, whoever makes it: checks, logins, clean-up, streams, handshakes, raw sockets.
"""

import asyncio
import ipaddress
import re
import socket
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from hybridcheck.profile.models import Profile

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
WEB_SCHEME = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text) for text in ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192")
)
"""Addresses at which clouds hand out credentials to whoever asks, beside all of link-local."""


RESOLVE_S = 5.0
"""How long a name may take to resolve before the connection attempt is left to fail on it."""


class OutOfScope(Exception):
    """The request may not be sent; the message says why."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme (http or https), host in lower case, and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """The origin of a URL; ws and wss count as http and https.

        Raises:
            OutOfScope: where the URL has no scheme that we speak, no host, or a port that is none.
        """
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
        except ValueError as error:
            raise OutOfScope(f"not a URL: {error}") from error
        if scheme not in DEFAULT_PORTS or not host:
            raise OutOfScope(f"'{url[:200]}' is no http, https, ws or wss URL")
        if parts.username is not None or parts.password is not None:
            raise OutOfScope("a URL must not carry credentials")
        return cls(WEB_SCHEME[scheme], host.rstrip("."), port if port is not None else DEFAULT_PORTS[scheme])


class ScopeGuard:
    """Decides whether a URL may be requested, and whether credentials may go there."""

    def __init__(self, base_url: str, profile: Profile) -> None:
        self._own = Origin.of(base_url)
        declared = [part.direct_url for part in profile.services.values()] + [profile.observability.metrics_url]
        self._origins = {self._own, *(Origin.of(url) for url in declared if url)}
        self._hosts = frozenset(re.sub(r"[\[\]]", "", host.lower()) for host in profile.scope.hosts)
        self._denied = tuple(pattern.lower() for pattern in profile.scope.deny_paths)
        self._resolved: dict[str, str | None] = {}

    def allow(self, url: str) -> Origin:
        """The origin of a URL that may be requested.

        Raises:
            OutOfScope: where it may not.
        """
        origin = Origin.of(url)
        _refuse_metadata(origin.host)
        if origin not in self._origins and not self._listed(origin):
            raise OutOfScope(f"{origin.scheme}://{origin.host}:{origin.port} is not in the profile's scope")
        self.allow_path(urlsplit(url).path)
        return origin

    def allow_path(self, path: str) -> None:
        """Refuse a path that matches `scope.deny_paths`, also in its decoded and dot-free forms.

        Raises:
            OutOfScope: where it matches.
        """
        for form in _forms(path):
            for pattern in self._denied:
                if fnmatchcase(form, pattern):
                    raise OutOfScope(f"{path[:200]} matches '{pattern}' of scope.deny_paths")

    async def allow_address(self, origin: Origin) -> None:
        """Refuse a name that resolves to a metadata address; each name is resolved once per run.

        Raises:
            OutOfScope: where one of its addresses is refused.
        """
        if origin.host not in self._resolved and not _is_address(origin.host):
            self._resolved[origin.host] = await _forbidden_address(origin)
        if forbidden := self._resolved.get(origin.host):
            raise OutOfScope(f"{origin.host} resolves to {forbidden}, which is never requested")

    def may_carry_credentials(self, origin: Origin) -> bool:
        """Whether credentials may go there: over TLS, to loopback, or to the target itself as it was declared."""
        return origin.scheme == "https" or origin == self._own or is_loopback(origin.host)

    def _listed(self, origin: Origin) -> bool:
        """`host` in scope.hosts means the target's own scheme on its default port; `host:port` that port."""
        default = DEFAULT_PORTS[origin.scheme] == origin.port
        named = f"{origin.host}:{origin.port}" in self._hosts or (default and origin.host in self._hosts)
        return named and (origin.scheme == "https" or self._own.scheme == "http")


def _is_address(host: str) -> bool:
    """Whether a host is an address already, which `allow` has judged."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _forms(path: str) -> set[str]:
    """The path as written, and decoded up to three times; each also without empty and dot segments."""
    forms, form = set[str](), path.lower()
    for _ in range(4):
        segments: list[str] = []
        for segment in re.split(r"[/\\]+", form):
            if segment == ".." and segments:
                segments.pop()
            elif segment not in {"", ".", ".."}:
                segments.append(segment)
        forms |= {form, "/" + "/".join(segments)}
        form = unquote(form)
    return forms


async def _forbidden_address(origin: Origin) -> str | None:
    """The first refused address of a host; None where there is none, or where it does not resolve."""
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None  # the connection attempt will say so, and be recorded as what it is
    for *_, address in found:
        try:
            _refuse_metadata(str(address[0]))
        except OutOfScope:
            return str(address[0])
    return None


def _refuse_metadata(host: str) -> None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_link_local or mapped in METADATA_ADDRESSES:
        raise OutOfScope(f"{host} is a metadata or link-local address, which is never requested")
