"""Forms of the file that the models accept, and what they mean."""

import pytest
from pydantic import ValidationError

from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation, StreamSpec


@pytest.mark.parametrize(
    "written,names",
    [
        ({"rate_rps": 5}, ["steady"]),
        ({"operations": {"a": 1}, "objectives": {"a": {"p95_ms": 5}}, "rate_rps": 5}, ["steady"]),
        ({"users": 3}, ["steady"]),
        ({"warm": {"rate_rps": 5}, "hot": {"rate_rps": 50}}, ["warm", "hot"]),
        ({"duration": {"rate_rps": 5}}, ["duration"]),
        ({}, []),
    ],
)
def test_a_load_is_one_phase_or_phases_by_name(written: dict[str, object], names: list[str]) -> None:
    """One phase needs no name."""
    assert list(Profile.model_validate({"version": 1, "load": written}).load) == names


def test_users_without_a_rate_mean_the_closed_model() -> None:
    """Nothing else could be meant; what is written out stays."""
    assert LoadPhaseSpec.model_validate({"users": 3}).model == "closed"
    assert LoadPhaseSpec.model_validate({"rate_rps": 3}).model == "open"
    with pytest.raises(ValidationError, match="the open model needs rate_rps"):
        LoadPhaseSpec.model_validate({"model": "open", "users": 3})


def test_numbers_in_a_request_are_text_as_they_are_sent() -> None:
    """`page: 1` needs no quotes in queries, paths and headers; truth values do."""
    operation = Operation.model_validate(
        {"id": "a", "path": "/a/{n}", "params": {"n": 7}, "query": {"page": 1, "ratio": 0.5}, "headers": {"X-N": 3}}
    )
    assert (operation.url_path(), operation.query, operation.headers) == (
        "/a/7",
        {"page": "1", "ratio": "0.5"},
        {"X-N": "3"},
    )
    assert StreamSpec.model_validate({"path": "/s", "query": {"count": 20}}).query == {"count": "20"}
    with pytest.raises(ValidationError):
        Operation.model_validate({"id": "a", "path": "/a", "query": {"all": True}})


@pytest.mark.parametrize(
    "part",
    [
        {"targets": {"t": {"url": "http://h", "environment": "unknown"}}},
        {"identities": {"a": {"token": "x", "password": "y", "username": "z"}}},
        {"identities": {"a": {"password": "y"}}},
        {"not_applicable": {"alive": "it is alive, believe me"}},
        {"thresholds": {"max_latency_ms": float("nan")}},
        {"limits": {"max_rps": float("inf")}},
        {"load": {"rate_rps": 5, "operations": [["a"]]}},
        {"load": {"rate_rps": 5, "operations": [None, -3]}},
    ],
)
def test_what_no_profile_may_say(part: dict[str, object]) -> None:
    """Rules that fields alone do not show."""
    with pytest.raises(ValidationError):
        Profile.model_validate({"version": 1, **part})
