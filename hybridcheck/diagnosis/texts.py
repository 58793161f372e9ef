"""Recognisers of wrong text: lengths, case, and what happened to characters on the way."""

from collections.abc import Iterator

from hybridcheck.diagnosis.signatures import Signature

REPLACEMENT = "\ufffd"
SURROGATES = range(0xD800, 0xE000)


def of_text(want: str, got: str) -> tuple[Signature, ...]:
    """What turns an expected text into the one that came."""
    return tuple(_of_text(want, got)) if got != want else ()


def _of_text(want: str, got: str) -> Iterator[Signature]:
    if "\0" in want and got == want.partition("\0")[0]:
        yield Signature.NUL
    elif want.startswith(got.rstrip(REPLACEMENT)):
        yield Signature.CUT
    if got in _misread(want):
        yield Signature.MOJI
    if any(ord(character) in SURROGATES for character in got):
        yield Signature.SURR


def _misread(text: str) -> Iterator[str]:
    encoded = text.encode("utf-8", "surrogatepass")
    yield encoded.decode("latin-1")
    yield encoded.decode("cp1252", "replace")


def whole_prefix(text: str, limit: int, unit: str) -> str:
    """The longest beginning of whole characters that has at most `limit` units (codepoints, utf16, bytes)."""
    coding = {"bytes": "utf-8", "utf16": "utf-16-le"}.get(unit)
    if coding is None:
        return text[:limit]
    width = 2 if unit == "utf16" else 1
    fitting = (n for n in range(len(text), 0, -1) if len(text[:n].encode(coding)) <= limit * width)
    return text[: next(fitting, 0)]


def of_prefix(text: str, limit: int, got: str) -> tuple[Signature, ...]:
    """What cuts a text so, where whole characters are counted."""
    if any(ord(character) in SURROGATES for character in got):
        return (Signature.SURR,)
    cut = text.encode()[:limit]
    if got == cut.decode("utf-8", "replace") != text[:limit]:
        return (Signature.CUT,) if REPLACEMENT in got else (Signature.CUT, Signature.BYTELEN)
    return (Signature.BYTELEN,) if got == cut.decode("utf-8", "ignore") != text[:limit] else ()


def of_bytes(want: bytes, got: bytes) -> tuple[Signature, ...]:
    """What turns bytes into those that came."""
    if got == want:
        return ()
    found = []
    if b"\0" in want and got == want.partition(b"\0")[0]:
        found.append(Signature.NUL)
    elif want.startswith(got):
        found.append(Signature.CUT)
    if got in {want.decode("latin-1").encode(), want.decode("cp1252", "replace").encode()}:
        found.append(Signature.MOJI)
    return tuple(found)


def of_length(text: str, got: int) -> tuple[Signature, ...]:
    """What counts a text as so long, where code points do not."""
    encoded = text.encode("utf-8", "surrogatepass")
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if got == len(text):
        return ()
    found = [(Signature.BYTELEN, len(encoded)), (Signature.UTF16LEN, units)]
    if "\0" in text:
        found.append((Signature.NUL, len(text.partition("\0")[0])))
    return tuple(name for name, length in found if length == got)


def of_upper(text: str, got: str) -> tuple[Signature, ...]:
    """What turns a text into such capitals, where Unicode's tables do not."""
    ascii_only = "".join(c.upper() if c.isascii() else c for c in text)
    return (Signature.ASCIIUP,) if got == ascii_only != text.upper() else ()
