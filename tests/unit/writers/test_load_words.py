"""The words of the load section."""

from html import unescape

import pytest

from hybridcheck.cases import Reason
from hybridcheck.load_document import LoadPhase
from hybridcheck.verdict import Outcome, ReasonLine, ToDecide, Verdict, undecided
from hybridcheck.writers import console, html, load_words, markdown, wording
from hybridcheck.writers.formats import Page, Writer
from hybridcheck.writers.load_chart import drawing
from tests.unit.writers import verdicts

WAITED = {
    "generator_lag_ms": {"p99": 0.4},
    "connection_wait_ms": {"p99": 1670.0},
    "connection_waits": 538,
}


def phase(**changes: object) -> LoadPhase:
    """The phase of the handmade verdicts."""
    return verdicts.phase().model_copy(update=changes)


@pytest.mark.parametrize("writer", [console, markdown, html])
def test_every_report_for_people_has_the_error_kinds_and_what_came(writer: Writer, ready: Verdict) -> None:
    """The operation, the kind, how often, and the first one in words; what was left out of the verdict too."""
    text = unescape(writer.render(ready, Page(width_columns=200)))
    assert "list status" in text
    assert "10 times, the first in second 7: status 500" in text
    assert "left out of the verdict: 2 s, 400 planned, 399 ok, 1 failed (reset 1) · p50 90 ms" in text


def test_a_warm_up_that_was_found_is_not_left_out_of_everything() -> None:
    """Errors in it are judged; without one, what is left out is in no verdict."""
    _, _, left = load_words.lines(phase(warm_up_s=25))
    assert left.startswith(
        "left out of latency and throughput (by its rule the warm-up lasted until second 25; errors in it count from"
    )
    assert "verdict" not in left
    for none in (0, None):
        assert load_words.lines(phase(warm_up_s=none))[2].startswith("left out of the verdict: 2 s")


def test_the_worst_operation_comes_first() -> None:
    """By wrong answers, then by its p95; tags after the operations."""
    assert [name for name, _ in load_words.named_parts(phase())] == ["list", "whoami", "tag slow"]


def test_where_all_is_well_a_phase_of_one_operation_needs_no_table(ready: Verdict) -> None:
    """Two lines say it all."""
    [only] = phase().operations[:1]
    short = ready.model_copy(update={"load": (phase(operations=(only,), tags=(), left_out=None, failed={}),)})
    text = console.render(short, Page(width_columns=200))
    section = text[text.index("Load (") :].split("\n\n")[0]
    assert len(section.splitlines()) == 3


def test_a_queue_at_the_target_is_not_the_generators_fault() -> None:
    """Own lag and the wait for a free connection stand apart."""
    _, ending, _ = load_words.lines(phase(**WAITED))
    assert "generator: CPU at most 31 %, late by p99 0.4 ms · 538 waited for a free connection" in ending
    assert ending.endswith("p99 1,670 ms")


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("completed", "went to its end: why"),
        ("stopped_early", "ended early: why (hybridcheck load --stop-early never goes on to the end)"),
        ("safety_abort", "ended by a safety abort: why"),
        ("aborted", "ended by hand: why"),
        ("killed", "ended by the load generator (killed): why"),
        (None, "no end marker: why"),
    ],
)
def test_how_a_phase_ended_names_the_generator_only_where_it_was_the_reason(cause: str | None, words: str) -> None:
    """And an early end says how to go on."""
    _, ending, _ = load_words.lines(phase(cause=cause, cause_detail="why"))
    assert ending.startswith(f"{words} · generator: CPU")


def test_a_broken_second_is_not_counted_and_it_says_so() -> None:
    """Of a phase that ended early."""
    figures, *_ = load_words.lines(phase(whole_seconds=19, planned_rps=200.0))
    assert figures.startswith("199.5 req/s of 200 planned over the 19 whole s of 20 judged · ")


def test_a_failure_of_the_warm_up_alone_is_told_as_that() -> None:
    """Its kind is in no judged second."""
    gone = phase(operations=(verdicts.part(failed={}),))
    assert load_words.examples(gone) == [
        ("list status", "only in seconds that are left out, the first in second 7: status 500")
    ]


def test_the_drawing_breaks_where_nothing_is_recorded_and_shades_what_is_left_out() -> None:
    """One path for what was planned in two pieces; two shades; one bar."""
    series = phase().series
    assert series is not None
    drawn = list(drawing(series))
    [planned, _ok] = [line for line in drawn if line.startswith("<path")]
    assert planned.count("M") == 2
    assert sum("#eaeef2" in line and "<rect" in line for line in drawn) == 3  # with that of the legend
    assert sum("#cf222e" in line for line in drawn) == 2


def test_a_phase_in_which_nothing_came_can_be_drawn() -> None:
    """No division by a highest rate of zero."""
    series = phase().series
    assert series is not None
    none = series.model_copy(update={"planned": (0,) * 4, "ok": (0,) * 4})
    assert any("<path" in line for line in drawing(none))


def test_cases_of_which_nothing_else_is_known_are_told_once(ready: Verdict) -> None:
    """A load that was broken off leaves many undecided: one entry names them; what has a figure, or failed, stands alone."""
    silent = undecided(Reason.SAFETY_ABORT, "a promise", "the load phase was broken off")
    named = [verdicts.case(f"load.limit[{name}]", finding=silent) for name in ("a", "b", "c")]
    measured = verdicts.case("load.limit[d]", finding=silent.model_copy(update={"value": 0.5}))
    cases = (*named, measured)
    reasons = tuple(ReasonLine(code="SAFETY_ABORT", message="", case=case.id) for case in cases)
    checks = tuple(verdicts.check_of(case, outcome=Outcome.INCONCLUSIVE) for case in cases)
    found = wording.blockers(ready.model_copy(update={"checks": checks, "reasons": reasons}))
    assert [(one.reason.case, one.alike) for one in found] == [
        ("load.limit[a]", ("load.limit[b]", "load.limit[c]")),
        ("load.limit[d]", ()),
    ]
    assert ("also", "load.limit[b], load.limit[c]") in wording.rows(found[0])


def test_what_comes_together_is_explained_and_less_than_one_is_no_number() -> None:
    """`effective 0.05773` said nothing to anybody."""
    finding = undecided(Reason.TOO_FEW_SAMPLES, "", "", n=2300, effective_n=0.05773)
    assert wording.measured(finding) == "n 2,300 (worth less than one independent: what went wrong came together)"
    assert wording.measured(finding.model_copy(update={"effective_n": 2300.0})) == "n 2,300"


def test_of_many_cases_a_few_are_named(ready: Verdict) -> None:
    """A line of what would decide says for which cases."""
    many = ready.model_copy(
        update={"to_decide": (ToDecide(what="x", kind="rerun", cases=tuple(f"c[{number}]" for number in range(9))),)}
    )
    assert wording.ways(many) == [("x", "c[0], c[1], c[2], and 6 more cases")]
