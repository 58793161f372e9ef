"""Starts and stops a reference system: gateway workers and native service, each in its own process on loopback."""

import asyncio
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.parent_watch import VARIABLE_STATE
from hybridcheck.reference.settings import VARIABLE, VARIABLE_SOCKET, Identity, Settings

START_WITHIN_S = 30.0  # the first start may compile
STOP_WITHIN_S = 5.0
_PACKAGE = Path(__file__).resolve().parents[1]
_ACCOUNTS = (("alice", "user", "t1"), ("bob", "user", "t2"), ("root", "admin", "t0"), ("short", "user", "t1"))


class StartError(RuntimeError):
    """A process of the reference system did not start; the message ends with what it wrote."""


class _Child:
    """One process, the pipe that keeps it alive, and its log."""

    def __init__(self, module: str, settings: Settings, listening: socket.socket, log: Path) -> None:
        environment = os.environ | {
            VARIABLE: settings.to_json(),
            VARIABLE_SOCKET: str(listening.fileno()),
            VARIABLE_STATE: settings.state_dir,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_PACKAGE.parent), os.environ.get("PYTHONPATH", "")])),
        }
        self._log = log
        self.facts: dict[str, str] = {}  # what it said of itself when it was ready
        with log.open("ab") as errors:
            # A session of its own: Ctrl-C reaches the parent only, which then ends its children in order.
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(listening.fileno(),),
                env=environment,
                cwd=settings.state_dir,
                start_new_session=True,
            )
        listening.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_serving(self) -> None:
        """Wait for the line that says that requests are taken."""
        expiry = threading.Timer(START_WITHIN_S, self._process.kill)
        expiry.start()
        try:
            line = self._process.stdout.readline() if self._process.stdout else b""
        finally:
            expiry.cancel()
        said = json.loads(line) if line else {}
        self.facts = {name: value for name, value in said.items() if name != "pid"}
        if said.get("pid") != self.pid:
            self.stop()
            written = self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""
            raise StartError(f"the reference system did not start: {written}")

    def running(self) -> bool:
        return self._process.poll() is None

    def ask_to_stop(self) -> None:
        """Send SIGTERM and do not wait."""
        if self.running():
            self._process.terminate()

    def stop(self) -> None:
        """End the process; at once where it does not go by itself."""
        if self.running():
            self._process.terminate()
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class ReferenceSystem:
    """A running reference system; use it as a context manager, plain or async.

    `identities` has the generated accounts: alice (tenant t1), bob (t2), root (admin), and short, whose access tokens
    live two seconds. `environment()` gives their passwords by the names that a profile refers to.
    """

    def __init__(
        self,
        defects: Iterable[str] = (),
        *,
        port: int = 0,
        instances: int = 1,
        access_ttl_s: int = 900,
        short_ttl_s: int = 2,
        native_emulation: bool = False,
        body_limit_bytes: int = 524_288,
        native_timeout_s: float = 5.0,
    ) -> None:
        """Nothing runs before `start()`. `UnknownDefectError` for a defect that is not in the catalogue."""
        self.defects = tuple(defects)
        self._switches = Switches(self.defects)
        self._port = port
        self._instances = max(instances, 2) if self._switches.on("replica-pinned") else instances
        self._gateways: list[_Child] = []
        self._native: _Child | None = None
        self._native_port = 0
        self.identities = {
            name: Identity(
                name, secrets.token_urlsafe(16), role, tenant, short_ttl_s if name == "short" else access_ttl_s
            )
            for name, role, tenant in _ACCOUNTS
        }
        self.settings = Settings(
            signing_key=secrets.token_hex(32),
            gateway_key=secrets.token_urlsafe(24),
            identities=tuple(self.identities.values()),
            native_port=0,
            state_dir="",
            build="",
            defects=self.defects,
            instances=self._instances,
            native_emulation=native_emulation,
            body_limit_bytes=body_limit_bytes,
            native_timeout_s=native_timeout_s,
        )

    @property
    def base_url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def native_url(self) -> str:
        """Where the native service answers whoever has the gateway's key."""
        return f"http://127.0.0.1:{self._native_port}"

    @property
    def metrics_url(self) -> str:
        """The gateway's Prometheus exposition."""
        return f"{self.base_url}/metrics"

    @property
    def gateway_key(self) -> str:
        """What the native service wants to see in `X-Gateway-Key`."""
        return self.settings.gateway_key

    @property
    def pids(self) -> dict[str, int]:
        """Process ids: `native`, `gateway-1` and so on."""
        found = {f"gateway-{number}": child.pid for number, child in enumerate(self._gateways, 1)}
        return found | ({"native": self._native.pid} if self._native else {})

    def environment(self) -> dict[str, str]:
        """Secrets and addresses by the names of environment variables that a profile refers to."""
        found = {f"REFERENCE_{name.upper()}_PASSWORD": identity.password for name, identity in self.identities.items()}
        found |= {
            "REFERENCE_BASE_URL": self.base_url,
            "REFERENCE_NATIVE_URL": self.native_url,
            "REFERENCE_GATEWAY_KEY": self.gateway_key,
        }
        if self._native is not None and "runtime" in self._native.facts:
            found["REFERENCE_RUNTIME"] = self._native.facts["runtime"].split()[0]
        return found

    def start(self) -> Self:
        """Start all processes and return when they take requests; `StartError` otherwise, with nothing left over."""
        state_dir = tempfile.mkdtemp(prefix="hybridcheck-reference-")
        self.settings = replace(self.settings, state_dir=state_dir, build=_build_id(self.defects))
        try:
            self.start_native()
            sockets = _listening_sockets(self._port, self._instances)
            self._port = sockets[0].getsockname()[1]
            if self._switches.on("replica-pinned"):
                sockets[1].close()
                sockets[1] = _listening_sockets(0, 1)[0]  # its worker is alive, but on a port that nobody knows
            for index, listening in enumerate(sockets):
                settings = replace(self.settings, native_port=self._native_port, instance_index=index)
                self._gateways.append(self._child("hybridcheck.reference.gateway", settings, listening))
            for child in [*self._gateways, *([self._native] if self._native else [])]:
                child.wait_until_serving()
        except BaseException:
            self.stop()
            raise
        return self

    def start_native(self) -> None:
        """Start the native service (again), on the port that it had before."""
        listening = _listening_sockets(self._native_port, 1)[0]
        self._native_port = listening.getsockname()[1]
        starting_again = bool(self._gateways)
        self._native = self._child("hybridcheck.reference.native", self.settings, listening)
        if starting_again:
            self._native.wait_until_serving()

    def stop_native(self) -> None:
        """End the native service; the gateway stays."""
        if self._native is not None:
            self._native.stop()
            self._native = None

    def stop(self) -> None:
        """End all processes and remove their state. May be called again."""
        for child in [*self._gateways, *([self._native] if self._native else [])]:
            child.ask_to_stop()  # all at once: they end side by side
        for child in self._gateways:
            child.stop()
        self._gateways = []
        self.stop_native()
        if self.settings.state_dir:
            shutil.rmtree(self.settings.state_dir, ignore_errors=True)

    def running(self) -> bool:
        """Whether every process is alive."""
        return (
            bool(self._gateways)
            and self._native is not None
            and all(child.running() for child in [*self._gateways, self._native])
        )

    def _child(self, module: str, settings: Settings, listening: socket.socket) -> _Child:
        return _Child(module, settings, listening, Path(settings.state_dir) / f"{module.rpartition('.')[2]}.log")

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start without holding up the event loop."""
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop without holding up the event loop."""
        await asyncio.to_thread(self.stop)


def _listening_sockets(port: int, count: int) -> list[socket.socket]:
    """Sockets on one loopback port, all listening; several share it and the kernel spreads fresh connections."""
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sockets.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if count > 1:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listening.bind(("127.0.0.1", port or (sockets[0].getsockname()[1] if len(sockets) > 1 else 0)))
            listening.listen(1024)
    except OSError:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def _build_id(defects: tuple[str, ...]) -> str:
    """A digest of the reference system's source and switches: another build, another id."""
    digest = hashlib.sha256(repr(sorted(defects)).encode())
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".c", ".codon"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
