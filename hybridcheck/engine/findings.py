"""What a judge said, brought into a form that can be trusted: known outcomes, finite figures, nine digits."""

import math

from hybridcheck.cases import Json, Reason
from hybridcheck.verdict import Finding, Outcome

DIGITS = 9
"""Significant digits of every float in a verdict."""

MOST_TEXT = 4000
"""Characters of a text in a finding; a target decides how long some of them would be."""

JUDGED = frozenset({Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE})
"""What a judge may say; the other outcomes are the engine's."""


class NotFinite(ValueError):
    """A figure is NaN or infinite."""


def error(expected: str, observed: str) -> Finding:
    """A finding that the case itself broke: our fault."""
    text = observed[:MOST_TEXT]
    return Finding(outcome=Outcome.ERROR, reason=Reason.TOOL_ERROR, expected=expected[:MOST_TEXT], observed=text)


def rounded(value: float | None) -> float | None:
    """The number with nine significant digits.

    Raises:
        NotFinite: it is NaN or infinite.
    """
    if value is None:
        return None
    if not math.isfinite(value):
        raise NotFinite(f"{value} is not a measurement")
    return float(f"{value:.{DIGITS}g}")


def normalised(finding: Finding) -> Finding:
    """The finding as it may stand in a verdict; an error finding where it may not."""
    if finding.outcome not in JUDGED:
        return error(finding.expected, f"a judge cannot say '{finding.outcome}'")
    if finding.outcome is Outcome.PASS and not finding.n and not finding.exchanges:
        return error(finding.expected, f"a pass that names neither n nor exchanges: {finding.observed}")
    changes: dict[str, Json] = {name: getattr(finding, name)[:MOST_TEXT] for name in ("expected", "observed")}
    if finding.outcome is Outcome.INCONCLUSIVE:
        changes["reason"] = finding.reason or Reason.EVIDENCE_INCOMPLETE
    try:
        for name in ("value", "lower", "upper", "limit", "effective_n"):
            changes[name] = rounded(getattr(finding, name))
        if finding.price is not None:
            changes["price"] = finding.price.model_copy(update={"seconds": rounded(finding.price.seconds)})
        changes["figures"] = {name: _figure(value) for name, value in finding.figures.items()}
    except NotFinite as wrong:
        return error(finding.expected, f"{wrong}; observed: {finding.observed}")
    return finding.model_copy(update=changes)


def _figure(value: float | str | None) -> float | int | str | bool | None:
    if isinstance(value, str):
        return value[:MOST_TEXT]
    return rounded(value) if isinstance(value, float) else value
