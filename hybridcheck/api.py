"""The Python API of requirement 004: run the gate from a program, inside a running event loop, and read its figures.

Every call rests on one run of the gate; its verdict and its evidence stay on disk. What was not measured is None.

    framework = get_hybrid_integration_framework("http://localhost:8000")
    results = await framework.run_comprehensive_integration_tests()
    production = await framework.validate_production_readiness()
    reports = await framework.generate_validation_reports()
"""

import asyncio
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybridcheck import gate
from hybridcheck.cases import Budget, Json
from hybridcheck.verdict import Verdict
from hybridcheck.writers.formats import MODULES, Page

Results = dict[str, Any]
"""Results in the shape of requirement 004: nested dicts with `passed`, `duration` and figures."""


class Tester:
    """The base of all parts: one run of the gate over a target, made when the first result is asked for.

    Args:
        base_url: URL of the target, or the name of a target that the profile declares.
        profile: the profile file; by default `hybridcheck.yaml` in the working folder or above.
        budget: how long the run may take.
        output_dir: the folder that gets `RUN_ID/verdict.json` and its ledger.
        variables: environment variables for references and overrides; by default the process's own.
        demo: run against an embedded reference system instead, with these `defects` planted in it.
    """

    suites: tuple[str, ...] = ()

    def __init__(
        self,
        base_url: str | None = None,
        *,
        profile: Path | str | None = None,
        budget: Budget = Budget.STANDARD,
        output_dir: Path | str = "hybridcheck-results",
        variables: Mapping[str, str] | None = None,
        demo: bool = False,
        defects: tuple[str, ...] = (),
    ) -> None:
        self._request = gate.Request(
            base_url=base_url,
            profile_path=Path(profile) if profile is not None else None,
            budget=budget,
            suites=self.suites,
            output_dir=Path(output_dir),
            variables=variables,
            demo=demo,
            defects=defects,
            signals=False,
        )
        self._lock = asyncio.Lock()
        self._result: gate.GateResult | None = None

    async def verdict(self) -> Verdict:
        """The verdict of this object's run, which is made on the first call.

        Raises:
            UsageError: the profile, the target or the output folder is wrong; nothing was sent.
        """
        return (await self._run()).verdict

    async def _run(self) -> gate.GateResult:
        async with self._lock:
            if self._result is None:
                self._result = await gate.run(self._request)
        return self._result


class HybridIntegrationFramework(Tester):
    """The whole gate: every suite, validation and quality figure of one run."""

    async def run_comprehensive_integration_tests(self) -> Results:
        """The `integration` tree: CPython, Codon, hybrid, validation and quality tests, each leaf naming its cases."""
        return (await self.verdict()).integration

    async def validate_production_readiness(self) -> Results:
        """The `production` tree: performance, reliability, security, scalability and monitoring validation."""
        return (await self.verdict()).production

    async def generate_validation_reports(self) -> dict[str, str]:
        """The verdict in every report format, by the format's name (`json`, `markdown`, `junit`, `console`)."""
        result = await self._run()
        page = Page(folder=str(result.folder))
        writers = {name: importlib.import_module(module) for name, module in MODULES.items()}
        return {name: str(writer.render(result.verdict, page)) for name, writer in writers.items()}


class SuiteTester(Tester):
    """A suite of the integration tree on its own; its verdict is scoped (PASSED, FAILED or INCONCLUSIVE)."""

    branch = ""

    async def run(self) -> Results:
        """The branch of the `integration` tree that this suite fills."""
        tree: dict[str, Json] = (await self.verdict()).integration
        return tree[self.branch] if self.branch else tree


class CPythonIntegrator(SuiteTester):
    """Services on CPython: authentication, dashboards, streaming."""

    suites = ("cpython",)
    branch = "cpython_tests"


class CodonIntegrator(SuiteTester):
    """Services that Codon compiles: analytics, AI detection, monitoring."""

    suites = ("codon",)
    branch = "codon_tests"


class HybridIntegrator(SuiteTester):
    """What lies between the services: boundaries, communication patterns, the API as a whole."""

    suites = ("hybrid",)
    branch = "hybrid_tests"


class EndToEndTester(SuiteTester):
    """Every integration suite in one run."""

    suites = ("end_to_end",)


class ValidationEngine(Tester):
    """Functional, performance and security validation of a whole run."""

    async def validate(self) -> Results:
        """The `validation_tests` branch of the integration tree."""
        tree: Results = (await self.verdict()).integration["validation_tests"]
        return tree


class QualityAssurance(Tester):
    """Quality figures of a whole run; code quality is not visible from outside and stays None."""

    async def assess(self) -> Results:
        """The `quality_tests` branch of the integration tree."""
        tree: Results = (await self.verdict()).integration["quality_tests"]
        return tree


def get_hybrid_integration_framework(base_url: str | None = None, **options: Any) -> HybridIntegrationFramework:
    """The framework over a target; `options` are those of `Tester`."""
    return HybridIntegrationFramework(base_url, **options)
