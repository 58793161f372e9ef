"""A document keeps what was written: number tokens, key order, duplicates; what is no JSON is refused."""

import pytest

from hybridcheck.tokens.document import NotJson, Number, Object, Raw, placed, plain, read, write


@pytest.mark.parametrize("text", ["1.0", "1", "-0.0", "1e400", "1E+2", "9007199254740993", "1" * 5000])
def test_number_tokens_come_back_as_written(text: str) -> None:
    """Also those that a double or Python's own limit of digits cannot hold."""
    assert read(text) == Number(text)
    assert write(read(f'{{"a":[{text}]}}')) == f'{{"a":[{text}]}}'


def test_key_order_and_duplicates_are_kept() -> None:
    """The last of equal keys is what a path finds; all of them are there."""
    found = read('{"d":1,"a":2,"d":3}')
    assert isinstance(found, Object)
    assert found.names == ("d", "a", "d")
    assert found["d"] == Number("3")
    assert write(found) == '{"d":1,"a":2,"d":3}'
    with pytest.raises(KeyError):
        found["x"]


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b"-Infinity", b"nan", b"{", b"", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """Bare non-finite words, cut documents, other encodings, and nesting beyond reading."""
    with pytest.raises(NotJson):
        read(body)


@pytest.mark.parametrize(
    ("text", "whole"),
    [("7", 7), ("7.0", 7), ("1e3", 1000), ("-9.223372036854775808e18", -(2**63)), ("0.5", None), ("1e999999999", None)],
)
def test_a_number_is_whole_by_its_value(text: str, whole: int | None) -> None:
    """However it is written; one with a million digits is not made."""
    assert Number(text).whole() == whole


def test_an_exponent_beyond_measure_has_no_exact_value() -> None:
    """Neither an error nor a guess."""
    assert Number("1e99999999999999999999999").exact() is None


def test_values_are_placed_without_being_encoded_again() -> None:
    """A raw number goes into the body as it is; missing objects are made, the document itself is left alone."""
    body = {"operation": "mod", "rows": [{"a": 1}]}
    assert write(placed(body, "$.rows[0].a", Number("1.50"))) == '{"operation":"mod","rows":[{"a":1.50}]}'
    assert write(placed(None, "$.x.y", Raw("tru"))) == '{"x":{"y":tru}}'
    assert write(placed(body, "$", [1])) == "[1]"
    assert body == {"operation": "mod", "rows": [{"a": 1}]}


@pytest.mark.parametrize("path", ["rows", "$.operation.x", "$.rows[1].a", "$.rows.a"])
def test_a_place_that_cannot_be_is_an_error(path: str) -> None:
    """A malformed path, a step into text, an index beyond the end, a name in a list."""
    with pytest.raises(LookupError):
        placed({"operation": "mod", "rows": [{"a": 1}]}, path, 1)


def test_plain_gives_what_json_gives() -> None:
    """Last key wins."""
    assert plain(read('{"a":[1,1.5,"x",null,true],"a":2}')) == {"a": 2}
