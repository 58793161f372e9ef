"""Each defect that was thought of without reading the checks is seen on a system that has it, not on the healthy."""

import time
from collections.abc import Callable

import pytest

from tests.integration.reference.visitor import Observer, Visitor, seen_beside_others, visiting

TOGETHER = ("expired-on-streams nosniff-lost-on-errors total-of-page",)
PATIENCE_S = 15.0


def sees_expired_on_streams(visitor: Visitor) -> bool:
    """A token that whoami refuses opens the event stream."""
    headers = {"Authorization": f"Bearer {visitor.login('short').json()['access_token']}"}
    until = time.monotonic() + PATIENCE_S
    while visitor.get("/auth/whoami", None, headers=headers).status_code != 401:
        assert time.monotonic() < until, "the token outlives the tester's patience"
        time.sleep(0.05)
    return visitor.get("/stream/events?count=1&interval_ms=0", None, headers=headers).status_code == 200


def sees_nosniff_lost_on_errors(visitor: Visitor) -> bool:
    """A 404 lacks it, a 200 has it."""
    assert "x-content-type-options" in visitor.get("/health").headers
    return "x-content-type-options" not in visitor.get("/nowhere").headers


def sees_total_of_page(visitor: Visitor) -> bool:
    """With one row a page there is one row in all."""
    made = [visitor.dataset() for _ in range(2)]
    total = visitor.get("/api/datasets?limit=1").json()["total"]
    for one in made:
        visitor.ask("DELETE", f"/api/datasets/{one}")
    return bool(total == 1)


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor, together: Callable[[str], Visitor]) -> None:
    """The wrong behaviour shows with the switch on, and not on the healthy system."""
    seen_beside_others(observer, healthy, together)


@pytest.mark.parametrize(("defects", "status"), [((), 503), (("ready-though-native-down",), 200)])
def test_readiness_while_the_native_service_is_down(defects: tuple[str, ...], status: int) -> None:
    """503, unless the defect hides it."""
    with visiting(*defects) as visitor:
        visitor.system.stop_native()
        assert visitor.get("/health/ready").status_code == status
