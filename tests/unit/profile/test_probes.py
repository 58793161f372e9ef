"""Probes name operations that exist and may be sent, and places that are paths."""

from datetime import date
from typing import Any

import pytest

from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.models import Profile

ECHO = {"id": "echo", "method": "POST", "path": "/echo", "safe": True, "body": {}}


def complaints(probes: dict[str, Any], operation: dict[str, Any] | None = None) -> list[str]:
    """What a profile with these probes and one operation gets to hear, with its place."""
    data = {"version": 1, "operations": [operation or ECHO], "probes": probes}
    found = contradictions(Profile.model_validate(data), date(2026, 1, 1))
    return [f"{'.'.join(map(str, wrong.path))}: {wrong.message}" for wrong in found]


def test_probes_that_fit_get_no_complaint() -> None:
    """Every kind of probe, bound to an operation that reads."""
    probes = {
        "roundtrip": {"operation": "echo", "in": "$.value", "out": "$.value", "types": ["int", "float", "text"]},
        "aggregate": {"operation": "echo", "in": "$.values", "out": {"sum": "$.sum", "sorted": "$.sorted"}},
        "scalar": {"mod": {"operation": "echo", "body": {"operation": "mod"}, "a": "$.a", "b": "$.b", "out": "$.r"}},
        "text": {"operation": "echo", "in": "$.text", "out": {"length": "$.length"}, "unit": "codepoints"},
        "rank": {"operation": "echo"},
        "time": {"parse": {"operation": "echo"}, "now": {"operation": "echo", "out": "$.now"}},
    }
    assert complaints(probes) == []
    assert len(Profile.model_validate({"version": 1, "probes": probes}).probes.placed()) == 7


def test_an_unknown_operation_is_named() -> None:
    """With its place."""
    found = complaints({"scalar": {"round": {"operation": "rond"}}})
    assert found == ["probes.scalar.round.operation: no operation has the id 'rond'"]


def test_an_operation_that_may_write_is_no_probe() -> None:
    """Probes are sent by the read class."""
    found = complaints({"roundtrip": {"operation": "echo", "types": ["int"]}}, {**ECHO, "safe": False})
    assert found[0].startswith("probes.roundtrip.operation: 'echo' cannot be sent by the read class")


def test_a_place_that_is_no_path_is_named() -> None:
    """Also one of several outputs."""
    found = complaints({"aggregate": {"operation": "echo", "out": {"mean": "$mean"}}})
    assert found == ["probes.aggregate.out.mean: '$mean' is not a path into JSON"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"probes": {"roundtrip": {"operation": "echo", "types": []}}},
        {"probes": {"roundtrip": {"operation": "echo", "types": ["integer"]}}},
        {"probes": {"roundtrips": {}}},
        {"contract": {"floats": "rel"}},
        {"contract": {"integers": "int32"}},
    ],
)
def test_unknown_words_are_refused(wrong: dict[str, Any]) -> None:
    """Types, kinds of probes, and promises that do not exist."""
    with pytest.raises(ValueError, match="validation error"):
        Profile.model_validate({"version": 1, **wrong})
