"""The two result trees of requirement 004, each leaf with the cases that it summarises.

`passed` of a leaf: false where a required, unwaived case of it failed; null where one is undecided or none is decided;
else true. A leaf that has only advisory cases tells about those, but never upwards: a branch and the whole look at
required cases alone, and the whole is true only where the run's ruling allows it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hybridcheck.cases import Case, CoreQuestion, Dimension, Group, Json
from hybridcheck.engine.decision import Decision
from hybridcheck.engine.figures import Seen, figure, ran
from hybridcheck.engine.findings import rounded
from hybridcheck.engine.judged import DECIDED, UNDECIDED, Judged
from hybridcheck.verdict import CaseVerdict, Outcome, Ruling

Chooses = Callable[[CaseVerdict, str], bool]
"""Whether a case, given its suite, belongs to a leaf."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf: its branch, its name, which cases it summarises, and the key and the name of its figure."""

    branch: str
    name: str
    chooses: Chooses
    key: str = ""
    figure: str = ""


def suite(*names: str) -> Chooses:
    """Cases of these suites."""
    return lambda _, of_suite: of_suite in names


def dimension(wanted: Dimension) -> Chooses:
    """Cases of a dimension."""
    return lambda case, _: case.dimension is wanted


def topic(*prefixes: str) -> Chooses:
    """Cases whose check's id begins like this."""
    return lambda case, _: case.check.startswith(prefixes)


def either(*choices: Chooses) -> Chooses:
    """Cases that any of the choices takes."""
    return lambda case, of_suite: any(choice(case, of_suite) for choice in choices)


def both(first: Chooses, second: Chooses) -> Chooses:
    """Cases that both choices take."""
    return lambda case, of_suite: first(case, of_suite) and second(case, of_suite)


def core(question: CoreQuestion) -> Chooses:
    """Cases that answer a core question."""
    return lambda case, _: case.core is question


ERROR_TOPICS = (
    "load.error",
    "errors.",
    "contract.error",
    "contract.malformed",
    "contract.unknown",
    "contract.wrong",
    "boundary.error",
    "boundary.native-errors",
    "boundary.no-false-success",
)
"""What is about how errors are answered, and how many there are."""

FAULT_TOPICS = ("recovery.", "faults.", "boundary.down", "resilience.", "survival.")
"""What is about outliving something: a load, a fault, a bad request, a service that is down."""

CONSISTENCY_TOPICS = (
    "consistency.",
    "data.",
    "concurrency.no-lost-updates",
    "concurrency.no-crosstalk",
    "resilience.idempotent",
    "boundary.partitions-agree",
    "twins.",
)
"""What is about data that is the same for everybody who asks: none lost, mixed up, done twice, or differently computed."""

INTEGRATION: tuple[Leaf, ...] = (
    Leaf("cpython_tests", "auth_integration", suite("auth")),
    Leaf("cpython_tests", "dashboard_integration", suite("dashboard")),
    Leaf("cpython_tests", "streaming_integration", suite("streaming")),
    Leaf("codon_tests", "analytics_integration", suite("analytics")),
    Leaf("codon_tests", "ai_detection_integration", suite("ai_detection")),
    Leaf("codon_tests", "monitoring_integration", suite("monitoring")),
    Leaf("hybrid_tests", "service_boundaries", suite("boundary")),
    Leaf("hybrid_tests", "communication_patterns", suite("communication")),
    Leaf("hybrid_tests", "api_integration", suite("api")),
    Leaf(
        "validation_tests", "functional_validation", dimension(Dimension.FUNCTIONAL), "coverage", "operation_coverage"
    ),
    Leaf("validation_tests", "performance_validation", dimension(Dimension.PERFORMANCE), "latency", "latency_p95"),
    Leaf(
        "validation_tests", "security_validation", dimension(Dimension.SECURITY), "vulnerabilities", "vulnerabilities"
    ),
    Leaf("quality_tests", "code_quality", dimension(Dimension.QUALITY), "score", "score"),
    Leaf("quality_tests", "performance_quality", dimension(Dimension.PERFORMANCE), "score", "score"),
    Leaf("quality_tests", "security_quality", dimension(Dimension.SECURITY), "score", "score"),
)

PRODUCTION: tuple[Leaf, ...] = (
    Leaf("performance_validation", "latency_validation", topic("load.latency"), "avg_latency", "latency_mean"),
    Leaf("performance_validation", "throughput_validation", topic("load.throughput", "capacity."), "rps", "rps"),
    Leaf("performance_validation", "resource_validation", topic("resources."), "cpu_usage", "cpu_usage"),
    Leaf("reliability_validation", "error_handling", topic(*ERROR_TOPICS), "error_rate", "error_rate"),
    Leaf("reliability_validation", "fault_tolerance", topic(*FAULT_TOPICS), "recovery_time", "recovery_time"),
    Leaf("reliability_validation", "data_consistency", topic(*CONSISTENCY_TOPICS), "consistency", "share_passed"),
    Leaf("security_validation", "authentication", topic("authn.", "session."), "auth_success", "auth_success"),
    Leaf("security_validation", "authorization", either(core(CoreQuestion.ACCESS), topic("authz.")), "authz_success",
         "share_passed"),
    Leaf("security_validation", "data_protection", topic("exposure.", "tls.", "headers."), "encryption", "encryption"),
    Leaf("scalability_validation", "horizontal_scaling", topic("scaling.horizontal"), "scale_factor", "scale_factor"),
    Leaf("scalability_validation", "vertical_scaling", topic("scaling.vertical", "performance.scales"), "resource_efficiency",
         "resource_efficiency"),
    Leaf("scalability_validation", "load_distribution", topic("scaling.replicas", "scaling.distribution"), "distribution",
         "distribution"),
    Leaf("monitoring_validation", "metrics_collection", topic("metrics."), "coverage", "share_passed"),
    Leaf("monitoring_validation", "alerting_systems", topic("alerts."), "response_time", "alert_response_time"),
    Leaf("monitoring_validation", "dashboard_functionality",
         both(suite("dashboard"), dimension(Dimension.FUNCTIONAL)), "availability", "share_passed"),
)  # fmt: skip


def integration_tree(judged: Judged, decision: Decision) -> dict[str, Json]:
    """The integration test results in the shape of requirement 004."""
    return _tree(INTEGRATION, judged, decision)


def production_tree(judged: Judged, decision: Decision) -> dict[str, Json]:
    """The production validation results in the shape of requirement 004; `passed` is the run's ruling."""
    tree = _tree(PRODUCTION, judged, decision)
    return {**tree, "passed": None if decision.ruling is Ruling.INCONCLUSIVE else _allows(decision)}


def _tree(leaves: tuple[Leaf, ...], judged: Judged, decision: Decision) -> dict[str, Json]:
    suites = {planned.case.id: suite_of(judged, planned.case) for planned in judged.start.plan}
    tree: dict[str, Json] = {}
    members: dict[str, list[CaseVerdict]] = {}
    for leaf in leaves:
        chosen = tuple(case for case in ran(judged.cases) if leaf.chooses(case, suites[case.id]))
        members.setdefault(leaf.branch, []).extend(chosen)
        tree.setdefault(leaf.branch, {})[leaf.name] = _leaf(leaf, chosen, judged)
    for branch, cases in members.items():
        tree[branch]["passed"] = _passed(_required(cases))
    whole = _passed(_required(case for cases in members.values() for case in cases))
    return {**tree, "passed": whole if not whole or _allows(decision) else None}


def _allows(decision: Decision) -> bool:
    return decision.ruling in (Ruling.READY, Ruling.PASSED)


def suite_of(judged: Judged, case: Case) -> str:
    """The suite of a case: its check's, else the one that its parameters name; empty where neither does."""
    check = judged.checks.get(case.check)
    return (check.suite if check is not None else "") or str(case.params.get("suite") or "")


def _leaf(leaf: Leaf, cases: tuple[CaseVerdict, ...], judged: Judged) -> dict[str, Json]:
    found: dict[str, Json] = {
        "passed": _passed(_required(cases) or list(cases)),
        "duration": _duration_s(judged, cases),
    }
    if leaf.key:
        found[leaf.key] = figure(leaf.figure, Seen(judged.start, judged.streams, cases))
    return {**found, "cases": [case.id for case in cases]}


def _duration_s(judged: Judged, cases: tuple[CaseVerdict, ...]) -> float | None:
    """Seconds that the cases took, with each shared stream (a load phase) that they rest on counted once."""
    ids = {case.id for case in cases}
    shared = {name for planned in judged.start.plan if planned.case.id in ids for name in planned.case.shared}
    known = [judged.streams.duration_s(stream) for stream in sorted(ids | shared)]
    durations = [duration for duration in known if duration is not None]
    return rounded(sum(durations)) if durations else None


def _required(cases: Iterable[CaseVerdict]) -> list[CaseVerdict]:
    return [case for case in cases if case.group is Group.REQUIRED]


def _passed(cases: list[CaseVerdict]) -> bool | None:
    if any(case.finding.outcome is Outcome.FAIL and case.waived is None for case in cases):
        return False
    if any(case.finding.outcome in UNDECIDED for case in cases):
        return None
    return True if any(case.finding.outcome in DECIDED for case in cases) else None
