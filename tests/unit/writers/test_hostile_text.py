"""Text from a target, made harmless."""

import sys
import unicodedata
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from hybridcheck.writers.hostile_text import (
    as_markdown_block,
    as_markdown_code,
    clipped,
    for_terminal,
    for_xml,
    visible,
)

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=80)


@given(ANY_TEXT)
def test_visible_text_holds_nothing_that_acts(text: str) -> None:
    """No control, format, surrogate, private or separator character survives, and no line break."""
    shown = visible(text)
    assert not [sign for sign in shown if unicodedata.category(sign)[0] == "C" or sign in "\u2028\u2029\n\r"]


def test_visible_text_says_what_was_there() -> None:
    """Escapes, bidi overrides and line breaks are spelt out, not dropped."""
    assert visible("\x1b[2J\u202ea\r\nb\ud800") == "\\x1b[2J\\u202ea\\r\\nb\\ud800"
    assert visible(chr(0x10FFFF)) == "\\U0010ffff"


def test_printable_text_stays_as_it_is() -> None:
    """Letters of other scripts, accents and signs are not touched."""
    for text in ("plain", "Größe ≤ 5 %", "読み", "naïve — “x”"):
        assert visible(text) == text


def test_long_text_is_clipped_with_the_count_of_what_is_missing() -> None:
    """A report for people never prints a megabyte."""
    assert clipped("a" * 10, 10) == "a" * 10
    assert clipped("a" * 15, 10) == "a" * 10 + "… (5 more characters)"
    assert len(for_terminal("\x1b" * 1_000_000)) < 3000


def test_every_character_gives_legal_xml() -> None:
    """A document that holds every code point once is parsed by an XML parser."""
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    element = ET.Element("a", b=for_xml(everything))
    element.text = for_xml(everything)
    assert ET.fromstring(ET.tostring(element, encoding="unicode").encode()).text


@given(ANY_TEXT)
def test_a_code_span_ends_where_it_should(text: str) -> None:
    """The fence is longer than any run of backticks inside, so that nothing leaves the span."""
    span = as_markdown_code(text)
    if span == "*(empty)*":
        assert not visible(text).strip()
        return
    fence = span[: len(span) - len(span.lstrip("`"))]
    inside = span[len(fence) : -len(fence)]
    assert span.endswith(fence)
    assert fence not in inside
    assert not inside.startswith("`")
    assert not inside.endswith("`")


@given(ANY_TEXT)
def test_a_block_ends_where_it_should(text: str) -> None:
    """No line of the text closes the fenced block."""
    _, fence, *inside, closing, _ = as_markdown_block(text).split("\n")
    assert fence == closing
    assert set(fence) == {"`"}
    assert all(fence not in line for line in inside)
