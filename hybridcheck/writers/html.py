"""A self-contained HTML page: no script, nothing loaded from elsewhere; all cases, the blocking ones first."""

from collections.abc import Iterable, Iterator
from html import escape

from hybridcheck.load_document import LoadPhase
from hybridcheck.verdict import CaseVerdict, CheckVerdict, Outcome, Ruling, Verdict
from hybridcheck.writers import load_words, wording
from hybridcheck.writers.formats import Page
from hybridcheck.writers.hostile_text import clipped, visible
from hybridcheck.writers.load_chart import drawing

MOST_CHARACTERS = 4000
"""How much of one text the page shows; the JSON document holds all of it."""

_COLOURS = {Ruling.READY: "good", Ruling.PASSED: "good", Ruling.NOT_READY: "bad", Ruling.FAILED: "bad"}

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b1f24 }
h1 { border-left: .5rem solid #9a6700; padding-left: .75rem } h1.good { border-color: #1a7f37 }
h1.bad { border-color: #cf222e }
table { border-collapse: collapse } td, th { border-bottom: 1px solid #d0d7de; padding: .25rem .75rem; text-align: left }
td { overflow-wrap: anywhere; vertical-align: top } .figures td { overflow-wrap: break-word } pre { white-space: pre-wrap; overflow-wrap: anywhere }
pre, code { background: #f6f8fa; padding: .1rem .3rem } summary { cursor: pointer } .number { text-align: right }
"""


def render(verdict: Verdict, page: Page) -> str:
    """The page. Every text is escaped, and the policy in its head would run nothing that was not."""
    title = text(f"{verdict.verdict}: {wording.address(verdict)}")
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    sections = (_top, _blockers, _ways, _core, _dimensions, _load, _boundary_catalogue, _unexamined, _checks, _bottom)
    return head + "\n".join(line for section in sections for line in section(verdict)) + "\n</body>\n</html>\n"


def text(words: str) -> str:
    """Text for an element or a quoted attribute: nothing in it is markup, nothing acts on the reader."""
    return escape(visible(clipped(words, MOST_CHARACTERS)))


def _top(verdict: Verdict) -> Iterator[str]:
    yield f'<h1 class="{_COLOURS.get(verdict.verdict, "open")}">{text(wording.headline(verdict))}</h1>'
    run = verdict.run
    about = f"{wording.MEANINGS[verdict.verdict]} · {wording.address(verdict)} · profile {verdict.policy.profile_name}"
    yield f"<p>{text(about)} · budget {text(run.budget)} · run {text(run.run_id)}, {text(run.started_utc)}</p>"
    if verdict.policy.exit_zero:
        yield "<p><code>--exit-zero</code>: this run reports and does not block</p>"


def _blockers(verdict: Verdict) -> Iterator[str]:
    blocking = wording.blockers(verdict)
    if not blocking:
        return
    yield f"<h2>What blocks ({len(blocking)})</h2>"
    for place, blocker in enumerate(blocking, start=1):
        if blocker.case is not None:
            case = blocker.case
            yield f"<h3>{place}. {text(case.id)} ({text(f'{case.finding.outcome}, {case.severity}')})</h3>"
            yield _table((), [*wording.rows(blocker), *_ways_on(case)])
        else:
            [(code, words)] = wording.rows(blocker)
            yield f"<h3>{place}. {text(code)}</h3><p>{text(words)}</p>"


def _ways_on(case: CaseVerdict) -> list[tuple[str, str]]:
    rows = [("explain", f"hybridcheck explain {case.check}"), ("by hand", case.replay_curl or "")]
    return [(name, words) for name, words in rows if words]


def _ways(verdict: Verdict) -> Iterator[str]:
    ways = wording.ways(verdict)
    if ways:
        yield f"<h2>What would {'decide' if verdict.verdict is Ruling.INCONCLUSIVE else 'widen'} it</h2>"
    for what, cases in ways:
        lines = "\n".join(text(line) for line in what.splitlines())
        yield f"<pre>{lines}</pre>" + (f"<p>for {text(cases)}</p>" if cases else "")


def _core(verdict: Verdict) -> Iterator[str]:
    answers = wording.core_answers(verdict)
    if answers:
        yield "<h2>Core questions</h2>"
        yield _table((), [(question.value, wording.answer_words(verdict, answer)) for question, answer in answers])


def _dimensions(verdict: Verdict) -> Iterator[str]:
    yield "<h2>Dimensions</h2><p>For display: no score decides.</p>"
    rows = [
        (name.value, str(score.passed), str(score.failed), str(score.undecided), wording.share(score.score))
        for name, score in verdict.dimensions.items()
    ]
    yield _table(("dimension", "passed", "failed", "undecided", "score"), rows)


def _load(verdict: Verdict) -> Iterator[str]:
    if verdict.load:
        yield "<h2>Load (response time from the intended start)</h2>"
    for phase in verdict.load:
        yield f"<h3>{text(phase.stream)}</h3>"
        first, *more = load_words.lines(phase)
        yield _table(
            (), [("rate", first), *zip(("end", "left out"), more, strict=False), *load_words.process_lines(phase)]
        )
        if phase.series is not None:
            yield from drawing(phase.series)
        if phase.operations:
            yield _table(_PART_HEADS, _part_rows(phase), "figures")
        examples = load_words.examples(phase)
        if examples:
            yield "<p>The first failure of each kind:</p>"
            yield _table((), examples)


_PART_HEADS = (
    "operation", "planned", "ok", "failed", "unsent", "cut off",
    "p50 ms", "p95 ms", "p99 ms", "service p50 ms", "p95 ms", "p99 ms",
)  # fmt: skip


def _part_rows(phase: LoadPhase) -> Iterator[tuple[str, ...]]:
    named = load_words.named_parts(phase) or [(part.name, part) for part in phase.operations]
    for name, part in named:
        failed = load_words.kinds(part.failed).replace(" failed", "")
        counts = (f"{part.planned:,}", f"{part.ok:,}", failed, f"{part.unsent:,}", f"{part.cut:,}")
        times = (found.get(key) for found in (part.response_ms, part.service_ms) for key in load_words.QUANTILES)
        yield (name, *counts, *map(wording.number, times))


def _boundary_catalogue(verdict: Verdict) -> Iterator[str]:
    catalogue = verdict.boundary_catalogue
    if catalogue is None:
        return
    yield f"<h2>Boundary catalogue: {text(wording.catalogue_line(catalogue))}</h2>"
    yield _table(("undecided", "needs"), wording.undecided_rows(catalogue))


def _unexamined(verdict: Verdict) -> Iterator[str]:
    rows = wording.unexamined(verdict)
    if rows:
        yield "<h2>Not examined (what would bring it in)</h2>"
        yield _table((), rows)


def _checks(verdict: Verdict) -> Iterator[str]:
    """Every check with its cases; those with something to read are open."""
    yield "<h2>All checks</h2>"
    for check in verdict.checks:
        state = "" if check.outcome in {Outcome.PASS, Outcome.NOT_EVALUATED, Outcome.NOT_APPLICABLE} else " open"
        yield f"<details{state}><summary>{text(check.id)}: {text(check.outcome)}. {text(check.title)}</summary>"
        yield _table(("case", "group", "outcome", "expected", "observed", "measured"), _case_rows(check))
        yield "</details>"


def _case_rows(check: CheckVerdict) -> Iterator[tuple[str, ...]]:
    for case in check.cases:
        finding = case.finding
        outcome = f"{finding.outcome}, waived" if case.waived else str(finding.outcome)
        reason = f" ({finding.reason})" if finding.reason else ""
        group = case.group.value.replace("_", " ")
        yield (case.subject, group, outcome + reason, finding.expected, finding.observed or case.needs,
               wording.measured(finding))  # fmt: skip


def _bottom(verdict: Verdict) -> Iterator[str]:
    evidence = verdict.evidence
    sealed = "sealed" if evidence.sealed else "not sealed"
    yield f"<p>{text(wording.balance(verdict))}</p>"
    yield f"<p>Evidence: {text(evidence.path)} ({evidence.records:,} records, {sealed}, {text(evidence.digest)})</p>"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], kind: str = "words") -> str:
    """A table; without heads, the first column is one. In one of figures no number is broken over lines."""
    lines = [f'<table class="{kind}">']
    if heads:
        lines.append("<tr>" + "".join(f"<th>{text(head)}</th>" for head in heads) + "</tr>")
    for first, *rest in rows:
        opening = f"<td>{text(first)}</td>" if heads else f"<th>{text(first)}</th>"
        lines.append("<tr>" + opening + "".join(f"<td>{text(cell)}</td>" for cell in rest) + "</tr>")
    return "\n".join([*lines, "</table>"])
