"""Data sets that the tester makes: normal rows, rows with anomalies, time series. Pure but for the given random source.

The tester keeps the labels, so what a detection service says of such rows can be held against what is true.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hybridcheck.cases import Json
from hybridcheck.profile.workflows import DataSet

T = TypeVar("T")

INSIDE = 3.0
"""Deviations from the center within which a normal row lies: beyond it nobody could tell it from an anomaly."""

WAVE, TREND = 3.0, 0.005
"""A series: height of its wave, and climb per row, in deviations of its noise."""

DIGITS = 6


class Source(Protocol):
    """What is asked of a random generator (`random.Random` has it)."""

    def random(self) -> float:
        """A number from 0 to 1."""
        ...

    def gauss(self, mu: float, sigma: float) -> float:
        """A normally distributed number."""
        ...

    def sample(self, population: Sequence[T], k: int) -> list[T]:
        """So many different ones."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """A data set that was made: its rows (numbers, or lists of them), which are anomalies, and when each was seen (s)."""

    values: tuple[Json, ...]
    anomalies: frozenset[int]
    times: tuple[float, ...]

    def variables(self) -> dict[str, Json]:
        """What a workflow may use of it; the labels are not among it. Figures are of sets with one column."""
        found: dict[str, Json] = {"values": list(self.values), "count": len(self.values), "times": list(self.times)}
        if not isinstance(self.values[0], list):
            total = math.fsum(self.values)
            figures = {"sum": total, "mean": total / len(self.values)}
            figures |= {"minimum": min(self.values), "maximum": max(self.values)}
            pairs = [{"at_s": at, "value": value} for at, value in zip(self.times, self.values, strict=True)]
            found |= {**figures, "pairs": pairs}
        return found


def make(spec: DataSet, source: Source) -> Made:
    """A data set as declared; the same source in the same state gives the same rows.

    Exactly the declared share of the rows, rounded and at least one where it is not 0, are anomalies.
    """
    count = max(1, round(spec.ratio * spec.rows)) if spec.ratio else 0
    anomalies = frozenset(source.sample(range(spec.rows), count))
    rows = [_row(spec, index, source, is_anomaly=index in anomalies) for index in range(spec.rows)]
    values = tuple(row[0] if spec.columns == 1 else row for row in rows)
    return Made(values, anomalies, tuple(index * spec.step_s for index in range(spec.rows)))


def _row(spec: DataSet, index: int, source: Source, *, is_anomaly: bool) -> list[float]:
    base = spec.center
    if spec.kind == "series":
        base += spec.spread * (WAVE * math.sin(2 * math.pi * index / spec.period) + TREND * index)
    shift = 0.0
    if is_anomaly:
        shift = spec.distance * spec.spread * (1 if source.random() < 0.5 else -1)
    return [round(base + shift + spec.spread * _noise(source), DIGITS) for _ in range(spec.columns)]


def _noise(source: Source) -> float:
    """A standard normal number within `INSIDE`."""
    while True:
        found = source.gauss(0.0, 1.0)
        if abs(found) <= INSIDE:
            return found
