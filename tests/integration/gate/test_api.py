"""The Python API of requirement 004: its three calls inside a running event loop, on one run of the gate."""

import json
import os
from pathlib import Path

import pytest

from hybridcheck.api import CPythonIntegrator, get_hybrid_integration_framework
from hybridcheck.cases import Budget

pytestmark = pytest.mark.timeout(180)


async def test_the_three_calls_rest_on_one_run(tmp_path: Path) -> None:
    """Integration tests, production validation and reports have the shapes of requirement 004."""
    framework = get_hybrid_integration_framework(demo=True, budget=Budget.QUICK, output_dir=tmp_path, variables={})
    results = await framework.run_comprehensive_integration_tests()
    production = await framework.validate_production_readiness()
    reports = await framework.generate_validation_reports()
    assert len(os.listdir(tmp_path)) == 1  # noqa: PTH208 - pathlib blocks in async code
    assert results["cpython_tests"]["auth_integration"]["passed"] is True
    assert results["passed"] is True
    assert production["performance_validation"]["throughput_validation"]["rps"] > 0
    assert production["scalability_validation"]["horizontal_scaling"]["scale_factor"] is None
    assert json.loads(reports["json"])["verdict"] == "READY"


async def test_a_suite_on_its_own_gives_its_branch(tmp_path: Path) -> None:
    """A scoped run examines its own leaves and says PASSED, never READY."""
    integrator = CPythonIntegrator(demo=True, budget=Budget.QUICK, output_dir=tmp_path, variables={})
    branch = await integrator.run()
    assert set(branch) == {"auth_integration", "dashboard_integration", "streaming_integration", "passed"}
    assert branch["dashboard_integration"]["passed"] is True
    assert (await integrator.verdict()).verdict == "PASSED"
