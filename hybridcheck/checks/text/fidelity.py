"""Does text come back as it was sent: characters of every kind, and what has to be escaped in JSON."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.shrinking import parts
from hybridcheck.checks.vector_places import Named, roundtrip
from hybridcheck.checks.vectors import RIGHT, DocumentVectorCheck, Reading, State, number_at, shown
from hybridcheck.diagnosis.texts import REPLACEMENT, of_text
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Raw, Token, plain, read, write

UNICODE = (
    *("plain", "é", "e\u0301", "naïve café ☕", "😀", "\U0001f469\u200d\U0001f469\u200d\U0001f467"),
    *("\u05e9\u05dc\u05d5\u05dd", "\ufeffx", "\u2028", "a\0b", "☕" * 12),
)
"""ASCII as control; composed, combining, three- and four-byte, joined, right-to-left, byte-order mark, line separator, NUL; 36 bytes of 12."""

LONE = '"\\ud83d"'
"""Half a surrogate pair: no character, so it may be refused, or be replaced."""

PAIR = '"\\ud83d\\ude00"'

ESCAPED = ("plain", '"', "\\", "\n", "\t", "\u0001", "a,b:{c}", "</script>", '"\\\n\t\u0001')


class UnicodeRoundtrip(DocumentVectorCheck):
    """Text of every script comes back as it was sent.

    Sends combining characters, characters beyond the basic plane, joined emoji, right-to-left text, a byte-order mark
    and NUL through the round trip. Other text, or bytes that are no UTF-8, twice of two, are a fail. NUL may be
    refused; normalising (é to e and an accent) is a change as well.
    """

    id = "text.unicode-roundtrip"
    severity = Severity.HIGH
    remedy = "Pass text as UTF-8 with its length, not as a C string, and decode it with 'strict' at each boundary."
    refs: ClassVar[tuple[str, ...]] = ("RFC 8259 §8.1", "CWE-838", "CWE-170")
    needs = "probes: {roundtrip: {operation: ID, in: $.value, out: $.value, types: [text]}}"
    promise = "every text comes back as it was sent"

    def probes(self, scene: Scene) -> Named:
        """The round trip of text."""
        return roundtrip(scene, "text")

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """JSON texts: characters as they are, and once as the escapes of a surrogate pair."""
        return [*map(write, UNICODE), PAIR, LONE]

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The text as it is."""
        return {case.params["probe"]["in"]: Raw(vector)}

    def smaller(self, vector: Json) -> Iterator[Json]:
        """Parts of the text."""
        return map(write, parts(plain(read(vector))))

    def sent(self, vector: Json) -> str:
        """The text, with what is not printable escaped."""
        return ascii(plain(read(vector)))

    def may_refuse(self, case: Case, vector: Json) -> bool:
        """Text with NUL, and what is no text."""
        return "\\u0000" in vector or vector == LONE

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The same text."""
        got, want = number_at(document, case.params["probe"]["out"]), plain(read(vector))
        if got == want or (vector == LONE and got == REPLACEMENT):
            return RIGHT
        text = f"came back as {shown(ascii(plain(got)))}"
        return Reading(State.WRONG, text, of_text(want, got) if isinstance(got, str) else ())


class EscapeSafe(UnicodeRoundtrip):
    """Text with quotes, backslashes and control characters comes back as valid JSON.

    Sends what has to be escaped in JSON, and what hand-made parsers split at (comma, colon, braces), through the round
    trip. A body that is no JSON, or other text, twice of two, is a fail: who writes JSON by hand lets a value end the
    string and add members.
    """

    id = "text.escape-safe"
    severity = Severity.CRITICAL
    remedy = "Write JSON with a library, or escape the quote, the backslash and everything below U+0020."
    refs = ("RFC 8259 §7", "CWE-116", "CWE-74")
    promise = "every text comes back as valid JSON and as it was sent"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """JSON texts."""
        return [*map(write, ESCAPED)]

    def may_refuse(self, case: Case, vector: Json) -> bool:
        """Text with control characters beside tab and newline."""
        return "\\u0001" in vector
