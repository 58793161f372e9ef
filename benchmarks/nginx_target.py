"""The target of the load benchmarks: Debian's nginx (nginx-light) on the first core, plain or with TLS."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme

SERVER_CORE, GENERATOR_CORE = 0, (os.cpu_count() or 1) - 1
BODY = '{"status":"ok","items":[1,2,3]}'
NGINX = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 300s;
  client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c;
  uwsgi_temp_path {home}/d; scgi_temp_path {home}/e;
  server {{
    listen 127.0.0.1:{port}{tls};
    location / {{ default_type application/json; return 200 '{body}'; }}
  }}
}}
"""
TLS = " ssl; ssl_certificate {home}/server.pem; ssl_certificate_key {home}/server.pem"


class NotRun(Exception):
    """Why a benchmark could not be run on this machine."""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running target: its URL, the pid of its one worker, and the CA that it is to be verified with."""

    url: str
    worker: int
    ca_file: str | None = None


def pinned(core: int, *command: str) -> list[str]:
    """The command on one core."""
    return ["taskset", "-c", str(core), *command]


@contextlib.contextmanager
def nginx(*, tls: bool = False) -> Iterator[Nginx]:
    """The target on the first core, as long as the context lasts.

    Raises:
        NotRun: there is no nginx, or it does not start.
    """
    if shutil.which("nginx") is None:
        raise NotRun("nginx is not on PATH (Debian: nginx-light)")
    with tempfile.TemporaryDirectory(prefix="hybridcheck-bench-") as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        ca_file = certificate(Path(home)) if tls else None
        config = Path(home) / "nginx.conf"
        config.write_text(NGINX.format(home=home, port=port, body=BODY, tls=TLS.format(home=home) if tls else ""))
        with subprocess.Popen(pinned(SERVER_CORE, "nginx", "-c", str(config)), stderr=subprocess.DEVNULL) as server:
            try:
                wait_for(port)
                scheme = "https" if tls else "http"
                yield Nginx(f"{scheme}://127.0.0.1:{port}/", worker_of(server.pid), ca_file)
            finally:
                server.terminate()


def certificate(home: Path) -> str:
    """A certificate for 127.0.0.1 in `server.pem`; the path of its CA."""
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(home / "server.pem"))
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    return str(home / "ca.pem")


def wait_for(port: int) -> None:
    """Return when the port accepts."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise NotRun("nginx does not start")


def worker_of(pid: int) -> int:
    """Nginx's one worker process."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
