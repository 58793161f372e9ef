"""Sweeps: a phase for each value of a field, the same in everything else; items per second of each."""

import json
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from hybridcheck.cases import Budget
from hybridcheck.engine.load_report import load_phase
from hybridcheck.evidence import LoadSecond, Observation
from hybridcheck.profile.consistency import contradictions
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.load_phases import planned_requests, with_load_operations
from hybridcheck.profile.models import Profile
from hybridcheck.profile.sweeps import Sweep

OPERATION = {
    "id": "sum",
    "method": "POST",
    "path": "/sum",
    "safe": True,
    "body": {"in": {"values": [1, 2, 3]}, "round": 2},
}


def profile(**phase: Any) -> Profile:
    """A profile with a phase of 10 requests per second for 20 s and a sweep."""
    spec = {"rate_rps": 10, "duration_s": 20, **phase}
    return Profile.model_validate({"version": 1, "operations": [OPERATION], "load": {"batch": spec}})


def test_each_size_is_a_phase_with_its_own_body() -> None:
    """The declared list is repeated or cut; nothing else of the body changes."""
    written = with_load_operations(profile(sweep={"operation": "sum", "field": "$.in.values", "sizes": [1, 7]}))
    assert list(written.load) == ["batch-1", "batch-7"]
    drives = [drive_of(written, name, Budget.FULL) for name in written.load]
    bodies = [json.loads(drive.operations[0].body or "") for drive in drives]
    assert bodies == [{"in": {"values": v}, "round": 2} for v in ([1], [1, 2, 3, 1, 2, 3, 1])]
    assert [drive.items for drive in drives] == [1, 7]
    assert [operation.id for drive in drives for operation in drive.operations] == ["sum", "sum"]
    again = Profile.model_validate(json.loads(written.model_dump_json(by_alias=True)))
    assert with_load_operations(again).load == written.load


def test_values_are_put_in_as_they_are() -> None:
    """Phases are numbered; a value that is no list has no items."""
    written = with_load_operations(profile(sweep={"operation": "sum", "field": "$.round", "values": [0, [1, 2]]}))
    assert list(written.load) == ["batch-1", "batch-2"]
    assert [drive_of(written, name, Budget.FULL).items for name in written.load] == [None, 2]


def test_all_of_it_counts_against_the_budget_of_requests() -> None:
    """Three values are three phases."""
    phase = profile(sweep={"operation": "sum", "field": "$.round", "values": [0, 1, 2]}).load["batch"]
    assert planned_requests(phase) == pytest.approx(600)


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"operation": "som", "field": "$.round", "values": [1]}, "no operation has the id 'som'"),
        ({"operation": "sum", "field": "$.nothing", "sizes": [1]}, "nothing at $.nothing"),
        ({"operation": "sum", "field": "$.round", "sizes": [1]}, "no list of items at $.round"),
    ],
)
def test_a_field_that_is_not_there_is_said(sweep: dict[str, Any], words: str) -> None:
    """Before anything is sent."""
    found = contradictions(profile(sweep=sweep), date(2026, 11, 20))
    assert any(words in contradiction.message for contradiction in found)


@pytest.mark.parametrize("given", [{}, {"sizes": [1], "values": [1]}, {"sizes": [1, 1]}, {"sizes": [0]}])
def test_a_sweep_has_one_list_of_different_values(given: dict[str, Any]) -> None:
    """Neither none nor both; a size twice would be two phases of one name."""
    with pytest.raises(ValidationError):
        Sweep.model_validate({"operation": "sum", "field": "$.round", **given})
    with pytest.raises(ValidationError):
        profile(sweep={"operation": "sum", "field": "$.round", "sizes": [1]}, operations=["other"])


def test_items_per_second_are_those_that_were_answered_rightly() -> None:
    """Ten seconds of eight right answers to requests of seven items; unknown where no sweep was made."""
    rows = [LoadSecond(second=n, operation="sum", planned=10, ok=8, failed={"status": 2}) for n in range(10)]
    told = Observation(label="sweep", values={"items": 7})
    assert load_phase("load/batch-7", (told, *rows)).items_per_s == 56
    assert load_phase("load/batch-7", tuple(rows)).items_per_s is None
