"""Where a run may send anything at all: the target's own origin and what the profile declares, and nothing else.

The guard is asked for every request, whoever makes it: checks, logins, clean-up, streams, handshakes, raw sockets.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from hybridcheck.addresses import is_never_requested
from hybridcheck.profile.models import Profile
from hybridcheck.transport.pins import OutOfScope, Pins, is_loopback

__all__ = ["Origin", "OutOfScope", "ScopeGuard"]

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
WEB_SCHEME = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


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
    """Decides whether a URL may be requested, and whether credentials may go there; `pins` are the run's connections."""

    def __init__(self, base_url: str, profile: Profile) -> None:
        self.pins = Pins()
        self._own = Origin.of(base_url)
        declared = [part.direct_url for part in profile.services.values()] + [profile.observability.metrics_url]
        self._origins = {self._own, *(Origin.of(url) for url in declared if url)}
        self._hosts = frozenset(re.sub(r"[\[\]]", "", host.lower()) for host in profile.scope.hosts)
        self._denied = tuple(pattern.lower() for pattern in profile.scope.deny_paths)
        self._unresolved: set[str] = set()

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
        """Refuse a name that leads where nothing may be sent; each name is looked up once per run.

        A name that does not resolve is left to the connection, which says so and is recorded as what it is.

        Raises:
            OutOfScope: where one of its addresses is refused.
        """
        if origin.host in self._unresolved:
            return
        try:
            await self.pins.of(origin.host)
        except OSError:
            self._unresolved.add(origin.host)

    def may_carry_credentials(self, origin: Origin) -> bool:
        """Whether credentials may go there: over TLS, to loopback, or to the target itself as it was declared."""
        return origin.scheme == "https" or origin == self._own or is_loopback(origin.host)

    def _listed(self, origin: Origin) -> bool:
        """`host` in scope.hosts means the target's own scheme on its default port; `host:port` that port."""
        default = DEFAULT_PORTS[origin.scheme] == origin.port
        named = f"{origin.host}:{origin.port}" in self._hosts or (default and origin.host in self._hosts)
        return named and (origin.scheme == "https" or self._own.scheme == "http")


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


def _refuse_metadata(host: str) -> None:
    if is_never_requested(host):
        raise OutOfScope(f"{host} is a metadata or link-local address, which is never requested")
