"""Do conversions to integers and shifts stay in range: exact, or refused."""

from collections.abc import Sequence
from dataclasses import replace

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.numeric.integers import promised, whole_result
from hybridcheck.checks.vector_places import Named, OfNumber, OfTwo, declared
from hybridcheck.checks.vectors import Reading, State, number_at
from hybridcheck.diagnosis.numbers import of_shift
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Number, Token

FLOATS = ("2.5", "-2.5", "1e10", "9007199254740992.0", "9223372036854775808.0", "9.3e18", "1e19", "-1e19", "1e308")
SHIFTS = ((3, 4), (1, 62), (-1, 63), (1, 63), (1, 64), (1, 65), (3, 70))


class FloatToInt(OfNumber):
    """A float becomes the integer that it is, or is refused: never the smallest int64.

    Sends floats to the operation that is declared to cut them to integers, among them 2^63, 1e19 and 1e308, which no
    64-bit integer holds. Another integer than the exact whole part, twice of two, is a fail: a cast without a check of
    the range gives -2^63 on x86-64, and the largest integer on ARM. A refusal is right where `contract.integers` does
    not promise that number.
    """

    id = "numeric.float-to-int"
    severity = Severity.HIGH
    remedy = (
        "Check that the float is finite and within the range of the integer type before it is cast; refuse with 422."
    )
    refs = ("CWE-681", "CWE-197", "LLVM LangRef fptosi")
    needs = "probes: {scalar: {truncate: {operation: ID, in: $.a, out: $.result}}}"
    promise = "every float is cut to its exact whole part, or refused with 4xx"
    refusable = True

    def probes(self, scene: Scene) -> Named:
        """The truncation."""
        return declared("truncate", scene.profile.probes.scalar.truncate)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Floats as text."""
        return list(FLOATS)

    def must_take(self, case: Case, vector: Json) -> str:
        """Numbers whose whole part is inside the promised range."""
        return promised(case, int(float(vector)))

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The exact whole part."""
        return whole_result(case, int(float(vector)), number_at(document, case.params["probe"]["out"]))


class ShiftRange(OfTwo):
    """A shift to the left is exact or refused, also by 63 bits and more.

    Lets the shift operation compute 1 << 62, -1 << 63, 1 << 63, 1 << 64, 1 << 65 and 3 << 70. A wrong number, twice of
    two, is a fail: processors take six bits of the count only, and compilers may give anything.
    """

    id = "numeric.shift-range"
    severity = Severity.MEDIUM
    remedy = "Refuse counts below 0 and above 63, and results that do not fit, before the shift."
    refs = ("CWE-1335", "CWE-190", "LLVM LangRef shl")
    needs = "probes: {scalar: {shift: {operation: ID, a: $.a, b: $.b, out: $.result}}}"
    promise = "every shift is exact, or refused with 4xx"
    refusable = True

    def probes(self, scene: Scene) -> Named:
        """The shift."""
        return declared("shift", scene.profile.probes.scalar.shift)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Number and count."""
        return [[str(a), str(b)] for a, b in SHIFTS]

    def sent(self, vector: Json) -> str:
        """The shift as a formula."""
        return f"{vector[0]} << {vector[1]}"

    def must_take(self, case: Case, vector: Json) -> str:
        """Only what the contract promises in full."""
        return "contract.overflow is bigint" if case.params["contract"]["overflow"] == "bigint" else ""

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The exact result."""
        a, b, got = int(vector[0]), int(vector[1]), number_at(document, case.params["probe"]["out"])
        found = whole_result(case, a << b, got)
        if found.state is State.WRONG and isinstance(got, Number):
            return replace(found, signatures=of_shift(a, b, got))
        return found
