"""Does a list say how many rows there are, or only how many it shows."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import Scene, WriteCheck
from hybridcheck.checks.operations import ask_for, json_body, operation_in, params_of, suite_of
from hybridcheck.checks.repeats import describe
from hybridcheck.checks.resources import ask_to_make, new_marker
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS = 2
MADE = 2
NEEDS = "probes: {listing: {operation: LIST, make: CREATE, items: $.items, total: $.total, limit: limit}}"


class TotalTrue(WriteCheck):
    """The total of a list counts the rows that there are, not those that are shown.

    Makes two rows, reads the list with many rows a page and with one row a page, in two rounds. A page that shows more
    rows than its total, or a total below two although two rows were shown before and after, in both rounds, is a fail.
    A total that is larger than what is shown may count what others made meanwhile, and is none.
    """

    id = "contract.list-total-true"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.MEDIUM
    remedy = "Count with the same condition as the page, without its limit and offset."
    refs = ("CWE-682",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where a list and what makes its rows are declared."""
        probe = scene.profile.probes.listing
        make = scene.profile.operation(probe.make) if probe is not None else None
        for _, service, operation in scene.profile.all_operations():
            declared = probe is not None and probe.operation == operation.id and operation.reads and operation.sendable
            if probe is not None and declared and make is not None and make.cleanup and make.sendable:
                kept: dict[str, Json] = {
                    "make": params_of(make, "")["operation"],
                    "probe": probe.model_dump(mode="json"),
                }
                yield Case(check=self.id, subject=operation.id, params=params_of(operation, suite_of(service)) | kept)
                return
        yield Unmet(subject="listing", needs=f"{NEEDS}, and a cleanup of what makes a row")

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Make rows, read many, one, and many again; once more where something is wrong."""
        make = Operation.model_validate(case.params["make"])
        for number in range(1, MADE + 1):
            ask = ask_to_make(make, new_marker(target))
            await target.create(f"made.{number}", ask, cleanup=make.cleanup, id_from=make.id_from)
        many, one = _ask(case, case.params["probe"]["most"]), _ask(case, 1)
        for number in range(1, ROUNDS + 1):
            asked = [
                await target.read(f"round.{number}.{part}", a) for part, a in zip(PARTS, (many, one, many), strict=True)
            ]
            try:
                if not _wrong(case, asked):
                    return
            except Undecided:
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the totals with the rows."""
        expected = f"{case.subject}: the total counts at least the rows that are there"
        rounds = [
            [evidence.exchange(f"round.{number}.{part}") for part in PARTS]
            for number in range(1, ROUNDS + 1)
            if number == 1 or evidence.exchanges(f"round.{number}")
        ]
        numbers = tuple(exchange.n for asked in rounds for exchange in asked)
        found = [_wrong(case, asked) for asked in rounds]
        if not found[0]:
            return passed(expected, "it does, with one row a page as well", exchanges=numbers, n=1)
        if len(found) < ROUNDS or not found[1]:
            reason = Reason.EVIDENCE_INCOMPLETE if len(found) < ROUNDS else Reason.FLAKY
            return undecided(reason, expected, f"{found[0]}, once", exchanges=numbers)
        return failed(expected, found[1], exchanges=numbers, n=ROUNDS)


PARTS = ("before", "one", "after")


def _wrong(case: Case, asked: list[Exchange]) -> str:
    """What is wrong with the totals of a round; empty where nothing is.

    Raises:
        Undecided: where there is no list with two rows before and after, or no total to look at.
    """
    rows, totals = [_rows(case, e) for e in asked], [_total(case, e) for e in asked]
    odd = next((e for e, row, total in zip(asked, rows, totals, strict=True) if row is None or total is None), None)
    if odd is not None:
        reason = {401: Reason.AUTH_NOT_EFFECTIVE, 429: Reason.THROTTLED}.get(odd.status or 0, Reason.NO_TEST_DATA)
        raise Undecided(reason, f"no list with a total: {describe(odd)}")
    known = [(row or 0, total or 0) for row, total in zip(rows, totals, strict=True)]
    if min(known[0][0], known[2][0]) < MADE:
        raise Undecided(Reason.NO_TEST_DATA, f"the list shows {known[0][0]} rows where {MADE} were made")
    for row, total in known:
        if total < row:
            return f"the total is {total}, and {row} rows are shown"
    shown, total = known[1]
    return f"with one row a page the total is {total}, of {known[0][0]} rows" if shown == 1 and total < MADE else ""


def _rows(case: Case, exchange: Exchange) -> int | None:
    """How many rows a good answer shows."""
    found = _at(exchange, case.params["probe"]["items"])
    return len(found) if isinstance(found, list) else None


def _total(case: Case, exchange: Exchange) -> int | None:
    """How many rows a good answer says that there are: a whole number."""
    found = _at(exchange, case.params["probe"]["total"])
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _at(exchange: Exchange, place: str) -> Json:
    if exchange.status is None or not 200 <= exchange.status < 300:
        return None
    try:
        return value_at(json_body(exchange), place)
    except (ValueError, NoSuchPath):
        return None


def _ask(case: Case, limit: int) -> Ask:
    operation = operation_in(case.params)
    return ask_for(
        operation.model_copy(update={"query": {**operation.query, case.params["probe"]["limit"]: str(limit)}})
    )
