"""Workflow commands that GitHub Actions shows as annotations; it takes ten of a kind from a step and drops the rest."""

from hybridcheck.verdict import Verdict
from hybridcheck.writers import wording
from hybridcheck.writers.formats import Page
from hybridcheck.writers.hostile_text import for_terminal

MOST = 10
"""How many annotations of one kind GitHub shows."""


def render(verdict: Verdict, page: Page) -> str:
    """The verdict as a notice, what blocks as errors, advisory findings as warnings: nine of a kind and "N more"."""
    errors = [_blocker(blocker, page) for blocker in wording.blockers(verdict)]
    warnings = [
        _command("warning", case.id, f"{case.finding.observed}; expected: {case.finding.expected}", case.id, page)
        for case in wording.advisory_findings(verdict)
    ]
    notice = _command("notice", "hybridcheck", wording.headline(verdict), "", page)
    return "\n".join([notice, *_at_most(errors, "error", page), *_at_most(warnings, "warning", page)]) + "\n"


def _blocker(blocker: wording.Blocker, page: Page) -> str:
    rows = wording.rows(blocker)
    if blocker.case is None:
        [(code, words)] = rows
        return _command("error", code, words, "", page)
    message = "; ".join(f"{name}: {words}" for name, words in rows)
    return _command("error", blocker.case.id, message, blocker.case.id, page)


def _at_most(commands: list[str], kind: str, page: Page) -> list[str]:
    if len(commands) <= MOST:
        return commands
    more = f"{len(commands) - MOST + 1} more, in verdict.json"
    return [*commands[: MOST - 1], _command(kind, "hybridcheck", more, "", page)]


def _command(kind: str, title: str, message: str, case: str, page: Page) -> str:
    """One line that begins with our own words: no text of a target can begin a command."""
    properties = {"title": title}
    if page.profile is not None and case:
        properties = {"file": page.profile, "line": str(page.lines.get(case, 1)), **properties}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {listed}::{_data(message)}"


def _data(text: str) -> str:
    """A message: percent signs as GitHub wants them; line breaks are visible text already."""
    return for_terminal(text, 2000).replace("%", "%25")


def _property(text: str) -> str:
    """A property ends at a comma or a colon, which are written as percent codes."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
