"""Through the whole gate: mistakes of a socket layer and of error answers, several at once, each found by its check."""

import asyncio
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget
from hybridcheck.reference.defects import BY_NAME
from hybridcheck.verdict import Outcome, Ruling

pytestmark = pytest.mark.timeout(400)

TOGETHER = (
    "wire-body-one-recv wire-bad-input-kills wire-header-case gzip-mislabelled error-body-as-200 wire-index-unchecked",
    "query-decoded-twice sse-text-split",
)
"""Mistakes that do not hide each other; the others of the wire are seen in tests/integration/reference."""


def test_mistakes_of_the_wire_are_found(tmp_path: Path) -> None:
    """Each has a failed case of its own check, with its signature where it has one."""
    defects = [BY_NAME[name] for name in " ".join(TOGETHER).split()]
    asked = gate.Request(
        demo=True,
        defects=tuple(defect.name for defect in defects),
        budget=Budget.QUICK,
        only=tuple(defect.check for defect in defects),
        output_dir=tmp_path,
        variables={},
        seed=7,
    )
    verdict = asyncio.run(gate.run(asked)).verdict
    assert verdict.verdict is Ruling.FAILED
    failed = [case for check in verdict.checks for case in check.cases if case.finding.outcome is Outcome.FAIL]
    for defect in defects:
        signatures = {case.finding.figures.get("signature", "") for case in failed if case.check == defect.check}
        assert defect.signature in signatures, defect.name
