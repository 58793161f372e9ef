"""The report at a terminal."""

import re
import unicodedata
from collections.abc import Callable

import pytest
import yaml

from hybridcheck.cases import CoreQuestion
from hybridcheck.verdict import BoundaryCatalogue, BoundaryRow, CoreAnswer, Outcome, Ruling, ToDecide, Verdict
from hybridcheck.writers import console, html, markdown, wording
from hybridcheck.writers.formats import Page
from tests.unit.writers import verdicts

Make = Callable[..., Verdict]


def test_the_verdict_comes_first_and_says_its_scope(ready: Verdict, blocked: Verdict) -> None:
    """The first line is the ruling with what it is about."""
    for verdict in (ready, blocked):
        assert console.render(verdict, Page()).splitlines()[0] == verdict.scope.sentence


def test_the_ruling_is_never_missing(ready: Verdict) -> None:
    """A scope sentence without the ruling gets it in front."""
    bare = ready.model_copy(update={"scope": ready.scope.model_copy(update={"sentence": "on 3 promises"})})
    assert console.render(bare, Page()).startswith("READY · on 3 promises")


def test_sections_stand_in_the_order_in_which_they_are_read(blocked: Verdict) -> None:
    """Verdict, what blocks, what would change it, core questions, dimensions, load, advisory findings, evidence."""
    text = console.render(blocked, Page(folder="out/run1"))
    places = [
        text.index(words)
        for words in ("NOT_READY", "What blocks (3)", "What would", "Core questions", "Dimensions", "Load (", "Advisory",
                      "Evidence:")
    ]  # fmt: skip
    assert places == sorted(places)


def test_a_blocking_case_says_what_why_and_how_to_go_on(blocked: Verdict) -> None:
    """Expected, observed, bounds, n, price, remedy, and commands that can be copied as they stand."""
    text = console.render(blocked, Page(width_columns=200, folder="out/run1"))
    for words in (
        "1. contract.status[GET /orders] (fail, high, contract)",
        "expected status 200",
        "observed status 500",
        "Answer with the declared status.",
        "hybridcheck explain contract.status",
        "hybridcheck replay 'out/run1/verdict.json#contract.status[GET /orders]'",
        "value 0.041 ratio · limit 0.05 ratio · bounds 0.02 to 0.07 ratio",
        "· n 400 (worth 310 independent: what went wrong came together) · Clopper-Pearson",
        "TOO_FEW_SAMPLES: the bound does not decide",
        "1,900 more requests, about 40 s",
        "3. RUN_NOT_SEALED the run has no end",
    ):
        assert words in text


def test_waived_and_advisory_fails_do_not_stand_among_what_blocks(blocked: Verdict) -> None:
    """They are told where they belong."""
    text = console.render(blocked, Page())
    blocking = text[text.index("What blocks") : text.index("What would")]
    assert "authn.garbage-token-refused" not in blocking
    assert "headers.nosniff" not in blocking
    assert "headers.nosniff[html]" in text[text.index("Advisory") :]
    assert "1 waived; without waivers: NOT_READY" in text


def test_a_ready_run_lists_nothing_that_blocks(ready: Verdict) -> None:
    """No empty heading."""
    text = console.render(ready, Page())
    assert "What blocks" not in text
    assert "What would" not in text
    assert "Advisory" not in text


def test_many_blockers_are_counted_and_not_all_printed(ready: Verdict, blocked: Verdict) -> None:
    """A terminal shows the first dozen and says how many more there are."""
    many = blocked.model_copy(update={"reasons": blocked.reasons[:1] * 40})
    text = console.render(many, Page())
    assert "What blocks (40)" in text
    assert "and 28 more, in verdict.json" in text


def test_what_was_not_measured_is_a_dash_and_never_a_number(ready: Verdict) -> None:
    """A load phase without figures shows none."""
    [phase] = ready.load
    nothing = phase.model_copy(
        update={"achieved_rps": None, "response_ms": {}, "lag_ms": {}, "generator_cpu_max_ratio": None, "cause": None}
    )
    text = console.render(ready.model_copy(update={"load": (nothing,)}), Page(width_columns=200))
    assert "— req/s over 20 s · p50 — p95 — p99 —" in text
    assert "no end marker · generator: CPU not measured" in text


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 200])
def test_a_narrow_terminal_loses_no_verdict(width: int, blocked: Verdict) -> None:
    """The report is made at any width, and every word of the finding is still there."""
    text = console.render(blocked, Page(width_columns=width))
    joined = re.sub(r"\s+", "", text)
    for words in ("NOT_READY", "status500", "Answerwiththedeclaredstatus.", "RUN_NOT_SEALED", "functional"):
        assert words in joined


def test_without_colours_there_is_no_escape_sequence(blocked: Verdict) -> None:
    """A log file gets plain text."""
    assert "\x1b" not in console.render(blocked, Page(colour=False))


def test_with_colours_only_styles_are_added(blocked: Verdict) -> None:
    """The words are the same; READY is green and NOT_READY red."""
    coloured = console.render(blocked, Page(colour=True))
    assert "\x1b[1;31m" in coloured
    bare = [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines()]
    assert bare == console.render(blocked, Page(colour=False)).splitlines()


def test_hostile_text_does_nothing(hostile: Verdict) -> None:
    """No control or format character but our own line breaks; markup and emoji codes stay the text that they are."""
    text = console.render(hostile, Page(width_columns=4000))
    assert not [sign for sign in text if unicodedata.category(sign)[0] == "C" and sign != "\n"]
    assert "[bold red]markup[/bold red] :bomb: <script>" in text
    assert "\\x1b[2J" in text


def test_hostile_text_gets_no_escape_through_colours(hostile: Verdict) -> None:
    """With colours on, the only sequences are styles."""
    text = console.render(hostile, Page(width_columns=4000, colour=True))
    assert "\x1b" not in re.sub(r"\x1b\[[\d;]*m", "", text)


@pytest.mark.parametrize("ruling", list(Ruling))
def test_every_ruling_has_its_words(ruling: Ruling) -> None:
    """No ruling is printed without what it means."""
    assert console.render(verdicts.verdict(ruling), Page()).startswith(ruling)


def test_cases_that_one_event_left_undecided_are_counted_with_it(blocked: Verdict) -> None:
    """An unreachable target is told once, not once for each case."""
    [first, *_] = blocked.reasons
    lost = [
        first.model_copy(update={"code": "TARGET_UNREACHABLE", "case": case}) for case in (None, first.case, "b[c]")
    ]
    text = console.render(blocked.model_copy(update={"reasons": tuple(lost)}), Page(width_columns=200))
    assert "What blocks (1)" in text
    assert "2 required cases are undecided for it" in text


def test_what_was_not_examined_is_listed_by_what_it_needs(blocked: Verdict) -> None:
    """Each need once, with the number of its cases, unless it stands under what would decide already."""
    assert "Not examined" not in console.render(blocked, Page())
    text = console.render(blocked.model_copy(update={"to_decide": ()}), Page())
    assert "Not examined" in text
    assert "identities.bob  (1 case, such as authz.object-level[bob])" in text


def test_what_would_decide_is_told_once_with_all_its_cases(blocked: Verdict) -> None:
    """Two cases with the same price are one line."""
    [first, _] = blocked.to_decide
    same = (first, first.model_copy(update={"cases": ("b[c]",)}))
    text = console.render(blocked.model_copy(update={"to_decide": same}), Page())
    assert text.count("1,900 more requests, about 40 s  [for load.latency[load/steady], b[c]]") == 1


def test_a_scoped_run_shows_no_question_that_it_need_not_answer(ready: Verdict) -> None:
    """With --only an unanswered core question is no news; without, it is what matters."""
    open_core = {question: answer.model_copy(update={"answered": False}) for question, answer in ready.core.items()}
    whole = ready.model_copy(update={"core": open_core, "verdict": Ruling.INCONCLUSIVE})
    assert "Core questions" in console.render(whole, Page())
    scoped = whole.model_copy(update={"run": ready.run.model_copy(update={"flags": {"only": ["a.b"]}})})
    assert "Core questions" not in console.render(scoped, Page())


def test_the_lines_of_a_first_profile_can_be_copied_as_they_stand(ready: Verdict) -> None:
    """No bullet stands before a line that is to be pasted into a file."""
    lines = ("version: 1", "operations: [GET /]", "load: {rate_rps: 50, duration_s: 20}")
    run = ready.run.model_copy(update={"flags": {"without_profile": True}})
    ways = tuple(ToDecide(what=line, kind="profile") for line in lines)
    made = ready.model_copy(update={"verdict": Ruling.INCONCLUSIVE, "run": run, "to_decide": ways})
    printed = console.render(made, Page()).partition("in hybridcheck.yaml:\n")[2].partition("\n\n")[0]
    assert yaml.safe_load(printed) == {
        "version": 1,
        "operations": ["GET /"],
        "load": {"rate_rps": 50, "duration_s": 20},
    }


def test_a_question_that_was_answered_with_no_says_so(blocked: Verdict) -> None:
    """An answer is not a pass: failed cases are counted beside those that answered."""
    answer = CoreAnswer(answered=True, by=("contract.status[GET /orders]", "fake.other[a]"))
    made = blocked.model_copy(update={"core": {**blocked.core, CoreQuestion.CONTRACT: answer}})
    assert "answered by 2 cases, 1 failed" in console.render(made, Page())
    assert wording.answered_by(made, CoreAnswer(answered=True, by=("fake.other[a]",))) == "answered by 1 case"


def test_the_boundary_catalogue_names_undecided_rows_by_what_they_need(ready: Verdict) -> None:
    """How many rows are decided, then what each group of undecided ones waits for; in Markdown and HTML too."""
    rows = (
        BoundaryRow(row="HB-A", checks=("a.b",), outcome=Outcome.PASS),
        BoundaryRow(row="HB-B", checks=("a.c",), outcome=Outcome.FAIL),
        BoundaryRow(row="HB-C", checks=("a.d",), outcome=None, needs="probes: {}"),
        BoundaryRow(row="HB-D", checks=("a.e",), outcome=None, needs="probes: {}"),
    )
    catalogue = BoundaryCatalogue(total=4, decided=2, rows=rows)
    shown = ready.model_copy(update={"boundary_catalogue": catalogue})
    text = console.render(shown, Page())
    assert "Boundary catalogue: 2 of 4 rows decided, 1 failed\n undecided: HB-C, HB-D needs probes: {}\n" in text
    assert "<h2>Boundary catalogue: 2 of 4 rows decided, 1 failed</h2>" in html.render(shown, Page())
    assert "### Boundary catalogue: 2 of 4 rows decided, 1 failed" in markdown.render(shown, Page())
    assert "Boundary catalogue" not in console.render(ready, Page())
