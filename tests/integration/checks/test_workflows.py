"""Through the whole gate: three defects that only journeys see, and that do not hide each other, each found by its check."""

import asyncio
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.binding import DEMO_ALLOWS
from hybridcheck.cases import Budget
from hybridcheck.checks.catalogue import by_id
from hybridcheck.evidence import Created, Record
from hybridcheck.ledger import read
from hybridcheck.reference.defects import BY_NAME
from hybridcheck.reference.launcher import ReferenceSystem
from hybridcheck.transport.manifest import DONE, read_manifest
from hybridcheck.verdict import CaseVerdict, Outcome, Ruling
from tests.property.evidence_removal import assert_no_judge_knows_more

pytestmark = pytest.mark.timeout(400)

PROFILE = Path(__file__).resolve().parents[3] / "profiles" / "reference.yaml"
PLANTED = ("detector-of-nothing", "results-slow", "anomalies-missed")


ONLY = (
    "workflow.completes[* failure]",
    "workflow.completes[data-processing *]",
    "workflow.in-time",
    "workflow.reading-*",
)
"""Without the trainings that `results-slow` only makes slow."""


def run_of(folder: Path, *defects: str) -> gate.GateResult:
    """Most workflows of the reference system, made once; steps that no defect slows down may take as long as a busy machine."""
    profile = folder / "patient.yaml"
    text = PROFILE.read_text().replace("max_ms: 1000", "max_ms: 20000").replace("within_s: 3", "within_s: 20")
    profile.write_text(text)
    with ReferenceSystem(defects) as system:
        asked = gate.Request(
            base_url="demo", profile_path=profile, budget=Budget.QUICK, only=(*ONLY, "detection.*quality"),
            allow=tuple(DEMO_ALLOWS), output_dir=folder, variables=system.environment(), seed=7,
        )  # fmt: skip
        return asyncio.run(gate.run(asked))


def failed_in(result: gate.GateResult) -> list[CaseVerdict]:
    """The cases that failed."""
    cases = [case for check in result.verdict.checks for case in check.cases]
    return [case for case in cases if case.finding.outcome is Outcome.FAIL]


def test_journeys_arrive_or_are_named_and_nothing_is_left(tmp_path: Path) -> None:
    """Exactly their cases fail, all others arrive; less evidence never decides otherwise; everything is removed."""
    result = run_of(tmp_path, *PLANTED)
    assert result.verdict.verdict is Ruling.FAILED
    assert (result.verdict.plan.failed, result.verdict.plan.inconclusive) == (3, 0)
    assert result.verdict.plan.passed >= 13
    found = {case.check: case.finding for case in failed_in(result)}
    assert set(found) == {BY_NAME[name].check for name in PLANTED}
    assert (
        "step 'create' (POST /api/datasets/{dataset}/detectors as alice): status 201"
        in found["workflow.completes"].observed
    )
    assert found["workflow.in-time"].value is not None
    assert found["workflow.in-time"].value > 850  # planned by the defect
    assert found["detection.quality"].value == 0.25
    assert_no_judge_knows_more(result.ledger_path, by_id(), most=4, seed=7)
    assert {entry.step for entry in read_manifest(result.folder / "manifest.ndjson")} <= DONE
    records: tuple[Record, ...] = read(result.ledger_path).records
    assert all(record.removed is not False for record in records if isinstance(record, Created))
