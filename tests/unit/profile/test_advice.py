"""The lines that are offered to paste are right profiles."""

from datetime import date
from pathlib import Path

import pytest

from hybridcheck.cases import CoreQuestion
from hybridcheck.profile.advice import first_profile, lines_for
from hybridcheck.profile.models import Profile
from hybridcheck.profile.reading import Loaded, read_text


def read(*lines: str) -> Loaded:
    """The profile that these lines are."""
    environment = {"ALICE_TOKEN": "token-of-alice"}
    return read_text("\n".join(lines).encode(), Path("/x/hybridcheck.yaml"), environment, today=date(2026, 3, 1))


def test_the_first_profile_has_six_lines_and_is_right() -> None:
    """With an example operation, or with those that were found."""
    assert len(first_profile("http://127.0.0.1:8000")) == 6
    assert [op.id for op in read(*first_profile("http://127.0.0.1:8000")).profile.operations] == ["GET /"]
    found = Profile.model_validate({"version": 1, "operations": [f"GET /p{number}" for number in range(9)]})
    names = [op.id for op in read(*first_profile("http://h", found)).profile.operations]
    assert names == ["GET /p0", "GET /p1", "GET /p2", "GET /p3"]


def test_the_first_profile_promises_what_was_seen() -> None:
    """A status other than 200 comes with its operation; where only health answered, that is the operation."""
    found = Profile.model_validate({"version": 1, "health": "/healthz", "operations": ["GET /empty -> 204"]})
    [operation] = read(*first_profile("http://h", found)).profile.operations
    assert (operation.path, operation.expect.status) == ("/empty", (204,))
    silent = found.model_copy(update={"operations": ()})
    assert [op.path for op in read(*first_profile("http://h", silent)).profile.operations] == ["/healthz"]


@pytest.mark.parametrize("question", list(CoreQuestion))
def test_lines_for_an_empty_profile_are_right(question: CoreQuestion) -> None:
    """Pasted below `version: 1` (and an operation for the load), each answer reads without a mistake."""
    lines = lines_for(question, Profile(version=1))
    assert lines
    has_operations = any(line.startswith("operations") for line in lines)
    loaded = read("version: 1", *([] if has_operations else ["operations: [GET /]"]), *lines)
    assert loaded.profile != Profile(version=1)


def test_lines_do_not_repeat_what_is_declared() -> None:
    """A second `operations` or `load` would be a duplicate key; limits come one by one."""
    declared = Profile.model_validate(
        {
            "version": 1,
            "operations": ["GET /a"],
            "load": {"rate_rps": 5},
            "identities": {"bob": {"token": "t"}},
            "thresholds": {"max_latency_ms": 100},
        }
    )
    assert lines_for(CoreQuestion.LOAD, declared) == ("# one more under thresholds:", "  max_error_ratio: 0.01")
    access = lines_for(CoreQuestion.ACCESS, declared)
    assert access[:2] == (
        "# one more under operations:",
        "  - {request: GET /me, auth: required, identity: bob}",
    )
