"""Is HTTP spoken as it is written: header names in any case, encodings that are what they say, queries decoded once."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import complaint_about, json_body, operation_in
from hybridcheck.checks.protocol.addresses import ask_at, sendable
from hybridcheck.checks.protocol.travelling import WHOLE, Travels
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, Manner

QUERIES = ("plain", "a+b", "a b", "100%", "%2B", "a&b=c", "ü€", "a/b#c?d")
"""Values of a query parameter, the control first; each goes out percent-encoded."""


class AnyHeaderCase(Travels):
    """Header names mean the same in any case.

    Sends the declared request of the round trip probe with its header names as written (the control), in lower case
    and in upper case. Another answer than the declared one, two times of two, is a fail: proxies, and HTTP/2, change it.
    """

    id = "protocol.header-case"
    severity = Severity.MEDIUM
    remedy = "Fold header names to one case when they are read."
    refs = ("RFC 9110 §5.1",)
    promise = "header names in any case are understood"

    def messages(self, case: Case) -> Sequence[tuple[str, Ask, Manner]]:
        """The same headers in three cases."""
        ask = ask_at(case.params)
        lower = tuple((name.lower(), value) for name, value in ask.headers)
        upper = tuple((name.upper(), value) for name, value in ask.headers)
        return (
            ("names as written", ask, WHOLE),
            ("names in lower case", replace(ask, headers=lower), WHOLE),
            ("names in upper case", replace(ask, headers=upper), WHOLE),
        )


class EncodingsHonoured(Travels):
    """A content encoding is what it says, on the way there and back.

    Sends the declared request of the round trip probe as it is (the control), with `Accept-Encoding: identity` and
    `gzip`, and with its body in gzip. An answer that cannot be decoded, one that is encoded though nobody asked, and a success that
    is not the declared one, two times of two, are a fail. A body in gzip may be refused with any 4xx; a server error
    (5xx) is a fail.
    """

    id = "protocol.encodings-honoured"
    severity = Severity.MEDIUM
    remedy = "Set Content-Encoding where the bytes are encoded, and answer 415 to encodings that are not read."
    refs = ("RFC 9110 §8.4", "RFC 9110 §12.5.3", "RFC 9110 §15.5.16")
    promise = "a content encoding is what it says"

    def messages(self, case: Case) -> Sequence[tuple[str, Ask, Manner]]:
        """As it is, identity, gzip back, gzip there."""
        ask = ask_at(case.params)
        packed = gzip.compress(ask.body or b"", mtime=0)
        return (
            ("as declared", ask, WHOLE),
            ("Accept-Encoding: identity", _with(ask, ("Accept-Encoding", "identity")), WHOLE),
            ("Accept-Encoding: gzip", _with(ask, ("Accept-Encoding", "gzip")), WHOLE),
            ("a body in gzip", replace(_with(ask, ("Content-Encoding", "gzip")), body=packed), WHOLE),
        )

    def complaint(self, case: Case, index: int, exchange: Exchange, control: Exchange) -> str | None:
        """Not the declared answer; a refusal is one where the body is in gzip."""
        if index == 3 and exchange.status is not None and 400 <= exchange.status < 500:
            return None
        encoding = exchange.response.header("content-encoding") if exchange.response is not None else None
        if index == 1 and encoding not in (None, "identity"):
            return f"Content-Encoding: {encoding} though only identity was asked for"
        return complaint_about(exchange, operation_in(case.params).expect)


class QueryDecoded(Travels):
    """A query parameter is decoded once, and as UTF-8.

    Sends values with plus, blank, percent, ampersand and letters beyond ASCII through the declared `query` probe, each
    percent-encoded, and compares what comes back. Another value, two times of two, is a fail: a `%2B` that becomes a
    blank was decoded in the wrong order, a literal `%2B` that becomes a plus was decoded twice.
    """

    id = "protocol.query-decoded"
    severity = Severity.MEDIUM
    remedy = "Split the query first, then turn + into blanks, then decode percent signs, each once, and as UTF-8."
    refs = ("RFC 3986 §2.4", "WHATWG URL §5.1", "CWE-174")
    promise = "a query parameter comes back as it was sent"
    needs = "probes: {query: {operation: ID, parameter: text, out: $.text}}"

    def subject(self, scene: Scene) -> Operation | None:
        """The operation of the probe."""
        probe = scene.profile.probes.query
        return sendable(scene, probe.operation) if probe is not None else None

    def own_params(self, scene: Scene) -> dict[str, Json]:
        """Where the value goes and comes back."""
        probe = scene.profile.probes.query
        assert probe is not None
        return {"parameter": probe.parameter, "out": probe.out}

    def messages(self, case: Case) -> Sequence[tuple[str, Ask, Manner]]:
        """The declared request with each value."""
        return [(f"'{value}'", self._ask(case, value), WHOLE) for value in QUERIES]

    def complaint(self, case: Case, index: int, exchange: Exchange, control: Exchange) -> str | None:
        """Another value than was sent; 400 and 422 may refuse one."""
        if index and exchange.status in (400, 422):
            return None
        if exchange.status is None or exchange.response is None or not 200 <= exchange.status < 300:
            return describe(exchange)
        try:
            got = value_at(json_body(exchange), str(case.params["out"]))
        except (ValueError, NoSuchPath) as missing:
            return f"{missing}"
        return None if got == QUERIES[index] else f"came back as {json.dumps(got, ensure_ascii=False)[:120]}"

    def _ask(self, case: Case, value: str) -> Ask:
        ask, name = ask_at(case.params), str(case.params["parameter"])
        return replace(ask, query=(*(pair for pair in ask.query if pair[0] != name), (name, value)))


def _with(ask: Ask, header: tuple[str, str]) -> Ask:
    return replace(ask, headers=(*ask.headers, header))
