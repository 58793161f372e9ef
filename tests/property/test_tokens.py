"""Reading without loss agrees with the standard library wherever that one keeps everything."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hybridcheck.tokens.comparison import Comparison, Level, compare
from hybridcheck.tokens.document import NotJson, plain, read, write

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
EXACT, TOKENS = Comparison.parse("exact"), Comparison.parse("tokens")


@given(DOCUMENTS)
def test_a_document_reads_as_json_reads_it(document: Any) -> None:
    """The same value, and the text comes back as it was."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    token = read(text)
    assert repr(plain(token)) == repr(json.loads(text))
    assert write(token) == text


@given(st.text(alphabet='{}[]",:0123456789.eE+-nulltruefasNI \\u', max_size=40))
def test_what_json_refuses_is_refused(text: str) -> None:
    """The same texts are documents, but for NaN and Infinity, which are none."""
    try:
        expected = json.loads(text, parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        try:
            read(text)
        except NotJson:
            return
        raise AssertionError(f"{text!r} was read") from None
    assert repr(plain(read(text))) == repr(expected)


@given(DOCUMENTS, DOCUMENTS)
def test_comparison_is_honest(one: Any, other: Any) -> None:
    """A document agrees with itself in bytes; two whose text differs in more than blanks do not in tokens."""
    first, second = (json.dumps(d, separators=(",", ":")).encode() for d in (one, other))
    assert compare(first, first, EXACT).level is Level.BYTES
    assert compare(first, second, TOKENS).agrees == (json.loads(first) == json.loads(second) and first == second)
