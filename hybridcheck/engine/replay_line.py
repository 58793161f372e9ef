"""A curl line that sends a recorded request again; masked secrets stay masked."""

import shlex
from collections.abc import Iterable

from hybridcheck.evidence import Exchange, Record

MOST_BODY = 2000
"""A longer body is left out of the line, and the line says so."""

LEFT_OUT = frozenset({"host", "content-length", "connection", "accept-encoding", "user-agent", "transfer-encoding"})
"""Headers that curl sets itself."""


def curl_line(named: Iterable[Record], own: Iterable[Record]) -> str | None:
    """The line for the last exchange that the finding names, else for the last one of the case; None without one."""
    found = [record for records in (own, named) for record in records if isinstance(record, Exchange)]
    return _line(found[-1]) if found else None


def _line(exchange: Exchange) -> str:
    request = exchange.request
    parts = ["curl", "-sS", "-i"]
    if request.method == "HEAD":
        parts.append("--head")
    elif request.method != "GET":
        parts += ["-X", request.method]
    for name, value in request.headers:
        if name.lower() not in LEFT_OUT:
            parts += ["-H", f"{name}: {value}"]
    text = request.body.text if request.body else None
    if text is not None and len(text) <= MOST_BODY:
        parts += ["--data-raw", text]
    line = shlex.join([*parts, request.url])
    body_kept = request.body is None or not request.body.size_bytes or (text is not None and len(text) <= MOST_BODY)
    return line if body_kept else f"{line}  # with its body of {request.body.size_bytes if request.body else 0} bytes"
