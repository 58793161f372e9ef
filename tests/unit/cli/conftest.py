"""Handmade verdicts as fixtures. Loaded by path: httpbin installs a package named `tests`, which hides this folder."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from hybridcheck.verdict import Verdict


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "handmade_verdicts", Path(__file__).parents[1] / "writers" / "verdicts.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def verdicts() -> ModuleType:
    """The factory of handmade verdicts."""
    return _load()


@pytest.fixture
def ready(verdicts: ModuleType) -> Verdict:
    """READY, with one case."""
    made: Verdict = verdicts.verdict()
    return made


@pytest.fixture
def blocked(verdicts: ModuleType) -> Verdict:
    """NOT_READY, with a case of every outcome in every group."""
    made: Verdict = verdicts.blocked()
    return made


@pytest.fixture
def hostile(verdicts: ModuleType) -> Verdict:
    """NOT_READY, every text that a target can reach is an attack."""
    made: Verdict = verdicts.hostile()
    return made
