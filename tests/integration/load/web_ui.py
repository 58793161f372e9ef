"""`hybridcheck load --ui` as a process, and what a test needs to reach it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.integration.load.conftest import Target

PROFILE = """
version: 1
targets: {local: {url: "%s", environment: local}}
operations: [{id: fine, request: GET /ok}]
thresholds: {max_latency_ms: 500, max_error_ratio: 0.05}
load:
  spike: {shape: spike, rate_rps: 20, peak_rps: 80, peak_s: 1, duration_s: 4, warmup_s: 1, judge: hold}
  endless: {rate_rps: 20, duration_s: 600, warmup_s: 1}
"""
SPIKE = "spike (spike, up to 80 req/s, 4 s)"
ENDLESS = "endless (steady, up to 20 req/s, 600 s)"


@dataclass
class OpenUi:
    """A web UI that is being served: where, by which process, and where its runs leave their evidence."""

    url: str
    process: subprocess.Popen[str]
    results: Path

    def start(self, shape: str, **form: str) -> dict[str, Any]:
        """Start a phase as the form does, and what was answered."""
        found: dict[str, Any] = httpx.post(f"{self.url}/swarm", data={"shape_class": shape, **form}).json()
        return found

    def state(self) -> dict[str, Any]:
        """What the bar of every page shows."""
        found: dict[str, Any] = httpx.get(f"{self.url}/hybridcheck/state").json()
        return found

    def wait_for(self, what: str, patience_s: float = 20.0) -> dict[str, Any]:
        """The state once its words contain something."""
        until = time.monotonic() + patience_s
        while what not in (state := self.state())["words"]:
            assert time.monotonic() < until, f"still {state}, not {what!r}"
            time.sleep(0.05)
        return state

    def verdicts(self) -> list[dict[str, Any]]:
        """Every verdict on disk, oldest first."""
        return [json.loads(path.read_text()) for path in sorted(self.results.glob("*/verdict.json"))]

    def end(self, number: signal.Signals) -> int:
        """End it by a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def serving_ui(target: Target, folder: Path, *options: str, **variables: str) -> Iterator[OpenUi]:
    """The UI over a small profile of a target."""
    profile = folder / "hybridcheck.yaml"
    profile.write_text(PROFILE % target.url)
    command = [sys.executable, "-m", "hybridcheck", "load", "--ui", "--ui-port", "0", "--budget", "full"]
    command += ["--profile", str(profile), "--output-dir", str(folder / "results"), *options]
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline()
            found = re.search(r"http://\S+", said)
            assert found is not None, said + process.stderr.read()
            yield OpenUi(found.group(0), process, folder / "results")
        finally:
            process.kill()
