"""What the tests of the installed command share: a small target, an empty folder, and the command itself."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("hybridcheck"))

ANSWERS = {"GET /ready": 200, "GET /good": 200, "GET /broken": 500, "DELETE /things/t%2F1": 204}
"""One good operation, one that is broken, one that removes; everything else is 404."""


@contextmanager
def _served(seen: list[str]) -> Iterator[str]:
    """The URL of a target on loopback that answers as `ANSWERS` says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(f"{self.command} {self.path}")
            status = ANSWERS.get(f"{self.command} {self.path}", 404)
            body = b"" if status == 204 else b'{"status": "\\u001b[2J"}'
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815 - the names are the base class's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def _profiled(folder: Path, target: str) -> str:
    path = folder / "hybridcheck.yaml"
    path.write_text(
        f"version: 1\nname: small\ntargets: {{local: {{url: '{target}', environment: local}}}}\nready: /ready\n"
        "operations: [{id: good, request: GET /good}, {id: broken, request: GET /broken}]\n",
        encoding="utf-8",
    )
    return str(path)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished run: what it printed, its profile and its folder; the target goes on answering and noting."""

    done: subprocess.CompletedProcess[str]
    profile: str
    folder: Path
    target: str
    asked: list[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """One run for all tests that look at what it left; its profile stands in the fifth line, its SARIF in r.sarif."""
    cwd, asked = tmp_path_factory.mktemp("made"), list[str]()
    with _served(asked) as target:
        profile = _profiled(cwd, target)
        command = [COMMAND, "validate", "--profile", profile, "--output-file", "r.sarif", "--save-results"]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=150, check=False)
        [folder] = (cwd / "hybridcheck-results").iterdir()
        yield Made(done, profile, folder, target, asked)


@pytest.fixture
def asked() -> list[str]:
    """What the target was asked, as `METHOD path`, in order."""
    return []


@pytest.fixture
def target(asked: list[str]) -> Iterator[str]:
    """The URL of a target that notes what it is asked."""
    with _served(asked) as url:
        yield url


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a socket that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the installed command in an empty folder, without a terminal."""

    def called(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False, env=env
        )

    return called


@pytest.fixture
def profile(tmp_path: Path, target: str) -> str:
    """A profile with readiness and two operations, of which one does not answer as declared."""
    return _profiled(tmp_path, target)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[], Path]:
    """Gives the folder of the one run that was made."""

    def only() -> Path:
        [made] = (tmp_path / "hybridcheck-results").iterdir()
        return made

    return only
