"""JUnit XML."""

import xml.etree.ElementTree as ET

from hybridcheck.verdict import Verdict
from hybridcheck.writers import junit
from hybridcheck.writers.formats import Page


def _cases(verdict: Verdict) -> dict[str, ET.Element]:
    root = ET.fromstring(junit.render(verdict, Page()).encode())
    return {f"{case.get('classname')}[{case.get('name')}]": case for case in root.iter("testcase")}


def _result(case: ET.Element) -> str | None:
    return next((child.tag for child in case), None)


def test_each_outcome_has_its_element(blocked: Verdict) -> None:
    """A fail is a failure; an error and a required case without decision are errors; the rest is skipped."""
    results = {name: _result(case) for name, case in _cases(blocked).items()}
    assert results == {
        "run[RUN_NOT_SEALED]": "error",
        "contract.status[GET /orders]": "failure",
        "authn.garbage-token-refused[alice]": "skipped",
        "headers.nosniff[html]": "failure",
        "load.latency[load/steady]": "error",
        "headers.csp[html]": "skipped",
        "streams.order[events]": "error",
        "authz.object-level[bob]": "skipped",
    }


def test_a_pass_is_an_empty_case(ready: Verdict) -> None:
    """Nothing but name and time."""
    [case] = _cases(ready).values()
    assert _result(case) is None
    assert case.get("time") == "0.250"


def test_the_counts_are_those_of_the_elements(blocked: Verdict) -> None:
    """In each suite and in all together."""
    root = ET.fromstring(junit.render(blocked, Page()).encode())
    for element in (root, *root.iter("testsuite")):
        cases = list(element.iter("testcase"))
        assert element.get("tests") == str(len(cases))
        for counter, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert element.get(counter) == str(sum(case.find(tag) is not None for case in cases))


def test_a_waived_fail_says_why_it_is_skipped(blocked: Verdict) -> None:
    """Who, until when, which ticket, for what reason."""
    message = _cases(blocked)["authn.garbage-token-refused[alice]"].find("skipped")
    assert message is not None
    assert message.get("message") == "waived until 2026-01-10 by ann (T-1): known"


def test_an_unexamined_case_says_what_it_needs(blocked: Verdict) -> None:
    """The profile line or flag that would bring it in."""
    message = _cases(blocked)["authz.object-level[bob]"].find("skipped")
    assert message is not None
    assert "identities.bob" in (message.get("message") or "")


def test_a_failure_carries_what_is_needed_to_act(blocked: Verdict) -> None:
    """Expected, observed, remedy, explanation and replay."""
    failure = _cases(blocked)["contract.status[GET /orders]"].find("failure")
    assert failure is not None
    assert failure.get("message") == "status 500"
    for line in (
        "expected: status 200",
        "to do: Answer with",
        "explain: hybridcheck explain contract.status",
        "replay:",
    ):
        assert line in (failure.text or "")


def test_an_inconclusive_run_without_undecided_cases_is_not_green(ready: Verdict, blocked: Verdict) -> None:
    """What blocks without belonging to a case (an open core question) is an error of the run."""
    open_question = ready.model_copy(update={"reasons": (blocked.reasons[2],)})
    root = ET.fromstring(junit.render(open_question, Page()).encode())
    assert root.get("errors") == "1"


def test_the_plan_counts_are_properties(blocked: Verdict) -> None:
    """Every suite names verdict, scope, run, target and counts."""
    root = ET.fromstring(junit.render(blocked, Page()).encode())
    for suite in root.iter("testsuite"):
        found = {item.get("name"): item.get("value") for item in suite.iter("property")}
        assert found["verdict"] == "NOT_READY"
        assert found["planned"] == "6"
        assert found["unexamined"] == "1"


def test_hostile_text_gives_a_legal_document(hostile: Verdict) -> None:
    """The document parses, has the cases that it should, and shows the attack as text."""
    text = junit.render(hostile, Page())
    root = ET.fromstring(text.encode())
    assert len(list(root.iter("testcase"))) == 3
    assert not list(root.iter("script"))
    assert "\\x1b[2J" in text
