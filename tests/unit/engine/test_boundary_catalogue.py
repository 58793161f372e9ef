"""The rows of the boundary catalogue in a verdict: decided by passes and fails alone, undecided ones with their need."""

from collections.abc import Mapping, Sequence

import pytest

from hybridcheck.cases import Group, Json, PlannedCase
from hybridcheck.checks.boundary_rows import ROWS
from hybridcheck.checks.catalogue import by_id
from hybridcheck.engine import boundary_catalogue
from hybridcheck.engine.judging import judge
from hybridcheck.evidence import Record
from hybridcheck.ledger import from_lines
from hybridcheck.verdict import BoundaryCatalogue, BoundaryRow, Outcome
from tests.property.fake_checks import Repeated
from tests.property.ledgers import exchange, lines_of, planned, start

GOOD: list[Record] = [exchange("probe.1", 200)]
BAD: list[Record] = [exchange(f"probe.{i}", 500) for i in (1, 2, 3)]
FLAKY: list[Record] = [exchange("probe.1", 500), exchange("probe.2", 200)]
HYBRID: dict[str, Json] = {"services": {"sums": {"runtime": "codon"}}}


@pytest.fixture(autouse=True)
def one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of three rows: one that the fake check decides, one for a check that is not planned, one not built."""
    rows = {"HB-A": (Repeated.id,), "HB-B": ("contract.no-nan",), "HB-C": ()}
    monkeypatch.setattr(boundary_catalogue, "ROWS", rows)


def catalogue_of(
    plan: Sequence[PlannedCase], records: Mapping[str, Sequence[Record]], profile: dict[str, Json]
) -> BoundaryCatalogue | None:
    """The catalogue in the verdict of a run over the plan; `records` by subject."""
    streams = {case.case.id: records[case.case.subject] for case in plan if case.case.subject in records}
    lines = lines_of(start(plan, scoped=True, profile=profile), streams)
    return judge(from_lines(lines), {Repeated.id: Repeated()}, ledger_name="l", tool_version="1").boundary_catalogue


def first_row(plan: Sequence[PlannedCase], records: Mapping[str, Sequence[Record]]) -> BoundaryRow:
    """The row that the fake check decides."""
    catalogue = catalogue_of(plan, records, HYBRID)
    assert catalogue is not None
    return catalogue.rows[0]


@pytest.mark.parametrize(
    "records,outcome", [((GOOD, GOOD), Outcome.PASS), ((GOOD, BAD), Outcome.FAIL), ((FLAKY, GOOD), Outcome.PASS)]
)
def test_a_pass_or_a_fail_decides_a_row_and_a_fail_wins(
    records: tuple[list[Record], list[Record]], outcome: Outcome
) -> None:
    """One decided case is enough; where any failed, the row failed."""
    row = first_row([planned(Repeated.id, name) for name in "ab"], dict(zip("ab", records, strict=True)))
    assert (row.outcome, row.needs, row.checks) == (outcome, "", (Repeated.id,))


def test_an_undecided_row_says_why() -> None:
    """A flaky answer decides nothing, and the row tells what was seen."""
    row = first_row([planned(Repeated.id, "a")], {"a": FLAKY})
    assert row.outcome is None
    assert row.needs.startswith("FLAKY: ")


def test_a_row_without_a_declaration_names_the_lines() -> None:
    """What the profile lacks is what the row needs."""
    row = first_row([planned(Repeated.id, "a", group=Group.UNEXAMINED, needs="probes: {}")], {})
    assert (row.outcome, row.needs) == (None, "probes: {}")


def test_rows_of_unplanned_and_of_unbuilt_checks_are_undecided() -> None:
    """A selection leaves rows out, and a row without checks says that there is none; both count in the total."""
    catalogue = catalogue_of([planned(Repeated.id, "a")], {"a": GOOD}, HYBRID)
    assert catalogue is not None
    assert (catalogue.decided, catalogue.total) == (1, 3)
    assert [row.needs for row in catalogue.rows[1:]] == [
        boundary_catalogue.NOT_SELECTED,
        boundary_catalogue.NOT_BUILT,
    ]


@pytest.mark.parametrize(
    "profile,shown",
    [
        ({}, False),
        ({"services": {"web": {"runtime": "cpython"}}}, False),
        ({"services": {"web": {"runtime": "emulation"}}}, True),
        ({"boundaries": {"b": {}}}, True),
    ],
)
def test_only_a_hybrid_system_has_the_catalogue(profile: dict[str, Json], shown: bool) -> None:
    """Where nothing native is declared, there is no boundary to speak of."""
    assert (catalogue_of([planned(Repeated.id, "a")], {"a": GOOD}, profile) is not None) is shown


def test_the_catalogue_has_71_rows_of_checks_that_exist() -> None:
    """A misspelt id would leave its row undecided for ever."""
    assert len(ROWS) == 71
    assert {check for checks in ROWS.values() for check in checks} <= by_id().keys()
