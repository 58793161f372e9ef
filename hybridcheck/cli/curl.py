"""A recorded request as a command line that sends it again."""

import shlex

from hybridcheck.evidence import Body, SentRequest

_MADE_BY_CURL = frozenset({"host", "content-length", "connection", "transfer-encoding", "accept-encoding"})


def curl_line(request: SentRequest) -> str:
    """A line for bash. What redaction masked stays masked: the one who sends it puts the secret in.

    A body that is not text is decoded from Base64 on the way.
    """
    parts = ["curl", "-sS", "-i"]
    parts += ["--head"] if request.method == "HEAD" else ["-X", quoted(request.method)]
    for name, value in request.headers:
        if name.lower() not in _MADE_BY_CURL:
            parts += ["-H", quoted(f"{name}: {value}")]
    before = ""
    if request.body is not None and request.body.size_bytes:
        before, body = _body(request.body)
        parts += body
    parts.append(quoted(request.url))
    return before + " ".join(parts)


def _body(body: Body) -> tuple[str, list[str]]:
    if body.base64 is not None:
        return f"printf %s {shlex.quote(body.base64)} | base64 -d | ", ["--data-binary", "@-"]
    return "", ["--data-raw", quoted(body.text or "")]


def quoted(text: str) -> str:
    """One word for bash; with control or other invisible characters in bash's own escaped form, so that it shows all."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(_sign(character) for character in text) + "'"


def _sign(character: str) -> str:
    if character in {"\\", "'"}:
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors="surrogateescape"))
