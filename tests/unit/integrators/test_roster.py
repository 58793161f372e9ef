"""The roster: runs at the same target notice each other, whoever came first and whoever is still there."""

from pathlib import Path

import pytest

from hybridcheck.integrators.roster import Roster

URL = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other run on this machine may be seen by a test."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))


def test_a_run_that_is_alone_meets_nobody() -> None:
    """The usual case."""
    roster = Roster(URL, "a")
    roster.enter()
    assert roster.leave() == ()


def test_both_of_two_runs_notice_each_other() -> None:
    """The one that came first too, although the other has gone by then."""
    first, second = Roster(URL, "a"), Roster(URL, "b")
    first.enter()
    second.enter()
    assert second.leave() == ("a",)
    assert first.leave() == ("b",)


def test_runs_at_other_targets_are_strangers() -> None:
    """Another address is another roster."""
    first, second = Roster(URL, "a"), Roster("http://127.0.0.1:2", "b")
    first.enter()
    second.enter()
    assert (first.leave(), second.leave()) == ((), ())


def test_a_run_that_was_killed_is_forgotten(tmp_path: Path) -> None:
    """An entry of a process that does not live any more says nothing."""
    first = Roster(URL, "a")
    first.enter()
    entry = next(tmp_path.rglob("a.*"))
    entry.rename(entry.with_name(f"a.{2**22 + 1}"))
    second = Roster(URL, "b")
    second.enter()
    assert second.leave() == ()
