"""How numbers and cases of a verdict are put into words, the same in every report for people."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hybridcheck.cases import CoreQuestion, Group, Reason
from hybridcheck.verdict import (
    BoundaryCatalogue,
    CaseVerdict,
    CheckVerdict,
    CoreAnswer,
    Finding,
    Outcome,
    ReasonLine,
    Ruling,
    Verdict,
)

_SELECTING = frozenset({"only", "skip", "tags", "suites"})
"""Options that make a run scoped."""

_NOT_PASSED = frozenset({Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.ERROR})

MOST_NAMED = 4
"""Cases that a line of what would decide names."""

MEANINGS = {
    Ruling.READY: "every required promise held",
    Ruling.NOT_READY: "a required promise is broken",
    Ruling.INCONCLUSIVE: "the evidence does not decide",
    Ruling.PASSED: "every selected required promise held",
    Ruling.FAILED: "a selected required promise is broken",
}


def number(value: float | None, unit: str | None = None) -> str:
    """A measured number with four significant digits and its unit; a dash where nothing was measured."""
    if value is None:
        return "—"
    if value == int(value) and abs(value) < 1e15:
        shown = f"{int(value):,}"
    elif abs(value) >= 1000:
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:.4g}"
    return f"{shown} {unit}" if unit else shown


def measured(finding: Finding) -> str:
    """Value, limit, bounds, n and method of a finding; empty where it is not about a number."""
    parts = []
    if finding.value is not None:
        parts.append(f"value {number(finding.value, finding.unit)}")
    if finding.limit is not None:
        parts.append(f"limit {number(finding.limit, finding.unit)}")
    if finding.lower is not None or finding.upper is not None:
        parts.append(f"bounds {number(finding.lower)} to {number(finding.upper, finding.unit)}")
    if finding.n is not None:
        parts.append(f"n {number(finding.n)}{_effective(finding.n, finding.effective_n)}")
    if finding.method:
        parts.append(finding.method)
    return " · ".join(parts)


def _effective(n: int, effective_n: float | None) -> str:
    """How many independent observations they are worth: fewer where what went wrong came together."""
    if effective_n is None or effective_n >= n:
        return ""
    worth = number(effective_n) if effective_n >= 1 else "less than one"
    return f" (worth {worth} independent: what went wrong came together)"


def price(finding: Finding) -> str:
    """What more sampling would cost; empty where sampling would not decide."""
    if finding.price is None:
        return ""
    seconds = f", about {number(finding.price.seconds)} s" if finding.price.seconds is not None else ""
    return f"{finding.price.requests:,} more requests{seconds}"


@dataclass(frozen=True, slots=True)
class Blocker:
    """A reason that forbids READY, its case where it has one, and how many cases are undecided for just this reason.

    `alike`: further cases of which nothing else is known than of this one.
    """

    reason: ReasonLine
    check: CheckVerdict | None
    case: CaseVerdict | None
    affected: int = 0
    alike: tuple[str, ...] = ()


def blockers(verdict: Verdict) -> list[Blocker]:
    """What blocks, in the order of the document.

    Cases that are undecided for what befell the whole run (it was interrupted, the target is gone) are counted with
    that reason, since one thing is to be done about all of them.
    """
    known = {case.id: (check, case) for check in verdict.checks for case in check.cases}
    blocking = [reason for reason in verdict.reasons if reason.blocking]
    of_run = {reason.code for reason in blocking if reason.case is None}
    affected = Counter(reason.code for reason in blocking if reason.case is not None and reason.code in of_run)
    found: list[Blocker] = []
    places: dict[tuple[str, str], int] = {}
    for reason in blocking:
        check, case = known.get(reason.case or "", (None, None))
        if reason.case is None:
            found.append(Blocker(reason, None, None, affected.pop(reason.code, 0)))
        elif reason.code not in of_run:
            said = _all_that_is_said(reason, case)
            if said is not None and said in places:
                first = found[places[said]]
                found[places[said]] = replace(first, alike=(*first.alike, reason.case))
                continue
            if said is not None:
                places[said] = len(found)
            found.append(Blocker(reason, check, case))
    return found


def _all_that_is_said(reason: ReasonLine, case: CaseVerdict | None) -> tuple[str, str] | None:
    """Reason and words of an undecided case without any figure, which others may share; None for those that stand alone."""
    if case is None or case.finding.outcome is not Outcome.INCONCLUSIVE or case.finding.value is not None:
        return None
    return reason.code, case.finding.observed


def rows(blocker: Blocker) -> list[tuple[str, str]]:
    """What is told about a blocking case, each under its name; empty rows are left out."""
    check, case, reason = blocker.check, blocker.case, blocker.reason
    if check is None or case is None:
        more = f"; {blocker.affected} required cases are undecided for it" if blocker.affected else ""
        return [(reason.code, f"{reason.message}{more}")]
    finding = case.finding
    proved = finding.outcome is Outcome.FAIL
    told = (
        ("why", "" if proved else why(reason, finding)),
        ("expected", finding.expected),
        ("observed", finding.observed),
        ("measured", measured(finding)),
        ("also", ", ".join(blocker.alike)),
        ("price", price(finding)),
        ("to do", check.remedy if proved or finding.reason is Reason.SUSPECTED else ""),
    )
    return [(name, words) for name, words in told if words]


def why(reason: ReasonLine, finding: Finding) -> str:
    """The code of a reason, and its message where it says more than the finding does."""
    return reason.code if finding.observed in reason.message else f"{reason.code}: {reason.message}"


def cases(verdict: Verdict) -> Iterator[CaseVerdict]:
    """Every case, in the order of the document."""
    for check in verdict.checks:
        yield from check.cases


def advisory_findings(verdict: Verdict) -> list[CaseVerdict]:
    """Advisory cases that failed, worst severity first."""
    found = [case for case in cases(verdict) if case.group == "advisory" and case.finding.outcome is Outcome.FAIL]
    return sorted(found, key=lambda case: (case.severity.rank, case.id))


def unexamined(verdict: Verdict) -> list[tuple[str, str]]:
    """What was not examined, by what would bring it in, most cases first; without what `to_decide` says already."""
    told = {case for way in verdict.to_decide for case in way.cases}
    needs: dict[str, list[str]] = {}
    for case in cases(verdict):
        if case.group is Group.UNEXAMINED and case.id not in told:
            needs.setdefault(case.needs or "what the profile does not declare", []).append(case.id)
    rows = sorted(needs.items(), key=lambda row: (-len(row[1]), row[0]))
    return [(need, f"{counted(len(ids), 'case')}, such as {ids[0]}") for need, ids in rows]


def catalogue_line(catalogue: BoundaryCatalogue) -> str:
    """How many rows of the boundary catalogue are decided, and how many of those say no."""
    failed = sum(row.outcome is Outcome.FAIL for row in catalogue.rows)
    return f"{catalogue.decided} of {catalogue.total} rows decided" + (f", {failed} failed" if failed else "")


def undecided_rows(catalogue: BoundaryCatalogue) -> list[tuple[str, str]]:
    """What undecided rows wait for, with the rows that wait for it; in the order of the catalogue."""
    needs: dict[str, list[str]] = {}
    for row in catalogue.rows:
        if row.outcome is None:
            needs.setdefault(row.needs, []).append(row.row)
    return [(", ".join(rows), need) for need, rows in needs.items()]


def ways(verdict: Verdict) -> list[tuple[str, str]]:
    """What would decide, in the document's order, each once with the names of its cases (the first few of many).

    The lines of a first profile are one text, to be copied as it stands.
    """
    if verdict.run.flags.get("without_profile") and verdict.to_decide and _is_first_profile(verdict):
        return [("\n".join(way.what for way in verdict.to_decide), "")]
    found: dict[str, dict[str, None]] = {}
    for way in verdict.to_decide:
        found.setdefault(way.what, {}).update(dict.fromkeys(way.cases))
    return [(what, _named(list(ids))) for what, ids in found.items()]


def _named(ids: list[str]) -> str:
    more = len(ids) - MOST_NAMED
    shown = ids if more <= 0 else [*ids[: MOST_NAMED - 1], f"and {more + 1} more cases"]
    return ", ".join(shown)


def _is_first_profile(verdict: Verdict) -> bool:
    return all(way.kind == "profile" and not way.cases for way in verdict.to_decide)


def core_answers(verdict: Verdict) -> list[tuple[CoreQuestion, CoreAnswer]]:
    """The core questions in their order; in a scoped run only those that it answered, for it need not answer any."""
    scoped = bool(_SELECTING & set(verdict.run.flags)) or verdict.verdict in {Ruling.PASSED, Ruling.FAILED}
    pairs = [(question, verdict.core[question]) for question in CoreQuestion if question in verdict.core]
    return [(question, answer) for question, answer in pairs if answer.answered or not scoped]


def answer_words(verdict: Verdict, answer: CoreAnswer) -> str:
    """How a core question was answered."""
    if answer.not_applicable is not None:
        return f"not applicable: {answer.not_applicable}"
    return answered_by(verdict, answer) if answer.answered else "open"


def answered_by(verdict: Verdict, answer: CoreAnswer) -> str:
    """How many cases answered, and how many of them said no."""
    failed = sum(case.finding.outcome is Outcome.FAIL for case in cases(verdict) if case.id in answer.by)
    return f"answered by {counted(len(answer.by), 'case')}" + (f", {failed:,} failed" if failed else "")


def share(ratio: float | None) -> str:
    """A share of 1 in percent; a dash where there is none."""
    return "—" if ratio is None else f"{ratio * 100:.0f} %"


def balance(verdict: Verdict) -> str:
    """The counts of the plan, which add up, and how many of those that did not pass are advisory: a READY has them too."""
    plan = verdict.plan
    advisory = sum(case.group is Group.ADVISORY and case.finding.outcome in _NOT_PASSED for case in cases(verdict))
    return (
        f"{plan.planned} planned = {plan.passed} passed + {plan.failed} failed + {plan.inconclusive} inconclusive + "
        f"{plan.errors} errors · {plan.unexamined} unexamined · {plan.not_applicable} not applicable"
        + (f" · advisory among those not passed: {advisory}" if advisory else "")
    )


def counted(count: int, noun: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def address(verdict: Verdict) -> str:
    """The target's name, where the profile gives it one, its URL and its environment."""
    subject = verdict.subject
    where = f"{subject.base_url}, {subject.environment}"
    return f"{subject.target} ({where})" if subject.target else where


def headline(verdict: Verdict) -> str:
    """The scope sentence, which never comes without the ruling in front."""
    sentence = verdict.scope.sentence
    return sentence if sentence.startswith(verdict.verdict) else f"{verdict.verdict} · {sentence}"
