"""Recognisers of wrong order."""

from collections.abc import Hashable, Sequence
from itertools import groupby
from typing import TypeVar

from hybridcheck.diagnosis.signatures import Signature

Row = TypeVar("Row", bound=Hashable)


def of_ranking(want: Sequence[tuple[Row, float]], got: Sequence[Row]) -> tuple[Signature, ...]:
    """What turns a ranking, as (row, key) in the expected order, into the one that came.

    TIESREV: runs of equal keys are reversed. HASHORD: the same rows in another order; the caller has to see that order
    more than once.
    """
    rows = [row for row, _ in want]
    if list(got) == rows:
        return ()
    runs = [[row for row, _ in run] for _, run in groupby(want, key=lambda pair: pair[1])]
    if list(got) == [row for run in runs for row in reversed(run)]:
        return (Signature.TIESREV,)
    keys = dict(want)
    sorted_by_key = [keys.get(row) for row in got] == [key for _, key in want]
    same_rows = len(got) == len(rows) and set(got) == set(rows)
    return (Signature.HASHORD,) if same_rows and sorted_by_key else ()
