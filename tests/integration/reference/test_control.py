"""The native service is kept alive, and what hooks do to it through the control interface happens."""

import os
import signal
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.reference.visitor import Visitor, comes, visiting


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    """One system for all tests of this file; each leaves it as it was."""
    with visiting() as found:
        yield found


def control(visitor: Visitor, act: str = "") -> httpx.Response:
    """The answer of the control interface."""
    environment = visitor.system.environment()
    headers = {"X-Control-Key": environment["REFERENCE_CONTROL_KEY"]}
    method, path = ("POST", f"/native/{act}") if act else ("GET", "/native")
    return visitor.http.request(method, environment["REFERENCE_CONTROL_URL"] + path, headers=headers)


def status(visitor: Visitor) -> int:
    """The gateway's answer to a computation."""
    return visitor.post("/analytics/text", {"text": "x"}).status_code


def test_a_service_that_dies_comes_back_as_another_process(visitor: Visitor) -> None:
    """Killed from outside, the native service is away for a moment and then answers again, with a new pid."""
    before = control(visitor).json()
    assert visitor.system.keeper is not None
    with visitor.system.keeper._lock:  # the moment ends when this test has seen it
        os.kill(before["pid"], signal.SIGKILL)
        assert comes(lambda: status(visitor) == 503)
    assert comes(lambda: status(visitor) == 200)
    after = control(visitor).json()
    assert after["state"] == "running"
    assert after["pid"] != before["pid"]
    assert after["restarts"] == before["restarts"] + 1


def test_held_down_it_stays_down_until_it_is_started(visitor: Visitor) -> None:
    """`hold` keeps it away, `start` brings it back; both may be said twice."""
    for _ in range(2):
        assert control(visitor, "hold").json()["state"] == "held"
    assert status(visitor) == 503
    time.sleep(0.5)  # longer than a restart takes to begin
    assert status(visitor) == 503
    for _ in range(2):
        assert control(visitor, "start").json()["state"] == "running"
    assert status(visitor) == 200


def test_restart_freeze_and_slow(visitor: Visitor) -> None:
    """A restart gives another pid; a frozen service gives no answer until it is continued; a slow one answers late."""
    pid = control(visitor).json()["pid"]
    assert control(visitor, "restart").json()["pid"] != pid
    assert control(visitor, "freeze").json()["state"] == "frozen"
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(visitor.system.native_url + "/health", timeout=0.3, trust_env=False)
    assert control(visitor, "continue").json()["state"] == "running"
    assert control(visitor, "slow?ms=300").json()["slow_ms"] == 300
    started = time.monotonic()
    assert status(visitor) == 200
    assert time.monotonic() - started >= 0.3
    assert control(visitor, "slow?ms=0").json()["slow_ms"] == 0


def test_nobody_controls_it_without_the_key(visitor: Visitor) -> None:
    """Without the key, with a wrong one, and for what does not exist, nothing happens."""
    url = visitor.system.environment()["REFERENCE_CONTROL_URL"]
    assert url.startswith("http://127.0.0.1:")
    assert visitor.http.post(f"{url}/native/hold").status_code == 401
    assert visitor.http.post(f"{url}/native/hold", headers={"X-Control-Key": "no"}).status_code == 401
    assert control(visitor, "burn").status_code == 404
    assert control(visitor, "slow?ms=much").status_code == 404
    assert control(visitor).json()["state"] == "running"


def test_a_frozen_service_does_not_outlive_the_system() -> None:
    """Stopping a system whose native service is frozen ends that process too."""
    with visiting() as visitor:
        pid = control(visitor, "freeze").json()["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
