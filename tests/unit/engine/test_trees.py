"""The two trees of requirement 004, their figures, the scores, and what the load and the samplers left."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from hybridcheck.cases import Case, CoreQuestion, Dimension, Group, Json, PlannedCase, Severity
from hybridcheck.engine.figures import FIGURES
from hybridcheck.engine.judging import judge
from hybridcheck.engine.trees import INTEGRATION, PRODUCTION
from hybridcheck.evidence import (
    Evidence,
    GeneratorSecond,
    LoadEnd,
    LoadHistogram,
    LoadSecond,
    Observation,
    Record,
    RunCause,
    Sample,
)
from hybridcheck.ledger import from_lines
from hybridcheck.statistics.histogram import Histogram
from hybridcheck.verdict import Finding, Ruling, Verdict, passed
from tests.property.fake_checks import Repeated
from tests.property.ledgers import exchange, lines_of, planned, start

GOOD: list[Record] = [exchange("probe.1", 200)]
BAD: list[Record] = [exchange(f"probe.{i}", 500) for i in (1, 2, 3)]
FLAKY: list[Record] = [exchange("probe.1", 500), exchange("probe.2", 200)]

SHAPE: Mapping[str, Mapping[str, str]] = {
    "cpython_tests": {"auth_integration": "", "dashboard_integration": "", "streaming_integration": ""},
    "codon_tests": {"analytics_integration": "", "ai_detection_integration": "", "monitoring_integration": ""},
    "hybrid_tests": {"service_boundaries": "", "communication_patterns": "", "api_integration": ""},
    "validation_tests": {
        "functional_validation": "coverage",
        "performance_validation": "latency",
        "security_validation": "vulnerabilities",
    },
    "quality_tests": {"code_quality": "score", "performance_quality": "score", "security_quality": "score"},
    "performance_validation": {
        "latency_validation": "avg_latency",
        "throughput_validation": "rps",
        "resource_validation": "cpu_usage",
    },
    "reliability_validation": {
        "error_handling": "error_rate",
        "fault_tolerance": "recovery_time",
        "data_consistency": "consistency",
    },
    "security_validation": {
        "authentication": "auth_success",
        "authorization": "authz_success",
        "data_protection": "encryption",
    },
    "scalability_validation": {
        "horizontal_scaling": "scale_factor",
        "vertical_scaling": "resource_efficiency",
        "load_distribution": "distribution",
    },
    "monitoring_validation": {
        "metrics_collection": "coverage",
        "alerting_systems": "response_time",
        "dashboard_functionality": "availability",
    },
}
"""Requirement 004's branches, leaves and the figure of each leaf."""


class Exposure(Repeated):
    """A check whose id puts it under data protection."""

    id = "exposure.fake"


class Latency(Repeated):
    """A check whose id puts it under latency."""

    id = "load.latency-fake"
    suite: ClassVar[str] = "api"


CHECKS = {check.id: check for check in (Repeated(), Exposure(), Latency())}


def verdict_of(
    plan: Sequence[PlannedCase],
    records: Mapping[str, Sequence[Record]] | None = None,
    *,
    more: Mapping[str, Sequence[Record]] | None = None,
    cause: RunCause = RunCause.COMPLETED,
    **first: Any,
) -> Verdict:
    """The verdict of a scoped run; `records` by subject, a good answer for the others."""
    streams = {case.case.id: (records or {}).get(case.case.subject, GOOD) for case in plan}
    lines = lines_of(start(plan, **{"scoped": True, **first}), {**streams, **(more or {})}, cause=cause)
    return judge(from_lines(lines), CHECKS, ledger_name="l", tool_version="1")


def in_suite(suite: str, subject: str = "x", **changes: Any) -> PlannedCase:
    """A case whose parameters name its suite."""
    return planned("fake.repeated", subject, params={"suite": suite}, **changes)


def leaves(tree: dict[str, Json]) -> dict[str, dict[str, str]]:
    """Branches, leaves, and the figure of each leaf."""
    known = {"passed", "duration", "cases"}
    return {
        branch: {name: "".join(set(leaf) - known) for name, leaf in own.items() if name != "passed"}
        for branch, own in tree.items()
        if branch != "passed"
    }


def test_the_trees_have_exactly_the_required_shape() -> None:
    """Every branch, leaf and figure of requirement 004, in both trees, even where nothing was examined."""
    verdict = verdict_of([])
    assert {**leaves(verdict.integration), **leaves(verdict.production)} == SHAPE
    for tree in (verdict.integration, verdict.production):
        assert tree["passed"] is None
        for branch, own in tree.items():
            if branch == "passed":
                continue
            assert own["passed"] is None
            assert all(leaf["passed"] is None for name, leaf in own.items() if name != "passed")


def test_nothing_measured_is_null_everywhere() -> None:
    """Without any evidence there is not a single figure."""
    verdict = verdict_of([])
    for tree in (verdict.integration, verdict.production):
        for branch in (own for name, own in tree.items() if name != "passed"):
            for leaf in (own for name, own in branch.items() if name != "passed"):
                assert {value for key, value in leaf.items() if key != "cases"} == {None}


def test_a_leaf_names_its_cases_and_sums_their_durations() -> None:
    """Two cases of the suite `auth` make the leaf; its duration is theirs."""
    leaf = verdict_of([in_suite("auth", "a"), in_suite("auth", "b")]).integration["cpython_tests"]["auth_integration"]
    assert leaf == {"passed": True, "duration": 0.5, "cases": ["fake.repeated[a]", "fake.repeated[b]"]}


@pytest.mark.parametrize(
    ("records", "group", "leaf", "branch"),
    [
        (GOOD, Group.REQUIRED, True, True),
        (BAD, Group.REQUIRED, False, False),
        (FLAKY, Group.REQUIRED, None, None),
        (GOOD, Group.ADVISORY, True, None),
        (BAD, Group.ADVISORY, False, None),
    ],
)
def test_passed_is_true_false_or_null(
    records: list[Record], group: Group, leaf: bool | None, branch: bool | None
) -> None:
    """A fail is false, an undecided case null; an advisory case tells its leaf and nothing above it."""
    tree = verdict_of([in_suite("analytics", group=group)], {"x": records}).integration
    assert tree["codon_tests"]["analytics_integration"]["passed"] is leaf
    assert tree["codon_tests"]["passed"] is branch
    assert tree["cpython_tests"]["passed"] is None
    assert tree["passed"] is branch


def test_an_advisory_fail_beside_a_required_pass_does_not_fail_the_leaf() -> None:
    """Where required cases decide the leaf, advisory ones only stand in its list."""
    plan = [in_suite("auth", "a"), in_suite("auth", "b", group=Group.ADVISORY)]
    leaf = verdict_of(plan, {"b": BAD}).integration["cpython_tests"]["auth_integration"]
    assert leaf["passed"] is True
    assert len(leaf["cases"]) == 2


def test_the_whole_is_true_only_where_the_ruling_allows_it() -> None:
    """All cases passed, but the run was interrupted, or a core question is open: null, in both trees."""
    plan = [in_suite("auth")]
    assert verdict_of(plan).integration["passed"] is True
    assert verdict_of(plan).production["passed"] is True
    for verdict in (verdict_of(plan, cause=RunCause.INTERRUPTED), verdict_of(plan, scoped=False)):
        assert verdict.verdict is Ruling.INCONCLUSIVE
        assert verdict.integration["passed"] is None
        assert verdict.production["passed"] is None
    assert verdict_of(plan, {"x": BAD}).production["passed"] is False


def test_vulnerabilities_are_confirmed_unwaived_security_fails() -> None:
    """Suspicions and waived fails do not count; without a decided security case it is null."""
    security = [in_suite("api", name, dimension=Dimension.SECURITY) for name in "abc"]
    entry = {"case": "fake.repeated[c]", "reason": "known", "owner": "o", "ticket": "t", "expires": "2026-03-10"}
    records = {"a": BAD, "b": FLAKY, "c": BAD}

    def leaf(verdict: Verdict) -> Json:
        return verdict.integration["validation_tests"]["security_validation"]["vulnerabilities"]

    assert leaf(verdict_of(security, records)) == 2
    assert leaf(verdict_of(security, records, profile={"waivers": [entry]})) == 1
    assert leaf(verdict_of(security[1:2], records)) is None


def test_coverage_counts_declared_operations_with_a_valid_answer() -> None:
    """One of two declared operations was answered with a declared status; undeclared ones do not count."""
    profile = {"version": 1, "operations": ["GET /a", "GET /b -> 204"]}
    seen = [
        exchange("probe.1", 200, operation="GET /a"),
        exchange("probe.2", 200, operation="GET /b"),
        exchange("probe.3", 200, operation="GET /c"),
    ]
    tree = verdict_of([in_suite("api")], {"x": seen}, profile=profile).integration
    assert tree["validation_tests"]["functional_validation"]["coverage"] == 0.5


def pairs(*values_ms: float) -> tuple[tuple[int, int], ...]:
    """The histogram of some durations."""
    histogram = Histogram()
    for value in values_ms:
        histogram.record(round(value * 1e6))
    return tuple(histogram.to_pairs())


def load_stream() -> list[Record]:
    """A warm-up second and two judged ones, with histograms of two windows."""
    failed = {"status": 3}
    return [
        LoadSecond(second=0, operation="x", planned=50, ok=0, failed={"status": 50}, counts=False),
        LoadSecond(second=1, operation="x", planned=100, ok=97, failed=failed),
        LoadSecond(second=2, operation="x", planned=100, ok=98, failed={"status": 1}, unsent=1),
        GeneratorSecond(second=1, cpu_ratio=0.2, offered=100, sent=100),
        GeneratorSecond(second=2, cpu_ratio=0.4, offered=100, sent=100),
        LoadHistogram(operation="x", measure="response", pairs=pairs(*[10.0] * 95)),
        LoadHistogram(operation="x", measure="response", pairs=pairs(*[100.0] * 5)),
        LoadHistogram(operation="x", measure="service", pairs=pairs(5.0)),
        LoadEnd(cause="completed", seconds=3, planned=250, ok=195, failed=54, unsent=1, cut=0),
    ]


def test_a_load_phase_is_summed_up_without_its_warm_up() -> None:
    """Counts, rate, merged quantiles and generator health are those of the judged seconds."""
    phase = verdict_of([in_suite("api")], more={"load/steady": load_stream()}).load[0]
    assert (phase.stream, phase.planned, phase.ok, phase.unsent, phase.seconds) == ("load/steady", 200, 195, 1, 2)
    assert phase.failed == {"status": 4}
    assert phase.achieved_rps == 97.5
    assert phase.response_ms["p50"] == pytest.approx(10, rel=1e-3)
    assert phase.response_ms["max"] == pytest.approx(100, rel=1e-3)
    assert phase.response_ms["mean"] == pytest.approx(14.5, rel=1e-3)
    assert phase.lag_ms["p99"] is None
    assert phase.generator_cpu_max_ratio == 0.4
    assert phase.cause == "completed"


def test_a_load_phase_without_its_end_is_shown_as_far_as_it_got() -> None:
    """What was measured is measured; the cause is null."""
    phase = verdict_of([in_suite("api")], more={"load/steady": load_stream()[:2]}).load[0]
    assert (phase.planned, phase.cause, phase.generator_cpu_max_ratio) == (100, None, None)
    assert set(phase.response_ms.values()) == {None}


def test_the_figures_of_load_stand_in_both_trees() -> None:
    """p95 and mean of response time, throughput, and the share of wrong arrivals."""
    verdict = verdict_of([in_suite("api")], more={"load/steady": load_stream()})
    validation, production = verdict.integration["validation_tests"], verdict.production
    assert validation["performance_validation"]["latency"] == pytest.approx(10, rel=1e-3)
    assert production["performance_validation"]["latency_validation"]["avg_latency"] == pytest.approx(14.5, rel=1e-3)
    assert production["performance_validation"]["throughput_validation"]["rps"] == 97.5
    assert production["reliability_validation"]["error_handling"]["error_rate"] == 0.025


def test_samples_become_series_and_missing_ones_are_counted() -> None:
    """Extremes and mean of what was read; a source that did not answer is missing, not zero."""
    values = [0.2, None, 0.4]
    samples: list[Record] = [
        Sample(at_s=i, source="metrics", instance="a", metric="cpu_ratio", value=value, unit="ratio")
        for i, value in enumerate(values)
    ]
    verdict = verdict_of([in_suite("api")], more={"samples": samples})
    series = verdict.resources[0]
    assert (series.source, series.metric, series.n, series.missing) == ("metrics a", "cpu_ratio", 2, 1)
    assert (series.minimum, series.mean, series.maximum) == (0.2, 0.3, 0.4)
    assert verdict.production["performance_validation"]["resource_validation"]["cpu_usage"] == 0.3


def test_production_leaves_take_their_cases_by_topic() -> None:
    """Exposure cases are data protection; over plain http its figure is false, over https true."""
    plan = [planned("exposure.fake", dimension=Dimension.SECURITY), planned("load.latency-fake")]
    for url, encrypted in (("http://127.0.0.1:1", False), ("https://127.0.0.1:1", True)):
        tree = verdict_of(plan, base_url=url).production
        leaf = tree["security_validation"]["data_protection"]
        assert leaf["cases"] == ["exposure.fake[x]"]
        assert leaf["encryption"] is encrypted
        assert tree["performance_validation"]["latency_validation"]["cases"] == ["load.latency-fake[x]"]


def test_access_decisions_are_a_share_of_the_probes() -> None:
    """One of two access cases allowed what it must not: half of the decisions were right."""
    plan = [planned("fake.repeated", name, core=CoreQuestion.ACCESS) for name in "ab"]
    named = [case.model_copy(update={"case": case.case.model_copy(update={"check": "authn.x"})}) for case in plan]
    checks = {"authn.x": Repeated()}
    lines = lines_of(start(named), {named[0].case.id: GOOD, named[1].case.id: BAD})
    verdict = judge(from_lines(lines), checks, ledger_name="l", tool_version="1")
    assert verdict.production["security_validation"]["authorization"]["authz_success"] == 0.5


def test_dimension_scores_are_weighted_and_bounded() -> None:
    """Severity weights of passed cases, with what is undecided as the worst and as the best."""
    plan = [
        in_suite("api", "a", severity=Severity.CRITICAL),
        in_suite("api", "b", severity=Severity.MEDIUM),
        in_suite("api", "c", severity=Severity.MEDIUM),
        in_suite("api", "d", dimension=Dimension.SECURITY),
    ]
    scores = verdict_of(plan, {"b": BAD, "c": FLAKY, "d": FLAKY}).dimensions
    functional, security = scores[Dimension.FUNCTIONAL], scores[Dimension.SECURITY]
    assert (functional.score, functional.lower, functional.upper) == (0.666666667, 0.5, 0.75)
    assert (functional.passed, functional.failed, functional.undecided) == (1, 1, 1)
    assert (security.score, security.lower, security.upper) == (None, 0.0, 1.0)
    assert set(scores) == {Dimension.FUNCTIONAL, Dimension.SECURITY}


def test_services_show_declared_and_reported_runtime() -> None:
    """What a service says that it runs on stands beside what the profile declared; unknown is null."""
    profile = {"services": {"analytics": {"runtime": "codon"}, "auth": {"runtime": "cpython"}}}
    said: list[Record] = [Observation(label="runtime", values={"service": "analytics", "runtime": "emulation"})]
    services = verdict_of([in_suite("api")], profile=profile, more={"s": said}).subject.services
    assert [(s.name, s.declared_runtime, s.reported_runtime) for s in services] == [
        ("analytics", "codon", "emulation"),
        ("auth", "cpython", None),
    ]


def test_every_figure_of_the_trees_is_defined() -> None:
    """Each leaf's figure has its row with formula, unit, n, statistic and when it is null; no row is unused."""
    used = {leaf.figure for leaf in (*INTEGRATION, *PRODUCTION) if leaf.key}
    assert used == set(FIGURES)
    for row in FIGURES.values():
        assert all((row.formula, row.unit, row.n, row.statistic, row.null_when))


def test_a_leaf_counts_the_time_of_a_shared_stream_once() -> None:
    """Two cases over one load phase took their own time and that of the phase."""
    plan = [planned("fake.repeated", name, shared=["load/steady"], params={"suite": "api"}) for name in "ab"]
    leaf = verdict_of(plan, more={"load/steady": load_stream()}).integration["hybrid_tests"]["api_integration"]
    assert leaf["duration"] == 0.75


def test_auth_success_is_the_share_of_logins_that_worked() -> None:
    """Two of three identities logged in and were recognised; other authentication cases do not count."""
    plan = [planned("authn.login-gives-identity", name) for name in "abc"] + [planned("authn.other", "d")]
    streams = {case.case.id: BAD if case.case.subject in "cd" else GOOD for case in plan}
    checks = {"authn.login-gives-identity": Repeated(), "authn.other": Repeated()}
    verdict = judge(from_lines(lines_of(start(plan), streams)), checks, ledger_name="l", tool_version="1")
    leaf = verdict.production["security_validation"]["authentication"]
    assert leaf["auth_success"] == 0.666666667
    assert leaf["passed"] is False


class Shares(Repeated):
    """A check that gives the figure of its leaf with its finding."""

    id = "scaling.replicas-fake"

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """A pass whose index is the case's subject."""
        return passed("x", "y", n=1, figures={"jain_index": float(case.subject)})


def test_a_figure_that_a_check_gives_is_that_of_the_worst_case() -> None:
    """Two cases give Jain's index: the leaf shows the lower one."""
    plan = [planned("scaling.replicas-fake", "0.9"), planned("scaling.replicas-fake", "0.7")]
    streams: dict[str, list[Record]] = {case.case.id: [] for case in plan}
    lines = lines_of(start(plan, scoped=True), streams)
    verdict = judge(from_lines(lines), {Shares.id: Shares()}, ledger_name="l", tool_version="1")
    assert verdict.production["scalability_validation"]["load_distribution"]["distribution"] == 0.7
