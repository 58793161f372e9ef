"""One process of a reference system: started with an inherited socket, kept alive through a pipe, and ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from hybridcheck.reference.parent_watch import VARIABLE_STATE
from hybridcheck.reference.settings import VARIABLE, VARIABLE_SOCKET, Settings

START_WITHIN_S = 30.0  # the first start may compile
STOP_WITHIN_S = 5.0
_PACKAGE = Path(__file__).resolve().parents[1]


class StartError(RuntimeError):
    """A process of the reference system did not start; the message ends with what it wrote."""


class Child:
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
        """The process id."""
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
        """Whether it lives."""
        return self._process.poll() is None

    def ask_to_stop(self) -> None:
        """Send SIGTERM and do not wait."""
        if self.running():
            self._process.terminate()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self._process.kill()
        self.stop()

    def freeze(self) -> None:
        """Stop its time; its socket still takes connections, and nobody answers."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its time go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the process; at once where it does not go by itself."""
        if self.running():
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)  # a frozen process would not hear the first
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def reserved_port() -> socket.socket:
    """A socket bound to a free loopback port that never listens: nobody else is given the port while it is open.

    Whoever connects is refused as where nobody is, and `listening_sockets` may take the port all the same.
    """
    reserving = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reserving.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserving.bind(("127.0.0.1", 0))
    return reserving


def listening_sockets(port: int, count: int) -> list[socket.socket]:
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
