"""The life of the processes: quick and side by side at the start, none left at the end, however it comes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from hybridcheck.reference.child import reserved_port
from hybridcheck.reference.defects import UnknownDefectError
from hybridcheck.reference.launcher import ReferenceSystem
from tests.integration.reference.visitor import Visitor, comes, visiting

_PARENT = """
import json, sys, time
from hybridcheck.reference.launcher import ReferenceSystem
system = ReferenceSystem(instances=2).start()
print(json.dumps({"pids": list(system.pids.values()), "state": system.settings.state_dir}), flush=True)
time.sleep(60)
"""


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def gone(pids: Iterable[int]) -> bool:
    """Whether all processes have ended, or end in some time."""
    return comes(lambda: not any(map(runs, pids)))


@pytest.fixture
def parent() -> Iterator[tuple[subprocess.Popen[bytes], list[int], Path]]:
    """A process that has started a reference system, the system's pids, and its folder."""
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        try:
            yield process, said["pids"], Path(said["state"])
        finally:
            process.kill()


def test_nothing_is_left_after_stop() -> None:
    """All processes have ended and the state is removed when `stop` returns; stopping twice does no harm."""
    system = ReferenceSystem().start()
    pids, state = list(system.pids.values()), Path(system.settings.state_dir)
    assert len(pids) == 2
    assert state.exists()
    assert system.running()
    system.stop()
    system.stop()
    assert not any(map(runs, pids))
    assert not state.exists()
    assert not system.running()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{system.base_url}/health", trust_env=False)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_after_the_death_of_the_parent(
    parent: tuple[subprocess.Popen[bytes], list[int], Path], number: signal.Signals
) -> None:
    """Killed, terminated or interrupted, a parent takes the system and its folder with it."""
    process, pids, state = parent
    assert len(pids) == 3
    process.send_signal(number)
    process.wait(20)
    assert gone(pids)
    assert comes(lambda: not state.exists())


def test_foreground_command_ends_with_ctrl_c() -> None:
    """`python -m hybridcheck.reference` prints where it is, keeps passwords off the screen, and ends with SIGINT."""
    command = [sys.executable, "-m", "hybridcheck.reference", "--defect", "wrong-schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        children = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        url = lines[0].split()[2]
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        secrets_file = Path(lines[2].split(". ")[1].split(";")[0])
        assert secrets_file.stat().st_mode & 0o077 == 0
        settings = dict(line.split("=", 1) for line in secrets_file.read_text(encoding="utf-8").splitlines())
        assert settings["REFERENCE_BASE_URL"] == url
        assert settings["REFERENCE_ALICE_PASSWORD"] not in "".join(lines)
        assert "wrong-schema" in lines[3]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert len(children) == 2
    assert gone(children)
    assert not secrets_file.exists()


def test_foreground_command_refuses_unknown_defects() -> None:
    """An unknown name ends with 2 and names the nearest one."""
    command = [sys.executable, "-m", "hybridcheck.reference", "--defect", "no-auht"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "no-auth" in done.stderr
    with pytest.raises(UnknownDefectError, match="no-auth"):
        ReferenceSystem(["no-auht"])


def test_two_systems_at_once() -> None:
    """Two systems share nothing: other ports, other passwords, other keys, other data."""
    with visiting() as one, visiting() as other:
        assert one.system.base_url != other.system.base_url
        dataset = one.dataset()
        assert other.get(f"/api/datasets/{dataset}").status_code == 404
        assert other.get("/auth/whoami", token=one.token()).status_code == 401
        assert other.login("alice", one.system.identities["alice"].password).status_code == 401


async def test_inside_a_running_event_loop() -> None:
    """As an async context manager it leaves the loop free, and outlives the thread that started it."""
    async with ReferenceSystem() as system:
        async with httpx.AsyncClient(base_url=system.base_url, trust_env=False) as client:
            await asyncio.sleep(0.7)  # longer than the children's look at their parent
            assert (await client.get("/health/ready")).status_code == 200
        pids = list(system.pids.values())
    assert not any(map(runs, pids))


def test_secrets_are_in_no_command_line() -> None:
    """Neither passwords nor keys can be read in the process list, and no process listens beyond loopback."""
    with ReferenceSystem() as system:
        secrets = [
            system.gateway_key,
            system.settings.signing_key,
            *(identity.password for identity in system.identities.values()),
        ]
        for pid in system.pids.values():
            process = psutil.Process(pid)
            assert not any(secret in " ".join(process.cmdline()) for secret in secrets)
            listening = [row.laddr for row in process.net_connections("inet") if row.status == psutil.CONN_LISTEN]
            assert [address.ip for address in listening] == ["127.0.0.1"]


def test_port_of_choice_and_port_in_use() -> None:
    """A given port is used; one that is taken is an OSError, and nothing is left running."""
    with reserved_port() as mine:  # nobody else is given it between one system and the next
        port = mine.getsockname()[1]
        with ReferenceSystem(port=port) as system:
            assert system.base_url == f"http://127.0.0.1:{port}"
            second = ReferenceSystem(port=port)
            with pytest.raises(OSError, match="in use"):
                second.start()
            assert second.pids == {}
            assert not Path(second.settings.state_dir).exists()
        with ReferenceSystem(port=port) as again:
            assert again.base_url == system.base_url


def test_native_service_stops_and_comes_back() -> None:
    """Readiness follows the native service down and up again; the rest of the gateway works on."""
    with visiting() as visitor:
        assert visitor.get("/health/ready", None).status_code == 200
        visitor.system.stop_native()
        assert visitor.get("/health/ready", None).json()["dependencies"] == {"storage": "up", "native": "down"}
        assert visitor.get("/health", None).status_code == 200
        visitor.system.start_native()
        assert visitor.get("/health/ready", None).status_code == 200
        assert visitor.post("/analytics/text", {"text": "é"}).json()["length"] == 1


def test_slow_native_service_is_504() -> None:
    """A native service that does not answer in time is 504; a paused one is no reason for the gateway to hang."""
    with visiting(native_timeout_s=0.3) as visitor:
        pid = visitor.system.pids["native"]
        os.kill(pid, signal.SIGSTOP)
        try:
            assert visitor.post("/analytics/text", {"text": "x"}).status_code == 504
        finally:
            os.kill(pid, signal.SIGCONT)
        # what is asked at once may still come before the native service has its turn again
        assert comes(lambda: visitor.post("/analytics/text", {"text": "x"}).status_code == 200)


def test_environment_names_what_a_profile_needs(healthy: Visitor) -> None:
    """Every identity's password and both addresses have a variable."""
    environment = healthy.system.environment()
    assert environment["REFERENCE_BASE_URL"] == healthy.system.base_url
    assert {f"REFERENCE_{name.upper()}_PASSWORD" for name in healthy.system.identities} <= environment.keys()
