"""Are parts and properties of a text those that Python gives: its first characters, without blanks, all digits."""

from collections.abc import Iterator, Sequence

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.shrinking import parts
from hybridcheck.checks.text.measures import OfText
from hybridcheck.checks.vectors import RIGHT, Reading, State, shown, wrong
from hybridcheck.diagnosis.signatures import Signature
from hybridcheck.diagnosis.texts import of_prefix, whole_prefix
from hybridcheck.evidence import Exchange
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Number, Token, plain, write

PREFIXES = (("plain", 3), ("é", 1), ("naïve", 3), ("☕☕", 1), ("😀😀", 1), ("añb", 2), ("e\u0301x", 2))
BLANKS = ("  plain ", "\tx\n", "\u00a0x\u00a0", "\u3000x", "\u2003x\u2028", "\ufeffx")
DIGITS = ("123", "12a", "", "\u0661\u0662\u0663", "\uff11\uff12\uff13", "\u00b2", "1.5")


class PrefixWhole(OfText):
    """A text that is cut to n characters has n whole characters.

    Asks for the first characters of text with accents, emoji and combining marks. A cut through a character (bytes that
    are no UTF-8, U+FFFD, half a surrogate pair), or fewer characters than asked for, twice of two, is a fail. Where the
    declared unit is bytes, the longest text of whole characters that fits is wanted.
    """

    id = "text.prefix-whole"
    severity = Severity.HIGH
    remedy = "Cut by code points, or step back to the start of a character (a byte that is no 10xxxxxx)."
    refs = ("CWE-135", "CWE-838", "RFC 3629 §3")
    needs = "probes: {text: {operation: ID, in: $.text, limit: $.limit, out: {prefix: $.prefix}}}"
    promise = "every text is cut between characters, after as many as asked for"
    figure = "prefix"

    def probes(self, scene: Scene) -> Iterator[tuple[str, Probe]]:
        """A text probe that has a prefix, and a place for its length."""
        found = scene.profile.probes.text
        yield from super().probes(scene) if found is not None and found.limit is not None else ()

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Text, and how much of it."""
        return [list(vector) for vector in PREFIXES]

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The text and the limit."""
        return {case.params["probe"]["in"]: vector[0], case.params["probe"]["limit"]: Number(str(vector[1]))}

    def smaller(self, vector: Json) -> Iterator[Json]:
        """Parts of the text, cut to as much."""
        return ([part, vector[1]] for part in parts(vector[0]))

    def sent(self, vector: Json) -> str:
        """The text and the limit in words."""
        return f"{vector[0]!a} cut to {vector[1]}"

    def answer(self, case: Case, vector: Json, exchange: Exchange, body: bytes) -> Reading:
        """Bytes that are no UTF-8 are a character that was cut."""
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            return Reading(State.WRONG, f"made a body that is no UTF-8 (byte {error.start})", (Signature.CUT,))
        return super().answer(case, vector, exchange, body)

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """As many whole characters as fit."""
        got, (text, limit) = self.figure_in(case, document), vector
        want = whole_prefix(text, limit, case.params["probe"]["unit"])
        if got == want:
            return RIGHT
        words = f"became {shown(ascii(plain(got)))} instead of {want!a}"
        return Reading(State.WRONG, words, of_prefix(text, limit, got) if isinstance(got, str) else ())


class StripRules(OfText):
    """Blanks around a text are removed whatever script they are of.

    Asks for text without blanks at both ends: no-break space, ideographic space, em space and line separator are blanks,
    a byte-order mark is none. Another text, twice of two, is a fail: what one side calls empty the other stores.
    """

    id = "text.strip-rules"
    severity = Severity.MEDIUM
    remedy = "Strip by Unicode's White_Space property, on one side of the boundary only."
    refs = ("Unicode Standard §4.6 White_Space", "CWE-20")
    needs = "probes: {text: {operation: ID, in: $.text, out: {stripped: $.stripped}}}"
    promise = "every text loses the blanks at its ends, and nothing else"
    figure = "stripped"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Texts."""
        return list(BLANKS)

    def sent(self, vector: Json) -> str:
        """The text, with its blanks escaped."""
        return ascii(vector)

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """CPython's own strip."""
        got = self.figure_in(case, document)
        if got == vector.strip():
            return RIGHT
        return Reading(State.WRONG, f"became {shown(ascii(plain(got)))} instead of {vector.strip()!a}")


class DigitRules(OfText):
    """What counts as a digit is the same on both sides: decimal digits of every script.

    Asks whether text is all decimal digits: Arabic-Indic and full-width ones are, a superscript two and a point are not.
    Another answer, twice of two, is a fail: a validator takes what the next one refuses.
    """

    id = "text.digit-rules"
    severity = Severity.MEDIUM
    remedy = "Ask for ASCII digits explicitly ([0-9]) on both sides, or use Unicode's Nd on both."
    refs = ("Unicode Standard §4.6 Decimal Digit", "CWE-20", "CWE-436")
    needs = "probes: {text: {operation: ID, in: $.text, out: {decimal: $.decimal}}}"
    promise = "every text is told to be decimal digits or not as Unicode says"
    figure = "decimal"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Texts."""
        return list(DIGITS)

    def sent(self, vector: Json) -> str:
        """The text, with what is not ASCII escaped."""
        return ascii(vector)

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """CPython's own answer."""
        got = self.figure_in(case, document)
        return RIGHT if got is vector.isdecimal() else wrong(got, write(vector.isdecimal()))
