"""Probes for what takes time, or counts: a computation of any size, and a resource that counts its changes."""

from typing import Annotated

from pydantic import Field

from hybridcheck.profile.parts import Positive
from hybridcheck.profile.probe_parts import Part, Place, Probe

Size = Annotated[int, Field(ge=1)]


class ComputeExpectation(Part):
    """How much faster than its CPython twin the native side has to be, both seen from outside; 1: not slower."""

    speedup_min: Positive = 1.0


class Compute(Probe):
    """Work that grows with its size, computed natively and by the CPython twin that its operation names.

    `in` takes the size and `out` has a result that both sides compute alike. `sizes` are three at which the CPython twin
    takes some 5 to 50 ms. `long` is a size that keeps the native side busy for some 100 ms, and `light` an
    operation that the same service answers at once.
    """

    into: Place = Field(default="$.size", alias="in")
    out: Place = "$.result"
    sizes: tuple[Size, Size, Size]
    long: Size | None = None
    light: str | None = None
    expect: ComputeExpectation = ComputeExpectation()


class Tally(Part):
    """A resource that counts its changes: `operation` creates it, its `update` adds one to what its `read_back` shows.

    `value` is the place of the number in the answer of `read_back`.
    """

    operation: str
    value: Place
