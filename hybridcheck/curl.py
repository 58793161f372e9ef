"""A recorded request as a command line that sends it again."""

import shlex

from hybridcheck.messages import Body, SentRequest

_MADE_BY_CURL = frozenset({"host", "content-length", "connection", "transfer-encoding", "accept-encoding"})
_GLOB_SIGNS = frozenset("[]{}")


def curl_line(request: SentRequest, *, most_body: int | None = None) -> str:
    """A line for bash. What redaction masked stays masked: the one who sends it puts the secret in.

    A body that is not text is decoded from Base64 on the way; one of more than `most_body` characters is left out, and
    a comment says so.
    """
    parts = ["curl", "-sS", "-i"]
    parts += ["--head"] if request.method == "HEAD" else ["-X", quoted(request.method)]
    if _GLOB_SIGNS & set(request.url):
        parts.append("--globoff")
    if "/." in request.url:
        parts.append("--path-as-is")
    for name, value in request.headers:
        if name.lower() not in _MADE_BY_CURL:
            parts += ["-H", quoted(f"{name}: {value}" if value else f"{name};")]
    before, body, after = _body(request.body, most_body)
    return before + " ".join([*parts, *body, quoted(request.url)]) + after


def _body(body: Body | None, most: int | None) -> tuple[str, list[str], str]:
    """What stands before curl, its options, and what stands behind the line."""
    if body is None or not body.size_bytes:
        return "", [], ""
    kept = body.base64 if body.base64 is not None else body.text or ""
    if most is not None and len(kept) > most:
        return "", [], f"  # with its body of {body.size_bytes} bytes"
    if body.base64 is not None:
        return f"printf %s {shlex.quote(kept)} | base64 -d | ", ["--data-binary", "@-"], ""
    return "", ["--data-raw", quoted(kept)], ""


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
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors="replace"))
