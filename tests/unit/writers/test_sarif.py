"""SARIF for code scanning."""

import json
import re
from typing import Any

from hybridcheck.verdict import Verdict
from hybridcheck.writers import sarif
from hybridcheck.writers.formats import Page

PAGE = Page(profile="conf/hybridcheck.yaml", lines={"contract.status[GET /orders]": 12})


def _run(verdict: Verdict, page: Page = PAGE) -> dict[str, Any]:
    log = json.loads(sarif.render(verdict, page))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    return dict(run)


def _results(verdict: Verdict, page: Page = PAGE) -> dict[str, dict[str, Any]]:
    return {result["properties"]["case"]: result for result in _run(verdict, page)["results"]}


def test_every_case_that_did_not_pass_is_a_result(blocked: Verdict) -> None:
    """Fails fail with their severity's level, what is undecided is open; what was not examined is not there."""
    found = {name: (result["kind"], result["level"]) for name, result in _results(blocked).items()}
    assert found == {
        "contract.status[GET /orders]": ("fail", "error"),
        "authn.garbage-token-refused[alice]": ("fail", "error"),
        "headers.nosniff[html]": ("fail", "note"),
        "load.latency[load/steady]": ("open", "none"),
        "headers.csp[html]": ("open", "none"),
        "streams.order[events]": ("open", "none"),
    }


def test_a_ready_run_has_no_results(ready: Verdict) -> None:
    """And says its verdict all the same."""
    run = _run(ready)
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])
    assert run["properties"]["verdict"] == "READY"


def test_each_result_names_its_rule(blocked: Verdict) -> None:
    """By id and by index, which agree."""
    run = _run(blocked)
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


def test_results_point_at_the_line_of_the_profile(blocked: Verdict) -> None:
    """Line 1 where nothing nearer is known; no location at all without a profile, rather than an invented one."""
    results = _results(blocked)
    place = results["contract.status[GET /orders]"]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "conf/hybridcheck.yaml"}, "region": {"startLine": 12}}
    other = results["headers.nosniff[html]"]["locations"][0]["physicalLocation"]
    assert other["region"] == {"startLine": 1}
    assert all("locations" not in result for result in _results(blocked, Page()).values())


def test_a_waived_fail_is_suppressed_with_its_reason(blocked: Verdict) -> None:
    """It stays a fail."""
    [suppression] = _results(blocked)["authn.garbage-token-refused[alice]"]["suppressions"]
    assert suppression == {
        "kind": "external",
        "status": "accepted",
        "justification": "known (ann, T-1, until 2026-01-10)",
    }


def test_security_rules_carry_their_score(blocked: Verdict) -> None:
    """Critical is above 9.0; rules of other dimensions have none."""
    rules = {rule["id"]: rule["properties"] for rule in _run(blocked)["tool"]["driver"]["rules"]}
    assert float(rules["authn.garbage-token-refused"]["security-severity"]) > 9
    assert "security-severity" not in rules["contract.status"]


def test_fingerprints_are_those_of_the_cases(blocked: Verdict) -> None:
    """So that code scanning knows a finding again."""
    result = _results(blocked)["contract.status[GET /orders]"]
    assert result["partialFingerprints"] == {"hybridcheckCase/v1": "fp-contract.status"}


def test_hostile_text_makes_no_link_and_no_control_character(hostile: Verdict) -> None:
    """Every bracket of a message is escaped, and the file is ASCII."""
    text = sarif.render(hostile, PAGE)
    assert text.isascii()
    for result in _run(hostile)["results"]:
        message = result["message"]["text"]
        assert "\x1b" not in message
        assert not re.search(r"(?<!\\)(\\\\)*[\[\]]", message)
