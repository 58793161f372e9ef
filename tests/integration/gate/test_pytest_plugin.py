"""The pytest fixture, in a pytest of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
def test_ready(hybridcheck_verdict):
    assert hybridcheck_verdict.verdict == "READY", hybridcheck_verdict.reasons
"""


@pytest.mark.timeout(180)
def test_a_test_gets_the_verdict(tmp_path: Path) -> None:
    """Opted in by the conftest, the fixture runs the gate once and gives its verdict."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["hybridcheck.pytest_plugin"]\n')
    (tmp_path / "test_ready.py").write_text(TEST)
    options = ("--hybridcheck-demo", "--hybridcheck-budget", "quick", "-q", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", str(tmp_path), *options]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
