"""The pytest fixture, in a pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.small_target import Sound, serving
from tests.e2e.test_hostile_targets import PASSWORD, profile

TEST = """
def test_ready(hybridcheck_verdict):
    assert hybridcheck_verdict.verdict == "READY", hybridcheck_verdict.reasons
"""


def test_a_test_gets_the_verdict(tmp_path: Path) -> None:
    """Opted in by the conftest, the fixture runs the gate once and gives its verdict."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["hybridcheck.pytest_plugin"]\n')
    (tmp_path / "test_ready.py").write_text(TEST)
    options = ("--hybridcheck-base-url", "t", "--hybridcheck-budget", "quick", "-q", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", str(tmp_path), *options]
    with serving(Sound(PASSWORD)) as base_url:
        (tmp_path / "hybridcheck.yaml").write_text(profile(base_url), encoding="utf-8")
        environment = os.environ | {"ANN_PASSWORD": PASSWORD}
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
