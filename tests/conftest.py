"""What every test shares: nothing of the caller's environment reaches a test, and Locust never enters this process."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no defect of the code: Hypothesis judges values here, never wall-clock time.
settings.register_profile("hybridcheck", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("hybridcheck")

_FOREIGN_PREFIXES = ("HYBRIDCHECK_", "INTEGRATION_TEST_", "LOCUST_")
_FOREIGN_NAMES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})

_LONGEST = (
    "tests/integration/gate/test_order_of_knowledge",
    "tests/integration/gate/",
    "tests/e2e/test_init",
    "tests/e2e/test_hostile",
    "tests/e2e/test_strangers",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take longest, so that no process works on one of them when the others have ended."""
    ranks = {prefix: rank for rank, prefix in enumerate(_LONGEST)}
    items.sort(key=lambda item: next((ranks[p] for p in _LONGEST if item.nodeid.startswith(p)), len(ranks)))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove variables that change what the tool or its transport does."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN_PREFIXES) or name.upper() in _FOREIGN_NAMES:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _locust_stays_outside() -> Iterator[None]:
    """Fail a test that imports Locust or gevent here: importing them patches sockets for the whole process."""
    yield
    intruders = {"locust", "gevent"} & set(sys.modules)
    assert not intruders, f"{sorted(intruders)} must never be imported in the pytest process"
