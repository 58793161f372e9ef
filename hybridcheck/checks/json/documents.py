"""Is JSON read as RFC 8259 says: all of it, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace

from hybridcheck.cases import Case, Json, Phase, SafetyClass, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.vector_places import Named, roundtrip
from hybridcheck.checks.vectors import REFUSALS, RIGHT, DocumentVectorCheck, Reading, State, number_at, shown, wrong
from hybridcheck.evidence import Exchange
from hybridcheck.paths import NoSuchPath
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.comparison import Comparison
from hybridcheck.tokens.document import NotJson, Raw, Token, read, write

VALID = (
    *('"x"', "null", "true", "[]", "{}", "-0", "1E+2", "[ 1 ,\t2\n]", '"\\u0041\\u007a"', '"\\/"'),
    *('"a,b:{c}"', '{"":0}', '{"a b":{"c":[1,{"d":null}]}}', '{"d":1,"c":2,"b":3,"a":4}', "[" * 32 + "]" * 32),
)
"""Each is JSON; the first one is the control."""

MALFORMED = (
    *('"x"', "[1,]", '{"a":1,}', "{'a':1}", "[1 2]", '{"a" 1}', "{a:1}", "01", "+1", "1.", ".5", "0x1", "tru"),
    *("NaN", "Infinity", "nan", '"\x01"', '"a', '"\\x"', "[1]]", "1 // one", "1 2", ""),
)
"""Each breaks RFC 8259 where a value stands; the first one is the control and does not."""


class _OfDocuments(DocumentVectorCheck):
    """The base: documents as text, put into the round trip as they are."""

    needs = "probes: {roundtrip: {operation: ID, in: $.value, out: $.value, types: [json]}}"

    def probes(self, scene: Scene) -> Named:
        """The round trip of any JSON value."""
        return roundtrip(scene, "json")

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The text as it is."""
        return {case.params["probe"]["in"]: Raw(vector)}

    def sent(self, vector: Json) -> str:
        """The text, with control characters escaped."""
        return shown(vector.encode("unicode_escape").decode()) or "nothing at all"

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """A document of the same meaning."""
        got, want = number_at(document, case.params["probe"]["out"]), read(vector)
        different = Comparison.parse("exact").difference(want, got)
        return RIGHT if different is None else wrong(got, vector)


class AcceptsValid(_OfDocuments):
    """Every valid JSON value is read, with its meaning.

    Sends escapes, blanks, empty names, nested and empty structures through the round trip. A refusal,
    a 5xx or another value, twice of two, is a fail: parsers written by hand split at commas and know no escapes.
    """

    id = "json.accepts-valid"
    severity = Severity.HIGH
    remedy = "Read JSON with a library that passes the JSONTestSuite, not by splitting text."
    refs = ("RFC 8259", "CWE-20")
    promise = "every valid JSON value comes back with the same meaning"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Valid values."""
        return list(VALID)

    def must_take(self, case: Case, vector: Json) -> str:
        """All of them."""
        return "it is JSON, and the probe says that it takes any"


class RejectsMalformed(_OfDocuments):
    """What is no JSON is refused, whatever a lenient reader would make of it.

    Sends values that break RFC 8259 (trailing commas, single quotes, leading zeros, NaN, raw control characters, text
    after the end) in a document that is right otherwise. A success with a value, or a 5xx, twice of two, is a fail: two
    parsers that disagree about a document let one of them be passed by. A success without a value decides nothing.
    """

    id = "json.rejects-malformed"
    severity = Severity.HIGH
    safety = SafetyClass.WRITE  # as contract.malformed-json-refused: small malformed requests are none of a reader
    phase = Phase.WRITE
    remedy = "Use one strict parser at the edge, refuse with 400, and pass on what was parsed, not what was sent."
    refs = ("RFC 8259", "CWE-20", "CWE-436")
    promise = "every malformed document is refused with 4xx"

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Malformed values, after a right one."""
        return list(MALFORMED)

    def may_refuse(self, case: Case, vector: Json) -> bool:
        """That is what is asked for."""
        return True

    def reading(self, case: Case, vector: Json, exchange: Exchange) -> Reading:
        """A refusal is right; a success is not."""
        found = super().reading(case, vector, exchange)
        if vector == case.params["vectors"][0]:
            return found
        if exchange.status in REFUSALS and found.state is State.REFUSED:
            return RIGHT
        if exchange.status is not None and 200 <= exchange.status < 300 and found.state is not State.UNCLEAR:
            value = self._value(case, exchange)
            if value is None:
                return Reading(State.UNCLEAR, f"was answered with {exchange.status}, and without a value")
            return Reading(State.WRONG, f"was taken for JSON: {exchange.status} with {shown(value)}")
        return replace(found, signatures=())

    def _value(self, case: Case, exchange: Exchange) -> str | None:
        """The value that came back; None where there is none, so that nothing shows that the document was read.

        A body that is no JSON itself, such as one with NaN in it, shows that as well.
        """
        body = exchange.response.body.content() if exchange.response is not None else b""
        try:
            found = number_at(read(body), case.params["probe"]["out"])
        except NoSuchPath:
            return None
        except NotJson as error:
            return f"a body that is no JSON: {error}"
        return None if found is None else write(found)
