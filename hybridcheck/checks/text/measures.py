"""Is what the service says about text true: its length, its capitals."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.shrinking import parts
from hybridcheck.checks.vectors import RIGHT, DocumentVectorCheck, Reading, number_at, wrong
from hybridcheck.diagnosis.texts import of_length, of_upper
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Number, Token, write


class OfText(DocumentVectorCheck):
    """The base of questions about a text."""

    @property
    @abstractmethod
    def figure(self) -> str:
        """The key below `probes.text.out`."""

    def probes(self, scene: Scene) -> Iterator[tuple[str, Probe]]:
        """A text probe that has the figure."""
        found = scene.profile.probes.text
        if found is not None and getattr(found.out, self.figure) is not None:
            yield "text", found

    def smaller(self, vector: Json) -> Iterator[Json]:
        """Parts of the text."""
        return parts(vector)

    def figure_in(self, case: Case, document: Token) -> Token:
        """The figure in the answer."""
        return number_at(document, case.params["probe"]["out"][self.figure])


class LengthUnit(OfText):
    """Length counts what is declared: code points, UTF-16 units or bytes.

    Asks for the length of text with accents, emoji and combining characters. Another number than that of the declared
    unit, twice of two, is a fail: limits and slices that count bytes cut characters in two.
    """

    id = "text.length-unit"
    severity = Severity.HIGH
    remedy = "Count code points (UTF-8: the bytes that are no continuation), or declare the `unit` that is counted."
    refs = ("CWE-131", "CWE-135", "docs.exaloop.io/codon strings are ASCII")
    needs = "probes: {text: {operation: ID, in: $.text, out: {length: $.length}, unit: codepoints}}"
    promise = "every length is counted in the declared unit"
    figure = "length"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Texts."""
        return ["plain", "", "é", "😀", "e\u0301", "naïve café ☕"]

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The length in the declared unit."""
        got, unit = self.figure_in(case, document), case.params["probe"]["unit"]
        lengths = {"codepoints": len(vector), "bytes": len(vector.encode())}
        want = lengths.get(unit, len(vector.encode("utf-16-le")) // 2)
        whole = got.whole() if isinstance(got, Number) else None
        if whole == want:
            return RIGHT
        return wrong(got, str(want), of_length(vector, whole) if whole is not None and unit == "codepoints" else ())


class CaseRules(OfText):
    """Capitals follow Unicode, not only ASCII.

    Asks for the capitals of letters outside ASCII, among them ß, which becomes SS, and a ligature. Others, twice of
    two, are a fail: a search that ignores case does not find what differs by an accent's case.
    """

    id = "text.case-rules"
    severity = Severity.MEDIUM
    remedy = "Use full case mapping by Unicode's tables (SpecialCasing), on the CPython side where the native has none."
    refs = ("Unicode Standard §3.13", "CWE-178")
    needs = "probes: {text: {operation: ID, in: $.text, out: {upper: $.upper}}}"
    promise = "every text gets the capitals that Unicode gives it"
    figure = "upper"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Texts."""
        return ["plain", "é", "naïve", "straße", "ﬁ", "αβγ"]

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """CPython's own capitals."""
        got = self.figure_in(case, document)
        if got == vector.upper():
            return RIGHT
        return wrong(got, write(vector.upper()), of_upper(vector, got) if isinstance(got, str) else ())
