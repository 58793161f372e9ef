"""What a load phase did, as the `load` section of `verdict.json` has it. Shapes only."""

from pydantic import Field

from hybridcheck.cases import Frozen


class LoadProcess(Frozen):
    """One of several generator processes over the judged part of a phase; clocks compared where it ran on another machine."""

    name: str
    host: str
    offered: int
    sent: int
    cpu_max_ratio: float | None
    own_lag_p99_max_ms: float | None
    clock_offset_ms: float | None = None
    clock_error_ms: float | None = None


class FailureExample(Frozen):
    """The first failure of its kind at an operation, in words, and its second of the phase; a target may have written them."""

    second: int | None
    detail: str


class LoadPart(Frozen):
    """What became of the judged arrivals of one operation, or of all `operations` that have a tag (`name`).

    `examples`: the first failure of each kind, of the whole phase: a kind may have come in left-out seconds alone.
    """

    name: str
    operations: tuple[str, ...]
    planned: int
    ok: int
    failed: dict[str, int]
    unsent: int
    cut: int
    response_ms: dict[str, float | None]
    service_ms: dict[str, float | None]
    examples: dict[str, FailureExample] = Field(default_factory=dict)


class LeftOut(Frozen):
    """What became of the arrivals of a phase's seconds that are not judged: warm-up, climb, what proves nothing any more."""

    seconds: int
    planned: int
    ok: int
    failed: dict[str, int]
    unsent: int
    cut: int
    response_ms: dict[str, float | None]


class LoadSeries(Frozen):
    """Arrivals by their intended start, from second 0 to `until_second`, summed over stretches of `step_s` seconds.

    The last stretch may be shorter. None: of a second in it nothing is recorded. `judged`: seconds of it that are judged.
    """

    step_s: int
    until_second: int
    planned: tuple[int | None, ...]
    ok: tuple[int | None, ...]
    failed: tuple[int | None, ...]
    unsent: tuple[int | None, ...]
    cut: tuple[int | None, ...]
    judged: tuple[int, ...]


class LoadPhase(Frozen):
    """What one load phase did (all measured; None where it was not). `warm_up_s`: until when the rule found it to warm up.

    `planned_rps`, `achieved_rps`: arrivals and right answers per second of the `whole_seconds`: judged, and not broken off
    by the phase's end. Start lag (`lag_ms`) is from an arrival's intended start to the start of work on it:
    `generator_lag_ms` where a connection was free, so the generator's own; `connection_wait_ms` of the `connection_waits`
    arrivals that found every connection busy with earlier ones. `cause_detail` says why it ended as `cause` names it.
    `items` that each request of a sweep has, and how many of them were answered rightly per second. Of users: `held`
    requests waited for `limits.max_rps`, and `behind` turns began later than their pace. `used`: of users, and of the rows
    of each feeder, how many had a part in it, and how many there are.
    """

    stream: str
    planned: int
    ok: int
    failed: dict[str, int]
    unsent: int
    cut: int
    seconds: int
    whole_seconds: int | None = None
    planned_rps: float | None = None
    achieved_rps: float | None
    response_ms: dict[str, float | None]
    service_ms: dict[str, float | None]
    lag_ms: dict[str, float | None]
    generator_lag_ms: dict[str, float | None] = Field(default_factory=dict)
    connection_wait_ms: dict[str, float | None] = Field(default_factory=dict)
    connection_waits: int | None = None
    generator_cpu_max_ratio: float | None
    cause: str | None
    cause_detail: str = ""
    warm_up_s: int | None = None
    left_out: LeftOut | None = None
    items: int | None = None
    items_per_s: float | None = None
    held: int = 0
    behind: int = 0
    used: dict[str, tuple[int, int]] = Field(default_factory=dict)
    processes: tuple[LoadProcess, ...] = ()
    operations: tuple[LoadPart, ...] = ()
    tags: tuple[LoadPart, ...] = ()
    series: LoadSeries | None = None
