"""Markdown for pull requests and step summaries."""

import re

from hybridcheck.verdict import Verdict
from hybridcheck.writers import markdown
from hybridcheck.writers.formats import Page

_CODE = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", re.DOTALL)


def _outside_code(text: str) -> str:
    """What GitHub reads as markup: the text without its code spans and blocks."""
    return _CODE.sub("", text)


def test_the_verdict_is_the_heading(ready: Verdict, blocked: Verdict) -> None:
    """The first line is the ruling, the second its scope."""
    assert markdown.render(ready, Page()).startswith("## ✅ READY\n\n`READY on 1 required promise")
    assert markdown.render(blocked, Page()).startswith("## ❌ NOT_READY\n")


def test_a_blocking_case_is_told_in_full(blocked: Verdict) -> None:
    """Expected, observed, remedy, how to explain it, how to send it by hand."""
    text = markdown.render(blocked, Page())
    for line in (
        "- **`contract.status[GET /orders]`** (fail, high, contract)",
        "  - expected: `status 200`",
        "  - observed: `status 500`",
        "  - explain: `hybridcheck explain contract.status`",
        "  - by hand: `curl -sS 'http://127.0.0.1:8000/orders'`",
        "- **`RUN_NOT_SEALED`** `the run has no end`",
    ):
        assert line in text.splitlines()


def test_profile_lines_can_be_copied(blocked: Verdict) -> None:
    """They stand in a block, with their indentation."""
    assert "```\nidentities:\n  bob: {role: user, token: env:BOB}\n```" in markdown.render(blocked, Page())


def test_counts_balance_in_the_last_line(blocked: Verdict) -> None:
    """The plan balances: planned = passed + failed + inconclusive + errors, and where the evidence is."""
    last = markdown.render(blocked, Page()).splitlines()[-1]
    assert last.startswith("6 planned = 0 passed + 3 failed + 2 inconclusive + 1 errors · 1 unexamined")
    assert "advisory among those not passed: 2. Evidence" in last
    assert "`ledger.ndjson` (120 records, sealed)" in last


def test_a_run_that_passed_whole_has_no_advisory_rest(ready: Verdict) -> None:
    """The words stand only where there is something to say."""
    assert "advisory among" not in markdown.render(ready, Page())


def test_hostile_text_stays_inside_code(hostile: Verdict) -> None:
    """No HTML, link, mention, issue number or table is left once code spans are taken away."""
    left = _outside_code(markdown.render(hostile, Page()))
    for live in ("<script", "](", "@everyone", "#1", "https://", "javascript", "| --- |\\ufffe", "\x1b", "\u202e"):
        assert live not in left


def test_a_huge_report_stays_below_the_limit(blocked: Verdict) -> None:
    """What does not fit is counted; the end with the counts is always there."""
    many = blocked.model_copy(update={"reasons": blocked.reasons[:1] * 2000})
    text = markdown.render(many, Page())
    assert len(text.encode()) <= markdown.MOST_BYTES
    assert re.search(r"\*\d+ more entries do not fit here", text)
    assert text.splitlines()[-1].startswith("6 planned")
