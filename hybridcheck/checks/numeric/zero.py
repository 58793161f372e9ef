"""Does a service live through a division by zero, and say that there is no result."""

from collections.abc import Iterator, Sequence

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.risky_vectors import RiskyVectorCheck
from hybridcheck.checks.vector_places import dividing
from hybridcheck.checks.vectors import RIGHT, DocumentVectorCheck, Reading, number_at, shown, wrong
from hybridcheck.paths import NoSuchPath
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Number, Token, write

SMALLEST = (str(-(2**63)), "-1")
"""Its quotient is 2^63, which int64 does not hold: x86-64 raises the same signal as for a division by zero."""

ZEROS = (("7", "2"), ("1", "0"), ("-1", "0"), ("0", "0"), ("1.0", "0.0"), SMALLEST)
LISTS: tuple[list[str], ...] = (["1", "2"], [])
FIGURES = ("mean", "median", "variance")


class ZeroDivision(RiskyVectorCheck, DocumentVectorCheck):
    """A division by zero is refused, or has no result; nothing dies of it.

    Divides by zero where division is declared, as integers and as floats, divides the smallest 64-bit integer by -1, and
    asks for figures of an empty list, between two looks at the service's `liveness`. A service that restarts or is gone after an exchange that broke, a number for
    a result, or a 5xx, twice of two, is a fail: compiled integer division by zero ends the process on x86-64, with
    every request that it was answering. Without a crash it is of high severity. Needs `--allow abuse`.
    """

    id = "numeric.zero-division"
    severity = Severity.CRITICAL
    remedy = "Look at the divisor first and answer 422, or null where the contract says so; build with -numerics=py."
    refs = ("CWE-369", "docs.exaloop.io/codon -numerics=c", "github.com/exaloop/codon #173")
    needs = "probes: {scalar: {floordiv: {operation: ID, a: $.a, b: $.b, out: $.result}}}"
    promise = "a division without a result is refused with 4xx or has null for it, and the service lives on"
    did = "a division by zero, or of the smallest integer by -1"

    def probes(self, scene: Scene) -> Iterator[tuple[str, Probe]]:
        """Division, remainder, and figures of a list."""
        probes = scene.profile.probes
        yield from dividing(scene)
        if probes.aggregate is not None and any(getattr(probes.aggregate.out, name) for name in FIGURES):
            yield "aggregate", probes.aggregate

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Dividend and divisor, or a list."""
        lists = probe is scene.profile.probes.aggregate
        return [list(values) for values in LISTS] if lists else [list(pair) for pair in ZEROS]

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The numbers as written."""
        probe, numbers = case.params["probe"], [Number(text) for text in vector]
        return {probe["in"]: numbers} if "in" in probe else {probe["a"]: numbers[0], probe["b"]: numbers[1]}

    def sent(self, vector: Json) -> str:
        """The division, or the list."""
        return f"{vector[0]} by {vector[1]}" if len(vector) == 2 else shown(f"[{', '.join(vector)}]")

    def may_refuse(self, case: Case, vector: Json) -> bool:
        """All but the control."""
        return bool(vector != case.params["vectors"][0])

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The control's own result; null, or nothing, for the others."""
        out = case.params["probe"]["out"]
        if isinstance(out, dict):
            return self._figures(case, vector, document)
        got = number_at(document, out)
        if self.may_refuse(case, vector) and vector != list(SMALLEST):
            return RIGHT if got is None else wrong(got, "null or a refusal")
        a, b = map(int, vector)
        want = a // b if case.params["name"] == "floordiv" else a % b
        return RIGHT if isinstance(got, Number) and got.double() == float(want) else wrong(got, str(want))

    def _figures(self, case: Case, vector: Json, document: Token) -> Reading:
        paths = {name: path for name in FIGURES if (path := case.params["probe"]["out"].get(name)) is not None}
        for name, path in paths.items():
            try:
                got = number_at(document, path)
            except NoSuchPath:
                got = None
            if vector and not isinstance(got, Number):
                return wrong(got, f"the {name} of {self.sent(vector)}")
            if not vector and got is not None:
                return wrong(got, f"no {name} of an empty list ({shown(write(got))})")
        return RIGHT
