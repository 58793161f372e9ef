"""Are times read and written rightly: offsets, fractions, the years before 1970 and after 2038."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.clocks import date_of, stamp_of
from hybridcheck.checks.vector_places import Named, declared
from hybridcheck.checks.vectors import RIGHT, Reading, State, VectorCheck, number_at, shown
from hybridcheck.diagnosis.instants import of_instant
from hybridcheck.diagnosis.numbers import of_float
from hybridcheck.evidence import Exchange
from hybridcheck.paths import NoSuchPath
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import NotJson, Number, Token, read, write

INSTANTS = (
    *("2026-03-29T01:30:00+00:00", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00+02:00", "2026-03-29T01:30:00-09:30"),
    *("2026-03-29T01:30:00.125+05:45", "1969-12-31T23:59:59Z", "1900-01-01T00:00:00Z", "2038-01-19T03:14:08Z"),
    *("9999-12-31T23:59:59Z", "2026-03-29T01:30:00.123456Z", "2026-03-29T01:30:00.1234567+02:00"),
)
EPOCHS = ("951782400", "0", "-1", "-86400", "1712345678", "2147483648", "4102444800", "-2208988800", "253402300799")
CLOSE_S = 0.001
WHOLE_S = 0.999
"""Whole seconds may leave the fraction out."""


class _OfInstants(VectorCheck):
    """The base of conversions: an instant in Unix seconds, whatever it is written as."""

    key: ClassVar[str]
    """The probe's name below `probes.time`."""

    @abstractmethod
    def wanted_s(self, vector: Json) -> float:
        """The Unix seconds of a vector."""

    @abstractmethod
    def found_s(self, got: Token) -> float | None:
        """The Unix seconds of an answer; None where it says no instant."""

    def probes(self, scene: Scene) -> Named:
        """The conversion."""
        return declared(self.key, getattr(scene.profile.probes.time, self.key))

    def answer(self, case: Case, vector: Json, exchange: Exchange, body: bytes) -> Reading:
        """The same instant; a wrong one is also held against the answer's own `Date`."""
        try:
            got = number_at(read(body), case.params["probe"]["out"])
        except (NotJson, NoSuchPath) as error:
            return Reading(State.WRONG, f"made a body that says no instant: {error}")
        found, want = self.found_s(got), self.wanted_s(vector)
        close_s = WHOLE_S if isinstance(got, Number) and got.integral else CLOSE_S
        if found is not None and abs(found - want) <= close_s:
            return RIGHT
        date = date_of(exchange)
        now = date if date is not None else float("inf")  # near nothing
        text = f"became {shown(write(got))} instead of {datetime.fromtimestamp(want, UTC).isoformat()} ({want:.12g})"
        names = of_instant(want, found, now) if found is not None else ()
        return Reading(
            State.WRONG, text, names + (of_float(Number(repr(want)), got) if isinstance(got, Number) else ())
        )


class OffsetsKept(_OfInstants):
    """An ISO 8601 instant keeps its offset when it is read.

    Sends instants with Z, with offsets of hours, half and quarter hours, with fractions, before 1970 and after 2038 to
    the operation that is declared to read them. Other Unix seconds, twice of two, are a fail: a dropped offset moves
    every appointment.
    """

    id = "time.offsets-kept"
    severity = Severity.HIGH
    remedy = "Convert to UTC where the text is read, and refuse text without an offset."
    refs = ("RFC 3339 §4", "CWE-682")
    needs = "probes: {time: {parse: {operation: ID, in: $.at, out: $.epoch_s}}}"
    promise = "every instant is read as its own Unix seconds, or refused with 4xx"
    key = "parse"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Instants as text."""
        return list(INSTANTS)

    def sent(self, vector: Json) -> str:
        """The text."""
        return str(vector)

    def wanted_s(self, vector: Json) -> float:
        """By Python's own reader."""
        return datetime.fromisoformat(vector).timestamp()

    def found_s(self, got: Token) -> float | None:
        """The number."""
        return got.double() if isinstance(got, Number) else None


class EpochsKept(_OfInstants):
    """Unix seconds are written as their own instant, also before 1970 and after 2038.

    Sends 0, -1, -86400, 2^31, the first second of 1900, the last of 9999 and others to the operation that is declared to write them as ISO 8601. Another instant,
    twice of two, is a fail: negative seconds that become the present, local time that is called UTC.
    """

    id = "time.epochs-kept"
    severity = Severity.HIGH
    remedy = "Add the seconds to 1970-01-01T00:00:00Z in 64 bits; take no negative number for 'none given'."
    refs = ("RFC 3339", "CWE-682", "CWE-190")
    needs = "probes: {time: {format: {operation: ID, in: $.epoch_s, out: $.at}}}"
    promise = "every number of Unix seconds is written as its own instant, or refused with 4xx"
    key = "format"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Unix seconds as text."""
        return list(EPOCHS)

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The number as written."""
        return {case.params["probe"]["in"]: Number(vector)}

    def sent(self, vector: Json) -> str:
        """The number."""
        return str(vector)

    def wanted_s(self, vector: Json) -> float:
        """The number itself."""
        return float(vector)

    def found_s(self, got: Token) -> float | None:
        """The instant of an ISO 8601 text; without an offset it is UTC."""
        return stamp_of(got) if isinstance(got, str) else None
