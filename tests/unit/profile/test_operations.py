"""Short forms of operations and what is wrong with them, at their own place."""

from typing import Any

import pytest
from pydantic import ValidationError

from hybridcheck.profile.models import Profile, Service
from hybridcheck.profile.operations import Operation


def operation(short: object, base: str = "") -> Operation:
    """The one operation of a service that is written like this."""
    return Service.model_validate({"base": base, "operations": [short]}).operations[0]


@pytest.mark.parametrize(
    "short,method,path,status",
    [
        ("GET /a", "GET", "/a", (200,)),
        ("/a", "GET", "/a", (200,)),
        ("POST /a -> 201", "POST", "/a", (201,)),
        ("DELETE /a/{id}->204", "DELETE", "/a/{id}", (204,)),
        ({"request": "PUT /a", "expect": 204}, "PUT", "/a", (204,)),
        ({"request": "PUT /a -> 201", "expect": {"status": [200, 201]}}, "PUT", "/a", (200, 201)),
        ({"id": "x", "path": "/a"}, "GET", "/a", (200,)),
    ],
)
def test_short_forms(short: object, method: str, path: str, status: tuple[int, ...]) -> None:
    """Method, path and status from one line; what stands beside the line wins."""
    found = operation(short)
    assert (found.method, found.path, found.expect.status) == (method, path, status)


def test_a_base_is_a_prefix_of_paths_and_streams() -> None:
    """Of every operation and stream of its service, in all forms."""
    service = Service.model_validate(
        {
            "base": "/api/",
            "operations": ["GET /a", {"id": "b", "path": ""}],
            "sse": "/events",
            "websocket": {"path": "/ws"},
        }
    )
    assert [op.path for op in service.operations] == ["/api/a", "/api"]
    assert service.sse is not None
    assert service.websocket is not None
    assert (service.sse.path, service.websocket.path) == ("/api/events", "/api/ws")


@pytest.mark.parametrize("base", ["api", 5, None, ["/api"]])
def test_a_base_that_is_no_path_is_refused(base: object) -> None:
    """With words, not with an odd URL later."""
    with pytest.raises(ValidationError, match="which is not a path such as /api"):
        Service.model_validate({"base": base})


def test_only_services_have_a_base() -> None:
    """At the top of a profile the key is unknown."""
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Profile.model_validate({"version": 1, "base": "/api", "operations": ["GET /a"]})


def test_the_query_of_a_short_form_is_decoded() -> None:
    """It is encoded again when it is sent, once."""
    assert operation("GET /a?q=a%20b&empty=").query == {"q": "a b", "empty": ""}
    with pytest.raises(ValidationError, match="gives a parameter twice"):
        operation("GET /a?x=1&x=2")


@pytest.mark.parametrize("short", ["get /a", "GET a", "GET", "", {"request": "GET"}, {"request": 5}])
def test_what_is_no_short_form_is_refused_at_its_place(short: object) -> None:
    """The error is at the operation, not at its service."""
    with pytest.raises(ValidationError) as refused:
        operation(short)
    (error,) = refused.value.errors()
    assert error["loc"] == ("operations", 0)
    assert "is not of the form 'GET /path' or 'GET /path -> 200'" in error["msg"]


def test_operations_that_are_no_list_are_one_mistake() -> None:
    """`base` beside them is still known."""
    with pytest.raises(ValidationError) as refused:
        Service.model_validate({"base": "/api", "operations": {"a": "GET /a"}})
    assert [error["loc"] for error in refused.value.errors()] == [("operations",)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"expect": {"status": [101, 200]}}, "101 is no final answer"),
        ({"expect": 150}, "150 is no final answer"),
        ({"expect": {"status": []}}, "at least 1 item"),
        ({"headers": {"X Y": "1"}}, "'X Y' is no name of a header"),
        ({"headers": {"X-Y": "жук"}}, "the value of X-Y cannot be sent"),
        ({"headers": {"X-Y": "a\r\nHost: b"}}, "the value of X-Y cannot be sent"),
    ],
)
def test_what_no_message_can_carry_is_refused_before_the_start(given: dict[str, Any], message: str) -> None:
    """Statuses that end no exchange, none at all, and headers that a generator could not put into bytes."""
    with pytest.raises(ValidationError, match=message) as raised:
        Operation.model_validate({"id": "a", "path": "/a", **given})
    assert "Host: b" not in raised.value.errors(include_input=False)[0]["msg"]
