"""The figures of the two trees: each a function of what was recorded, with its definition as data beside it.

`docs/figures.md` is generated from `FIGURES`. A figure that was not measured is None, never a default.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from hybridcheck.cases import Dimension, Group, Json
from hybridcheck.engine.findings import rounded
from hybridcheck.engine.load_parts import NS_PER_MS, mean_ms, merged
from hybridcheck.engine.load_report import achieved_rps
from hybridcheck.engine.scores import score_of
from hybridcheck.engine.streams import Streams
from hybridcheck.engine.subject import profile_of
from hybridcheck.evidence import Exchange, LoadSecond, RunStart, Sample
from hybridcheck.verdict import CaseVerdict, Outcome

CPU_METRIC = "cpu_ratio"
"""The name under which every sampler records the share of its CPU limit that the target uses."""

LOGIN_CHECK = "authn.login-gives-identity"
"""The check each of whose cases is one login with its whoami."""

Figure = float | int | bool | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a figure is computed from: the whole run, and the cases of its leaf that ran."""

    start: RunStart
    streams: Streams
    cases: tuple[CaseVerdict, ...]


@dataclass(frozen=True, slots=True)
class FigureRow:
    """The definition of a figure: how it is computed, its unit, what n counts, the statistic, and when it is null."""

    name: str
    formula: str
    unit: str
    n: str
    statistic: str
    null_when: str
    compute: Callable[[Seen], Figure]


def operation_coverage(seen: Seen) -> Figure:
    """Declared operations that were answered with a declared status at least once, of all declared operations."""
    profile = profile_of(seen.start)
    declared = {op.id: op.expect.status for _, _, op in profile.all_operations()} if profile is not None else {}
    answered = {
        record.operation
        for record in seen.streams.records
        if isinstance(record, Exchange) and record.operation in declared and record.status in declared[record.operation]
    }
    return rounded(len(answered) / len(declared)) if declared else None


def latency_p95_ms(seen: Seen) -> Figure:
    """The 95th percentile of the response time of right answers in the judged seconds of all load phases."""
    value = merged(seen.streams.records, "response").quantile(0.95)
    return None if value is None else rounded(value / NS_PER_MS)


def latency_mean_ms(seen: Seen) -> Figure:
    """The mean of the same response times."""
    return mean_ms(merged(seen.streams.records, "response"))


def best_rps(seen: Seen) -> Figure:
    """Right answers per whole judged second, of the load phase with the most."""
    return rounded(max(achieved_rps(seen.streams), default=None))


def load_error_ratio(seen: Seen) -> Figure:
    """Arrivals that were answered wrongly, not at all or never sent, of all planned, in the judged seconds."""
    judged = [record for record in seen.streams.records if isinstance(record, LoadSecond) and record.counts]
    planned = sum(record.planned for record in judged)
    return rounded((planned - sum(record.ok for record in judged)) / planned) if planned else None


def cpu_ratio(seen: Seen) -> Figure:
    """The mean of the CPU share that was sampled while the target was under load."""
    values = [
        record.value
        for record in seen.streams.records
        if isinstance(record, Sample) and record.metric == CPU_METRIC and record.phase == "during"
    ]
    read = [value for value in values if value is not None]
    return rounded(sum(read) / len(read)) if read else None


def vulnerabilities(seen: Seen) -> Figure:
    """Security cases that failed, which means confirmed, and are not waived."""
    security = [case for case in seen.cases if case.dimension is Dimension.SECURITY]
    if not any(_decided(case) for case in security):
        return None
    return sum(case.finding.outcome is Outcome.FAIL and case.waived is None for case in security)


def dimension_score(seen: Seen) -> Figure:
    """Severity weight passed of severity weight decided (critical 10, high 7.5, medium 5, low 2.5)."""
    return score_of(seen.cases).score


def share_passed(seen: Seen) -> Figure:
    """Cases that passed, of those that are decided."""
    decided = [case for case in seen.cases if _decided(case)]
    return rounded(sum(c.finding.outcome is Outcome.PASS for c in decided) / len(decided)) if decided else None


def login_success(seen: Seen) -> Figure:
    """Logins that were valid and gave the right whoami, of all attempts."""
    return share_passed(Seen(seen.start, seen.streams, tuple(c for c in seen.cases if c.check == LOGIN_CHECK)))


def encrypted(seen: Seen) -> Figure:
    """Whether the target was spoken to over verified TLS (verification cannot be switched off)."""
    answered = any(isinstance(record, Exchange) and record.response for record in seen.streams.records)
    return seen.start.base_url.lower().startswith("https:") if answered else None


def from_findings(name: str, choose: Literal["worst_high", "worst_low"]) -> Callable[[Seen], Figure]:
    """The worst value that the leaf's decided findings give under this name in their figures."""

    def compute(seen: Seen) -> Figure:
        found = [case.finding.figures.get(name) for case in seen.cases if _decided(case)]
        values = [value for value in found if isinstance(value, int | float)]
        return (max if choose == "worst_high" else min)(values, default=None)

    return compute


def recovery_s(seen: Seen) -> Figure:
    """The longest time from the end of a load or fault to the first good second."""
    measured = [
        case.finding.value
        for case in seen.cases
        if case.check.startswith("recovery.") and case.finding.unit == "s" and case.finding.value is not None
    ]
    return max(measured, default=None)


def _decided(case: CaseVerdict) -> bool:
    return case.finding.outcome in (Outcome.PASS, Outcome.FAIL)


def ran(cases: Iterable[CaseVerdict]) -> tuple[CaseVerdict, ...]:
    """The cases of the plan that were to run."""
    return tuple(case for case in cases if case.group in (Group.REQUIRED, Group.ADVISORY))


NO_LOAD = "no load phase was recorded"
NO_CASE = "no case of the leaf is decided"

ROWS: tuple[FigureRow, ...] = (
    FigureRow("operation_coverage", "declared operations answered with a declared status / declared operations",
              "ratio", "declared operations", "share", "no operation is declared", operation_coverage),
    FigureRow("latency_p95", "95th percentile of response time from the intended start, right answers of all phases",
              "ms", "right answers in judged seconds", "p95, type 1", NO_LOAD, latency_p95_ms),
    FigureRow("latency_mean", "mean of response time from the intended start, right answers of all phases",
              "ms", "right answers in judged seconds", "mean", NO_LOAD, latency_mean_ms),
    FigureRow("rps", "right answers / judged seconds that the phase's end did not cut short, of the phase with the most",
              "requests/s", "whole judged seconds", "mean", NO_LOAD, best_rps),
    FigureRow("error_rate", "(planned arrivals - right answers) / planned arrivals, all phases",
              "ratio", "planned arrivals in judged seconds", "share", NO_LOAD, load_error_ratio),
    FigureRow("cpu_usage", "mean of the sampled CPU share under load", "ratio", "samples that were answered", "mean",
              "no CPU source is declared or none answered", cpu_ratio),
    FigureRow("vulnerabilities", "security cases that failed and are not waived", "cases", "decided security cases",
              "count", "no security case is decided", vulnerabilities),
    FigureRow("score", "severity weight passed / severity weight decided", "ratio", "decided cases", "weighted share",
              NO_CASE, dimension_score),
    FigureRow("share_passed", "cases passed / cases decided (authz_success: each is one allow or deny decision)",
              "ratio", "decided cases", "share", NO_CASE, share_passed),
    FigureRow("encryption", "whether the base URL is https, whose certificate is always verified", "yes or no",
              "answered exchanges", "-", "nothing answered", encrypted),
    FigureRow("recovery_time", "longest time until the first good second after a load or fault", "s",
              "recovery cases", "maximum", "no recovery was measured", recovery_s),
    FigureRow("auth_success", "valid logins that give the right whoami / attempts", "ratio", "attempts", "share",
              "no login was tried", login_success),
    FigureRow("scale_factor", "throughput at n instances / throughput at one", "ratio", "instances", "minimum",
              "no check measured it", from_findings("scale_factor", "worst_low")),
    FigureRow("resource_efficiency", "throughput on c cores / (c · throughput on one)", "ratio", "rounds", "median",
              "no check measured it", from_findings("resource_efficiency", "worst_low")),
    FigureRow("distribution", "Jain's index over the requests that each instance answered", "ratio",
              "answers with an instance header", "minimum", "no instance header is declared",
              from_findings("jain_index", "worst_low")),
    FigureRow("alert_response_time", "longest time from the cause of an alert to the alert", "s", "alerts", "maximum",
              "no check measured it", from_findings("response_time", "worst_high")),
)  # fmt: skip

FIGURES: Mapping[str, FigureRow] = {row.name: row for row in ROWS}
"""Every figure under its name."""


def figure(name: str, seen: Seen) -> Json:
    """The figure of that name."""
    return FIGURES[name].compute(seen)
