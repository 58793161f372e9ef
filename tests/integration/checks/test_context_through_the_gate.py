"""Checks of context and resilience through the whole gate: many defects at once, each found by its own check."""

from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget
from hybridcheck.reference.defects import BY_NAME

pytestmark = pytest.mark.timeout(400)

DEFECTS = (
    "tenant-shared",
    "native-any-key",
    "deadline-not-passed",
    "cancellation-ignored",
    "native-500-passed-on",
    "schema-skew",
    "builds-mixed",
    "key-ignored",
    "overload-500",
    "native-down-500",
)


async def test_each_defect_is_found_by_its_own_check(tmp_path: Path) -> None:
    """A system with all of them fails every check that they name."""
    named = tuple(BY_NAME[defect].check for defect in DEFECTS)
    asked = gate.Request(
        demo=True, defects=DEFECTS, only=named, budget=Budget.QUICK, output_dir=tmp_path, variables={}, signals=False
    )
    verdict = (await gate.run(asked)).verdict
    failed = {check.id for check in verdict.checks for case in check.cases if case.finding.outcome == "fail"}
    assert failed == set(named)
