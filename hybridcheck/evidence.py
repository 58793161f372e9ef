"""The records of a run: what was sent, what came back, what a sampler read, and what is missing.

Records are immutable and carry their stream (a case id, or a shared stream such as `load/steady`) and their running
number `n` in the ledger. They never judge. A `Gap` says that evidence which was planned does not exist; a failed
`Exchange` is evidence (the target did something: it refused, reset, fell silent).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter

from hybridcheck.cases import GAP_CODES, Frozen, GapReason, Json, PlannedCase, Reason, RunCause, Undecided
from hybridcheck.messages import Body, Failure, Headers, ReceivedResponse, SentRequest

__all__ = ["GAP_CODES", "Body", "Failure", "GapReason", "Headers", "ReceivedResponse", "RunCause", "SentRequest"]
"""What is defined elsewhere and asked for here, beside all that is defined here."""

LEDGER_FORMAT = 1
"""The major format of the ledger; another major is refused."""

RUN_STREAM = "run"  # of records that belong to the whole run


class Record(Frozen):
    """The base of all records: its running number in the ledger and the stream that it belongs to."""

    n: int = -1
    stream: str = ""


class Exchange(Record):
    """One request and what came of it: a response, a failure, or both (a response that was cut).

    `label` is the name under which the check asked ("control", "garbage.1"). `operation` is the declared operation's
    id where there is one. `identity` is whose credential was sent, None for none. Times in milliseconds on a monotonic
    clock; `at_s` is the start since the run's start. `facts` holds what was derived before redaction (token claims).
    """

    kind: Literal["exchange"] = "exchange"
    label: str
    request: SentRequest
    response: ReceivedResponse | None = None
    failure: Failure | None = None
    failure_detail: str = ""
    operation: str | None = None
    identity: str | None = None
    at_s: float = 0.0
    connect_attempts: int = 1
    attempt_failures: tuple[Failure, ...] = ()
    first_byte_ms: float | None = None
    total_ms: float | None = None
    facts: dict[str, Json] = Field(default_factory=dict)

    @property
    def status(self) -> int | None:
        """The status code of a complete response; None where the exchange failed."""
        return self.response.status if self.response and self.failure is None else None


class StreamEvent(Frozen):
    """One event of a stream: when it arrived (ms since the request), its id and name where it has them, its data."""

    at_ms: float
    id: str | None = None
    event: str | None = None
    data: str = ""


class StreamRecord(Record):
    """What a Server-Sent-Events or WebSocket stream delivered, and how it ended."""

    kind: Literal["stream"] = "stream"
    label: str
    protocol: Literal["sse", "websocket"]
    request: SentRequest
    response: ReceivedResponse | None = None
    failure: Failure | None = None
    failure_detail: str = ""
    operation: str | None = None
    identity: str | None = None
    at_s: float = 0.0
    started_unix_s: float | None = None
    events: tuple[StreamEvent, ...] = ()
    ended: Literal["by_target", "by_us", "abnormal", "deadline"] = "by_us"
    opened_ms: float | None = None
    total_ms: float | None = None


class TlsRecord(Record):
    """What a verified TLS handshake showed (times as UTC seconds since the epoch)."""

    kind: Literal["tls"] = "tls"
    label: str
    host: str
    port: int
    failure: Failure | None = None
    failure_detail: str = ""
    version: str | None = None
    not_after_unix_s: float | None = None
    checked_unix_s: float | None = None


class Observation(Record):
    """A named fact that is not an exchange: a raw-socket transcript, a hook's result, the build identity."""

    kind: Literal["observation"] = "observation"
    label: str
    values: dict[str, Json]
    at_s: float = 0.0


class Sample(Record):
    """One reading of a gauge or counter beside the run; `value` is None where the source did not answer."""

    kind: Literal["sample"] = "sample"
    at_s: float
    source: str
    instance: str = ""
    metric: str
    value: float | None
    unit: str = ""
    phase: Literal["before", "during", "after"] = "during"


class LoadSecond(Record):
    """What became of the arrivals that were intended within one second, for one operation.

    planned = ok + sum(failed) + unsent + cut. `late` counts ok answers beyond each declared latency limit
    (key: limit in ms as text). `sampled` answers were held against the declared schema. Seconds that do not count (of the warm-up, of a peak) are reported and not judged.
    """

    kind: Literal["load_second"] = "load_second"
    second: int
    operation: str
    planned: int
    ok: int
    failed: dict[str, int] = Field(default_factory=dict)
    late: dict[str, int] = Field(default_factory=dict)
    unsent: int = 0
    cut: int = 0
    bytes_received: int = 0
    sampled: int = 0
    counts: bool = True


class GeneratorProcess(Frozen):
    """One of several generator processes in one second; see `GeneratorSecond`."""

    name: str
    cpu_ratio: float
    own_lag_p99_ms: float | None
    offered: int
    sent: int


class GeneratorSecond(Record):
    """The generator's own health in one second of wall clock; of all its processes together, and of each where it has several.

    `cpu_ratio`: CPU share of its busiest process. `runqueue_ratio`: share of the time in which it was ready and had to
    wait for a CPU. `own_lag_p99_ms`: start lag of requests that had a free connection, so the generator's own fault;
    `lag_p99_ms`: of all requests. `backlog`: arrivals due and not begun. None where the system does not say. In the closed
    model, `held`: requests that waited for `limits.max_rps`; `behind`: turns that began later than their user's pace.
    """

    kind: Literal["generator_second"] = "generator_second"
    second: int
    cpu_ratio: float | None
    runqueue_ratio: float | None = None
    own_lag_p99_ms: float | None = None
    lag_p99_ms: float | None = None
    loop_lag_max_ms: float | None = None
    offered: int
    sent: int
    pool_waits: int = 0
    backlog: int = 0
    connections_opened: int = 0
    held: int = 0
    behind: int = 0
    rss_bytes: int | None = None
    processes: tuple[GeneratorProcess, ...] = ()
    counts: bool = True


class LoadHistogram(Record):
    """A histogram in log-linear nanosecond buckets (see statistics.histogram) over a stretch of a load phase.

    Response and service times come in stretches [from_second, until_second); those that do not `counts` (of a warm-up, of
    a climb) are reported beside the phase's figures. Start lags are of its judged part.
    """

    kind: Literal["load_histogram"] = "load_histogram"
    operation: str
    measure: Literal["response", "service", "lag", "own_lag"]
    pairs: tuple[tuple[int, int], ...]
    from_second: int | None = None
    until_second: int | None = None
    counts: bool = True


class ListenSecond(Record):
    """What the listeners of one stream heard in one second of a load phase; never part of the requests' numbers.

    `events` arrived; `lost` and `disordered` of them by their numbers (a leap; a number that is not beyond the last).
    `delay` and `connect` are (bucket, count) pairs of statistics.histogram, in nanoseconds: arrival by our clock minus
    `sent_at` (0 where that is negative; `least_delay_ms` is exact), and request to head of the answer. `refused` counts by
    kind; `cut` broke, `ended` were closed by the target, `left` by us. `unserved` of the `users` had no open stream in this
    second, or no event for as long as the stream promises one. `loop_lag_max_ms`: how late our own clock's tick came.
    """

    kind: Literal["listen_second"] = "listen_second"
    second: int
    listeners: str
    users: int
    events: int
    lost: int
    disordered: int
    delay: tuple[tuple[int, int], ...]
    least_delay_ms: float | None
    connect: tuple[tuple[int, int], ...]
    refused: dict[str, int]
    cut: int
    ended: int
    left: int
    unserved: int
    loop_lag_max_ms: float | None


class LoadEnd(Record):
    """The end marker of a load phase: how the generator ended and the totals that its seconds must add up to.

    `proves_until`: the first second from which on nothing says anything about the target, as `detail` explains (the users'
    rows had run out, or a token had expired); None where there is none. `rows_of`: the feeder whose rows were used up.
    `generator_seconds`: how many seconds of health the generator reported, those after the last arrival included.
    `not_sent`: how many of the failed requests the generator had nothing left to send with, so that the target never heard of them.
    """

    kind: Literal["load_end"] = "load_end"
    not_sent: int = 0
    proves_until: int | None = None
    generator_seconds: int | None = None
    rows_of: str | None = None
    cause: str
    seconds: int
    planned: int
    ok: int
    failed: int
    unsent: int
    cut: int
    detail: str = ""


class Created(Record):
    """A resource that this run is about to create or has created; written before the request goes out."""

    kind: Literal["created"] = "created"
    label: str
    operation: str
    cleanup: str | None = None
    resource: str | None = None
    removed: bool | None = None


class Gap(Record):
    """Evidence that was planned and does not exist."""

    kind: Literal["gap"] = "gap"
    label: str = ""
    reason: GapReason
    detail: str = ""


class CaseError(Record):
    """The case itself broke: our fault, reported as such."""

    kind: Literal["case_error"] = "case_error"
    error: str
    detail: str = ""


class CaseEnd(Record):
    """The seal of a stream, written by the executor: how many records the stream has before this one."""

    kind: Literal["case_end"] = "case_end"
    records: int
    duration_s: float | None = None


class RunStart(Record):
    """The first record: everything that judging needs beside the records that follow."""

    kind: Literal["run_start"] = "run_start"
    format: int = LEDGER_FORMAT
    tool_version: str
    run_id: str
    started_utc: str
    seed: int
    budget: str
    scoped: bool
    target: str
    base_url: str
    environment: str
    profile: dict[str, Json]
    flags: dict[str, Json] = Field(default_factory=dict)
    overrides: dict[str, str] = Field(default_factory=dict)
    catalogue: int
    plugins: tuple[str, ...] = ()
    host: dict[str, Json] = Field(default_factory=dict)
    plan: tuple[PlannedCase, ...]


class RunFault(Record):
    """What went wrong on our side beside the cases; in the run's own stream, written before its end, and never READY."""

    kind: Literal["run_fault"] = "run_fault"
    reason: Reason
    detail: str = ""


class RunEnd(Record):
    """The last record: how many records the ledger has before it, and how the run ended."""

    kind: Literal["run_end"] = "run_end"
    records: int
    cause: RunCause
    detail: str = ""
    ended_utc: str = ""


AnyRecord = Annotated[
    Exchange
    | StreamRecord
    | TlsRecord
    | Observation
    | Sample
    | LoadSecond
    | GeneratorSecond
    | LoadHistogram
    | ListenSecond
    | LoadEnd
    | Created
    | Gap
    | CaseError
    | CaseEnd
    | RunStart
    | RunFault
    | RunEnd,
    Field(discriminator="kind"),
]
"""Any line of a ledger."""

RECORD = TypeAdapter[AnyRecord](AnyRecord)
"""Parses and writes one line of a ledger."""

T = TypeVar("T", bound=Record)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a judge sees: the sealed records of its case and of the shared streams that it declares, and how long those took."""

    own: tuple[Record, ...]
    shared: Mapping[str, tuple[Record, ...]]
    lasted_s: Mapping[str, float | None] = field(default_factory=dict)

    def all(self, kind: type[T], label: str = "", stream: str | None = None) -> tuple[T, ...]:
        """All records of a kind whose label is `label` or starts with `label.`; every label when empty."""
        return tuple(self._matching(kind, label, stream))

    def exchange(self, label: str) -> Exchange:
        """The one exchange of that label.

        Raises:
            Undecided: EVIDENCE_INCOMPLETE where it is absent, or the gap's reason where a gap stands in its place.
        """
        return self.one(Exchange, label)

    def exchanges(self, label: str = "", stream: str | None = None) -> tuple[Exchange, ...]:
        """All exchanges of that label, in ledger order."""
        return self.all(Exchange, label, stream)

    def one(self, kind: type[T], label: str, stream: str | None = None) -> T:
        """The one record of that kind and label; see `exchange`."""
        found = self.all(kind, label, stream)
        if len(found) != 1:
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"expected one {kind.__name__} '{label}', have {len(found)}")
        return found[0]

    def gaps(self) -> tuple[Gap, ...]:
        """All gaps in own and shared records."""
        streams = (self.own, *self.shared.values())
        return tuple(record for records in streams for record in records if isinstance(record, Gap))

    def _matching(self, kind: type[T], label: str, stream: str | None) -> Iterator[T]:
        for record in self.own if stream is None else self.shared.get(stream, ()):
            if isinstance(record, kind):
                own_label: str = getattr(record, "label", "")
                if not label or own_label == label or own_label.startswith(label + "."):
                    yield record
