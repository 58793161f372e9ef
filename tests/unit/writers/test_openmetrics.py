"""OpenMetrics text, read back by the parser of prometheus-client."""

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from hybridcheck.verdict import Ruling, Verdict
from hybridcheck.writers import openmetrics
from hybridcheck.writers.formats import Page


def _parsed(verdict: Verdict) -> list[Metric]:
    text = openmetrics.render(verdict, Page())
    return list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]  # the parser has no types


def _samples(verdict: Verdict) -> dict[tuple[str, frozenset[str]], float]:
    return {
        (sample.name, frozenset(sample.labels.values()) - {"staging"}): float(sample.value)
        for family in _parsed(verdict)
        for sample in family.samples
    }


def test_exactly_one_verdict_is_1(blocked: Verdict) -> None:
    """The others are 0, so that a change of the verdict is a change of series values."""
    found = {labels: value for (name, labels), value in _samples(blocked).items() if name == "hybridcheck_verdict"}
    assert found == {frozenset({ruling.value}): float(ruling is Ruling.NOT_READY) for ruling in Ruling}


def test_counts_are_those_of_the_plan(blocked: Verdict) -> None:
    """Under the names of the document."""
    samples = _samples(blocked)
    assert samples["hybridcheck_cases", frozenset({"planned"})] == 6
    assert samples["hybridcheck_cases", frozenset({"failed"})] == 3
    assert samples["hybridcheck_exit_code", frozenset()] == 1


def test_times_are_in_seconds(ready: Verdict) -> None:
    """Base units, one sample for each quantile."""
    assert _samples(ready)["hybridcheck_load_response_seconds", frozenset({"load/steady", "0.95"})] == pytest.approx(
        0.0085
    )


def test_what_was_not_measured_has_no_sample(ready: Verdict) -> None:
    """A missing figure is never a zero."""
    [phase] = ready.load
    nothing = phase.model_copy(
        update={"achieved_rps": None, "response_ms": {"p95": None}, "generator_cpu_max_ratio": None}
    )
    names = {name for name, _ in _samples(ready.model_copy(update={"load": (nothing,)}))}
    assert "hybridcheck_load_requests" in names
    assert not names & {
        "hybridcheck_load_achieved_per_second",
        "hybridcheck_load_response_seconds",
        "hybridcheck_load_generator_cpu_ratio",
    }


def test_hostile_labels_are_text(hostile: Verdict) -> None:
    """The exposition parses, and the target's name is one label value."""
    [target] = {sample.labels["target"] for family in _parsed(hostile) for sample in family.samples}
    assert "\\x1b[2J" in target
    assert "\n" not in target
