"""Through the whole gate: mistakes at the edges of native types and on one side of the boundary, each found and named."""

import asyncio
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget, SafetyClass
from hybridcheck.diagnosis.signatures import Signature
from hybridcheck.reference.defects import BY_NAME, CATALOGUE
from hybridcheck.reference.planted_in_native_edges import IN_NATIVE_EDGES
from hybridcheck.verdict import Outcome, Ruling

pytestmark = pytest.mark.timeout(400)

TOGETHER = (
    "native-int-indef native-shift-masked native-prefix-bytes native-strip-ascii native-digits-ascii native-key-order",
    "native-partition-signed native-validate-newline native-binary-nul duplicate-first-wins native-zero-answers",
    "native-validate-digits native-binary-text unknown-members-dropped native-zero-crash native-depth-500 native-fmod",
    "native-nan-canonical native-depth-crash generation-misdeclared codon-trace native-sum-reordered",
    "native-smallest-crash native-float-floordiv",
)
"""Mistakes that do not hide each other."""

BY_TIME = {"native-hash-flooding"}
"""What only times show is not for a machine that does other things as well: `make accuracy` shows it."""


@pytest.mark.parametrize("planted", TOGETHER)
def test_mistakes_are_found_and_named(planted: str, tmp_path: Path) -> None:
    """Each has a failed case of its own check, with its signature and a line that sends it again."""
    defects = [BY_NAME[name] for name in planted.split()]
    asked = gate.Request(
        demo=True,
        defects=tuple(planted.split()),
        budget=Budget.QUICK,
        only=tuple(sorted({defect.check for defect in defects})),
        allow=(SafetyClass.ABUSE,),
        output_dir=tmp_path,
        variables={},
        seed=7,
    )
    verdict = asyncio.run(gate.run(asked)).verdict
    assert verdict.verdict is Ruling.FAILED
    failed = [case for check in verdict.checks for case in check.cases if case.finding.outcome is Outcome.FAIL]
    for defect in defects:
        cases = [case for case in failed if case.check == defect.check]
        assert defect.signature in [case.finding.figures.get("signature", "") for case in cases], defect.name
        assert all("curl " in (case.replay_curl or "") for case in cases)


def test_every_mistake_is_shown_here_and_every_signature_somewhere() -> None:
    """Nothing of the catalogue is left out."""
    shown = {name for planted in TOGETHER for name in planted.split()}
    assert shown | BY_TIME == {defect.name for defect in IN_NATIVE_EDGES}
    assert {defect.signature for defect in CATALOGUE} - {""} == set(Signature)
