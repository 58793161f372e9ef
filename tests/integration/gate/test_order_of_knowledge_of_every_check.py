"""Less evidence never decides otherwise: checks that fail, over a run with many defects (of_a_run: those that pass)."""

import asyncio
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget
from hybridcheck.checks.catalogue import by_id
from hybridcheck.verdict import Outcome, Ruling
from tests.property.evidence_removal import assert_no_judge_knows_more

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

DEFECTS = (
    "wrong-schema", "malformed-json-500", "garbage-token-accepted", "refresh-reuse", "bola-read", "collection-leak",
    "stack-trace", "leaks-secret", "missing-nosniff", "cookie-not-httponly", "exposed-git", "sse-out-of-order",
    "sse-anonymous", "ws-lossy", "nan-in-json", "native-error-as-200", "trace-dropped", "counter-decreases",
    "flaky-errors", "dashboard-stale",
)  # fmt: skip
"""Defects of all kinds at once: fails, and cases that others' defects leave undecided."""

MOST = 12
"""Records of one case that are taken away one by one."""


def run_of_the_demo(folder: Path, *defects: str) -> gate.GateResult:
    """A quick run against the reference system with these defects."""
    request = gate.Request(demo=True, defects=defects, budget=Budget.QUICK, output_dir=folder, variables={}, seed=11)
    return asyncio.run(gate.run(request))


def test_no_judge_fails_on_less(tmp_path: Path) -> None:
    """Twenty defects at once: they block, one under load among them; fails and undecided cases keep the order as well."""
    result = run_of_the_demo(tmp_path, *DEFECTS)
    assert result.verdict.verdict is Ruling.NOT_READY
    blocking = {reason.case.partition("[")[0] for reason in result.verdict.reasons if reason.blocking and reason.case}
    assert "load.error-limit" in blocking
    seen = assert_no_judge_knows_more(result.ledger_path, by_id(), most=MOST, seed=11)
    failed = {check for check, outcome in seen if outcome is Outcome.FAIL}
    assert len(failed) >= 12, sorted(failed)
    assert any(outcome is Outcome.INCONCLUSIVE for _, outcome in seen)
