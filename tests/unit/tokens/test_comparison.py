"""Each rule of comparison, on documents that keep it and on documents that do not."""

import pytest

from hybridcheck.tokens.comparison import Comparison, Level, compare


@pytest.mark.parametrize(
    ("rule", "want", "got", "level"),
    [
        ("exact", b'{"a":1}', b'{"a":1}', Level.BYTES),
        ("exact", b'{"a":1}', b'{ "a": 1 }', Level.TOKENS),
        ("exact", b'{"a":1,"b":0.10}', b'{"b":1e-1,"a":1.0}', Level.VALUES),
        ("exact", b"9007199254740993", b"9007199254740992", Level.NOT),
        ("exact", b"9007199254740993", b"9007199254740993.0", Level.VALUES),
        ("exact", b"0.1", b"0.1000000000000000055511151231257827", Level.VALUES),
        ("exact", b"0.0", b"-0.0", Level.NOT),
        ("exact", b"true", b"1", Level.NOT),
        ("exact", b'"1"', b"1", Level.NOT),
        ("exact", b'{"a":1,"a":1}', b'{"a":1}', Level.NOT),
        ("tokens", b'{"a":1,"b":2}', b'{"b":2,"a":1}', Level.NOT),
        ("tokens", b"1.0", b"1", Level.NOT),
        ("tokens", b"[1, 2]", b"[1,2]", Level.TOKENS),
        ("ulp:1", b"0.3", b"0.30000000000000004", Level.VALUES),
        ("ulp:0", b"0.3", b"0.30000000000000004", Level.NOT),
        ("rel:1e-9", b"[1000000000]", b"[1000000000.5]", Level.VALUES),
        ("rel:1e-9", b"[1000000000]", b"[1000000002]", Level.NOT),
        ("rel:1e-9", b'["a"]', b'["b"]', Level.NOT),
        ("unordered", b"[1,2,2]", b"[2,1,2]", Level.VALUES),
        ("unordered", b"[1,2,2]", b"[2,1,1]", Level.NOT),
        ("set", b"[1,2,2]", b"[2,1,1]", Level.VALUES),
        ("set", b"[1,2]", b"[1,3]", Level.NOT),
        ("status", b"1", b"[", Level.VALUES),
        ("exact", b"1", b"NaN", Level.NOT),
        ("exact", b"[1]", b"[1,2]", Level.NOT),
    ],
)
def test_rules(rule: str, want: bytes, got: bytes, level: Level) -> None:
    """The strictest sense in which two documents agree, where the rule is kept; NOT with a place where it is not."""
    found = compare(want, got, Comparison.parse(rule))
    assert found.level is level
    assert bool(found.where) == (level is Level.NOT)
    assert found.agrees == (level is not Level.NOT)


def test_a_difference_names_its_place() -> None:
    """The path and both values."""
    found = compare(b'{"a":[1,{"b":2}]}', b'{"a":[1,{"b":3}]}', Comparison.parse("exact"))
    assert found.where == "$.a[1].b is 3 instead of 2"


@pytest.mark.parametrize("text", ["", "exactly", "ulp", "ulp:-1", "rel:x", "ulp:1.5"])
def test_an_unknown_rule_is_an_error(text: str) -> None:
    """And says which ones there are."""
    with pytest.raises(ValueError, match="none of exact, tokens"):
        Comparison.parse(text)
