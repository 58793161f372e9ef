"""Probes: declared operations that compute something a tester can compute as well, so that every digit can be judged.

A probe binds a declared operation of the read class to the places of its input and output. The input is put into the
operation's own declared body; numbers go out as written, so nothing is lost on this side. `contract` says what the
system promises of numbers; what it does not say is not held against it.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hybridcheck.profile.compute_probes import Compute, Tally
from hybridcheck.profile.context_probes import (
    CarriedHeaders,
    Failing,
    Fallback,
    Gauge,
    Idempotent,
    SlowProbe,
)
from hybridcheck.profile.edge_probes import BytesBack, Partition, Truncation, Validators
from hybridcheck.profile.probe_parts import Part, Place, Probe
from hybridcheck.profile.wire_probes import Framing, Large, Listing, Paged, QueryEcho


class Roundtrip(Probe):
    """Gives back what it was sent: a value of the declared types, unchanged. `json`: any JSON value."""

    into: Place = Field(default="$.value", alias="in")
    out: Place = "$.value"
    types: Annotated[tuple[Literal["int", "float", "text", "json"], ...], Field(min_length=1)]


class AggregateOut(Part):
    """Where an aggregate's answer has which figure; `variance` is that of a sample (n - 1)."""

    sum: Place | None = None
    mean: Place | None = None
    median: Place | None = None
    variance: Place | None = None
    sorted: Place | None = None


class Aggregate(Probe):
    """Takes a list of numbers and gives figures of it."""

    into: Place = Field(default="$.values", alias="in")
    out: AggregateOut


class ScalarProbe(Probe):
    """Computes one number of two. `round` takes digits for `b`."""

    a: Place = "$.a"
    b: Place = "$.b"
    out: Place = "$.result"


class Rounding(ScalarProbe):
    """`half_even`: Python's round, of the exact binary value. `half_away`: ties away from zero, as C's by scaling."""

    mode: Literal["half_even", "half_away"] = "half_even"


SCALARS = ("floordiv", "mod", "round", "pow", "shift", "truncate")


class Scalars(Part):
    """Operations that promise what Python's `//`, `%`, `round`, `**`, `<<` and `int` give."""

    floordiv: ScalarProbe | None = None
    mod: ScalarProbe | None = None
    round: Rounding | None = None
    pow: ScalarProbe | None = None
    shift: ScalarProbe | None = None
    truncate: Truncation | None = None


class TextOut(Part):
    """Where a text probe's answer has its length, its capitals, and more of what Python says of it.

    `prefix`: its first characters, as many as `limit` asks for. `stripped`: without blanks at both ends (str.strip).
    `decimal`: whether it is all decimal digits, of any script (str.isdecimal).
    """

    length: Place | None = None
    upper: Place | None = None
    prefix: Place | None = None
    stripped: Place | None = None
    decimal: Place | None = None


class TextProbe(Probe):
    """Takes a text, and a `limit` of characters, and says something about it; `unit` is what its length counts."""

    into: Place = Field(default="$.text", alias="in")
    limit: Place | None = None
    out: TextOut
    unit: Literal["codepoints", "utf16", "bytes"] = "codepoints"


class Ranking(Probe):
    """Takes rows and gives them back in the order of `key`; rows of equal keys stay in the order of the input."""

    into: Place = Field(default="$.rows", alias="in")
    out: Place = "$.rows"
    key: str = "score"
    id: str = "id"
    order: Literal["asc", "desc"] = "desc"


class Instants(Probe):
    """Takes an ISO 8601 text and gives Unix seconds."""

    into: Place = Field(default="$.at", alias="in")
    out: Place = "$.epoch_s"


class FromEpoch(Probe):
    """Takes Unix seconds and gives the instant as ISO 8601 with its offset."""

    into: Place = Field(default="$.epoch_s", alias="in")
    out: Place = "$.at"


class Now(Probe):
    """Says what time it is, as Unix seconds or ISO 8601 with its offset; a text without offset is read as UTC."""

    out: Place
    max_skew_s: Annotated[float, Field(gt=0, le=300)] = 5.0


class Times(Part):
    """Operations that read, write and tell time."""

    parse: Instants | None = None
    format: FromEpoch | None = None
    now: Now | None = None


class Probes(Part):
    """The probes of a system; any subset."""

    roundtrip: Roundtrip | None = None
    aggregate: Aggregate | None = None
    scalar: Scalars = Scalars()
    text: TextProbe | None = None
    rank: Ranking | None = None
    time: Times = Times()
    compute: Compute | None = None
    tally: Tally | None = None

    partition: Partition | None = None
    validate_text: Validators | None = Field(default=None, alias="validate")
    binary: BytesBack | None = None
    large: Large | None = None
    paged: Paged | None = None
    listing: Listing | None = None
    framing: Framing | None = None
    query: QueryEcho | None = None

    slow: SlowProbe | None = None
    headers: CarriedHeaders | None = None
    in_flight: Gauge | None = None
    failing: Failing = Failing()
    fallback: Fallback | None = None
    idempotent: Idempotent | None = None

    def placed(self) -> tuple[tuple[tuple[str, ...], Probe], ...]:
        """Every declared probe with its keys below `probes`."""
        named: list[tuple[tuple[str, ...], Probe | None]] = [
            (("roundtrip",), self.roundtrip),
            (("aggregate",), self.aggregate),
            (("text",), self.text),
            (("rank",), self.rank),
            (("compute",), self.compute),
            *((("scalar", key), getattr(self.scalar, key)) for key in SCALARS),
            *((("time", key), getattr(self.time, key)) for key in ("parse", "format", "now")),
            (("binary",), self.binary),
            *(((key,), getattr(self, key)) for key in ("large", "paged", "listing", "framing", "query")),
        ]
        for key, pair in (("partition", self.partition), ("validate", self.validate_text)):
            if pair is not None:
                named += [((key, "gateway"), pair.gateway), ((key, "native"), pair.native)]
        named += [((key,), getattr(self, key)) for key in ("slow", "headers", "in_flight", "fallback")]
        named += [(("failing", key), getattr(self.failing, key)) for key in type(self.failing).model_fields]
        named.append((("idempotent", "effects"), self.idempotent.effects if self.idempotent is not None else None))
        return tuple((keys, probe) for keys, probe in named if probe is not None)


class Contract(Part):
    """What the system promises of numbers.

    `integers`: which ones it takes (int64, js-safe: up to 2^53 - 1, arbitrary). `overflow`: what happens to a result
    beyond them: refused with 4xx, or given in full. `floats`: exact, or within a relative error. `nonfinite`: a result
    that is no number is null, or refused with 4xx. `sum`: of floats, correctly rounded within one unit in the last place
    (compensated), or within n units of 2^-52 of the sum of magnitudes (tolerance; what holds where nothing is said).
    `key_order`: in which order the members of an object come back. `max_depth`: to how many levels of nesting documents
    are sent that the system has to survive (refused or answered).
    """

    integers: Literal["int64", "js-safe", "arbitrary"] | None = None
    overflow: Literal["reject", "bigint"] | None = None
    floats: Annotated[str, StringConstraints(pattern=r"^(exact|rel:\d+(\.\d*)?([eE][-+]?\d+)?)$")] = "exact"
    nonfinite: Literal["null", "reject"] | None = None
    sum: Literal["compensated", "tolerance"] = "tolerance"
    key_order: Literal["none", "insertion", "sorted"] | None = None
    max_depth: Annotated[int, Field(ge=600, le=200_000)] | None = None
