"""Starts and stops a reference system: gateway workers and native service, each in its own process on loopback."""

import asyncio
import hashlib
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hybridcheck.reference.child import Child, StartError, listening_sockets, reserved_port
from hybridcheck.reference.control import Control
from hybridcheck.reference.defects import Switches
from hybridcheck.reference.native_keeper import NativeKeeper
from hybridcheck.reference.settings import Identity, Settings

__all__ = ["ReferenceSystem", "StartError"]

_ACCOUNTS = (("alice", "user", "t1"), ("bob", "user", "t2"), ("root", "admin", "t0"), ("short", "user", "t1"))


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
        self._gateways: list[Child] = []
        self._keeper: NativeKeeper | None = None
        self._control: Control | None = None
        self._control_key = secrets.token_urlsafe(24)
        self._native_port = 0
        self._native_reserved: socket.socket | None = None
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
        native = self._native
        return found | ({"native": native.pid} if native else {})

    def environment(self) -> dict[str, str]:
        """Secrets and addresses by the names of environment variables that a profile refers to."""
        found = {f"REFERENCE_{name.upper()}_PASSWORD": identity.password for name, identity in self.identities.items()}
        found |= {
            "REFERENCE_BASE_URL": self.base_url,
            "REFERENCE_NATIVE_URL": self.native_url,
            "REFERENCE_GATEWAY_KEY": self.gateway_key,
            "REFERENCE_GENERATION": "legacy" if self._switches.on("generation-misdeclared") else "modern",
        }
        if self._native is not None and "runtime" in self._native.facts:
            found["REFERENCE_RUNTIME"] = self._native.facts["runtime"].split()[0]
        if self._control is not None:
            found |= {"REFERENCE_CONTROL_URL": self._control.url, "REFERENCE_CONTROL_KEY": self._control_key}
        return found

    def start(self) -> Self:
        """Start all processes and return when they take requests; `StartError` otherwise, with nothing left over."""
        state_dir = tempfile.mkdtemp(prefix="hybridcheck-reference-")
        self.settings = replace(self.settings, state_dir=state_dir, build=_build_id(self.defects))
        try:
            self._keeper = NativeKeeper(Path(state_dir), self._spawn_native)
            native = self._keeper.spawn()
            sockets = listening_sockets(self._port, self._instances)
            self._port = sockets[0].getsockname()[1]
            if self._switches.on("replica-pinned"):
                sockets[1].close()
                sockets[1] = listening_sockets(0, 1)[0]  # its worker is alive, but on a port that nobody knows
            for index, listening in enumerate(sockets):
                settings = replace(self.settings, native_port=self._native_port, instance_index=index)
                self._gateways.append(self._child("hybridcheck.reference.gateway", settings, listening))
            for child in [*self._gateways, native]:
                child.wait_until_serving()
            self._control = Control(self._keeper, self._control_key).start()
        except BaseException:
            self.stop()
            raise
        return self

    def start_native(self) -> None:
        """Start the native service (again), on the port that it had before."""
        if self._keeper is not None:
            self._keeper.start()

    def stop_native(self) -> None:
        """End the native service and hold it down; the gateway stays."""
        if self._keeper is not None:
            self._keeper.hold()

    @property
    def keeper(self) -> NativeKeeper | None:
        """What keeps the native service alive, and can take it away; None before the start."""
        return self._keeper

    @property
    def _native(self) -> Child | None:
        return self._keeper.child if self._keeper is not None else None

    def _spawn_native(self) -> Child:
        if self._native_reserved is None:  # while the service is away, nobody else may be given its port
            self._native_reserved = reserved_port()
            self._native_port = self._native_reserved.getsockname()[1]
        listening = listening_sockets(self._native_port, 1)[0]
        return self._child("hybridcheck.reference.native", self.settings, listening)

    def stop(self) -> None:
        """End all processes and remove their state. May be called again."""
        if self._control is not None:
            self._control.stop()
            self._control = None
        if self._keeper is not None:
            self._keeper.ask_to_end()
        for child in self._gateways:
            child.ask_to_stop()  # all at once: they end side by side
        for child in self._gateways:
            child.stop()
        self._gateways = []
        if self._keeper is not None:
            self._keeper.end()
        if self._native_reserved is not None:
            self._native_reserved.close()
            self._native_reserved = None
        if self.settings.state_dir:
            shutil.rmtree(self.settings.state_dir, ignore_errors=True)

    def running(self) -> bool:
        """Whether every gateway worker is alive; the native service is kept so, or held down on purpose."""
        return bool(self._gateways) and all(child.running() for child in self._gateways)

    def _child(self, module: str, settings: Settings, listening: socket.socket) -> Child:
        return Child(module, settings, listening, Path(settings.state_dir) / f"{module.rpartition('.')[2]}.log")

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


def _build_id(defects: tuple[str, ...]) -> str:
    """A digest of the reference system's source and switches: another build, another id."""
    digest = hashlib.sha256(repr(sorted(defects)).encode())
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".c", ".codon"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
