"""Text that comes from a target, made harmless for a terminal, XML and Markdown. Nothing is dropped silently."""

import re
import unicodedata

MOST_CHARACTERS = 600
"""How much of one text from a target a report for people shows; the JSON document holds all of it."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_XML_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BACKTICKS = re.compile("`+")


def _escaped(character: str) -> str:
    code = ord(character)
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named:
        return named
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clipped(text: str, most_characters: int = MOST_CHARACTERS) -> str:
    """The beginning of the text, with the number of characters that were left out."""
    if len(text) <= most_characters:
        return text
    return f"{text[:most_characters]}… ({len(text) - most_characters} more characters)"


def visible(text: str) -> str:
    r"""One line in which everything that moves a cursor, hides, or turns the reading direction is an escape sequence.

    Control, format (bidi, zero width), private and unassigned characters, surrogates, and line and paragraph
    separators become `\x1b`, `\u202e` and so on.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(sign) if unicodedata.category(sign) in _HIDDEN_CATEGORIES else sign for sign in text)


def for_terminal(text: str, most_characters: int = MOST_CHARACTERS) -> str:
    """One harmless line, clipped."""
    return visible(clipped(text, most_characters))


def for_xml(text: str) -> str:
    """The text with what XML 1.0 cannot hold written as escape sequences; markup is the serializer's to escape."""
    return _XML_ILLEGAL.sub(lambda match: _escaped(match.group()), text)


def as_markdown_code(text: str, most_characters: int = MOST_CHARACTERS) -> str:
    """A code span: the one place in GitHub's Markdown where no HTML, link, mention or emphasis is alive.

    Not for table cells, in which a bar would end the span.
    """
    line = for_terminal(text, most_characters)
    if not line.strip():
        return "*(empty)*"
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(line)), default=0) + 1)
    padding = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def as_markdown_block(text: str) -> str:
    """A fenced block of its own, for lines to copy; a longer fence than any that the text brings."""
    lines = [for_terminal(line) for line in text.splitlines()]
    fence = "`" * max(3, *(len(run) + 1 for line in lines for run in _BACKTICKS.findall(line)), 3)
    return "\n".join(("", fence, *lines, fence, ""))
