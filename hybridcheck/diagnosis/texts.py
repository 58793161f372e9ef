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
