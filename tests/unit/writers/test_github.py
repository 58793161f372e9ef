"""Annotations of GitHub Actions."""

import re

from hybridcheck.verdict import Verdict
from hybridcheck.writers import github
from hybridcheck.writers.formats import Page

COMMAND = re.compile(r"::(notice|error|warning) ([^:]*)::(.*)")


def _commands(verdict: Verdict, page: Page | None = None) -> list[tuple[str, str, str]]:
    lines = github.render(verdict, page or Page()).splitlines()
    found = [COMMAND.fullmatch(line) for line in lines]
    assert all(found), lines
    return [(match[1], match[2], match[3]) for match in found if match]


def test_the_verdict_is_a_notice_and_the_only_one_when_ready(ready: Verdict) -> None:
    """One line, nothing else."""
    assert _commands(ready) == [("notice", "title=hybridcheck", ready.scope.sentence)]


def test_what_blocks_is_an_error_and_advice_a_warning(blocked: Verdict) -> None:
    """With expected, observed and remedy in the message."""
    kinds = [(kind, listed) for kind, listed, _ in _commands(blocked)]
    assert kinds == [
        ("notice", "title=hybridcheck"),
        ("error", "title=contract.status[GET /orders]"),
        ("error", "title=load.latency[load/steady]"),
        ("error", "title=RUN_NOT_SEALED"),
        ("warning", "title=headers.nosniff[html]"),
    ]
    assert "observed: status 500" in _commands(blocked)[1][2]


def test_annotations_stand_at_the_line_of_the_profile(blocked: Verdict) -> None:
    """Where the profile is known."""
    page = Page(profile="a,b/hybridcheck.yaml", lines={"contract.status[GET /orders]": 7})
    assert _commands(blocked, page)[1][1] == "file=a%2Cb/hybridcheck.yaml,line=7,title=contract.status[GET /orders]"


def test_more_than_ten_are_nine_and_a_count(blocked: Verdict) -> None:
    """GitHub would drop the eleventh in silence."""
    reasons = tuple(blocked.reasons[2].model_copy(update={"code": f"R{number}"}) for number in range(25))
    errors = [found for found in _commands(blocked.model_copy(update={"reasons": reasons})) if found[0] == "error"]
    assert len(errors) == 10
    assert errors[-1] == ("error", "title=hybridcheck", "16 more, in verdict.json")
    ten = [found for found in _commands(blocked.model_copy(update={"reasons": reasons[:10]})) if found[0] == "error"]
    assert len(ten) == 10
    assert "R9" in ten[-1][1]


def test_hostile_text_begins_no_command(hostile: Verdict) -> None:
    """Every line begins with one of our three words; no line break or property of a target's making."""
    text = github.render(hostile, Page())
    assert "\r" not in text
    for line in text.splitlines():
        assert COMMAND.fullmatch(line)
        assert line.count("title=") >= 1
    [error, *_] = [found for found in _commands(hostile) if found[0] == "error"]
    assert "," not in error[1]
