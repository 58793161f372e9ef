"""Markdown for a pull request or a GitHub step summary. Every text that a target can reach stands in a code span."""

from collections.abc import Iterator

from hybridcheck.verdict import CaseVerdict, CoreAnswer, Ruling, Verdict
from hybridcheck.writers import load_words, wording
from hybridcheck.writers.formats import Page
from hybridcheck.writers.hostile_text import as_markdown_block
from hybridcheck.writers.hostile_text import as_markdown_code as code

MOST_BYTES = 200_000
"""GitHub refuses a step summary of more than 1 MiB and a comment of more than 65,536 characters shows badly."""

_RESERVED_BYTES = 2_000
"""Kept free for the end of the report."""

_SIGNS = {
    Ruling.READY: "✅",
    Ruling.PASSED: "✅",
    Ruling.NOT_READY: "❌",
    Ruling.FAILED: "❌",
    Ruling.INCONCLUSIVE: "❔",
}


def render(verdict: Verdict, page: Page) -> str:
    """The report, at most 200 KB; what does not fit is counted at its end."""
    kept: list[str] = []
    size = 0
    left_out = 0
    for block in _blocks(verdict):
        size_bytes = len(block.encode("utf-8", errors="backslashreplace")) + 1
        if left_out or size + size_bytes > MOST_BYTES - _RESERVED_BYTES:
            left_out += 1
            continue
        kept.append(block)
        size += size_bytes
    if left_out:
        kept.append(f"\n*{left_out} more entries do not fit here; `verdict.json` has all of them.*")
    kept.append(_end(verdict))
    return "\n".join(kept) + "\n"


def _blocks(verdict: Verdict) -> Iterator[str]:
    """The report, in pieces that are kept or left out as a whole."""
    yield f"## {_SIGNS[verdict.verdict]} {verdict.verdict}\n"
    yield f"{code(wording.headline(verdict))}\n"
    yield (
        f"{wording.MEANINGS[verdict.verdict].capitalize()}. Target {code(wording.address(verdict))}, profile "
        f"{code(verdict.policy.profile_name)}, budget {code(verdict.run.budget)}, run {code(verdict.run.run_id)}.\n"
    )
    if verdict.policy.exit_zero:
        yield "*`--exit-zero`: this run reports and does not block.*\n"
    yield from _blockers(verdict)
    yield from _to_decide(verdict)
    yield from _tables(verdict)
    yield from _load(verdict)
    yield from _boundary_catalogue(verdict)
    yield from _advisory(verdict)
    yield from _unexamined(verdict)


def _blockers(verdict: Verdict) -> Iterator[str]:
    blocking = wording.blockers(verdict)
    if blocking:
        yield f"### What blocks ({len(blocking)})\n"
    for blocker in blocking:
        yield _blocking_case(blocker, blocker.case) if blocker.case else _blocking_reason(blocker)


def _blocking_reason(blocker: wording.Blocker) -> str:
    [(name, words)] = wording.rows(blocker)
    return f"- **{code(name)}** {code(words)}"


def _blocking_case(blocker: wording.Blocker, case: CaseVerdict) -> str:
    about = ", ".join(str(word) for word in (case.finding.outcome, case.severity, case.core) if word)
    rows = [*wording.rows(blocker), ("explain", f"hybridcheck explain {case.check}")]
    if case.replay_curl:
        rows.append(("by hand", case.replay_curl))
    lines = [f"- **{code(case.id)}** ({about})", *(f"  - {name}: {code(words)}" for name, words in rows)]
    return "\n".join(lines)


def _to_decide(verdict: Verdict) -> Iterator[str]:
    if not verdict.to_decide:
        return
    yield "\n### What would decide it\n" if verdict.verdict is Ruling.INCONCLUSIVE else "\n### What would widen it\n"
    for what, cases in wording.ways(verdict):
        brings = f" (for {code(cases)})" if cases else ""
        yield as_markdown_block(what) if "\n" in what.strip() else f"- {code(what)}{brings}"


def _tables(verdict: Verdict) -> Iterator[str]:
    """Numbers and words of our own only: a code span would not survive a bar inside a table."""
    answers = wording.core_answers(verdict)
    if answers:
        yield "\n### Core questions\n"
    for question, answer in answers:
        yield f"- {question}: {_answer(verdict, answer)}"
    yield "\n### Dimensions (for display: no score decides)\n"
    rows = ["| dimension | passed | failed | undecided | score |", "| --- | ---: | ---: | ---: | ---: |"]
    for dimension, score in verdict.dimensions.items():
        rows.append(
            f"| {dimension} | {score.passed} | {score.failed} | {score.undecided} | {wording.share(score.score)} |"
        )
    yield "\n".join(rows)


def _answer(verdict: Verdict, answer: CoreAnswer) -> str:
    if answer.not_applicable is not None:
        return f"not applicable, {code(answer.not_applicable)}"
    return wording.answered_by(verdict, answer) if answer.answered else "**open**"


def _load(verdict: Verdict) -> Iterator[str]:
    if verdict.load:
        yield "\n### Load (response time from the intended start)\n"
    for phase in verdict.load:
        first, *more = load_words.lines(phase)
        yield "\n".join([f"- {code(phase.stream)}: {code(first)}", *(f"  - {code(words)}" for words in more)])
        for name, words in load_words.process_lines(phase):
            yield f"  - {code(name)}: {code(words)}"
        for name, part in load_words.named_parts(phase):
            yield f"  - {code(name)}: {code(load_words.part_words(part))}"
        for name, words in load_words.examples(phase):
            yield f"  - {code(name)}: {code(words)}"


def _boundary_catalogue(verdict: Verdict) -> Iterator[str]:
    catalogue = verdict.boundary_catalogue
    if catalogue is None:
        return
    yield f"\n### Boundary catalogue: {wording.catalogue_line(catalogue)}\n"
    for names, need in wording.undecided_rows(catalogue):
        yield f"- undecided: {names} needs {code(need)}"


def _advisory(verdict: Verdict) -> Iterator[str]:
    found = wording.advisory_findings(verdict)
    if found:
        yield f"\n### Advisory findings ({len(found)}; they never decide)\n"
    for case in found:
        yield f"- {case.severity}: {code(case.id)} {code(case.finding.observed, 200)}"


def _unexamined(verdict: Verdict) -> Iterator[str]:
    rows = wording.unexamined(verdict)
    if rows:
        yield "\n### Not examined (what would bring it in)\n"
    for need, words in rows:
        yield f"- {code(need)}: {code(words)}"


def _end(verdict: Verdict) -> str:
    sealed = "sealed" if verdict.evidence.sealed else "**not sealed**"
    return (
        f"\n{wording.balance(verdict)}. "
        f"Evidence: {code(verdict.evidence.path)} ({verdict.evidence.records:,} records, {sealed})."
    )
