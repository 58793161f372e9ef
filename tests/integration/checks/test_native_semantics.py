"""Through the whole gate: several mistakes of a native service at once, each found by its check and named."""

import asyncio
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget
from hybridcheck.reference.defects import BY_NAME
from hybridcheck.reference.planted_in_native_semantics import IN_NATIVE_SEMANTICS
from hybridcheck.verdict import CaseVerdict, Outcome, Ruling

pytestmark = pytest.mark.timeout(400)

TOPICS = ("numeric.*", "text.*", "json.*", "ordering.*", "time.*")

TOGETHER = (
    "native-sat64 native-truncdiv native-halfaway native-nul-cut native-bytelen native-asciiup native-ties-reversed",
    "native-offset-dropped native-now-for-past native-naivesum native-cmod native-utf16len native-mojibake native-hash-order",
    "native-wrap64 native-dbl53 native-f32 native-local-time native-int-token native-nameless-lost",
    "native-indef native-minus1 native-surrogates native-onepass native-pow-zero native-late-type json-trailing-comma",
    "native-read-wrap64 native-byte-limit native-inf native-clock-local native-lone-number",
    "native-unescaped native-g6",
)
"""Mistakes that do not hide each other."""


def judged(folder: Path, defects: tuple[str, ...]) -> tuple[Ruling, list[CaseVerdict]]:
    """The verdict on the demo system with these mistakes, and the failed cases."""
    asked = gate.Request(
        demo=True, defects=defects, budget=Budget.QUICK, only=TOPICS, output_dir=folder, variables={}, seed=7
    )
    verdict = asyncio.run(gate.run(asked)).verdict
    cases = [case for check in verdict.checks for case in check.cases]
    return verdict.verdict, [case for case in cases if case.finding.outcome is Outcome.FAIL]


@pytest.mark.parametrize("planted", TOGETHER)
def test_mistakes_are_found_and_named(planted: str, tmp_path: Path) -> None:
    """Each has a failed case of its own check, with its signature and a line that sends the smallest wrong vector."""
    names = tuple(planted.split())
    ruling, failed = judged(tmp_path, names)
    assert ruling is Ruling.FAILED
    for defect in (BY_NAME[name] for name in names):
        cases = [case for case in failed if case.check == defect.check]
        signatures = [case.finding.figures.get("signature", "") for case in cases]
        assert defect.signature in signatures, defect.name
        assert all("--data-raw" in (case.replay_curl or "") for case in cases if case.check != "time.clock-true")


def test_every_mistake_is_shown_here() -> None:
    """Nothing of the catalogue is left out."""
    assert {name for planted in TOGETHER for name in planted.split()} == {d.name for d in IN_NATIVE_SEMANTICS}
