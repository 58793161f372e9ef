"""Each recogniser, on the mistake that it names and on answers that only look like it."""

from fractions import Fraction

import pytest

from hybridcheck.diagnosis.documents import of_documents
from hybridcheck.diagnosis.instants import of_instant
from hybridcheck.diagnosis.numbers import (
    of_float,
    of_integer,
    of_quotient,
    of_remainder,
    of_repeats,
    of_rounding,
    of_shift,
    of_sum,
)
from hybridcheck.diagnosis.orders import of_keys, of_ranking
from hybridcheck.diagnosis.signatures import WORDS, Signature, explanation
from hybridcheck.diagnosis.texts import of_bytes, of_length, of_prefix, of_text, of_upper, whole_prefix
from hybridcheck.tokens.document import Number, read

S = Signature


def names(found: tuple[Signature, ...]) -> str:
    """The found signatures as one text."""
    return " ".join(found)


@pytest.mark.parametrize(
    ("want", "got", "found"),
    [
        (2**63, "-9223372036854775808", "WRAP64 INDEF"),
        (2**64, "0", "WRAP64"),
        (2**64, "9223372036854775807", "SAT64"),
        (-(2**70), "-9223372036854775808", "SAT64 INDEF"),
        (2**64, "-9223372036854775808", "INDEF"),
        (2**63, "-1", "MINUS1"),
        (2**53 + 1, "9007199254740992", "DBL53"),
        (2**53 + 1, "9.007199254740992e15", "DBL53"),
        (2**63 - 1, "9223372036854775808", "DBL53"),
        (2**63, "9223372036854776000", "DBL53"),
        (2**53 + 1, "9007199254740993", ""),
        (2**53 + 1, "9007199254740994", ""),
        (5, "-1", ""),
        (5, "5.5", ""),
        (2**63 - 1, "-9223372036854775808", ""),
        (10**400, "1e99999999999999999999999", ""),
    ],
)
def test_integers(want: int, got: str, found: str) -> None:
    """Wrapping, saturation, the indefinite integer, an error code, a double on the way; and none of them."""
    assert names(of_integer(want, Number(got))) == found


@pytest.mark.parametrize(
    ("want", "got", "found"),
    [
        ("0.30000000000000004", "0.3", "G6"),
        ("1234567.0", "1.23457e+06", "G6"),
        ("1712345678.123", "1712350000", "G6"),
        ("16777217.0", "16777216.0", "F32"),
        ("0.1", "0.10000000149011612", "F32"),
        ("1.0", "1", "INTTOKEN"),
        ("1.0", "1.0", ""),
        ("1", "1", ""),
        ("0.1", "0.1000001", ""),
        ("1e300", "2e300", ""),
        ("0.5", "0.5", ""),
    ],
)
def test_floats(want: str, got: str, found: str) -> None:
    """Six digits, 32 bits, a lost point; and a value that is merely wrong."""
    assert names(of_float(Number(want), Number(got))) == found


@pytest.mark.parametrize(
    ("a", "b", "quotient", "found"),
    [(-7, 3, "-2", "TRUNCDIV"), (-7, 3, "-3", ""), (7, 3, "2", ""), (-7, 3, "-4", ""), (-7, 3, "-2.0", "TRUNCDIV")],
)
def test_quotients(a: int, b: int, quotient: str, found: str) -> None:
    """Towards zero is C; down is Python; equal where nothing is negative."""
    assert names(of_quotient(Fraction(a), Fraction(b), Number(quotient))) == found


@pytest.mark.parametrize(
    ("a", "b", "rest", "found"),
    [(-7, 3, "-1", "CMOD"), (7, -3, "1", "CMOD"), (-7, 3, "2", ""), (7, 3, "1", ""), (-7, 3, "1", "")],
)
def test_remainders(a: int, b: int, rest: str, found: str) -> None:
    """The dividend's sign is C's."""
    assert names(of_remainder(Fraction(a), Fraction(b), Number(rest))) == found


@pytest.mark.parametrize(
    ("value", "digits", "got", "found"),
    [
        (2.5, 0, "3", "HALFAWAY"),
        (-2.5, 0, "-3.0", "HALFAWAY"),
        (2.675, 2, "2.68", "HALFAWAY"),
        (0.125, 2, "0.13", "HALFAWAY"),
        (2.5, 0, "2", ""),
        (1.5, 0, "2", ""),
        (2.5, 0, "4", ""),
        (1e308, 1, "1e308", ""),
    ],
)
def test_rounding(value: float, digits: int, got: str, found: str) -> None:
    """Away from zero where Python goes to the even or the truly nearer one."""
    assert names(of_rounding(value, digits, Number(got))) == found


@pytest.mark.parametrize(
    ("values", "got", "found"),
    [([0.1] * 10, "0.9999999999999999", "NAIVESUM"), ([0.1] * 10, "1.0", ""), ([1e16, 1.0, -1e16], "0", "NAIVESUM")],
)
def test_sums(values: list[float], got: str, found: str) -> None:
    """One after the other, where the exact sum is another."""
    assert names(of_sum(values, Number(got))) == found


@pytest.mark.parametrize(
    ("want", "got", "found"),
    [
        ("a\0b", "a", "NUL"),
        ("naïve", "na", "CUT"),
        ("naïve", "na\ufffd", "CUT"),
        ("é", "\u00c3\u00a9", "MOJI"),
        ("☕", "\u00e2\u02dc\u2022", "MOJI"),
        ("é", "\udcc3\udca9", "SURR"),
        ("é", "e", ""),
        ("é", "é", ""),
        ("a\0b", "a b", ""),
    ],
)
def test_texts(want: str, got: str, found: str) -> None:
    """A C string, a byte limit, Latin-1 and Windows-1252, surrogateescape; and a letter that lost its accent."""
    assert names(of_text(want, got)) == found


@pytest.mark.parametrize(
    ("text", "got", "found"),
    [
        ("naïve café ☕", 16, "BYTELEN"),
        ("😀", 4, "BYTELEN"),
        ("😀", 2, "UTF16LEN"),
        ("a\0b", 1, "NUL"),
        ("abc", 3, ""),
        ("é", 3, ""),
    ],
)
def test_lengths(text: str, got: int, found: str) -> None:
    """Bytes, UTF-16 units, up to the first NUL."""
    assert names(of_length(text, got)) == found


@pytest.mark.parametrize(
    ("text", "got", "found"),
    [("straße", "STRAßE", "ASCIIUP"), ("straße", "STRASSE", ""), ("abc", "ABC", ""), ("é", "e", "")],
)
def test_upper(text: str, got: str, found: str) -> None:
    """Only ASCII letters changed."""
    assert names(of_upper(text, got)) == found


@pytest.mark.parametrize(
    ("got", "found"), [("cba", "TIESREV HASHORD"), ("cab", ""), ("cda", ""), ("bca", ""), ("ab", ""), ("cbda", "")]
)
def test_rankings(got: str, found: str) -> None:
    """Ties turned round; other orders, missing and foreign rows are no such thing."""
    assert names(of_ranking([("c", 2), ("a", 1), ("b", 1)], list(got))) == found


def test_an_order_of_ties_that_is_neither_is_that_of_a_hash_table() -> None:
    """All rows there, keys in order, ties in an order of their own."""
    want = [("a", 1), ("b", 1), ("c", 1)]
    assert of_ranking(want, ["b", "a", "c"]) == (S.HASHORD,)


@pytest.mark.parametrize(
    ("want", "got", "found"),
    [(-1, 1.7e9, "NOWSUB"), (0, 7200, "TZK"), (0, -900, "TZK"), (0, 0.2, ""), (0, 100, ""), (0, 86_400, "")],
)
def test_instants(want: float, got: float, found: str) -> None:
    """The present instead of the past, whole quarters of an hour; a day is no zone."""
    assert names(of_instant(want, got, 1.7e9 + 2)) == found


def test_the_explanation_is_what_most_answers_agree_on() -> None:
    """-2^63 for 2^63 alone could be three things; with 0 for 2^64 it is one."""
    assert explanation([(S.WRAP64, S.INDEF), (S.INDEF,), (S.INDEF,)]) is S.INDEF
    assert explanation([(S.WRAP64, S.INDEF), (S.WRAP64,)]) is S.WRAP64
    assert explanation([(S.WRAP64, S.INDEF)]) is S.WRAP64
    assert explanation([(), ()]) is None


def test_every_signature_has_words() -> None:
    """And each its own."""
    assert set(WORDS) == set(Signature)
    assert len(set(WORDS.values())) == len(WORDS)


@pytest.mark.parametrize(
    ("text", "limit", "got", "found"),
    [
        ("naïve", 3, "na\ufffd", "CUT"),
        ("naïve", 3, "na", "BYTELEN"),
        ("ééé", 2, "é", "CUT BYTELEN"),
        ("é", 1, "\udcc3", "SURR"),
        ("naïve", 3, "naï", ""),
        ("naïve", 3, "naïv", ""),
        ("plain", 3, "pla", ""),
    ],
)
def test_prefixes(text: str, limit: int, got: str, found: str) -> None:
    """Cut through a character, or by bytes; and neither."""
    assert names(of_prefix(text, limit, got)) == found


@pytest.mark.parametrize(
    ("unit", "limit", "want"),
    [
        ("codepoints", 2, "a😀"),
        ("utf16", 2, "a"),
        ("utf16", 3, "a😀"),
        ("bytes", 4, "a"),
        ("bytes", 5, "a😀"),
        ("bytes", 0, ""),
    ],
)
def test_whole_prefixes(unit: str, limit: int, want: str) -> None:
    """As many characters as fit, in each unit."""
    assert whole_prefix("a😀é", limit, unit) == want


@pytest.mark.parametrize(
    ("want", "got", "found"),
    [
        (b"a\0b", b"a", "NUL"),
        (b"abc", b"ab", "CUT"),
        (b"caf\xe9", b"caf\xc3\xa9", "MOJI"),
        (b"abc", b"abd", ""),
        (b"abc", b"abc", ""),
    ],
)
def test_bytes(want: bytes, got: bytes, found: str) -> None:
    """Ended at NUL, cut, written as text; and none of them."""
    assert names(of_bytes(want, got)) == found


@pytest.mark.parametrize(
    ("a", "b", "got", "found"),
    [
        (1, 64, "1", "SHIFT64"),
        (3, 70, "192", "SHIFT64"),
        (1, 63, "-9223372036854775808", "WRAP64 INDEF"),
        (1, 64, "0", "WRAP64"),
    ],
)
def test_shifts(a: int, b: int, got: str, found: str) -> None:
    """Six bits of the count, or a result that wraps."""
    assert names(of_shift(a, b, Number(got))) == found


def test_keys() -> None:
    """The same names in another order are that of a hash; other names are not."""
    assert names(of_keys(["d", "c"], ["c", "d"])) == "HASHORD"
    assert names(of_keys(["d", "c"], ["d"])) == ""
    assert names(of_keys(["d", "c"], ["d", "c"])) == ""


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.1 + 0.2, 0.3], "REORDER"),
        ([1e16, 1e16 + 2], "REORDER"),
        ([0.3, 0.3], ""),
        ([0.3, 0.31], ""),
        ([0.3, float("nan")], ""),
    ],
)
def test_repeats(values: list[float], found: str) -> None:
    """Last digits that move from call to call; equal values, and others that are further apart."""
    assert names(of_repeats(values)) == found


@pytest.mark.parametrize(
    ("want", "got", "found"),
    [
        ('{"a":9223372036854775808,"b":"x"}', '{"a":-1,"b":"x"}', "MINUS1"),
        ('{"a":[0.1,1234567.5]}', '{"a":[0.1,1.23457e+06]}', "G6"),
        ('{"a":"é"}', '{"a":"Ã©"}', "MOJI"),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', "HASHORD"),
        ('{"a":1}', '{"a":2}', None),
        ('{"a":1}', '{"a":1}', None),
        ("[1,2]", "7", None),
    ],
)
def test_documents(want: str, got: str, found: str | None) -> None:
    """What most of the values that differ have in common."""
    assert of_documents(read(want), read(got)) == found
