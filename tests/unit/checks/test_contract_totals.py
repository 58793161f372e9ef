"""Totals of lists: fewer than the rows is a fail, twice; more may be of others' rows."""

from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.contract.totals import TotalTrue
from hybridcheck.evidence import Evidence
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

MAKE = {"id": "make", "request": "POST /things", "body": {}, "creates": True, "id_from": "$.id", "cleanup": "drop"}
PROFILE: dict[str, Any] = {
    "operations": [{"id": "list", "path": "/things"}, MAKE, {"id": "drop", "request": "DELETE /things/{id}"}],
    "probes": {"listing": {"operation": "list", "make": "make"}},
}


class Things(FakeTarget):
    """A list; `wrong` says what its total is, `times` how often that shows."""

    def __init__(self, wrong: str = "", times: int = 99) -> None:
        super().__init__(self.answer)
        self.wrong, self.times, self.rows = wrong, times, 0

    def answer(self, ask: Ask) -> Answer:
        """A row more, or the first rows."""
        if ask.method == "POST":
            self.rows += self.wrong != "makes nothing"
            return 201, {}, {"id": str(self.rows)}
        shown = min(self.rows, int(dict(ask.query)["limit"]))
        if self.times <= 0:
            return 200, {}, {"items": [0] * shown, "total": self.rows}
        self.times -= shown == 1
        total = {"of the page": shown, "none": "many", "others": self.rows + 7, "late": 1 if shown > 1 else 2}
        status = {"throttled": 429, "refused": 401}.get(self.wrong, 200)
        return status, {}, {"items": [0] * shown, "total": total.get(self.wrong, self.rows)}


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [("", Outcome.PASS), ("others", Outcome.PASS), ("of the page", Outcome.FAIL), ("late", Outcome.FAIL)],
)
def test_a_total_counts_the_rows_that_there_are(wrong: str, outcome: Outcome) -> None:
    """Of one row a page, and of all; a total that counts others' rows too is right."""
    finding = finding_of(TotalTrue(), PROFILE, Things(wrong))
    assert finding.outcome is outcome, finding.observed


def test_once_is_flaky() -> None:
    """The second round is right."""
    finding = finding_of(TotalTrue(), PROFILE, Things("of the page", times=1))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("makes nothing", Reason.NO_TEST_DATA),
        ("none", Reason.NO_TEST_DATA),
        ("throttled", Reason.THROTTLED),
        ("refused", Reason.AUTH_NOT_EFFECTIVE),
    ],
)
def test_without_rows_or_a_total_nothing_is_said(wrong: str, reason: Reason) -> None:
    """The list does not show what was made, has no number, or is not given."""
    with pytest.raises(Undecided) as raised:
        finding_of(TotalTrue(), PROFILE, Things(wrong))
    assert raised.value.reason is reason


@pytest.mark.parametrize("wrong", ["", "of the page"])
def test_less_evidence_never_turns_a_finding_around(wrong: str) -> None:
    """Without any one record a verdict stays, or becomes undecided."""
    target, check = Things(wrong), TotalTrue()
    whole, case = finding_of(check, PROFILE, target), cases_of(check, PROFILE)[0]
    for left_out in target.records:
        try:
            found = check.judge(case, Evidence(tuple(r for r in target.records if r is not left_out), {})).outcome
        except Undecided:
            continue
        assert found in {whole.outcome, Outcome.INCONCLUSIVE}


def test_it_needs_a_list_and_what_makes_its_rows() -> None:
    """And what removes them."""
    for missing in ({}, {**PROFILE, "operations": [PROFILE["operations"][0], {**MAKE, "cleanup": None}]}):
        assert unmet_of(TotalTrue(), missing)[0].needs.startswith("probes: {listing: {operation: LIST")
