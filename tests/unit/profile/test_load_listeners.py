"""Listeners of a load phase: what is declared wrongly is told with its place and a line that would do."""

from typing import Any

import pytest

from hybridcheck.cases import Budget
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.listener_consistency import listener_contradictions
from hybridcheck.profile.load_listeners import Listeners
from hybridcheck.profile.models import Profile


def profile(*listeners: dict[str, Any]) -> Profile:
    """A service with events and no WebSocket."""
    stream = {"path": "/events", "query": {"topic": "all", "every": "1"}, "sent_at": "$.at", "max_delay_ms": 500}
    return Profile.model_validate(
        {
            "version": 1,
            "operations": [{"id": "x", "path": "/x"}],
            "services": {"events": {"sse": stream}},
            "limits": {"max_connections": 50},
            "load": {"day": {"rate_rps": 5, "listeners": list(listeners)}},
        }
    )


def complaints(*listeners: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    """Place and message of each."""
    found = tuple(Listeners.model_validate(one) for one in listeners)
    return [(c.path, c.message) for c in listener_contradictions(profile(*listeners), found, ("listeners",))]


@pytest.mark.parametrize(
    ("listeners", "place", "words"),
    [
        ([{"service": "event", "users": 1}], ("listeners", 0, "service"), "no service 'event'"),
        (
            [{"service": "events", "stream": "websocket", "users": 1}],
            ("listeners", 0, "stream"),
            "declares no websocket",
        ),
        ([{"service": "events", "users": 1}, {"service": "events", "users": 2}], ("listeners", 1), "already"),
        ([{"service": "events", "users": 1, "stay_s": 4.9}], ("listeners", 0, "stay_s"), "cannot see"),
        ([{"service": "events", "users": 50}], ("listeners",), "leave no connection"),
    ],
)
def test_a_mistake_is_told_with_its_place(listeners: list[dict[str, Any]], place: tuple[Any, ...], words: str) -> None:
    """One complaint each."""
    ((where, message),) = complaints(*listeners)
    assert where == place
    assert words in message


def test_listeners_are_in_the_drive_with_their_stream() -> None:
    """Their records have a shared stream of their own, so that their gaps are none of the requests'.

    Their query stands over the stream's.
    """
    declared = {"service": "events", "users": 49, "stay_s": 5, "query": {"every": "9"}}
    assert complaints(declared) == []
    drive = drive_of(profile(declared), "day", Budget.FULL)
    (one,) = drive.listeners
    assert (one.name, one.protocol, one.users, one.stay_s, one.spec.path) == ("events/sse", "sse", 49, 5, "/events")
    assert one.spec.query == {"topic": "all", "every": "9"}
    assert (drive.stream, drive.listen_stream) == ("load/day", "listen/day")
