"""Soak of the order of knowledge: taking evidence away leaves a verdict as it is or makes it INCONCLUSIVE."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hybridcheck import gate
from hybridcheck.cases import Budget
from hybridcheck.checks.catalogue import by_id
from tests.property.order_of_knowledge import assert_order_of_knowledge

LINES, SUBSETS = 60, 6
"""Lines that are taken away one by one, and random subsets, for each repeat; each once deleted and once made a gap."""

DEFECTS: tuple[tuple[str, ...], ...] = ((), ("slow",), ("native-g6", "bola-read", "sse-out-of-order"))


def knowledge(runs: int) -> Iterator[str]:
    """A healthy run and two with defects; each ledger judged again on less, `runs` times with other lines."""
    yield f"\n{runs} times {LINES} lines and {SUBSETS} random subsets, deleted and made gaps, of each ledger.\n"
    yield "| planted | verdict | verdicts on less that know more | goal | |"
    yield "|---|---|---:|---|---|"
    for planted in DEFECTS:
        with tempfile.TemporaryDirectory() as folder:
            asked = gate.Request(
                demo=True, defects=planted, budget=Budget.QUICK, output_dir=Path(folder), variables={}, signals=False
            )
            result = asyncio.run(gate.run(asked))
            wrong = [str(broken) for seed in range(runs) if (broken := _broken(result.ledger_path, seed))]
        met = "met" if not wrong else f"NOT MET: {wrong[0][:200]}"
        yield f"| {', '.join(planted) or 'nothing'} | {result.verdict.verdict} | {len(wrong)} of {runs} | 0 | {met} |"


def _broken(ledger: Path, seed: int) -> AssertionError | None:
    try:
        assert_order_of_knowledge(ledger, by_id(), most=LINES, subsets=SUBSETS, seed=seed)
    except AssertionError as broken:
        return broken
    return None
