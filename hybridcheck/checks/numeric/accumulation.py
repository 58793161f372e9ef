"""Are sums and statistics of floats as accurate as promised."""

import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.shrinking import parts
from hybridcheck.checks.vector_places import Named, OfList, declared, summing
from hybridcheck.checks.vectors import RIGHT, Reading, State, number_at, shown
from hybridcheck.diagnosis.numbers import of_sum
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.profile.probes import Aggregate
from hybridcheck.tokens.document import Number, Token, write

SUMS = (["0.5", "0.25"], ["0.1"] * 10, ["1e16", "1.0", "-1e16"], ["16777216.0", "1.0", "1.0"])
SERIES = (
    ["2", "4", "4", "4", "5", "5", "7", "9"],
    ["1", "2", "3", "4"],
    ["1000000004", "1000000007", "1000000013", "1000000016"],
    ["100000000.25", "100000000.5", "100000000.75"],
)
CLOSE = 1e-9
"""Relative error of a mean, a median or a variance beyond which an algorithm, and not rounding, is at fault."""


class _OfSeries(OfList):
    """The base of figures of floats."""

    def smaller(self, vector: Json) -> Iterator[Json]:
        """Parts of at least two numbers."""
        return parts(vector, 2)

    def sent(self, vector: Json) -> str:
        """The list."""
        return shown(f"[{', '.join(vector)}]")


class SummationAccuracy(_OfSeries):
    """Sums of floats are as accurate as promised.

    Lets the aggregate add floats whose exact sum the tester knows. By `contract.sum: compensated` the result has to be
    the correctly rounded sum or its neighbour; else its error may be n units of 2^-52 of the sum of magnitudes, which
    any order of plain addition in doubles keeps. More, twice of two, is a fail.
    """

    id = "numeric.summation-accuracy"
    severity = Severity.MEDIUM
    remedy = "Add with compensation (Neumaier) or pairwise, in doubles, and without -ffast-math."
    refs = ("N. J. Higham: Accuracy and Stability of Numerical Algorithms, ch. 4", "CWE-1339")
    needs = "probes: {aggregate: {operation: ID, in: $.values, out: {sum: $.sum}}}"
    promise = "every sum of floats is within its bound"

    def probes(self, scene: Scene) -> Named:
        """An aggregate that has a sum."""
        return summing(scene)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Lists of floats as text."""
        return [list(values) for values in SUMS]

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """Within the bound."""
        got, numbers = number_at(document, case.params["probe"]["out"]["sum"]), [float(text) for text in vector]
        want = math.fsum(numbers)
        if case.params["contract"]["sum"] == "compensated":
            bound = math.ulp(want)
        else:
            bound = len(numbers) * sys.float_info.epsilon * math.fsum(map(abs, numbers))
        if isinstance(got, Number) and abs(got.double() - want) <= bound:
            return RIGHT
        text = f"gave the sum {shown(write(got))} instead of {want!r}"
        return Reading(State.WRONG, text, of_sum(numbers, got) if isinstance(got, Number) else ())


class StatisticsStable(_OfSeries):
    """Mean, median and variance are right, also of large numbers that differ by little.

    Sends short series to the aggregate, among them 1000000004, 1000000007, 1000000013, 1000000016, whose variance is
    30 and which a one-pass formula gives as 0 or as a negative number. Another figure, twice of two, is a fail.
    """

    id = "numeric.statistics-stable"
    severity = Severity.MEDIUM
    remedy = "Compute the variance in two passes or by Welford's method, never as the mean of squares less a square."
    refs = ("T. F. Chan et al.: Algorithms for Computing the Sample Variance (1983)", "CWE-1339")
    needs = "probes: {aggregate: {operation: ID, in: $.values, out: {mean: $.mean, variance: $.variance}}}"
    promise = "mean, median and variance are right to nine digits"

    def probes(self, scene: Scene) -> Named:
        """An aggregate that has any of them."""
        found = scene.profile.probes.aggregate
        return declared("aggregate", found if found is not None and _figures(found) else None)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Series as text."""
        return [list(values) for values in SERIES]

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """Each declared figure against the exact one."""
        probe = Aggregate.model_validate(case.params["probe"])
        numbers = [Fraction(float(text)) for text in vector]
        exact = {
            "mean": statistics.mean(numbers),
            "median": statistics.median(numbers),
            "variance": statistics.variance(numbers),
        }
        for name, path in _figures(probe).items():
            got, want = number_at(document, path), float(exact[name])
            if not (isinstance(got, Number) and abs(got.double() - want) <= CLOSE * abs(want)):
                return Reading(State.WRONG, f"gave the {name} {shown(write(got))} instead of {want!r}")
        return RIGHT


def _figures(probe: Aggregate) -> dict[str, str]:
    found = {name: getattr(probe.out, name) for name in ("mean", "median", "variance")}
    return {name: path for name, path in found.items() if path is not None}
