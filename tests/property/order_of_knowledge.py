"""Taking evidence away leaves a verdict as it is or makes it inconclusive: asserted over any ledger.

Use it over real ledgers too: `assert_order_of_knowledge(path, by_id())`. It judges the ledger once for every line that
it takes away (all of a small ledger, `most` of a large one).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from hybridcheck.checks.check import Check
from hybridcheck.engine.judging import judge
from hybridcheck.errors import LedgerError
from hybridcheck.evidence import RECORD, Gap, GapReason
from hybridcheck.ledger import from_lines
from hybridcheck.verdict import Outcome, Ruling, Verdict

SETTLED = frozenset({Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE})
UNDECIDED = frozenset({Outcome.INCONCLUSIVE, Outcome.ERROR})


def judged(lines: Iterable[bytes], checks: Mapping[str, Check]) -> Verdict:
    """The verdict of these lines."""
    return judge(from_lines(lines), checks, ledger_name="ledger.ndjson", tool_version="1")


def assert_order_of_knowledge(
    ledger: Path | Sequence[bytes], checks: Mapping[str, Check], *, most: int = 400, subsets: int = 20, seed: int = 0
) -> Verdict:
    """Assert both properties of verdict.md over a ledger, and that judging it twice gives the same bytes.

    Args:
        ledger: a ledger file, or its lines.
        checks: every check under its id.
        most: how many lines at most are taken away one by one; a larger ledger is sampled.
        subsets: how many random subsets are taken away.
        seed: of the sampling.

    Returns:
        The verdict of the whole ledger.
    """
    lines = ledger.read_bytes().splitlines(keepends=True) if isinstance(ledger, Path) else list(ledger)
    random = Random(seed)
    whole = judged(lines, checks)
    assert judged(lines, checks).model_dump_json() == whole.model_dump_json()
    with pytest.raises(LedgerError):
        judged(lines[1:], checks)
    numbers = range(1, len(lines))
    for number in sorted(random.sample(numbers, min(most, len(numbers)))):
        assert_no_more_is_known(whole, without(lines, {number}), checks, f"line {number} deleted")
        assert_no_more_is_known(whole, gapped(lines, {number}), checks, f"line {number} became a gap")
    for _ in range(subsets):
        share = random.random()
        chosen = {number for number in numbers if random.random() < share}
        assert_no_more_is_known(whole, without(lines, chosen), checks, f"{sorted(chosen)} deleted")
        assert_no_more_is_known(whole, gapped(lines, chosen), checks, f"{sorted(chosen)} became gaps")
    half = set(random.sample(numbers, len(numbers) // 2))
    assert half == set() or judged(without(lines, half), checks).verdict not in (Ruling.READY, Ruling.PASSED)
    return whole


def assert_no_more_is_known(whole: Verdict, lines: list[bytes], checks: Mapping[str, Check], what: str) -> None:
    """Assert that a verdict on less evidence is the same or inconclusive, case by case and as a whole."""
    less = judged(lines, checks)
    assert less.verdict in (whole.verdict, Ruling.INCONCLUSIVE), f"{what}: {whole.verdict} became {less.verdict}"
    before, after = outcomes(whole), outcomes(less)
    assert before.keys() == after.keys()
    for case, outcome in before.items():
        fewer = after[case]
        allowed = {outcome, Outcome.INCONCLUSIVE} if outcome in SETTLED else {outcome, *UNDECIDED}
        assert fewer in allowed, f"{what}: {case} was {outcome} and became {fewer}"


def outcomes(verdict: Verdict) -> dict[str, Outcome]:
    """The outcome of each case."""
    return {case.id: case.finding.outcome for check in verdict.checks for case in check.cases}


def without(lines: Sequence[bytes], numbers: set[int]) -> list[bytes]:
    """The lines but for some."""
    return [line for number, line in enumerate(lines) if number not in numbers]


def gapped(lines: Sequence[bytes], numbers: set[int]) -> list[bytes]:
    """The lines with some records replaced by gaps of the same number and stream."""
    return [_gap(line) if number in numbers else line for number, line in enumerate(lines)]


def _gap(line: bytes) -> bytes:
    try:
        record = RECORD.validate_json(line)
    except ValueError:
        return line
    label = str(json.loads(line).get("label", ""))
    reasons = list(GapReason)
    gap = Gap(n=record.n, stream=record.stream, label=label, reason=reasons[record.n % len(reasons)])
    return gap.model_dump_json().encode() + b"\n"
