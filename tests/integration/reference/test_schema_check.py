"""The small validator of request bodies says what jsonschema says, and refuses schemas that it cannot enforce."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hybridcheck.reference.description import describe
from hybridcheck.reference.dispatch import accepts
from hybridcheck.reference.schema_check import UnsupportedKeywordError, require_supported, violation
from hybridcheck.reference.schemas import SCHEMAS

REQUESTS = sorted({route["body"] for route in describe()["routes"] if route["body"]})
NAMES = sorted({name for request in REQUESTS for name in SCHEMAS[request]["properties"]})
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 105)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "mod", "zscore", "x" * 101])
    | st.text(max_size=5)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NAMES, "at_s", "value", "other"]), inner, max_size=3)
    ),
    max_leaves=8,
)
PLAUSIBLE = {
    "values": st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    "name": st.text(max_size=102),
    "username": st.text(max_size=3),
    "password": st.text(max_size=3),
    "refresh_token": st.text(max_size=2),
    "query": st.text(max_size=3),
    "text": st.text(max_size=3),
    "operation": st.sampled_from(["mod", "pow", "add"]),
    "a": LEAVES,
    "b": LEAVES,
    "threshold": st.floats(-1, 1001),
    "alpha": st.floats(-0.5, 1.5),
    "method": st.sampled_from(["ewma", "zscore", "x"]),
    "ranks": st.lists(st.floats(-1, 101), max_size=3),
    "samples": st.lists(
        st.fixed_dictionaries({"at_s": st.floats(0, 5)}, optional={"value": st.integers(-1, 5)}), max_size=3
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
@given(data=st.data())
def test_agrees_with_jsonschema(name: str, data: st.DataObject) -> None:
    """On anything, and on bodies that are nearly right, both give the same verdict."""
    own = SCHEMAS[name]["properties"]
    wanted = {key: strategy for key, strategy in PLAUSIBLE.items() if key in own}
    anything = VALUES | st.fixed_dictionaries({}, optional=dict.fromkeys([*own, "other"], VALUES))
    body: Any = data.draw(anything | st.fixed_dictionaries({}, optional=wanted) | st.fixed_dictionaries(wanted))
    assert (violation(body, SCHEMAS[name]) is None) == Draft202012Validator(SCHEMAS[name]).is_valid(body)


def test_unknown_keywords_are_refused() -> None:
    """A schema cannot promise what nothing enforces, at any depth."""
    unenforced: tuple[dict[str, Any], ...] = (
        {"oneOf": []},
        {"properties": {"x": {"uniqueItems": True}}},
        {"items": {"$ref": "#"}},
    )
    for schema in unenforced:
        with pytest.raises(UnsupportedKeywordError):
            require_supported(schema)


@pytest.mark.parametrize(
    "accept, admitted",
    [
        ("*/*", True),
        ("application/json", True),
        ("application/*;q=0.1", True),
        ("text/html, */*;q=0.5", True),
        ("text/html", False),
        ("application/json;q=0, */*", False),
        ("*/*;q=0", False),
        ("", False),
        ("APPLICATION/JSON", True),
        ("application/json;q=x", True),
    ],
)
def test_accept(accept: str, admitted: bool) -> None:
    """The most specific range decides, and q=0 excludes."""
    assert accepts(accept.encode(), "application/json") is admitted
