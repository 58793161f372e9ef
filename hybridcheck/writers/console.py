"""The verdict for people at a terminal or in a build log: the verdict first, then what blocks, then what would end it."""

import io
import shlex

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hybridcheck.load_document import LoadPart, LoadPhase
from hybridcheck.verdict import CaseVerdict, Ruling, Verdict
from hybridcheck.writers import load_words, wording
from hybridcheck.writers.formats import Page
from hybridcheck.writers.hostile_text import for_terminal

MOST_BLOCKERS = 12
MOST_ADVISORY = 8
MOST_UNEXAMINED = 8
MOST_TO_DECIDE = 12
MOST_ROWS = 8
MOST_EXAMPLE = 240

_STYLES = {
    Ruling.READY: "bold green",
    Ruling.PASSED: "bold green",
    Ruling.NOT_READY: "bold red",
    Ruling.FAILED: "bold red",
    Ruling.INCONCLUSIVE: "bold yellow",
}


def render(verdict: Verdict, page: Page) -> str:
    """The report in the page's width; escape sequences only where the page has colours."""
    written = io.StringIO()
    console = Console(
        file=written,
        width=max(page.width_columns, 20),
        force_terminal=page.colour,
        no_color=not page.colour,
        color_system="standard" if page.colour else None,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )
    _headline(console, verdict)
    _blockers(console, verdict, page)
    _to_decide(console, verdict)
    _core(console, verdict)
    _dimensions(console, verdict)
    _load(console, verdict)
    _boundary_catalogue(console, verdict)
    _advisory(console, verdict)
    _unexamined(console, verdict)
    _evidence(console, verdict, page)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def _headline(console: Console, verdict: Verdict) -> None:
    console.print(Text(for_terminal(wording.headline(verdict)), style=_STYLES[verdict.verdict]))
    run = f"profile {verdict.policy.profile_name} · budget {verdict.run.budget} · run {verdict.run.run_id}"
    about = f"{wording.MEANINGS[verdict.verdict]} · target {wording.address(verdict)} · {run}"
    console.print(Text(for_terminal(about)))
    if verdict.policy.exit_zero:
        console.print(Text("--exit-zero: this run reports and does not block"))
    if verdict.policy.what_if:
        console.print(Text("what-if: judged with another profile than the run had"))
    if verdict.waivers.applied:
        applied = f"{len(verdict.waivers.applied)} waived; without waivers: {verdict.waivers.ruling_without}"
        console.print(Text(applied))


def _heading(console: Console, words: str) -> None:
    console.print()
    console.print(Text(words, style="bold"))


def _blockers(console: Console, verdict: Verdict, page: Page) -> None:
    blocking = wording.blockers(verdict)
    if not blocking:
        return
    _heading(console, f"What blocks ({len(blocking)})")
    for place, blocker in enumerate(blocking[:MOST_BLOCKERS], start=1):
        if blocker.case is None:
            [(code, words)] = wording.rows(blocker)
            _line(console, f"{place}. {code}", words)
        else:
            _blocking_case(console, place, blocker, blocker.case, page)
    _and_more(console, len(blocking) - MOST_BLOCKERS)


def _blocking_case(console: Console, place: int, blocker: wording.Blocker, case: CaseVerdict, page: Page) -> None:
    about = f"{case.finding.outcome}, {case.severity}" + (f", {case.core}" if case.core else "")
    title = Text(f"{place}. {for_terminal(case.id)}", style="bold")
    console.print(title.append(f" ({about})", style="not bold"))
    for name, words in wording.rows(blocker):
        _line(console, f"   {name:<8}", words)
    _command(console, "explain", f"hybridcheck explain {shlex.quote(for_terminal(case.check))}")
    if case.finding.exchanges and case.replay:
        document = f"{page.folder}/verdict.json" if page.folder else "verdict.json"
        _command(console, "replay", f"hybridcheck replay {shlex.quote(for_terminal(f'{document}#{case.id}'))}")


def _line(console: Console, name: str, words: str) -> None:
    """A name and its words, wrapped under themselves; on a narrow terminal below the name."""
    if console.width < 40:
        console.print(Text(name))
        console.print(Padding(Text(for_terminal(words), overflow="fold"), (0, 0, 0, 4)))
        return
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(name), Text(for_terminal(words), overflow="fold"))
    console.print(grid)


def _command(console: Console, name: str, line: str) -> None:
    """A line to copy: never wrapped."""
    console.print(Text(f"   {name:<8} {line}"), soft_wrap=True)


def _and_more(console: Console, count: int) -> None:
    if count > 0:
        console.print(Text(f"   and {count} more, in verdict.json"))


def _to_decide(console: Console, verdict: Verdict) -> None:
    if not verdict.to_decide:
        return
    _heading(console, "What would decide it" if verdict.verdict == Ruling.INCONCLUSIVE else "What would widen it")
    ways = wording.ways(verdict)
    for what, cases in ways[:MOST_TO_DECIDE]:
        brings = f"  [for {for_terminal(cases)}]" if cases else ""
        lines = what.splitlines() or [""]
        block = ["in hybridcheck.yaml:", *lines] if len(lines) > 1 else lines
        for position, line in enumerate(block):
            shown = f" {'·' if position == 0 else ' '} {for_terminal(line)}{brings if position == 0 else ''}"
            console.print(Text(shown), soft_wrap=True)
    _and_more(console, len(ways) - MOST_TO_DECIDE)


def _core(console: Console, verdict: Verdict) -> None:
    answers = wording.core_answers(verdict)
    if not answers:
        return
    _heading(console, "Core questions")
    grid = Table.grid(padding=(0, 2))
    for question, answer in answers:
        grid.add_row(Text(f" {question}"), Text(for_terminal(wording.answer_words(verdict, answer)), overflow="fold"))
    console.print(grid)


def _dimensions(console: Console, verdict: Verdict) -> None:
    _heading(console, "Dimensions (for display: no score decides)")
    if console.width < 50:
        for dimension, score in verdict.dimensions.items():
            counts = f"{score.passed} passed, {score.failed} failed, {score.undecided} undecided"
            console.print(Text(f" {dimension}: {counts}, {wording.share(score.score)}"))
        return
    table = Table(box=None, padding=(0, 1), show_edge=False)
    table.add_column(Text(" dimension"))
    for name in ("passed", "failed", "undecided", "score"):
        table.add_column(Text(name), justify="right")
    for dimension, score in verdict.dimensions.items():
        table.add_row(
            Text(f" {dimension}"), *map(str, (score.passed, score.failed, score.undecided)), wording.share(score.score)
        )
    console.print(table)


def _load(console: Console, verdict: Verdict) -> None:
    if not verdict.load:
        return
    _heading(console, "Load (response time from the intended start)")
    for phase in verdict.load:
        for name, words in zip((phase.stream, "", ""), load_words.lines(phase), strict=False):
            _line(console, f" {for_terminal(name):<{len(phase.stream)}}", words)
        for name, words in load_words.process_lines(phase):
            _line(console, f"  {for_terminal(name)}", words)
        _parts(console, phase)
        examples = load_words.examples(phase)
        for name, words in examples[:MOST_ROWS]:
            _line(console, f"  {for_terminal(name)}", for_terminal(words, MOST_EXAMPLE))
        _and_more(console, len(examples) - MOST_ROWS)


def _parts(console: Console, phase: LoadPhase) -> None:
    """Operations and tags, the worst first; nothing where the phase has but one operation."""
    parts = load_words.named_parts(phase)
    if console.width < 70:
        for name, part in parts[:MOST_ROWS]:
            _line(console, f"  {for_terminal(name)}", load_words.part_words(part))
    elif parts:
        console.print(_table_of(parts[:MOST_ROWS]))
    _and_more(console, len(parts) - MOST_ROWS)


def _table_of(parts: list[tuple[str, LoadPart]]) -> Table:
    table = Table(box=None, padding=(0, 1), show_edge=False)
    table.add_column(Text("  operation"), overflow="fold")
    for name in ("planned", "ok", "failed", "unsent", "p50 ms", "p95 ms", "p99 ms", "service p95"):
        table.add_column(Text(name), justify="right")
    for name, part in parts:
        counts = (part.planned, part.ok, sum(part.failed.values()), part.unsent)
        times = (*(part.response_ms.get(key) for key in load_words.QUANTILES), part.service_ms.get("p95"))
        table.add_row(Text(f"  {for_terminal(name)}"), *(f"{count:,}" for count in counts), *map(wording.number, times))
    return table


def _boundary_catalogue(console: Console, verdict: Verdict) -> None:
    catalogue = verdict.boundary_catalogue
    if catalogue is None:
        return
    _heading(console, f"Boundary catalogue: {wording.catalogue_line(catalogue)}")
    rows = wording.undecided_rows(catalogue)
    for names, need in rows[:MOST_ROWS]:
        _line(console, " undecided:", f"{for_terminal(names)} needs {for_terminal(need, 160)}")
    _and_more(console, len(rows) - MOST_ROWS)


def _advisory(console: Console, verdict: Verdict) -> None:
    found = wording.advisory_findings(verdict)
    if not found:
        return
    _heading(console, f"Advisory findings ({len(found)}; they never decide)")
    for case in found[:MOST_ADVISORY]:
        _line(console, f" {case.severity:<8} {for_terminal(case.id)}", for_terminal(case.finding.observed, 160))
    _and_more(console, len(found) - MOST_ADVISORY)


def _unexamined(console: Console, verdict: Verdict) -> None:
    rows = wording.unexamined(verdict)
    if rows:
        _heading(console, "Not examined (what would bring it in)")
    for need, words in rows[:MOST_UNEXAMINED]:
        _line(console, " ·", f"{need}  ({words})")
    _and_more(console, len(rows) - MOST_UNEXAMINED)


def _evidence(console: Console, verdict: Verdict, page: Page) -> None:
    evidence = verdict.evidence
    console.print()
    console.print(Text(wording.balance(verdict)))
    sealed = "sealed" if evidence.sealed else "not sealed"
    where = f"{page.folder}/" if page.folder else ""
    _line(console, "Evidence:", f"{where}{evidence.path} ({evidence.records:,} records, {sealed}), {where}verdict.json")
