"""No judge passes on less, over a run of the healthy system (tests/alone: the verdict as a whole); and a defect planted in it is found."""

import asyncio
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget, Group
from hybridcheck.checks.catalogue import CHECKS, by_id
from hybridcheck.verdict import Ruling
from tests.property.evidence_removal import assert_no_judge_knows_more

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

RAN = (Group.REQUIRED, Group.ADVISORY)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> gate.GateResult:
    """A quick run against the healthy reference system."""
    folder = tmp_path_factory.mktemp("results")
    request = gate.Request(demo=True, budget=Budget.QUICK, output_dir=folder, variables={}, seed=7)
    return asyncio.run(gate.run(request))


def test_no_judge_passes_on_less(healthy: gate.GateResult) -> None:
    """What passed stays a pass or becomes undecided on less evidence; every check that has a case has its turn."""
    asked = {check for check, _ in assert_no_judge_knows_more(healthy.ledger_path, by_id(), most=12, seed=11)}
    ran = {case.check for check in healthy.verdict.checks for case in check.cases if case.group in RAN}
    assert asked == ran
    assert len(asked) > 0.8 * len(CHECKS), {check.id for check in CHECKS} - asked


def test_a_planted_defect_blocks(tmp_path: Path) -> None:
    """The defect is found through the whole gate, and the first blocking case belongs to its check."""
    request = gate.Request(
        demo=True, defects=("no-auth",), budget=Budget.QUICK, fail_fast=True, output_dir=tmp_path, variables={}, seed=7
    )
    result = asyncio.run(gate.run(request))
    assert result.verdict.verdict is Ruling.NOT_READY
    first = next(reason for reason in result.verdict.reasons if reason.blocking)
    assert first.case is not None
    assert first.case.startswith("authn.missing-credentials-refused")
