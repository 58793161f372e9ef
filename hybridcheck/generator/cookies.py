"""The cookies of one user, kept and sent as RFC 6265 says, as far as one host and one request at a time need it."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz

MOST_KEPT = 180
"""Of one user; the oldest is forgotten, as in browsers. A target that sets a new name each time would fill the memory."""

LONGEST_CHARACTERS = 4096
_FOREVER_S = 10**10
_DIGITS = 11
"""More seconds than these hold are forever."""


@dataclass(frozen=True, slots=True)
class _Cookie:
    pair: str
    path: str
    until_s: float


class Jar:
    """Takes over Set-Cookie lines, and gives the Cookie line of a request. `secure`: the connection is TLS."""

    __slots__ = ("_host", "_kept", "_now_s", "_secure")

    def __init__(self, host: str = "", *, secure: bool = False, now_s: Callable[[], float] = time.monotonic) -> None:
        self._host = host.lower()
        self._secure = secure
        self._now_s = now_s
        self._kept: dict[tuple[str, str, str], _Cookie] = {}

    def keep(self, line: str, request_path: str) -> None:
        """Take over one Set-Cookie line of the answer to a request for this path.

        Not kept: of another host, `Secure` over plain HTTP, without a name, too long. One without time left ends its namesake
        of the same domain and path.
        """
        first, *attributes = line.split(";")
        name, equals, value = (part.strip() for part in first.partition("="))
        said = {key.strip().lower(): text.strip() for key, _, text in (one.partition("=") for one in attributes)}
        domain = said.get("domain", "").lower().removeprefix(".")
        if not equals or not name or len(name) + len(value) > LONGEST_CHARACTERS:
            return
        if (domain and not self._is_ours(domain)) or ("secure" in said and not self._secure):
            return
        path = said.get("path", "")
        path = path if path.startswith("/") else _default_path(request_path)
        left_s = _time_left_s(said)
        key = (name, domain, path)
        if left_s <= 0:
            self._kept.pop(key, None)
            return
        self._kept[key] = _Cookie(f"{name}={value}", path, self._now_s() + left_s)
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def line(self, request_path: str) -> str:
        """What a request for this path sends, longer paths first; empty where nothing is to be sent."""
        if not self._kept:
            return ""
        now_s = self._now_s()
        for key in [key for key, cookie in self._kept.items() if cookie.until_s <= now_s]:
            del self._kept[key]
        fitting = [cookie for cookie in self._kept.values() if _lies_below(request_path, cookie.path)]
        return "; ".join(cookie.pair for cookie in sorted(fitting, key=lambda cookie: -len(cookie.path)))

    def _is_ours(self, domain: str) -> bool:
        """Whether a cookie of this domain is for our host (RFC 6265, section 5.1.3)."""
        return domain == self._host or (self._host.endswith("." + domain) and not _is_address(self._host))


def _time_left_s(said: dict[str, str]) -> float:
    """How long a cookie lives; Max-Age stands over Expires, and what cannot be read is not said (RFC 6265, section 5.2)."""
    age = said.get("max-age", "")
    if age.removeprefix("-").isascii() and age.removeprefix("-").isdigit():
        return 0.0 if age.startswith("-") else float(min(int(age[:_DIGITS]), _FOREVER_S))
    ends_unix_s = _unix_s(said.get("expires", ""))
    return _FOREVER_S if ends_unix_s is None else ends_unix_s - time.time()


def _unix_s(date: str) -> float | None:
    """A date in one of the forms of HTTP; None for anything else."""
    try:
        parts = parsedate_tz(date)
        return None if parts is None else float(mktime_tz((*parts[:9], 0)))
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _default_path(request_path: str) -> str:
    """The folder of the request (RFC 6265, section 5.1.4)."""
    return request_path[: request_path.rfind("/")] or "/"


def _lies_below(request_path: str, path: str) -> bool:
    """RFC 6265, section 5.1.4."""
    if not request_path.startswith(path):
        return False
    return path.endswith("/") or request_path[len(path) : len(path) + 1] in {"", "/"}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
