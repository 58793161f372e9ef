"""Judging while it is measured never learns from what is taken away: a decision is withdrawn, never made or turned."""

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from hybridcheck.statistics import sequential
from hybridcheck.statistics.spread import Batch

SECONDS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=10, max_size=25)
LOST = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=25, max_size=25)


def asked(batches: list[Batch], limit: float) -> str:
    """With both sides asked for, and a look back; a pass as early as a fail, so that short runs try it too."""
    with patch.object(sequential, "PASS_BATCHES", sequential.MIN_BATCHES):
        return sequential.certain(batches, limit, fail_alpha=0.01, pass_alpha=0.05, looks=10)


@settings(max_examples=150, deadline=None)
@given(SECONDS, LOST, st.sampled_from([0.01, 0.05, 0.3]))
def test_missing_evidence_only_withdraws(
    seconds: list[tuple[int, int]], lost: list[tuple[float, float]], limit: float
) -> None:
    """Some of the good and of the bad answers of each second become unknown; the planned totals stay."""
    whole = [Batch(bad=bad, total=bad + good) for bad, good in seconds]
    less = [
        Batch(bad=bad - round(bad * of_bad), total=bad + good, missing=round(bad * of_bad) + round(good * of_good))
        for (bad, good), (of_bad, of_good) in zip(seconds, lost, strict=False)
    ]
    before, after = asked(whole, limit), asked(less, limit)
    assert after in (before, "open")
