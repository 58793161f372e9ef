"""Addresses of cases."""

from pathlib import Path

import pytest

from hybridcheck.cli import replay
from hybridcheck.cli.replay import find, split
from hybridcheck.errors import UsageError
from hybridcheck.verdict import Verdict
from hybridcheck.writers import json_document


@pytest.mark.parametrize(
    "address,path,case",
    [
        ("verdict.json#a.b[c]", "verdict.json", "a.b[c]"),
        ("a#b/verdict.json#a.b[c#d]", "a#b/verdict.json", "a.b[c#d]"),
        ("saved#a.b[c]", "saved", "a.b[c]"),
    ],
)
def test_a_file_and_a_case_are_told_apart(address: str, path: str, case: str) -> None:
    """Folders and cases may hold a # themselves."""
    assert split(address) == (Path(path), case)


@pytest.mark.parametrize("address", ["verdict.json", "verdict.json#", "#a.b[c]", ""])
def test_half_an_address_is_a_usage_error(address: str) -> None:
    """The error shows the form."""
    with pytest.raises(UsageError, match="names no case"):
        split(address)


def test_a_case_is_found_by_id_or_by_its_check_alone(blocked: Verdict) -> None:
    """The check is enough where it has one case."""
    assert find(blocked, "contract.status[GET /orders]", Path("v")).check == "contract.status"
    assert find(blocked, "contract.status", Path("v")).id == "contract.status[GET /orders]"


def test_a_near_miss_gets_a_hint(blocked: Verdict) -> None:
    """The nearest cases are named."""
    with pytest.raises(UsageError) as caught:
        find(blocked, "contract.status[GET /order]", Path("v"))
    assert "contract.status[GET /orders]" in caught.value.hint


def test_a_case_is_not_sent_again_without_the_profile_that_it_came_from(
    blocked: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the plan has other cases: the error says what is missing, and nothing is sent."""
    run = blocked.run.model_copy(update={"flags": {"without_profile": False, "demo": False}})
    json_document.write(blocked.model_copy(update={"run": run}), tmp_path / "verdict.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with pytest.raises(UsageError, match="the run had a profile") as caught:
        replay.command("verdict.json#contract.status[GET /orders]", send=True)
    assert "--profile" in caught.value.hint
