"""Display scores of the dimensions: they show trends and decide nothing."""

from collections.abc import Iterable

from hybridcheck.cases import Dimension, Group
from hybridcheck.engine.findings import rounded
from hybridcheck.verdict import CaseVerdict, DimensionScore, Outcome

COUNTED = frozenset({Group.REQUIRED, Group.ADVISORY})
"""Groups whose cases run; the others are in no ratio."""


def dimension_scores(cases: Iterable[CaseVerdict]) -> dict[Dimension, DimensionScore]:
    """The score of each dimension that has a case in the plan, in the order of the dimensions."""
    ran = [case for case in cases if case.group in COUNTED]
    by_dimension = {dimension: [case for case in ran if case.dimension is dimension] for dimension in Dimension}
    return {dimension: score_of(found) for dimension, found in by_dimension.items() if found}


def score_of(cases: Iterable[CaseVerdict]) -> DimensionScore:
    """Share of severity weight passed among the decided cases; bounds take the undecided as failed and as passed.

    A waived fail is a fail. None where there is nothing to divide by.
    """
    found = list(cases)
    passed = [case for case in found if case.finding.outcome is Outcome.PASS]
    failed = [case for case in found if case.finding.outcome is Outcome.FAIL]
    whole, right, wrong = _weight(found), _weight(passed), _weight(failed)
    return DimensionScore(
        score=_share(right, right + wrong),
        lower=_share(right, whole),
        upper=_share(whole - wrong, whole),
        passed=len(passed),
        failed=len(failed),
        undecided=len(found) - len(passed) - len(failed),
    )


def _weight(cases: list[CaseVerdict]) -> float:
    return sum(case.severity.weight for case in cases)


def _share(part: float, whole: float) -> float | None:
    return rounded(part / whole) if whole else None
