"""As many connections as a process may have open files for; more are refused before anything is sent."""

import resource

import pytest

from hybridcheck.errors import ToolError
from hybridcheck.generator.open_files import make_room


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The soft and the hard limit of a process that may have 300 open files, and begins with 100."""
    now = [100, 300]

    def set_to(_: int, wanted: tuple[int, int]) -> None:
        now[:] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(now))
    monkeypatch.setattr(resource, "setrlimit", set_to)
    return now


def test_a_process_takes_what_it_may_have(limits: list[int]) -> None:
    """The hard limit allows more than the soft one."""
    make_room(250)
    assert limits == [300, 300]


def test_more_than_it_may_have_is_refused_with_what_to_do(limits: list[int]) -> None:
    """Requests would fail by it, and not by the target."""
    with pytest.raises(ToolError) as refused:
        make_room(251)
    assert str(refused.value).startswith(
        "251 connections need 301 open files, this process may have 300 (ulimit -Hn 301"
    )
    assert limits == [300, 300]


def test_a_limit_that_cannot_be_raised_is_the_one_that_counts(
    limits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some systems promise more than they give."""

    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    make_room(50)
    with pytest.raises(ToolError, match="this process may have 100 "):
        make_room(51)
    assert limits == [100, 300]


def test_no_limit_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system sets none."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    make_room(20_000)
