"""Keeps the native service alive as an orchestrator would, and does to it what a fault asks for."""

import threading
from collections.abc import Callable
from pathlib import Path

from hybridcheck.reference.child import Child, StartError
from hybridcheck.reference.native.slowness import Slowness
from hybridcheck.reference.parent_watch import NATIVE_PID

LOOK_EVERY_S = 0.05
RESTART_AFTER_S = 0.3
"""How long the service stays away after it died by itself."""


class NativeKeeper:
    """Starts the native service again when it dies by itself, unless it is held down.

    Every method may be called from any thread and returns when what it asks for is so.
    """

    def __init__(self, state_dir: Path, spawn: Callable[[], Child]) -> None:
        """`spawn` starts the process, always on the same port."""
        self._state_dir = state_dir
        self._spawn = spawn
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._child: Child | None = None
        self._held = self._frozen = False
        self.restarts = 0
        self._slowness = Slowness(state_dir)

    @property
    def child(self) -> Child | None:
        """The process; None while it is held down."""
        return self._child

    def spawn(self) -> Child:
        """Start the process for the first time, and keep it from then on."""
        self._begin()
        threading.Thread(target=self._keep, daemon=True, name="keep-native").start()
        assert self._child is not None
        return self._child

    def start(self) -> None:
        """Start it (again) and wait until it serves; nothing where it runs."""
        with self._lock:
            self._held = False
            if self._child is None or not self._child.running():
                self._begin()
                self._child.wait_until_serving()  # type: ignore[union-attr]  # just begun

    def hold(self) -> None:
        """End it, and keep it down until `start`."""
        with self._lock:
            self._held, self._frozen = True, False
            if self._child is not None:
                self._child.stop()
                self._child = None

    def restart(self) -> None:
        """Kill it, as a crash would, and wait until it serves again."""
        with self._lock:
            if self._child is not None:
                self._child.kill()
            self._frozen = False
            self._ended.wait(RESTART_AFTER_S)
            self.restarts += 1
            self.start()

    def freeze(self) -> None:
        """Stop its time."""
        with self._lock:
            if self._child is not None and self._child.running():
                self._child.freeze()
                self._frozen = True

    def thaw(self) -> None:
        """Let its time go on."""
        with self._lock:
            if self._child is not None and self._child.running():
                self._child.thaw()
            self._frozen = False

    def slow(self, ms: float) -> None:
        """Hold each computation up by so many ms from now on; 0 for not at all."""
        self._slowness.ms = ms

    def state(self) -> dict[str, str | float | int | None]:
        """What it is doing: `running`, `held`, `frozen`, or `down` where it died and is not back yet."""
        with self._lock:
            alive = self._child is not None and self._child.running()
            state = "held" if self._held else "down" if not alive else "frozen" if self._frozen else "running"
            pid = self._child.pid if self._child is not None and alive else None
        return {"state": state, "slow_ms": self._slowness.ms, "pid": pid, "restarts": self.restarts}

    def ask_to_end(self) -> None:
        """Keep it no longer, and send SIGTERM without waiting."""
        self._ended.set()
        child = self._child
        if child is not None:
            child.ask_to_stop()

    def end(self) -> None:
        """Stop it for good. May be called again."""
        self._ended.set()
        self.hold()

    def _begin(self) -> None:
        if self._child is not None:
            self._child.stop()  # closes its pipes
        self._child = self._spawn()
        self._frozen = False
        (self._state_dir / NATIVE_PID).write_text(str(self._child.pid), encoding="ascii")

    def _keep(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            child = self._child
            if child is None or child.running() or not child.facts:
                continue  # without facts it has never served: whoever started it is told
            self._ended.wait(RESTART_AFTER_S)
            with self._lock:
                if self._ended.is_set() or self._held or self._child is not child:
                    continue
                self.restarts += 1
                try:
                    self._begin()
                    self._child.wait_until_serving()
                except (StartError, OSError):
                    self._child = child  # the next look tries again
