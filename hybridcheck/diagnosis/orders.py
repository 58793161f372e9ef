"""Recognisers of wrong order."""

from collections.abc import Hashable, Sequence
from itertools import groupby
from typing import TypeVar

from hybridcheck.diagnosis.signatures import Signature

Row = TypeVar("Row", bound=Hashable)


def of_keys(want: Sequence[str], got: Sequence[str]) -> tuple[Signature, ...]:
    """What turns the names of a document, in the expected order, into those that came: the same ones in another order."""
    return (Signature.HASHORD,) if list(got) != list(want) and sorted(got) == sorted(want) else ()


def of_ranking(want: Sequence[tuple[Row, float]], got: Sequence[Row]) -> tuple[Signature, ...]:
    """What turns a ranking, as (row, key) in the expected order, into the one that came.

    TIESREV: runs of equal keys are reversed. HASHORD: rows of equal keys in any other order than that of the input; the
    caller has to see that order more than once. Reversed runs could be either.
    """
    rows = [row for row, _ in want]
    if list(got) == rows:
        return ()
    keys = dict(want)
    same_rows = len(got) == len(rows) and set(got) == set(rows)
    if not same_rows or [keys[row] for row in got] != [key for _, key in want]:
        return ()
    runs = [[row for row, _ in run] for _, run in groupby(want, key=lambda pair: pair[1])]
    turned = list(got) == [row for run in runs for row in reversed(run)]
    return (Signature.TIESREV, Signature.HASHORD) if turned else (Signature.HASHORD,)
