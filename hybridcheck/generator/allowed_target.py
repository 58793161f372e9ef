"""Where a worker sends: to the address that it was started for; where none was named, to its own machine alone.

Whoever answers at the master's address says what is sent, and Locust's connection proves nothing of who that is.
"""

import ipaddress
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def refusal(base_url: str, only_to: str | None) -> str:
    """Why a plan for `base_url` is refused; empty where it is not.

    only_to: the worker's own `--base-url`: the plan's has the same scheme, host and port, and lies at or below its path.

    Raises:
        ValueError: one of them is no URL.
    """
    planned = urlsplit(base_url)
    if only_to is None:
        if _is_this_machine(planned.hostname or ""):
            return ""
        advice = f"start it with --base-url {base_url} where that is wanted"
        return (
            f"the plan is for {base_url}, this worker was named no target and only sends to its own machine: {advice}"
        )
    own = urlsplit(only_to)
    below = f"{planned.path.rstrip('/')}/".startswith(f"{own.path.rstrip('/')}/")
    if _origin(planned) == _origin(own) and below and ".." not in planned.path:
        return ""
    return f"the plan is for {base_url}, this worker only sends to {only_to}"


def _origin(url: SplitResult) -> tuple[str, str, int | None]:
    return url.scheme, url.hostname or "", url.port or DEFAULT_PORTS.get(url.scheme)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
