"""Declared load phases: the model, the shape with its parameters, and the weighted operations.

A shape knows its own parameters and no others: one that it does not use is an error, never ignored. What a shape does
with them is in `profile.load_phases`.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from hybridcheck.cases import Json
from hybridcheck.profile.load_limits import AbortWhen, LoadLimit, StopEarly
from hybridcheck.profile.load_listeners import Listeners
from hybridcheck.profile.load_scenarios import Feeder, FeederIdentities, LoadScenario, LoadStep, ScenarioName, Variable
from hybridcheck.profile.parts import ErrorRatio, Positive, Seconds, Strict
from hybridcheck.profile.sweeps import Sweep

Level = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Think = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)]
Users = Annotated[int, Field(ge=0, le=10_000)]

PARAMETERS: Mapping[str, frozenset[str]] = {
    "steady": frozenset(),
    "ramp": frozenset({"from", "ramp_s"}),
    "steps": frozenset({"from", "steps"}),
    "stress": frozenset({"peak", "ramp_s"}),
    "spike": frozenset({"peak", "peak_s"}),
    "soak": frozenset({"ramp_s"}),
    "breakpoint": frozenset({"from"}),
    "stages": frozenset({"from", "stages"}),
}
"""Shape → the parameters that it has; `from` and `peak` are `from_rps` and `peak_rps`, or `from_users` and `peak_users`."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "from": ("from_rps", "from_users"),
    "peak": ("peak_rps", "peak_users"),
    "ramp_s": ("ramp_s",),
    "peak_s": ("peak_s",),
    "steps": ("steps",),
    "stages": ("stages",),
}


class Objective(Strict):
    """Limits of one operation under load, beside the thresholds; those of `*` (all together) stand over them, key by key."""

    p95_ms: Positive | None = None
    p99_ms: Positive | None = None
    error_ratio: ErrorRatio | None = None


class LoadStage(Strict):
    """A stretch in which the level moves linearly from where the stage before left it to `rate_rps` or `users`.

    One that lasts no time is a jump.
    """

    duration_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
    rate_rps: Level | None = None
    users: Users | None = None

    @property
    def level(self) -> float:
        """The level at its end."""
        return float(self.users or 0) if self.rate_rps is None else self.rate_rps


class ThinkMean(Strict):
    """Thinking of exponential length: most is short, some is long."""

    mean_s: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]


class LoadPhaseSpec(Strict):
    """One load phase: the model, the shape, and the weighted operations that it sends.

    Open model: `rate_rps` arrivals per second whatever the target does. Closed model: `users` that each wait for their
    answer and then think for `think_s` (so long, [least, most], or {mean_s: …}), or who begin every `pacing_s`, at once
    where the last turn took longer. `duration_s` is that of the whole shape, warm-up included.

    - `steady`: that level all the time.
    - `ramp`: from `from_rps` (0; or `from_users`, 1) to the level within `ramp_s` (all the time), and a hold there.
    - `steps`: a staircase of `steps` stairs from `from_rps` (the level / steps) to the level.
    - `stress`: the level, a climb within `ramp_s` (a fifth) to `peak_rps`, a hold there, the way back, the level again.
    - `spike`: the level, a jump to `peak_rps` for `peak_s` (a fifth), and the level again.
    - `soak`: endurance, the level for a long time after a climb within `ramp_s` (none).
    - `breakpoint`: a slow climb from `from_rps` (0) to the level.
    - `stages`: a list of stretches, as k6 has it; the level is their highest.

    `judge: all` judges every second after the warm-up; `judge: hold` only the whole seconds at which the load rests at
    the level, so not the peak of a spike and no climb. The others are reported all the same.

    `scenarios` in the place of `operations`: an arrival (or a user's turn) is a whole sequence of steps. `feeders` are files
    of data for them. `identities`: each virtual user is another of these where an operation has an identity, or logs in with
    a row of its own (`{feeder: people, username: COLUMN, password: COLUMN}`); all have logged in before. Each user does
    `setup` before the clock starts and `teardown` after the end, outside of all numbers.

    `sweep`: a phase like this one for each value of one field of a request, to see how many items per second it makes.
    `find_warmup`: what MSER-5 finds to be warm-up in the medians of the judged seconds is left out of latency and throughput
    beside `warmup_s`.

    `listeners` hold declared streams open beside the requests; what they hear is in numbers of its own.

    `limits` hold for operations, tags and windows beside `thresholds`. `stop_early`: end the phase when a limit is certainly
    broken (`fail`), or also when all are certainly kept (`pass`). `abort_when`: break it off when the target melts down.
    `check_every`: about one in so many answers is held against its operation's `expect.schema` (0:
    none; without it as few as can decide `thresholds.max_error_ratio`).
    """

    shape: Literal["steady", "ramp", "steps", "stress", "spike", "soak", "breakpoint", "stages"] = "steady"
    model: Literal["open", "closed"] = "open"
    rate_rps: Positive | None = None
    users: Annotated[int, Field(gt=0, le=10_000)] | None = None
    from_rps: Level | None = None
    from_users: Users | None = None
    peak_rps: Positive | None = None
    peak_users: Annotated[int, Field(gt=0, le=10_000)] | None = None
    ramp_s: Seconds | None = None
    peak_s: Seconds | None = None
    steps: Annotated[int, Field(ge=2, le=1000)] | None = None
    stages: tuple[LoadStage, ...] = ()
    duration_s: Seconds = 20
    warmup_s: Annotated[float, Field(ge=0, le=600)] = 2
    find_warmup: bool = False
    judge: Literal["all", "hold"] = "all"
    poisson: bool = False
    think_s: Think | tuple[Think, Think] | ThinkMean = 0
    pacing_s: Think = 0
    operations: dict[str, Positive] = Field(default_factory=dict)
    objectives: dict[str, Objective] = Field(default_factory=dict)
    scenarios: dict[ScenarioName, LoadScenario] = Field(default_factory=dict)
    feeders: dict[Variable, Feeder] = Field(default_factory=dict)
    identities: tuple[str, ...] | FeederIdentities = ()
    setup: tuple[LoadStep, ...] = ()
    teardown: tuple[LoadStep, ...] = ()
    sweep: Sweep | None = None
    listeners: tuple[Listeners, ...] = ()
    limits: tuple[LoadLimit, ...] = ()
    stop_early: StopEarly = "never"
    abort_when: AbortWhen | Literal["never"] = AbortWhen()
    check_every: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    max_connections: Annotated[int, Field(gt=0, le=10_000)] = 64
    deadline_s: Seconds = 10

    @field_validator("operations", mode="before")
    @classmethod
    def _equal_weights(cls, value: Json) -> Json:
        if not isinstance(value, list | tuple):
            return value
        if not all(isinstance(operation_id, str) for operation_id in value):
            raise ValueError("operations are a list of ids, or a mapping of id to weight")
        return dict.fromkeys(value, 1)

    @model_validator(mode="before")
    @classmethod
    def _implied(cls, data: Json) -> Json:
        """`users` without a rate can only mean the closed model; a list of stages is a shape and has its length."""
        if not isinstance(data, dict):
            return data
        stages = [stage for stage in _listed(data.get("stages")) if isinstance(stage, dict)]
        implied: dict[str, Json] = {}
        if stages:
            lengths: list[Any] = [stage.get("duration_s") for stage in stages]
            implied["shape"] = "stages"
            if all(isinstance(length, int | float) for length in lengths):
                implied["duration_s"] = math.fsum(lengths)
        levels = [data, *stages]
        if any("users" in level for level in levels) and not any("rate_rps" in level for level in levels):
            implied["model"] = "closed"
        return {**implied, **data}

    @model_validator(mode="after")
    def _fits_its_model_and_shape(self) -> "LoadPhaseSpec":
        self._level_of_its_model()
        self._parameters_of_its_shape()
        if self.sweep is not None and (self.operations.keys() - {self.sweep.operation} or self.as_users):
            raise ValueError("a sweep sends its own operation and nothing else: no operations, scenarios or identities")
        if self.find_warmup and self.stop_early != "never":
            raise ValueError("find_warmup is known at the end of the phase, so that stop_early cannot end it before")
        if self.scenarios and self.operations:
            raise ValueError("a phase has weighted operations or scenarios, not both")
        if not self.as_users and (self.feeders or self.setup or self.teardown):
            raise ValueError("feeders, setup and teardown need scenarios that use them")
        if self.warmup_s >= self.duration_s:
            raise ValueError("warmup_s leaves nothing of duration_s to judge")
        return self

    @property
    def as_users(self) -> bool:
        """Whether requests depend on who sends them and on what came before: scenarios, or users of their own."""
        return bool(self.scenarios or self.identities)

    @property
    def logs_in_with(self) -> FeederIdentities | None:
        """The feeder whose rows are the users; None where they are declared identities, or nobody."""
        return self.identities if isinstance(self.identities, FeederIdentities) else None

    @property
    def named_identities(self) -> tuple[str, ...]:
        """The declared identities that users are in turn."""
        return () if isinstance(self.identities, FeederIdentities) else self.identities

    @property
    def thinks_s(self) -> tuple[float, float]:
        """How long users think, at the least and at the most; of a mean nothing is said here."""
        if isinstance(self.think_s, tuple):
            return self.think_s
        return (0.0, 0.0) if isinstance(self.think_s, ThinkMean) else (self.think_s, self.think_s)

    @property
    def think_mean_s(self) -> float:
        """The mean of thinking that is of exponential length; 0 where it is not."""
        return self.think_s.mean_s if isinstance(self.think_s, ThinkMean) else 0.0

    def all_steps(self) -> Iterator[LoadStep]:
        """Every step of setup, scenarios and teardown."""
        yield from self.setup
        for scenario in self.scenarios.values():
            yield from scenario.steps
        yield from self.teardown

    def _level_of_its_model(self) -> None:
        needed, other = ("rate_rps", "users") if self.model == "open" else ("users", "rate_rps")
        if self.shape != "stages" and getattr(self, needed) is None:
            raise ValueError(f"the {self.model} model needs {needed}")
        ending = other.removeprefix("rate")
        foreign = [other, *(("from_users", "peak_users") if ending == "users" else ("from_rps", "peak_rps"))]
        if self.model == "open":
            foreign += [key for key in ("think_s", "pacing_s") if getattr(self, key)]
        if self.think_s and self.pacing_s:
            raise ValueError("users think for think_s, or begin every pacing_s: one of the two")
        if self.thinks_s[0] > self.thinks_s[1]:
            raise ValueError("think_s is [least, most]")
        for key in foreign:
            if getattr(self, key) is not None:
                raise ValueError(f"{key} is of the other model: this one is {self.model}")
        if any(getattr(stage, needed) is None or getattr(stage, other) is not None for stage in self.stages):
            raise ValueError(f"in the {self.model} model each stage has {needed} and nothing else beside duration_s")

    def _parameters_of_its_shape(self) -> None:
        for parameter, keys in _KEYS.items():
            given = next((key for key in keys if getattr(self, key) not in (None, ())), None)
            if given is not None and parameter not in PARAMETERS[self.shape]:
                raise ValueError(f"{given} means nothing to the shape {self.shape}")
            if given is None and parameter in PARAMETERS[self.shape] & {"peak", "stages"}:
                raise ValueError(f"the shape {self.shape} needs {keys[self.model == 'closed' and len(keys) > 1]}")
        if self.shape == "stages":
            if self.rate_rps is not None or self.users is not None:
                raise ValueError("the levels of stages are in the stages")
            if not math.isclose(self.duration_s, math.fsum(stage.duration_s for stage in self.stages)):
                raise ValueError("duration_s is not what the stages add up to: leave it out")
            if not any(stage.level for stage in self.stages):
                raise ValueError("all stages are at level 0")
        ramps = 2 if self.shape == "stress" else 1
        left_s = self.duration_s - ramps * (self.ramp_s or 0) - (self.peak_s or 0)
        if left_s < 0 or (left_s == 0 and self.shape != "ramp"):
            raise ValueError("ramp_s or peak_s leaves no time at the level")


def _listed(value: Json) -> list[Json]:
    return list(value) if isinstance(value, list | tuple) else []
