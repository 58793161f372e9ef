"""The header lines of a request: ours, those that the plan declares, and those whose values are secret."""

from collections.abc import Iterable, Mapping
from typing import Any

from hybridcheck.errors import ToolError

Heads = dict[str, tuple[str, str]]
"""Name in lower case → (name as it is sent, value)."""


def heads(authority: str, ordered: Mapping[str, Any], secrets: Mapping[str, str], length: int | None = None) -> Heads:
    """Every header of an operation, by its name in lower case; without `length` but for that of the body.

    Raises:
        ToolError: a secret did not come, or a value would break the request apart.
    """
    headers = {"host": ("Host", authority), "user-agent": ("User-Agent", "hybridcheck"), "accept": ("Accept", "*/*")}
    if length is not None:
        headers["content-length"] = ("Content-Length", str(length))
    for name, value in ordered["headers"]:
        headers[name.lower()] = (name, value)
    headers.update(secret_heads(ordered["secret_headers"], secrets, ordered["name"]))
    if any(character in value for _, value in headers.values() for character in "\r\n\0"):
        raise ToolError("a header value contains a line break", where=ordered["name"])
    return headers


def secret_heads(pairs: Iterable[tuple[str, str]], secrets: Mapping[str, str], where: str) -> Heads:
    """Headers of (name, name of a secret) pairs.

    Raises:
        ToolError: a secret did not come.
    """
    found: Heads = {}
    for name, secret in pairs:
        if secret not in secrets:
            raise ToolError(f"the secret {secret!r} did not come with the plan", where=where)
        found[name.lower()] = (name, secrets[secret])
    return found
