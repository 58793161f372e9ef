"""Probes of what lies at the edges of types, and of what both sides of a boundary have to decide alike."""

from typing import Annotated

from pydantic import Field

from hybridcheck.profile.probe_parts import Part, Place, Probe


class Truncation(Probe):
    """Takes a number and gives its whole part, towards zero, as an integer."""

    into: Place = Field(default="$.a", alias="in")
    out: Place = "$.result"


class KeySide(Probe):
    """One side's operation that takes a key and gives the number of its shard."""

    into: Place = Field(default="$.key", alias="in")
    out: Place = "$.shard"


class Partition(Part):
    """Two sides that have to give the same key to the same shard, of `shards` (0 to shards - 1)."""

    gateway: KeySide
    native: KeySide
    shards: Annotated[int, Field(ge=2)] | None = None


class ValidatorSide(Probe):
    """One side's operation that takes a text and says whether it is valid: a truth value, or with `out: null` 2xx or 4xx."""

    into: Place = Field(default="$.text", alias="in")
    out: Place | None = "$.valid"


class Validators(Part):
    """Two sides that validate by one rule; `accepts` are texts that both take."""

    gateway: ValidatorSide
    native: ValidatorSide
    accepts: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...], Field(min_length=1)]


class BytesBack(Probe):
    """An operation that takes bytes of a media type and gives the same bytes back."""

    media_type: str = "application/octet-stream"
