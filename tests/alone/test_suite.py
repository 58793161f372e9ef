"""The Python API of requirement 004: a suite on its own, inside a running event loop."""

from pathlib import Path

import pytest

from hybridcheck.api import CPythonIntegrator
from hybridcheck.cases import Budget

pytestmark = pytest.mark.timeout(600)


async def test_a_suite_on_its_own_gives_its_branch(tmp_path: Path) -> None:
    """A scoped run examines its own leaves and says PASSED, never READY."""
    integrator = CPythonIntegrator(demo=True, budget=Budget.QUICK, output_dir=tmp_path, variables={})
    branch = await integrator.run()
    assert set(branch) == {"auth_integration", "dashboard_integration", "streaming_integration", "passed"}
    assert branch["dashboard_integration"]["passed"] is True
    assert (await integrator.verdict()).verdict == "PASSED"
