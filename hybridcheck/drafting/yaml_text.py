"""Values and comments as lines of a profile: nothing that a stranger's document says can become anything else.

A text is written plain only where every reader takes it for the same text; else in double quotes with escapes. What a
profile would resolve (`env:`, `file:`) or cannot hold never comes out of a document into a value.
"""

import math
import re

from hybridcheck.cases import Json

PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*\Z")
WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
MOST_DEPTH = 12
MOST_CHARACTERS = 1500
"""Of one value: a larger example is for the author to put in."""

MOST_COMMENT = 110


class NotWritable(ValueError):
    """A value that a profile cannot hold, or must not take from a document; the message says why."""


def flow(value: Json) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str):
        return _text(value)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def comment(text: str, most: int = MOST_COMMENT) -> str:
    """Words of a document as the end of a comment line: one line of printable characters, and short."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: most * 4]).split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def from_document(value: Json) -> Json:
    """A value out of a document, as it is, where a profile may hold it.

    Raises:
        NotWritable: where it is too large or deep, no JSON, or would be resolved as a reference.
    """
    _refuse(value, 0)
    if len(flow(value)) > MOST_CHARACTERS:
        raise NotWritable("the example is too large")
    return value


def _refuse(value: Json, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise NotWritable("the example is nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse(key, depth + 1)
            _refuse(item, depth + 1)
    elif isinstance(value, list):
        if len(value) > MOST_CHARACTERS:
            raise NotWritable("the example is too large")
        for item in value:
            _refuse(item, depth + 1)
    elif isinstance(value, str):
        _refuse_text(value)
    elif (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (not math.isfinite(value) or abs(value) > 2**53)
    ):
        raise NotWritable("the example has a number that a profile cannot hold")


def _refuse_text(value: str) -> None:
    if len(value) > MOST_CHARACTERS:
        raise NotWritable("the example is too large")
    if value.startswith(("env:", "file:")):
        raise NotWritable("the example looks like a reference to a secret of this machine")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise NotWritable("the example has half of a surrogate pair")


def _text(value: str) -> str:
    if PLAIN.match(value) and value.lower() not in WORDS:
        return value
    return '"' + "".join(ESCAPES.get(letter) or _escaped(letter) for letter in value) + '"'


def _escaped(letter: str) -> str:
    code = ord(letter)
    if letter.isprintable() and code != 0xFEFF:
        return letter
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
