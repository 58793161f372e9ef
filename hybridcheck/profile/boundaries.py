"""Boundaries: lines between two services that requests cross, and what has to survive the crossing."""

from typing import Annotated, Literal

from pydantic import Field

from hybridcheck.profile.parts import Name, Path, Positive, Ratio, Strict


class Route(Strict):
    """An operation of the public side, and the path under which the callee answers the same at its `direct_url`."""

    public: str
    native: Path | None = None


class CarriedHeaders(Strict):
    """Request headers that travel from the caller to the callee, by what they mean."""

    trace: str = "traceparent"
    tenant: str | None = None
    deadline_ms: str | None = None
    idempotency: str | None = None


class ErrorMap(Strict):
    """The status that the caller's side answers for what became of the callee's; `same` passes it on."""

    native_4xx: Literal["same"] | Annotated[int, Field(ge=400, le=499)] = "same"
    native_5xx: Annotated[int, Field(ge=500, le=599)] = 502
    timeout: Annotated[int, Field(ge=500, le=599)] = 504
    down: Annotated[int, Field(ge=500, le=599)] = 503


class Overhead(Strict):
    """How much the way over the boundary may add to the callee's own time: in ms, and as a share of the whole."""

    max_ms: Positive = 5
    max_ratio: Ratio = 0.25


class Boundary(Strict):
    """Who calls whom over which routes; `max_calls_per_request` counts retries in."""

    caller: Name
    callee: Name
    routes: Annotated[tuple[Route, ...], Field(min_length=1)]
    headers: CarriedHeaders = CarriedHeaders()
    errors: ErrorMap = ErrorMap()
    overhead: Overhead | None = None
    max_calls_per_request: Annotated[int, Field(ge=1, le=100)] = 1


class Liveness(Strict):
    """Where a service says that it lives, and since when.

    `path` is asked on the public address. Of `started_at`, `uptime_s` and `pid` (places in the JSON answer) any one
    tells a restart.
    """

    path: Path
    started_at: str | None = None
    uptime_s: str | None = None
    pid: str | None = None
    identity: str | None = None
