"""The vocabulary of promises: what a check is about, which case of it counts, and why one stays undecided."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict of the same."""


class Frozen(BaseModel):
    """The base of every immutable record; unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dimension(StrEnum):
    """The kinds of readiness; the last three exist where the profile declares what they need."""

    FUNCTIONAL = "functional"
    PERFORMANCE = "performance"
    SECURITY = "security"
    RELIABILITY = "reliability"
    SCALABILITY = "scalability"
    MONITORING = "monitoring"
    QUALITY = "quality"


class Severity(StrEnum):
    """How bad a broken promise is; critical and high are required by default."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def weight(self) -> float:
        """Weight in the display score of a dimension (the scale of OpenSSF Scorecard)."""
        return {"critical": 10.0, "high": 7.5, "medium": 5.0, "low": 2.5}[self.value]

    @property
    def rank(self) -> int:
        """0 for critical up to 3 for low."""
        return list(Severity).index(self)


class CoreQuestion(StrEnum):
    """The six questions that READY has to answer, in the order in which they are reported."""

    ALIVE = "alive"
    CONTRACT = "contract"
    ACCESS = "access"
    EXPOSURE = "exposure"
    LOAD = "load"
    RECOVERY = "recovery"


CORE_PARTS: Mapping[CoreQuestion, tuple[str, ...]] = {
    CoreQuestion.ACCESS: ("authn.missing-credentials-refused", "authn.garbage-credentials-refused"),
    CoreQuestion.EXPOSURE: ("exposure.no-secret", "exposure.no-stack-trace", "exposure.tls-valid"),
    CoreQuestion.LOAD: ("load.latency-limit", "load.error-limit"),
}
"""Questions that ask several things at once: each of these checks answers one part, and none stands for another."""


class SafetyClass(StrEnum):
    """What a check may do to a target, from harmless to disruptive."""

    READ = "read"
    WRITE = "write"
    LOAD = "load"
    ABUSE = "abuse"
    FAULT = "fault"
    DISRUPT = "disrupt"


class Phase(StrEnum):
    """When a case runs; phases run one after the other, cases within one phase beside each other."""

    PREFLIGHT = "preflight"
    READ = "read"
    WRITE = "write"
    LOAD = "load"
    ABUSE = "abuse"
    FAULT = "fault"
    AFTER = "after"


class Budget(StrEnum):
    """How long a run may take; it changes sample sizes and which cases are planned, never limits."""

    QUICK = "quick"
    STANDARD = "standard"
    FULL = "full"


class Group(StrEnum):
    """What a case counts for; fixed before the first byte is sent."""

    REQUIRED = "required"
    ADVISORY = "advisory"
    UNEXAMINED = "unexamined"
    NOT_APPLICABLE = "not_applicable"


class Reason(StrEnum):
    """Why a case is undecided, or a run inconclusive."""

    AUTH_NOT_EFFECTIVE = "AUTH_NOT_EFFECTIVE"
    NO_TEST_DATA = "NO_TEST_DATA"
    SHALLOW = "SHALLOW"
    CATCH_ALL = "CATCH_ALL"
    TARGET_CHANGED = "TARGET_CHANGED"
    GENERATOR_SATURATED = "GENERATOR_SATURATED"
    WORKER_LOST = "WORKER_LOST"
    TOO_FEW_SAMPLES = "TOO_FEW_SAMPLES"
    TOO_FEW_CORES = "TOO_FEW_CORES"
    TOO_FEW_CONNECTIONS = "TOO_FEW_CONNECTIONS"
    STOPPED_EARLY = "STOPPED_EARLY"
    SAFETY_ABORT = "SAFETY_ABORT"
    THROTTLED = "THROTTLED"
    SETUP_FAILED = "SETUP_FAILED"
    FAULT_NOT_DELIVERED = "FAULT_NOT_DELIVERED"
    EVIDENCE_INCOMPLETE = "EVIDENCE_INCOMPLETE"
    SUSPECTED = "SUSPECTED"
    FLAKY = "FLAKY"
    TARGET_UNREACHABLE = "TARGET_UNREACHABLE"
    INTERRUPTED = "INTERRUPTED"
    TOOL_ERROR = "TOOL_ERROR"
    CORE_QUESTION_OPEN = "CORE_QUESTION_OPEN"
    RUN_NOT_SEALED = "RUN_NOT_SEALED"
    FOREIGN_RUN = "FOREIGN_RUN"
    SECRET_IN_ARTEFACT = "SECRET_IN_ARTEFACT"  # noqa: S105 - a reason code, not a secret


class RunCause(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    UNREACHABLE = "unreachable"
    INTERRUPTED = "interrupted"
    TIMED_OUT = "timed_out"
    FAILED_FAST = "failed_fast"
    SAFETY_ABORT = "safety_abort"
    TOOL_ERROR = "tool_error"


class GapReason(StrEnum):
    """Why evidence that was planned does not exist; a closed list."""

    BUDGET_SPENT = "budget_spent"
    DEADLINE_SPENT = "deadline_spent"
    OUT_OF_SCOPE = "out_of_scope"
    INTERRUPTED = "interrupted"
    LOGIN_FAILED = "login_failed"
    SETUP_FAILED = "setup_failed"
    GENERATOR_SATURATED = "generator_saturated"
    GENERATOR_LOST = "generator_lost"
    NO_END_MARKER = "no_end_marker"
    SOURCE_SILENT = "source_silent"
    NOT_SUPPORTED_HERE = "not_supported_here"
    TOOL_FAULT = "tool_fault"
    TARGET_UNREACHABLE = "target_unreachable"
    FAULT_NOT_DELIVERED = "fault_not_delivered"
    FAULT_NOT_REVERTED = "fault_not_reverted"
    LOST = "lost"


GAP_CODES: Mapping[GapReason, Reason] = {
    GapReason.GENERATOR_SATURATED: Reason.GENERATOR_SATURATED,
    GapReason.GENERATOR_LOST: Reason.WORKER_LOST,
    GapReason.NO_END_MARKER: Reason.WORKER_LOST,
    GapReason.LOGIN_FAILED: Reason.AUTH_NOT_EFFECTIVE,
    GapReason.SETUP_FAILED: Reason.SETUP_FAILED,
    GapReason.INTERRUPTED: Reason.INTERRUPTED,
    GapReason.TARGET_UNREACHABLE: Reason.TARGET_UNREACHABLE,
    GapReason.FAULT_NOT_DELIVERED: Reason.FAULT_NOT_DELIVERED,
}
"""The reason code that a gap gives its case; every other gap gives EVIDENCE_INCOMPLETE."""


class Case(Frozen):
    """A check applied to one subject; everything that its judge needs beside the evidence is in `params`.

    `shared` names streams of other gatherers that the judge also reads (`load/steady`, `identity/alice`); `*` means
    every exchange of the run. `risk` is the share of the plan's fail risk, filled in by the plan for statistical cases.
    """

    check: str
    subject: str
    params: dict[str, Json] = Field(default_factory=dict)
    shared: tuple[str, ...] = ()
    statistical: bool = False

    @property
    def id(self) -> str:
        """`check.id[subject]`: the address of the case in ledger, verdict, waivers and replay."""
        return f"{self.check}[{self.subject}]"


class Unmet(Frozen):
    """A subject that a check cannot examine, with the profile line or flag that would bring it in."""

    subject: str
    needs: str


class PlannedCase(Frozen):
    """A case with what the plan fixed about it before the first byte.

    `needs` is the profile line or flag that would examine it (unexamined), or the operator's words (not applicable).
    `fail_alpha` is the risk that a statistical case may fail wrongly; None for exact ones.
    """

    case: Case
    group: Group
    phase: Phase
    safety: SafetyClass
    dimension: Dimension
    severity: Severity
    core: CoreQuestion | None = None
    needs: str = ""
    fail_alpha: float | None = None


def missing_parts(question: CoreQuestion, cases: Iterable[PlannedCase]) -> tuple[str, ...]:
    """The checks of `CORE_PARTS` that have cases in a plan and no required one: their part of the question is open.

    A part without any case (TLS on loopback), or that the operator took out in words, is not missing.
    """
    groups: dict[str, set[Group]] = {part: set() for part in CORE_PARTS.get(question, ())}
    for planned in cases:
        if planned.case.check in groups and planned.group is not Group.NOT_APPLICABLE:
            groups[planned.case.check].add(planned.group)
    return tuple(part for part, found in groups.items() if found and Group.REQUIRED not in found)


class Undecided(Exception):
    """Raised by a judge, or by the evidence it asks, when what is there does not decide the case.

    `figures`: what was measured all the same, by the fields of a finding (`n`, `value`, `limit`).
    """

    def __init__(self, reason: Reason, why: str, **figures: object) -> None:
        super().__init__(f"{reason}: {why}")
        self.reason = reason
        self.why = why
        self.figures = figures
