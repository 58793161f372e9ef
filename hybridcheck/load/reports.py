"""What the load child reports, line by line: plain frozen data; the child writes the same fields as JSON.

The books balance for every second, operation and run: planned = ok + failed (all kinds) + unsent + cut. A request counts
in the second of its *intended* start. Response time runs from the intended start, service time from the start of the
work on it (connecting included, where a new connection was needed), start lag is the difference. Histograms hold ok
answers only (fast errors must not improve a quantile), as (bucket, count) pairs of `statistics.histogram` in any order.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, computed_field

from hybridcheck.statistics.histogram import Histogram

Pairs = tuple[tuple[int, int], ...]


class FailureKind(StrEnum):
    """What was wrong with a request that was due; a closed list."""

    STATUS = "status"
    CONTENT_TYPE = "content_type"
    HEADER = "header"
    BODY_CHECK = "body_check"
    SCHEMA = "schema"
    VALUES = "values"
    EXTRACT = "extract"
    TIMEOUT = "timeout"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    RESET = "reset"
    EARLY_CLOSE = "early_close"
    FRAMING = "framing"
    TLS = "tls"
    DNS = "dns"
    GENERATOR = "generator"
    OTHER = "other"


class EndCause(StrEnum):
    """How the child ended; a closed list. Only `completed` says that the plan was carried out."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    ABORTED = "aborted"
    WORKER_LOST = "worker_lost"
    KILLED = "killed"
    CRASHED = "crashed"
    NO_END_MARKER = "no_end_marker"
    INCOMPLETE = "incomplete"
    START_FAILED = "start_failed"
    SETUP_FAILED = "setup_failed"


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Process(_Report):
    """One of several generator processes, and how its clock stands to that of the machine where reports come together.

    clock_offset_ms: its wall clock minus ours, clock_error_ms: how far off that may be (half of the fastest round trip);
    None within one machine, where there is only one clock.
    """

    name: str
    host: str
    pid: int
    clock_offset_ms: float | None = None
    clock_error_ms: float | None = None


class Started(_Report):
    """The generator is about to send; `versions` names what it is made of, `processes` those that share the plan."""

    kind: Literal["started"] = "started"
    pid: int
    started_unix_ns: int
    start_up_s: float
    addresses: tuple[str, ...]
    versions: dict[str, str]
    processes: tuple[Process, ...] = ()


class OperationSecond(_Report):
    """What became of the arrivals of one operation whose intended start lies within one second.

    late: declared limit in ns as text → ok answers beyond it. sampled: answers whose body was held against schema and values.
    bytes_received: of all answers, whole or not, head and framing
    included, above TLS.
    """

    kind: Literal["second"] = "second"
    second: int
    operation: str
    warmup: bool
    planned: int
    ok: int
    late: dict[str, int]
    failed: dict[FailureKind, int]
    unsent: int
    cut: int
    bytes_received: int
    sampled: int = 0

    @property
    def balances(self) -> bool:
        """True when every planned arrival has exactly one outcome."""
        return self.planned == self.ok + sum(self.failed.values()) + self.unsent + self.cut


class OperationTimes(_Report):
    """Response and service times of one operation's ok answers intended in [from_second, until_second)."""

    kind: Literal["times"] = "times"
    from_second: int
    until_second: int
    operation: str
    warmup: bool
    response: Pairs
    service: Pairs


class FailureExample(_Report):
    """The first failure of its kind at an operation, in words; text from the target may be in it."""

    kind: Literal["failure_example"] = "failure_example"
    second: int
    operation: str
    failure: FailureKind
    detail: str


class ProcessSecond(_Report):
    """What one of several generator processes says of itself in one second; see `GeneratorSecond`."""

    name: str
    cpu_ratio: float
    own_lag_p99_ns: int | None
    offered: int
    sent: int


class GeneratorSecond(_Report):
    """The generator's own health within one second of wall clock.

    Where several processes share the plan: sums of what is counted, the worst of what is a share or a delay, and
    `processes` says who was how busy.

    cpu_ratio: own CPU time / wall time. runqueue_ratio: share of the time in which it was ready to run and had to wait
    for a CPU (None where the kernel does not say). offered: arrivals that became due; sent: requests started.
    Start lag is from the intended start to the start of work. own_lag: of requests that had a connection, so that what was late is
    the generator's own fault; pool_lag: of those that had to wait because every connection was busy.
    loop_lag_max_ns: how late its 20-ms tick came at worst. backlog: arrivals due and not begun at the end of the second.
    In the closed model, held: requests that waited for `max_rps`; behind: turns that began later than their pace.
    """

    kind: Literal["generator"] = "generator"
    second: int
    warmup: bool
    wall_ns: int
    cpu_ratio: float
    runqueue_ratio: float | None
    offered: int
    sent: int
    own_lag: Pairs
    pool_lag: Pairs
    loop_lag_max_ns: int
    in_flight: int
    backlog: int
    connections_opened: int
    held: int = 0
    behind: int = 0
    gc_collections: int
    rss_bytes: int | None
    processes: tuple[ProcessSecond, ...] = ()

    @property
    def pool_waits(self) -> int:
        """How many requests had to wait because every connection was busy."""
        return sum(count for _, count in self.pool_lag)

    @property
    def lag(self) -> Histogram:
        """Start lag of all requests started."""
        both = Histogram.from_pairs(self.own_lag)
        both.merge(Histogram.from_pairs(self.pool_lag))
        return both

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated property
    @property
    def own_lag_p99_ns(self) -> int | None:
        """The 99th percentile of what is the generator's own fault; not kept, since a merged copy has other lags."""
        return Histogram.from_pairs(self.own_lag).quantile(0.99)


class Clock(_Report):
    """How a worker's wall clock stands to ours; see `Process`."""

    offset_ms: float
    error_ms: float


class Clocks(_Report):
    """The workers' clocks when the plan has been carried out, to compare with those at its start."""

    kind: Literal["clocks"] = "clocks"
    clocks: dict[str, Clock]


class LateWorker(_Report):
    """A worker joined while a plan was carried out; it has no part in it."""

    kind: Literal["late_worker"] = "late_worker"
    name: str
    detail: str = ""


class OutOfRows(_Report):
    """A user found no row left of a feeder whose rows are used once: the load of its process ends within this second.

    It comes before the rows of that second.
    """

    kind: Literal["out_of_rows"] = "out_of_rows"
    second: int
    feeder: str


class SetupFailed(_Report):
    """The target refused the setup of users, or did not answer it: nothing of the load is sent. `detail` has steps and statuses."""

    kind: Literal["setup_failed"] = "setup_failed"
    detail: str


class EndMarker(_Report):
    """The child's last line: totals over everything that it reported, warm-up included, and how many lines came before.

    cause: `completed`, or `interrupted` by SIGTERM or by the loss of its parent. users: who began a scenario.
    rows_used: feeder → how many of its rows were taken at least once. lost_lanes: an exception in words → how many lanes it
    ended, which is a fault of ours.
    """

    kind: Literal["end"] = "end"
    cause: Literal["completed", "interrupted"]
    lines: int
    seconds: int
    planned: int
    ok: int
    failed: dict[FailureKind, int]
    unsent: int
    cut: int
    connections_opened: int
    users: int = 0
    rows_used: dict[str, int] = {}
    lost_lanes: dict[str, int] = {}
    cpu_s: float
    wall_s: float


class ChildEnd(_Report):
    """How the child ended, as its parent saw it; always the last report of a drive.

    missing_seconds: seconds of the plan of which an operation's row is missing. detail: what was wrong, in words.
    stderr_tail: the last lines that the child wrote to stderr.
    """

    kind: Literal["child_end"] = "child_end"
    cause: EndCause
    exit_code: int | None
    detail: str = ""
    missing_seconds: tuple[int, ...] = ()
    stderr_tail: tuple[str, ...] = ()


ChildReport = Annotated[
    Started | OperationSecond | OperationTimes | FailureExample | GeneratorSecond | OutOfRows | SetupFailed | EndMarker,
    Field(discriminator="kind"),
]
Report = (
    Started
    | OperationSecond
    | OperationTimes
    | FailureExample
    | GeneratorSecond
    | OutOfRows
    | SetupFailed
    | EndMarker
    | Clocks
    | LateWorker
    | ChildEnd
)

CHILD_REPORT: TypeAdapter[ChildReport] = TypeAdapter(ChildReport)
"""Parses one line of the child."""
