"""OpenMetrics text for a push gateway or a textfile collector: the verdict, counts, scores and load figures as gauges.

What was not measured has no sample, never a zero.
"""

from collections.abc import Iterable, Iterator

from hybridcheck.load_document import LoadPhase
from hybridcheck.verdict import Ruling, Verdict
from hybridcheck.writers.formats import Page
from hybridcheck.writers.hostile_text import for_terminal

Sample = tuple[str, dict[str, str], float | None]
"""A metric's name, its labels, its value."""

_HELP = {
    "hybridcheck_verdict": "1 for the verdict of the run, 0 for the others.",
    "hybridcheck_exit_code": "Exit code of the run.",
    "hybridcheck_cases": "Cases by what became of them.",
    "hybridcheck_dimension_score_ratio": "Share of severity weight passed; for display, it decides nothing.",
    "hybridcheck_load_requests": "Arrivals of a load phase by what became of them.",
    "hybridcheck_load_achieved_per_second": "Requests per second that were answered.",
    "hybridcheck_load_response_seconds": "Response time from the intended start, by quantile.",
    "hybridcheck_load_generator_cpu_ratio": "Highest CPU share of the generator.",
}
"""Every metric family, in the order of the text. Units in names are base units, as OpenMetrics wants them."""


def render(verdict: Verdict, page: Page) -> str:
    """The exposition, with its end marker."""
    target = {"target": verdict.subject.target or verdict.subject.base_url}
    samples = list(_samples(verdict))
    lines: list[str] = []
    for name, words in _HELP.items():
        family = [
            _line(name, {**target, **labels}, value)
            for own, labels, value in samples
            if own == name
            if value is not None
        ]
        if family:
            lines += [f"# TYPE {name} gauge", f"# HELP {name} {words}", *family]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _samples(verdict: Verdict) -> Iterator[Sample]:
    for ruling in Ruling:
        yield "hybridcheck_verdict", {"verdict": ruling}, float(ruling is verdict.verdict)
    yield "hybridcheck_exit_code", {}, float(verdict.exit_code)
    for outcome, count in verdict.plan.model_dump().items():
        yield "hybridcheck_cases", {"outcome": outcome}, float(count)
    for dimension, score in verdict.dimensions.items():
        yield "hybridcheck_dimension_score_ratio", {"dimension": dimension}, score.score
    for phase in verdict.load:
        yield from _load(phase)


def _load(phase: LoadPhase) -> Iterable[Sample]:
    labels = {"phase": phase.stream}
    counts = {"ok": phase.ok, "failed": sum(phase.failed.values()), "unsent": phase.unsent, "cut": phase.cut}
    for outcome, count in counts.items():
        yield "hybridcheck_load_requests", {**labels, "outcome": outcome}, float(count)
    yield "hybridcheck_load_achieved_per_second", labels, phase.achieved_rps
    for name, value_ms in phase.response_ms.items():
        if name.startswith("p") and name[1:].isdigit() and value_ms is not None:
            quantile = f"0.{name[1:]}"
            yield "hybridcheck_load_response_seconds", {**labels, "quantile": quantile}, value_ms / 1000
    yield "hybridcheck_load_generator_cpu_ratio", labels, phase.generator_cpu_max_ratio


def _line(name: str, labels: dict[str, str], value: float) -> str:
    listed = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{listed}}} {value!r}"


def _escaped(text: str) -> str:
    return for_terminal(text, 200).replace("\\", "\\\\").replace('"', '\\"')
