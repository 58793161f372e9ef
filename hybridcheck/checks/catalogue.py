"""Every check that exists, in the order of the documentation. A new check is a class in its topic and a row here."""

from collections.abc import Mapping

from hybridcheck.checks.analytics.examples import DependsOnInput, Deterministic, ExamplesHold
from hybridcheck.checks.auth.cookies import SessionCookieFlags
from hybridcheck.checks.auth.enumeration import LoginErrorDoesNotEnumerate
from hybridcheck.checks.auth.expired_listeners import RefusesExpired
from hybridcheck.checks.auth.login import LoginGivesIdentity, RefusesWrongPassword
from hybridcheck.checks.auth.refusal import RefusesGarbageCredentials, RefusesMissingCredentials
from hybridcheck.checks.auth.sessions import LogoutEndsSession, RefreshReuseRefused, RefreshWorks
from hybridcheck.checks.auth.tokens import (
    RefusesExpiredToken,
    RefusesTamperedToken,
    RefusesTokenInUrl,
    RefusesUnsignedToken,
)
from hybridcheck.checks.authz.objects import (
    CollectionsDoNotLeak,
    ObjectsNotDeletable,
    ObjectsNotReadable,
    ObjectsNotWritable,
)
from hybridcheck.checks.authz.roles import RoleEnforced
from hybridcheck.checks.authz.tenants import TenantHeaderNotTrusted
from hybridcheck.checks.boundary.binary import BinaryKept
from hybridcheck.checks.boundary.decisions import PartitionsAgree, ValidatorsAgree
from hybridcheck.checks.boundary.direct_access import DirectAccessRefused
from hybridcheck.checks.boundary.error_answers import ErrorsCorrelated, NoConsoleOutput, NoFalseSuccess
from hybridcheck.checks.boundary.errors import ErrorsMapped
from hybridcheck.checks.boundary.generation import RuntimeFingerprint
from hybridcheck.checks.boundary.native_errors import NativeErrorsMapped
from hybridcheck.checks.boundary.runtime import RuntimeDeclared
from hybridcheck.checks.boundary.schemas import OneBuild, SchemasAgree
from hybridcheck.checks.boundary.tenants import TenantsIsolated
from hybridcheck.checks.boundary.time_limits import CancellationReaches, DeadlineKept
from hybridcheck.checks.boundary.twins import TwinsAgree
from hybridcheck.checks.check import Check
from hybridcheck.checks.communication.traces import TracePropagated
from hybridcheck.checks.concurrency.crosstalk import NoCrosstalk
from hybridcheck.checks.concurrency.tallies import NoLostUpdates, Progress
from hybridcheck.checks.concurrency.threads import ThreadSafe
from hybridcheck.checks.contract.bodies import NoNan, TrueContentType, ValidUtf8
from hybridcheck.checks.contract.declared import AnswersAsDeclared
from hybridcheck.checks.contract.described import MatchesOpenApi, WritesMatchOpenApi
from hybridcheck.checks.contract.errors import ErrorFormat
from hybridcheck.checks.contract.graphql import GraphqlTypes
from hybridcheck.checks.contract.refusals import (
    KeepsBodyLimit,
    KeepsLargeBodyLimit,
    RefusesMalformedJson,
    RefusesUnknownMethod,
    RefusesWrongMediaType,
)
from hybridcheck.checks.contract.totals import TotalTrue
from hybridcheck.checks.contract.writes import WritesAnswerAsDeclared
from hybridcheck.checks.dashboards.data import DataFresh, DataPresent
from hybridcheck.checks.eventloop.doses import AnswersBesideCompute, FlatBesideCompute
from hybridcheck.checks.eventloop.stalls import NoStalls
from hybridcheck.checks.exposure.banners import NoVersionBanner
from hybridcheck.checks.exposure.files import DocsAsDeclared, NoDebugPages, NoDirectoryListing, NoDotfiles
from hybridcheck.checks.exposure.tls import TlsValid
from hybridcheck.checks.exposure.traces import NoSecret, NoStackTrace
from hybridcheck.checks.hardiness.bounds import IndexBounds
from hybridcheck.checks.hardiness.inputs import BadInput, ClientAbort
from hybridcheck.checks.headers.answers import FramingForbidden, NoCorsReflection, PrivateNotCacheable
from hybridcheck.checks.headers.errors import NoSniffOnErrors
from hybridcheck.checks.headers.hygiene import NoSniff, StrictTransport
from hybridcheck.checks.health.body import BodyAgrees
from hybridcheck.checks.health.endurance import ReadyToTheEnd
from hybridcheck.checks.health.outages import ReadinessTellsOutage
from hybridcheck.checks.health.readiness import ReadinessAnswers
from hybridcheck.checks.health.transactions import ReadinessTrue
from hybridcheck.checks.instants.clock import ClockTrue
from hybridcheck.checks.instants.conversions import EpochsKept, OffsetsKept
from hybridcheck.checks.json.depth import DepthSurvived
from hybridcheck.checks.json.documents import AcceptsValid, RejectsMalformed
from hybridcheck.checks.json.duplicates import DuplicatesAgree
from hybridcheck.checks.json.flooding import FloodingResisted
from hybridcheck.checks.json.types import LateElementType, TypesAgree
from hybridcheck.checks.load.answers import AnswersRightUnderLoad
from hybridcheck.checks.load.declared import KeepsDeclaredLimits
from hybridcheck.checks.load.limits import KeepsErrorLimit, KeepsLatencyLimit, SustainsThroughput
from hybridcheck.checks.load.streams import EventsInOrderUnderLoad, EventsInTimeUnderLoad, ListenersServedUnderLoad
from hybridcheck.checks.metrics.truth import CountersMonotone, CounterTrue, MetricsParse
from hybridcheck.checks.numeric.accumulation import StatisticsStable, SummationAccuracy
from hybridcheck.checks.numeric.arithmetic import DivisionSemantics, FloatDivision, RoundingRule
from hybridcheck.checks.numeric.floats import FloatFidelity, NoNonfinite, TypeStable
from hybridcheck.checks.numeric.integers import Int64Edges, PowShift, SumOverflow
from hybridcheck.checks.numeric.ranges import FloatToInt, ShiftRange
from hybridcheck.checks.numeric.zero import ZeroDivision
from hybridcheck.checks.ordering.keys import KeysKept
from hybridcheck.checks.ordering.ranking import StableRanking
from hybridcheck.checks.performance.drift import NoDrift
from hybridcheck.checks.performance.overhead import BoundaryOverhead
from hybridcheck.checks.performance.scaling import ScalesWithCores
from hybridcheck.checks.performance.shapes import FlatFirstCall
from hybridcheck.checks.performance.speedup import NativeSpeedup
from hybridcheck.checks.protocol.connections import IdleIsolated, KeepAliveReused
from hybridcheck.checks.protocol.dialect import AnyHeaderCase, EncodingsHonoured, QueryDecoded
from hybridcheck.checks.protocol.framing import FramingStrict
from hybridcheck.checks.protocol.travelling import BodyLadder, LargeResponse, SegmentedRequest
from hybridcheck.checks.recovery.after_load import AnswersAfterLoad
from hybridcheck.checks.resilience.idempotency import Idempotent
from hybridcheck.checks.resilience.outage import FallbackAgrees, NativeDown
from hybridcheck.checks.resilience.overload import OverloadBounded
from hybridcheck.checks.resilience.retries import NoRetryStorm
from hybridcheck.checks.scaling.replicas import ReplicasShare
from hybridcheck.checks.streams.access import RefusesAnonymous, Resumes
from hybridcheck.checks.streams.delay import DeliveryDelay
from hybridcheck.checks.streams.delivery import Complete, DeliveredIncrementally, EndsCleanly, InOrder, TextWhole
from hybridcheck.checks.streams.failures import FailureVisible
from hybridcheck.checks.text.fidelity import EscapeSafe, UnicodeRoundtrip
from hybridcheck.checks.text.measures import CaseRules, LengthUnit
from hybridcheck.checks.text.parts import DigitRules, PrefixWhole, StripRules
from hybridcheck.checks.usage.afterwards import NoSilentRestart, ReturnsToBaseline
from hybridcheck.checks.usage.growth import MemorySteady
from hybridcheck.checks.usage.limits import (
    BacklogWithinLimit,
    CpuWithinLimit,
    MemoryWithinLimit,
    OpenFilesWithinLimit,
)
from hybridcheck.checks.workflows.completes import ReadingWorkflowCompletes, WorkflowCompletes
from hybridcheck.checks.workflows.faulted import WorkflowUnderFaults
from hybridcheck.checks.workflows.quality import DetectionQuality, ReadingDetectionQuality
from hybridcheck.checks.workflows.timing import ReadingWorkflowInTime, WorkflowInTime

CATALOGUE = 1
"""The number of the newest check; a profile's `catalogue` makes checks newer than itself advisory."""

CHECKS: tuple[type[Check], ...] = (
    ReadinessAnswers,
    ReadyToTheEnd,
    ReadinessTellsOutage,
    ReadinessTrue,
    BodyAgrees,
    AnswersAsDeclared,
    WritesAnswerAsDeclared,
    TotalTrue,
    MatchesOpenApi,
    WritesMatchOpenApi,
    RefusesMalformedJson,
    RefusesWrongMediaType,
    RefusesUnknownMethod,
    KeepsBodyLimit,
    KeepsLargeBodyLimit,
    ErrorFormat,
    NoNan,
    ValidUtf8,
    TrueContentType,
    GraphqlTypes,
    RefusesMissingCredentials,
    RefusesGarbageCredentials,
    LoginGivesIdentity,
    RefusesWrongPassword,
    RefusesTamperedToken,
    RefusesUnsignedToken,
    RefusesExpiredToken,
    RefusesTokenInUrl,
    RoleEnforced,
    ObjectsNotReadable,
    CollectionsDoNotLeak,
    ObjectsNotWritable,
    ObjectsNotDeletable,
    TenantHeaderNotTrusted,
    RefreshWorks,
    RefreshReuseRefused,
    LogoutEndsSession,
    LoginErrorDoesNotEnumerate,
    SessionCookieFlags,
    NoStackTrace,
    NoSecret,
    TlsValid,
    NoDotfiles,
    NoDebugPages,
    NoDirectoryListing,
    DocsAsDeclared,
    NoVersionBanner,
    PrivateNotCacheable,
    NoCorsReflection,
    FramingForbidden,
    NoSniff,
    NoSniffOnErrors,
    StrictTransport,
    MetricsParse,
    CounterTrue,
    CountersMonotone,
    DataPresent,
    DataFresh,
    Complete,
    InOrder,
    DeliveredIncrementally,
    DeliveryDelay,
    EndsCleanly,
    TextWhole,
    FailureVisible,
    Resumes,
    RefusesAnonymous,
    RefusesExpired,
    ExamplesHold,
    Deterministic,
    DependsOnInput,
    Int64Edges,
    SumOverflow,
    FloatFidelity,
    TypeStable,
    NoNonfinite,
    DivisionSemantics,
    FloatDivision,
    RoundingRule,
    PowShift,
    ShiftRange,
    FloatToInt,
    ZeroDivision,
    SummationAccuracy,
    StatisticsStable,
    UnicodeRoundtrip,
    EscapeSafe,
    LengthUnit,
    CaseRules,
    PrefixWhole,
    StripRules,
    DigitRules,
    AcceptsValid,
    RejectsMalformed,
    TypesAgree,
    LateElementType,
    DuplicatesAgree,
    FloodingResisted,
    DepthSurvived,
    StableRanking,
    KeysKept,
    OffsetsKept,
    EpochsKept,
    ClockTrue,
    ErrorsMapped,
    TwinsAgree,
    PartitionsAgree,
    ValidatorsAgree,
    BinaryKept,
    RuntimeDeclared,
    RuntimeFingerprint,
    TracePropagated,
    WorkflowCompletes,
    ReadingWorkflowCompletes,
    WorkflowInTime,
    ReadingWorkflowInTime,
    DetectionQuality,
    ReadingDetectionQuality,
    WorkflowUnderFaults,
    NoCrosstalk,
    NoLostUpdates,
    Progress,
    ThreadSafe,
    NoStalls,
    FlatBesideCompute,
    AnswersBesideCompute,
    BoundaryOverhead,
    NativeSpeedup,
    ScalesWithCores,
    FlatFirstCall,
    NoDrift,
    TenantsIsolated,
    DirectAccessRefused,
    DeadlineKept,
    CancellationReaches,
    NativeErrorsMapped,
    SchemasAgree,
    OneBuild,
    Idempotent,
    NoRetryStorm,
    OverloadBounded,
    NativeDown,
    FallbackAgrees,
    KeepsLatencyLimit,
    KeepsErrorLimit,
    SustainsThroughput,
    KeepsDeclaredLimits,
    AnswersRightUnderLoad,
    EventsInTimeUnderLoad,
    EventsInOrderUnderLoad,
    ListenersServedUnderLoad,
    CpuWithinLimit,
    MemoryWithinLimit,
    MemorySteady,
    OpenFilesWithinLimit,
    BacklogWithinLimit,
    ReturnsToBaseline,
    NoSilentRestart,
    ReplicasShare,
    AnswersAfterLoad,
    BodyLadder,
    SegmentedRequest,
    FramingStrict,
    LargeResponse,
    KeepAliveReused,
    IdleIsolated,
    AnyHeaderCase,
    EncodingsHonoured,
    QueryDecoded,
    BadInput,
    ClientAbort,
    IndexBounds,
    NoFalseSuccess,
    ErrorsCorrelated,
    NoConsoleOutput,
)


def by_id(checks: tuple[type[Check], ...] = CHECKS) -> Mapping[str, Check]:
    """One instance of each check under its id and its former ids."""
    made = [check() for check in checks]
    return {name: check for check in made for name in (check.id, *check.formerly)}
