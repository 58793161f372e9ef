"""JUnit XML: one test suite for each dimension, one test case for each case; CI reads `skipped` as green."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from hybridcheck.cases import Group
from hybridcheck.verdict import CaseVerdict, CheckVerdict, Outcome, Verdict
from hybridcheck.writers import wording
from hybridcheck.writers.formats import Page
from hybridcheck.writers.hostile_text import for_xml

Row = tuple[CheckVerdict, CaseVerdict]


def render(verdict: Verdict, page: Page) -> str:
    """The document; every attribute and text is legal XML 1.0, whatever the target sent."""
    root = ET.Element("testsuites", name="hybridcheck")
    rows = [(check, case) for check in verdict.checks for case in check.cases]
    suites = [_suite(verdict, name, members) for name, members in _by_dimension(rows)]
    blocking = _run_suite(verdict)
    if blocking is not None:
        suites.insert(0, blocking)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.extend(suites)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _by_dimension(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    for dimension in dict.fromkeys(case.dimension for _, case in rows):
        yield dimension, [row for row in rows if row[1].dimension == dimension]


def _suite(verdict: Verdict, name: str, rows: list[Row]) -> ET.Element:
    elements = [_case(check, case) for check, case in rows]
    durations = [case.duration_s for _, case in rows if case.duration_s is not None]
    suite = ET.Element("testsuite", name=f"hybridcheck.{name}", tests=str(len(elements)))
    for tag, counter in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(counter, str(sum(element.find(tag) is not None for element in elements)))
    if durations:
        suite.set("time", f"{sum(durations):.3f}")
    suite.set("timestamp", for_xml(verdict.run.started_utc[:19]))
    suite.append(_properties(verdict))
    suite.extend(elements)
    return suite


def _run_suite(verdict: Verdict) -> ET.Element | None:
    """What blocks and belongs to no case (an unanswered core question, an unsealed run), so that CI is never green."""
    blocking = [reason for reason in verdict.reasons if reason.blocking and reason.case is None]
    if not blocking:
        return None
    count = str(len(blocking))
    suite = ET.Element("testsuite", name="hybridcheck.run", tests=count, failures="0", errors=count, skipped="0")
    suite.append(_properties(verdict))
    for reason in blocking:
        element = ET.SubElement(suite, "testcase", classname="run", name=for_xml(reason.code))
        ET.SubElement(element, "error", type=for_xml(reason.code), message=for_xml(reason.message))
    return suite


def _properties(verdict: Verdict) -> ET.Element:
    plan = verdict.plan
    properties = ET.Element("properties")
    values = {
        "verdict": verdict.verdict,
        "scope": verdict.scope.sentence,
        "run_id": verdict.run.run_id,
        "target": verdict.subject.target,
        "planned": plan.planned,
        "passed": plan.passed,
        "failed": plan.failed,
        "inconclusive": plan.inconclusive,
        "errors": plan.errors,
        "unexamined": plan.unexamined,
        "not_applicable": plan.not_applicable,
    }
    for name, value in values.items():
        ET.SubElement(properties, "property", name=name, value=for_xml(str(value)))
    return properties


def _case(check: CheckVerdict, case: CaseVerdict) -> ET.Element:
    element = ET.Element("testcase", classname=for_xml(case.check), name=for_xml(case.subject or case.id))
    if case.duration_s is not None:
        element.set("time", f"{case.duration_s:.3f}")
    result = _result(case)
    if result is not None:
        tag, kind, message = result
        child = ET.SubElement(element, tag, message=for_xml(message))
        if tag != "skipped":
            child.set("type", for_xml(kind))
            child.text = for_xml(_details(check, case))
    return element


def _result(case: CaseVerdict) -> tuple[str, str, str] | None:
    """The element, its type and message; None for a pass. What is required and undecided is an error, not a skip."""
    finding = case.finding
    why = str(finding.reason or finding.outcome)
    match finding.outcome:
        case Outcome.PASS:
            return None
        case Outcome.FAIL if case.waived is not None:
            waiver = case.waived
            return (
                "skipped",
                "waived",
                f"waived until {waiver.expires} by {waiver.owner} ({waiver.ticket}): {waiver.reason}",
            )
        case Outcome.FAIL:
            return "failure", str(case.severity), finding.observed
        case Outcome.ERROR:
            return "error", why, finding.observed
        case Outcome.INCONCLUSIVE if case.group is Group.REQUIRED:
            return "error", why, f"inconclusive, {why}: {finding.observed}"
        case Outcome.INCONCLUSIVE:
            return "skipped", why, f"inconclusive, {why}: {finding.observed}"
        case Outcome.NOT_EVALUATED:
            return (
                "skipped",
                "unexamined",
                f"not examined; it needs {case.needs or 'what the profile does not declare'}",
            )
        case Outcome.NOT_APPLICABLE:
            return "skipped", "not_applicable", f"not applicable: {case.needs}"


def _details(check: CheckVerdict, case: CaseVerdict) -> str:
    finding = case.finding
    rows = (
        ("promise", check.title),
        ("group", f"{case.group}, {case.severity}"),
        ("expected", finding.expected),
        ("observed", finding.observed),
        ("measured", wording.measured(finding)),
        ("price", wording.price(finding)),
        ("to do", check.remedy),
        ("explain", f"hybridcheck explain {case.check}"),
        ("replay", case.replay or ""),
        ("references", ", ".join(check.refs)),
    )
    return "\n".join(f"{name}: {words}" for name, words in rows if words)
