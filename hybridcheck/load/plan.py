"""The load plan: everything that the generator does, fixed before the first byte and computed from declared things.

A plan is JSON through and through and holds no credential: a header whose value is one names it, and the value travels
beside the plan through the pipe to the child.
"""

import itertools
import math
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hybridcheck import shapes
from hybridcheck.load.script import Script

METHOD_OR_FIELD = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"  # RFC 9110, section 5.6.2: methods and header names
TARGET = r"^/[!-~]*$"
FIELD_VALUE = r"^[\t -~\x80-\xff]*$"

Think = Annotated[float, Field(ge=0, le=3600)]
HeaderName = Annotated[str, Field(pattern=METHOD_OR_FIELD)]
HeaderValue = Annotated[str, Field(pattern=FIELD_VALUE)]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, ser_json_bytes="base64", val_json_bytes="base64"
    )


class Operation(_Frozen):
    """One kind of request, what a right answer to it looks like, and the latency limits to count against.

    `limits_ns`: an ok answer whose response time exceeds a limit counts as late for it. `secret_headers`: header name →
    name of a secret. `content_type` (compared without parameters), `expected_headers` and `body_contains` are checked on every answer,
    `json_schema` and `values` (keys of a path into the JSON, what is there; numbers within `tolerance`) on about one in
    `sample_every`, chosen by the seed (0: on none).
    """

    name: str = Field(min_length=1, max_length=200)
    method: Annotated[str, Field(pattern=METHOD_OR_FIELD)] = "GET"
    path: Annotated[str, Field(pattern=TARGET)]
    weight: int = Field(default=1, ge=1, le=10_000)
    headers: tuple[tuple[HeaderName, HeaderValue], ...] = ()
    secret_headers: tuple[tuple[HeaderName, str], ...] = ()
    body: bytes = b""
    expected_statuses: tuple[Annotated[int, Field(ge=200, le=599)], ...] = Field(default=(200,), min_length=1)
    content_type: str | None = None
    expected_headers: tuple[tuple[HeaderName, str], ...] = ()
    body_contains: str | None = Field(default=None, min_length=1)
    limits_ns: tuple[Annotated[int, Field(gt=0)], ...] = ()
    json_schema: Any = None
    values: tuple[tuple[tuple[str | int, ...], Any], ...] = ()
    tolerance: float = Field(default=0.0, ge=0)
    sample_every: int = Field(default=0, ge=0)


class Shape(_Frozen):
    """A shape by name with its parameters; see `hybridcheck.shapes`."""

    name: str
    parameters: dict[str, float | tuple[tuple[float, float], ...]]

    @cached_property
    def stages(self) -> shapes.Stages:
        """The linear stages that the shape consists of."""
        return shapes.stages_of(self.name, self.parameters)


class LoadPlan(_Frozen):
    """One load phase against one base URL.

    model: "open" (the shape's level is arrivals per second, and they come whether or not the target keeps up) or
        "closed" (the level is the number of users, each of whom sends when its last answer is there).
    addresses: where the base URL's name led when the run judged it; generators on this machine connect there and look up
        nothing. Without any the generator looks the name up once.
    connections: how many requests may be under way at once. In the open model an arrival without a free connection
        waits; its response time runs from its intended start, and beyond `deadline_s` it is unsent.
    deadline_s: how long a request may take from its start, with connecting; beyond it, it fails as `timeout`.
    think_s: in the closed model, how long a user waits after an answer: evenly between two bounds, drawn by the seed.
    think_mean_s: the same, exponentially with this mean.
    pacing_s: in the closed model, a user begins so long after it began before, or at once where that took longer.
    max_rps: in the closed model, no more requests than this per second are sent by all users together.
    warm_up_s: the first seconds of the shape; reported, marked, and left out of every judgement.
    window_s: histograms are reported for each stretch of this length.
    script: what users do in turn, where requests depend on who sends them and on what came before; an arrival is then a
        whole scenario, and its first step's is the intended start. `beside`: operations of its setup and teardown alone.
    holds_secrets: a request of the plan has a value that the profile refers to as a secret, in a header or a body.
    max_requests: no more than this many arrivals are planned; a plan of the open model that needs more is refused.
    """

    base_url: str
    addresses: tuple[str, ...] = ()
    operations: tuple[Operation, ...] = Field(min_length=1)
    model: Literal["open", "closed"] = "open"
    spacing: Literal["even", "poisson"] = "even"
    shape: Shape
    connections: int = Field(default=64, ge=1, le=20_000)
    deadline_s: float = Field(default=10.0, gt=0, le=3600)
    think_s: tuple[Think, Think] = (0.0, 0.0)
    think_mean_s: Think = 0.0
    pacing_s: Think = 0.0
    max_rps: float | None = Field(default=None, gt=0)
    verify_tls: bool = True
    ca_file: str | None = None
    seed: int = 0
    warm_up_s: int = Field(default=0, ge=0)
    window_s: int = Field(default=5, ge=1, le=60)
    max_requests: int | None = Field(default=None, ge=1)
    script: Script | None = None
    beside: tuple[Operation, ...] = ()
    holds_secrets: bool = False

    @field_validator("think_s", mode="before")
    @classmethod
    def _always_so_long(cls, value: Any) -> Any:
        return (value, value) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        url = urlsplit(self.base_url)
        if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment or url.username:
            raise ValueError(f"base_url is http(s)://host[:port][/path], not {self.base_url!r}")
        if len({operation.name for operation in self.operations}) != len(self.operations):
            raise ValueError("two operations have the same name")
        if (self.think_s[1] > 0) + (self.think_mean_s > 0) + (self.pacing_s > 0) > 1:
            raise ValueError("users think between two bounds, or with a mean, or begin in a pace: one of the three")
        stages = self.shape.stages
        if self.warm_up_s >= self.duration_s:
            raise ValueError(f"warm_up_s {self.warm_up_s} leaves nothing of {self.duration_s:g} s")
        if self.model == "closed" and shapes.peak_level(stages) > self.connections:
            raise ValueError(f"the shape has {shapes.peak_level(stages):g} users for {self.connections} connections")
        if self.model == "open" and self.max_requests is not None and self._area > self.max_requests:
            raise ValueError(f"the shape needs {math.ceil(self._area)} requests, max_requests is {self.max_requests}")
        return self

    @property
    def _area(self) -> float:
        return shapes.area_until(self.shape.stages, math.inf)

    @property
    def duration_s(self) -> float:
        """How long arrivals come; the run then waits for what is under way, at most two deadlines."""
        return shapes.duration_s(self.shape.stages)

    @property
    def seconds(self) -> int:
        """Number of seconds that the child reports for each operation."""
        return math.ceil(self.duration_s - 1e-9)

    @property
    def setup_s(self) -> float:
        """How long the users may take for their setup, before anything is reported."""
        return self.deadline_s * len(self.script.setup) if self.script is not None else 0.0

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of all secrets that the headers of operations and users need."""
        users = self.script.users if self.script is not None else ()
        of_users = {name for user in users for _, name in user.secret_headers}
        return frozenset(of_users | {name for op in (*self.operations, *self.beside) for _, name in op.secret_headers})

    def intended_starts_ns(self) -> Iterator[int]:
        """The arrivals of the open model, in nanoseconds since the start.

        Raises:
            ValueError: the closed model has no arrivals that were known before.
        """
        if self.model == "closed":
            raise ValueError("in the closed model the target's answers decide when requests start")
        stages = self.shape.stages
        arrivals = shapes.poisson_arrivals(stages, self.seed) if self.spacing == "poisson" else shapes.arrivals(stages)
        return itertools.islice(arrivals, self.max_requests)
