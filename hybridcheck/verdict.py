"""The verdict: findings of cases, their tally, and the JSON document that a run leaves behind (schema version 1).

These are shapes only. The engine fills them; writers render them and decide nothing.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from hybridcheck.cases import CoreQuestion, Dimension, Frozen, Group, Json, Phase, Reason, SafetyClass, Severity
from hybridcheck.load_document import LoadPhase

SCHEMA_VERSION = "1.2.0"
"""Version of the verdict document; a reader refuses another major."""


class Outcome(StrEnum):
    """What became of a case. planned = pass + fail + inconclusive + error, always."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    NOT_EVALUATED = "not_evaluated"
    NOT_APPLICABLE = "not_applicable"


class Ruling(StrEnum):
    """The answer to the one question; PASSED and FAILED for a run over a selection of checks."""

    READY = "READY"
    NOT_READY = "NOT_READY"
    INCONCLUSIVE = "INCONCLUSIVE"
    PASSED = "PASSED"
    FAILED = "FAILED"


class Price(Frozen):
    """What would decide an undecided case: more requests, and the seconds that they take at the planned rate."""

    requests: int
    seconds: float | None = None


class Finding(Frozen):
    """What a judge found: expected against observed, with bounds where statistical and the records it rests on.

    `exchanges` are ledger line numbers. `value`, `lower`, `upper` and `limit` share `unit`; `n` counts observations.
    `severity` is that of what was found, where it is less than the worst that its check can find; the case tells it.
    """

    outcome: Outcome
    expected: str
    observed: str
    reason: Reason | None = None
    severity: Severity | None = Field(default=None, exclude=True)
    exchanges: tuple[int, ...] = ()
    n: int | None = None
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    limit: float | None = None
    unit: str | None = None
    method: str | None = None
    effective_n: float | None = None
    price: Price | None = None
    figures: dict[str, float | int | str | bool | None] = Field(default_factory=dict)


class AppliedWaiver(Frozen):
    """A waiver that covers a failed case at the time of the run."""

    reason: str
    owner: str
    ticket: str
    expires: str


class CaseVerdict(Frozen):
    """One case in the document."""

    id: str
    check: str
    subject: str
    fingerprint: str
    group: Group
    phase: Phase
    safety: SafetyClass
    dimension: Dimension
    severity: Severity
    core: CoreQuestion | None = None
    finding: Finding
    needs: str = ""
    waived: AppliedWaiver | None = None
    duration_s: float | None = None
    replay: str | None = None
    replay_curl: str | None = None


class CheckVerdict(Frozen):
    """A check with its cases; its outcome is that of its worst case."""

    id: str
    title: str
    dimension: Dimension
    severity: Severity
    since: int
    refs: tuple[str, ...] = ()
    remedy: str = ""
    outcome: Outcome
    cases: tuple[CaseVerdict, ...]


class ReasonLine(Frozen):
    """One reason for the verdict, most important first; `blocking` where it alone forbids READY."""

    code: str
    message: str
    case: str | None = None
    blocking: bool = True


class ToDecide(Frozen):
    """One thing that would end an INCONCLUSIVE: a profile line, a flag, or a number of requests."""

    what: str
    kind: Literal["profile", "flag", "requests", "target", "rerun"]
    cases: tuple[str, ...] = ()


class Scope(Frozen):
    """What READY would be said about: counts per group and the sentence that is printed."""

    required: int
    advisory: int
    unexamined: int
    not_applicable: int
    advisory_findings: int
    sentence: str


class BuildIdentity(Frozen):
    """What the target says that it is, before and after; None where it does not say."""

    before: str | None = None
    after: str | None = None


class Service(Frozen):
    """A declared service and the runtime that it was declared to, and says itself to, run on."""

    name: str
    declared_runtime: str
    reported_runtime: str | None = None


class Subject(Frozen):
    """The target of the run."""

    target: str
    base_url: str
    environment: str
    build: BuildIdentity = BuildIdentity()
    services: tuple[Service, ...] = ()


class Policy(Frozen):
    """What the run was held to: the profile's digest and name, its catalogue number, whether it is a what-if."""

    profile_name: str
    digest: str
    catalogue: int
    what_if: bool = False
    exit_zero: bool = False


class EvidenceRef(Frozen):
    """Where the evidence is: path relative to this document, its digest, how many records, whether it is sealed."""

    path: str
    digest: str
    records: int
    sealed: bool


class RunInfo(Frozen):
    """How the run went: UTC times, seed, budget, tool version, host, and what ended it."""

    run_id: str
    started_utc: str
    ended_utc: str | None
    cause: str | None
    seed: int
    budget: str
    tool_version: str
    judged_by: str
    catalogue: int
    plugins: tuple[str, ...] = ()
    host: dict[str, Json] = Field(default_factory=dict)
    flags: dict[str, Json] = Field(default_factory=dict)
    overrides: dict[str, str] = Field(default_factory=dict)


class PlanCounts(Frozen):
    """Counts that balance: planned = passed + failed + inconclusive + errors."""

    planned: int
    passed: int
    failed: int
    inconclusive: int
    errors: int
    unexamined: int
    not_applicable: int


class DimensionScore(Frozen):
    """Display only: share of severity weight passed, with bounds for what is undecided; decides nothing."""

    score: float | None
    lower: float | None
    upper: float | None
    passed: int
    failed: int
    undecided: int


class CoreAnswer(Frozen):
    """How a core question was answered: by which required cases, or by the operator in words."""

    answered: bool
    by: tuple[str, ...] = ()
    not_applicable: str | None = None


class ResourceSeries(Frozen):
    """One sampled series: unit, count, extremes and mean of what was read."""

    source: str
    metric: str
    unit: str
    n: int
    missing: int
    minimum: float | None
    mean: float | None
    maximum: float | None


class WaiverCounts(Frozen):
    """What waivers did: the ruling without them, and which were applied, expired or matched nothing."""

    ruling_without: Ruling
    applied: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()


class BoundaryRow(Frozen):
    """A row of the boundary catalogue: the checks that decide it, and pass or fail; None with what it waits for."""

    row: str
    checks: tuple[str, ...]
    outcome: Literal[Outcome.PASS, Outcome.FAIL] | None
    needs: str = ""


class BoundaryCatalogue(Frozen):
    """How many rows of the boundary catalogue (what goes wrong between CPython and Codon) the run decided."""

    total: int
    decided: int
    rows: tuple[BoundaryRow, ...]


class Verdict(Frozen):
    """The document `verdict.json`; `boundary_catalogue` is None where the profile declares no hybrid system."""

    schema_version: str = SCHEMA_VERSION
    verdict: Ruling
    exit_code: int
    scope: Scope
    reasons: tuple[ReasonLine, ...]
    to_decide: tuple[ToDecide, ...]
    core: dict[CoreQuestion, CoreAnswer]
    subject: Subject
    policy: Policy
    evidence: EvidenceRef
    run: RunInfo
    plan: PlanCounts
    dimensions: dict[Dimension, DimensionScore]
    checks: tuple[CheckVerdict, ...]
    load: tuple[LoadPhase, ...] = ()
    resources: tuple[ResourceSeries, ...] = ()
    waivers: WaiverCounts
    integration: dict[str, Json]
    production: dict[str, Json]
    boundary_catalogue: BoundaryCatalogue | None = None


def passed(expected: str, observed: str, **details: object) -> Finding:
    """A finding that the promise held."""
    return Finding.model_validate({"outcome": Outcome.PASS, "expected": expected, "observed": observed, **details})


def failed(expected: str, observed: str, **details: object) -> Finding:
    """A finding that a defect is proved."""
    return Finding.model_validate({"outcome": Outcome.FAIL, "expected": expected, "observed": observed, **details})


def undecided(reason: Reason, expected: str, observed: str, **details: object) -> Finding:
    """A finding that the evidence does not decide, with the reason and where possible its price."""
    found = {"outcome": Outcome.INCONCLUSIVE, "reason": reason, "expected": expected, "observed": observed}
    return Finding.model_validate({**found, **details})
