"""Running reference systems for tests: one healthy one for all, and one for each defect."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import ModuleType

import pytest

from tests.integration.reference.visitor import Visitor, visiting

PREFIX = "sees_"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `observer` runs once for each function `sees_DEFECT` of its module."""
    if "observer" in metafunc.fixturenames:
        found = observers(metafunc.module)
        metafunc.parametrize("observer", found.values(), ids=found.keys())


def observers(module: ModuleType) -> dict[str, Callable[[Visitor], bool]]:
    """The observers of a module by the name of the defect that each sees."""
    return {
        name.removeprefix(PREFIX).replace("_", "-"): function
        for name, function in vars(module).items()
        if name.startswith(PREFIX)
    }


@pytest.fixture(scope="session")
def healthy() -> Iterator[Visitor]:
    """A healthy system, shared by all tests that leave it as it is."""
    with visiting() as visitor:
        yield visitor


@pytest.fixture(scope="module")
def together(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Visitor]]:
    """The system that has a defect and others: one for each line of the module's TOGETHER, started when first asked."""
    running: dict[str, Visitor] = {}
    with ExitStack() as stack:

        def system_with(defect: str) -> Visitor:
            (planted,) = (line for line in request.module.TOGETHER if defect in line.split())
            if planted not in running:
                running[planted] = stack.enter_context(visiting(*planted.split()))
            return running[planted]

        yield system_with
