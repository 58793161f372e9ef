"""A pytest fixture that gives a test the verdict of one run of the gate.

Opt in with `pytest_plugins = ["hybridcheck.pytest_plugin"]` in the top conftest.py; it is not loaded by itself, since a
plugin that every pytest session of an environment loads is a nuisance.

    def test_staging_is_ready(hybridcheck_verdict):
        assert hybridcheck_verdict.verdict == "READY", hybridcheck_verdict.reasons
"""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget
from hybridcheck.verdict import Verdict


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that say what is judged, and how long it may take."""
    group = parser.getgroup("hybridcheck")
    group.addoption("--hybridcheck-base-url", help="URL of the system, or the name of a target in the profile")
    group.addoption("--hybridcheck-profile", type=Path, help="the profile; else hybridcheck.yaml here or above")
    group.addoption("--hybridcheck-budget", type=Budget, default=Budget.STANDARD, choices=list(Budget))
    group.addoption("--hybridcheck-demo", action="store_true", help="judge an embedded reference system")


@pytest.fixture(scope="session")
def hybridcheck_verdict(request: pytest.FixtureRequest) -> Iterator[Verdict]:
    """The verdict of one run for the whole session; its evidence is removed with the session."""
    option = request.config.getoption
    with tempfile.TemporaryDirectory(prefix="hybridcheck-pytest-") as folder:
        asked = gate.Request(
            base_url=option("--hybridcheck-base-url"),
            profile_path=option("--hybridcheck-profile"),
            budget=option("--hybridcheck-budget"),
            demo=option("--hybridcheck-demo"),
            output_dir=Path(folder),
            signals=False,
        )
        yield asyncio.run(gate.run(asked)).verdict
