"""Probes of what crosses a boundary beside the question: time, cancellation, headers, keys, errors, a stand-in."""

from typing import Annotated

from pydantic import Field

from hybridcheck.cases import Json
from hybridcheck.profile.probe_parts import Part, Place, Probe


class SlowProbe(Probe):
    """Takes as long as it is told, in ms. `capacity`: how many such calls the system has under way at most."""

    into: Place = Field(default="$.ms", alias="in")
    capacity: Annotated[int, Field(ge=1, le=1000)] | None = None


class CarriedHeaders(Probe):
    """Gives the headers that the callee saw, as an object."""

    out: Place = "$.headers"


class Gauge(Probe):
    """Gives a number: of calls under way, of calls so far, of things made."""

    out: Place


class Refusal(Probe):
    """Makes the callee refuse, with that status."""

    status: Annotated[int, Field(ge=400, le=499)] = 422


class Failing(Part):
    """Requests that make the callee fail in a known way, and a count of the calls that reached it."""

    native_4xx: Refusal | None = None
    native_5xx: Probe | None = None
    timeout: Probe | None = None
    calls: Gauge | None = None


class Fallback(Probe):
    """Answers also without its callee; `marked` is then true, and `out` what is computed in its place."""

    out: Place
    marked: Place = "$.degraded"


class Idempotent(Part):
    """An operation that makes a thing once for each key; `effects` counts them, `other` is another body for a key."""

    operation: str
    effects: Gauge
    other: dict[str, Json]
