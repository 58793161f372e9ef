"""SARIF 2.1.0 for code scanning: what failed, anchored to the line of the profile that promises it.

GitHub takes only results with a file and a line, so that a report without a profile has none of them and shows there
as nothing; other viewers show it all the same.
"""

import json

from hybridcheck.cases import Dimension, Json, Severity
from hybridcheck.verdict import CaseVerdict, CheckVerdict, Outcome, Verdict
from hybridcheck.writers import wording
from hybridcheck.writers.formats import Page
from hybridcheck.writers.hostile_text import for_terminal

_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}

_SECURITY_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
"""One number in each of GitHub's ranges (over 9.0 critical, 7.0 high, 4.0 medium, else low), which it makes words of."""

_SHOWN = frozenset({Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.ERROR})


def render(verdict: Verdict, page: Page) -> str:
    """The log as JSON: one rule for each check that has a result, one result for each case that did not pass."""
    checks = [check for check in verdict.checks if any(case.finding.outcome in _SHOWN for case in check.cases)]
    results = [
        _result(case, index, page)
        for index, check in enumerate(checks)
        for case in check.cases
        if case.finding.outcome in _SHOWN
    ]
    run: dict[str, Json] = {
        "tool": {
            "driver": {
                "name": "hybridcheck",
                "version": verdict.run.tool_version,
                "rules": [_rule(check) for check in checks],
            }
        },
        "automationDetails": {"id": f"hybridcheck/{for_terminal(verdict.subject.target or verdict.subject.base_url)}/"},
        "invocations": [{"executionSuccessful": verdict.run.cause == "completed"}],
        "results": results,
        "properties": {"verdict": verdict.verdict, "scope": for_terminal(verdict.scope.sentence)},
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=True, indent=2, allow_nan=False) + "\n"


def _rule(check: CheckVerdict) -> dict[str, Json]:
    properties: dict[str, Json] = {"tags": [str(check.dimension), *check.refs]}
    if check.dimension is Dimension.SECURITY:
        properties["security-severity"] = _SECURITY_SCORES[check.severity]
    return {
        "id": check.id,
        "shortDescription": {"text": for_terminal(check.title)},
        "help": {"text": f"{for_terminal(check.remedy)} (hybridcheck explain {check.id})"},
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
        "properties": properties,
    }


def _result(case: CaseVerdict, rule_index: int, page: Page) -> dict[str, Json]:
    failed = case.finding.outcome is Outcome.FAIL
    result: dict[str, Json] = {
        "ruleId": case.check,
        "ruleIndex": rule_index,
        "kind": "fail" if failed else "open",
        "level": _LEVELS[case.severity] if failed else "none",
        "message": {"text": _message(case)},
        "partialFingerprints": {"hybridcheckCase/v1": case.fingerprint},
        "properties": {"case": for_terminal(case.id), "outcome": case.finding.outcome, "group": case.group},
    }
    if page.profile is not None:
        place = {"artifactLocation": {"uri": page.profile}, "region": {"startLine": page.lines.get(case.id, 1)}}
        result["locations"] = [{"physicalLocation": place}]
    if case.waived is not None:
        waiver = f"{case.waived.reason} ({case.waived.owner}, {case.waived.ticket}, until {case.waived.expires})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": for_terminal(waiver)}]
    return result


def _message(case: CaseVerdict) -> str:
    """Plain text, in which SARIF (3.11.6) would read `[text](target)` as a link: brackets are escaped."""
    finding = case.finding
    reason = f" ({finding.reason})" if finding.reason else ""
    numbers = wording.measured(finding)
    text = f"{case.subject}: {finding.observed}{reason}; expected: {finding.expected}" + f" [{numbers}]" * bool(numbers)
    shown = for_terminal(text, 2000)
    return shown.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
