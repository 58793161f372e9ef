"""What error answers say and do not say, over everything that was recorded."""

import json
import re
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Json, Severity, Unmet
from hybridcheck.checks.check import Scene
from hybridcheck.checks.witnesses import EVERYTHING, NEEDS_JSON, NoWitness, declares_json, whole_body
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.verdict import Finding

PROBLEM = "application/problem+json"
MOST_BYTES = 64 * 1024
"""No error is told at greater length."""

ERROR_WORDS = frozenset({"error", "errors", "exception", "fault"})
BESIDE_AN_ERROR = frozenset(
    {
        "code", "detail", "details", "error_code", "error_description", "instance", "message", "ok", "path", "request_id",
        "status", "status_code", "success", "timestamp", "title", "trace_id", "type",
    }
)  # fmt: skip
"""What stands beside an error and is no result either."""

VERDICTS = frozenset({"ok", "success", "valid"})
"""Members whose `false` may be the very answer that was asked for: that a text is no number, a payment is refused."""

INTERNAL = re.compile(
    r"(?i:internal (?:server )?error|unhandled|traceback|stack ?trace|segmentation fault|core dumped|out of memory)"
    r"|(?i:bad gateway|service unavailable|gateway time-?out|upstream (?:error|timed|connect|unavailable|failed))"
    r"|(?i:connection (?:refused|reset)|broken pipe|panicked)"
    r"|\b(?:Assertion|Attribute|Connection|Import|Index|Key|Memory|Name|OS|Recursion|Runtime|Type|ZeroDivision)Error\b"
    r"|\b(?:NullPointer|IndexOutOfBounds|ClassCast|Runtime|NullReference|InvalidOperation)Exception\b"
)
"""What only a service says that has failed itself, not one that found fault with what it was given."""

CONSOLE = {
    "an escape sequence of a terminal": re.compile(r"(?:\x1b|\\u001b|\\x1b)\[\d{0,3}(?:;\d{1,3}){0,4}m"),
    "what Codon prints before it aborts": re.compile(r"(?:^|[\s\"])Raised from:"),
    "what Python prints before it ends": re.compile(r"Traceback \(most recent call last\)"),
}


class NoFalseSuccess(NoWitness):
    """A success does not carry an error.

    Looks through every complete 2xx answer of JSON for what only errors look like: the media type of RFC 9457, its
    members with a `status` of 400 or more, an object that has an error and nothing else, or one that says that it did
    not succeed for an internal error. GraphQL answers (with `data` or a list of `errors`) are told apart, and so is
    `"ok": false` with a reason: to say that may be an operation's job. Anything less clear is none.
    """

    id = "boundary.no-false-success"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    suite = "boundary"
    remedy = "Give the error the status that it has: clients, caches and monitors look at nothing else."
    refs = ("RFC 9110 §15.3", "RFC 9457 §3", "CWE-393")
    expected = "no success carries an error"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where some operation is declared to answer JSON: else there may be nothing to look at."""
        if declares_json(scene.profile):
            yield from super().cases(scene)
        else:
            yield Unmet(subject="everything recorded", needs=NEEDS_JSON)

    def considered(self, exchange: Exchange) -> bool:
        """Successes with a JSON body of ordinary length."""
        response = exchange.response
        if response is None or not 200 <= response.status < 300 or response.body.size_bytes > MOST_BYTES:
            return False
        return response.media_type == "application/json" or response.media_type.endswith("+json")

    def complaint(self, exchange: Exchange) -> str | None:
        """The error in it."""
        assert exchange.response is not None
        if exchange.response.media_type == PROBLEM:
            return f"{exchange.response.status} as {PROBLEM}"
        try:
            document = json.loads(whole_body(exchange))
        except (ValueError, RecursionError):
            return None
        found = error_in(document)
        return f"{exchange.response.status} with {found}" if found else None


class ErrorsCorrelated(NoWitness):
    """Every error answer names the request, so that it can be found in the logs.

    Looks for `observability.trace_header` in every JSON answer of 400 and more. One without is proof: errors are what
    the header is for.
    """

    id = "boundary.errors-correlated"
    dimension = Dimension.MONITORING
    severity = Severity.MEDIUM
    suite = "boundary"
    remedy = "Set the header where answers are sent, after error handling, not where they are made."
    refs = ("W3C Trace Context §3", "RFC 9457 §3.1.5")
    expected = "every error answer has the declared trace header"

    def __init__(self, header: str = "", base_url: str = "") -> None:
        self._header, self._base_url = header, base_url

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where a trace header is declared."""
        name = scene.profile.observability.trace_header
        if name is None:
            yield Unmet(subject="errors", needs="observability: {trace_header: x-trace-id}")
            return
        yield Case(check=self.id, subject=name.lower(), params={"base_url": scene.base_url}, shared=(EVERYTHING,))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """As every search for a witness, for the header and the public address of this case."""
        return NoWitness.judge(ErrorsCorrelated(case.subject, str(case.params["base_url"])), case, evidence)

    def considered(self, exchange: Exchange) -> bool:
        """Errors of the public address that an application made: in JSON."""
        response = exchange.response
        here = exchange.request.url.startswith((f"{self._base_url.rstrip('/')}/", f"{self._base_url}?"))
        if response is None or response.status < 400 or not here:
            return False
        return response.media_type == "application/json" or response.media_type.endswith("+json")

    def complaint(self, exchange: Exchange) -> str | None:
        """The header is missing or empty."""
        response = exchange.response
        return None if response is None or response.header(self._header) else f"{response.status} without it"


class NoConsoleOutput(NoWitness):
    """No error answer holds what a runtime prints to its console.

    Looks through every answer of 400 and more for escape sequences of a terminal, and for the lines with which Codon
    and Python announce an exception, where the request did not hold the same. One witness is proof.
    """

    id = "exposure.no-console-output"
    dimension = Dimension.SECURITY
    severity = Severity.MEDIUM
    suite = "boundary"
    remedy = "Answer with a text of your own: what an exception prints is for the log."
    refs = ("CWE-209", "CWE-117")
    expected = "no error answer holds console output"

    def considered(self, exchange: Exchange) -> bool:
        """Errors."""
        return exchange.response is not None and exchange.response.status >= 400

    def complaint(self, exchange: Exchange) -> str | None:
        """The first kind of console output in the body."""
        said = whole_body(exchange)[:MOST_BYTES].decode("utf-8", "replace")
        body = exchange.request.body
        asked = exchange.request.url + (body.content().decode("utf-8", "replace") if body is not None else "")
        kinds = (words for words, kind in CONSOLE.items() if kind.search(said) and not kind.search(asked))
        return next(kinds, None)


def error_in(document: Json) -> str | None:
    """The error that a document unmistakably is, in words; None where it may be a result.

    A refusal (`"ok": false` and a reason) may be what was asked for; it is an error where it tells an internal one.
    """
    if not isinstance(document, dict) or "data" in document:
        return None
    named = [key for key in document if key.lower() in ERROR_WORDS and _says(document[key])]
    nothing_else = document.keys() - {*named} <= BESIDE_AN_ERROR
    denied = next((key for key in document if key.lower() in VERDICTS and document[key] is False), None)
    if denied is not None:
        return f"`{denied}`: false and an internal error" if _internal(document, named) else None
    status = document.get("status")
    texts = [document.get(key) for key in ("title", "detail", "message")]
    said = any(isinstance(text, str) and text for text in texts)
    if isinstance(status, int) and not isinstance(status, bool) and 400 <= status <= 599 and said and nothing_else:
        return f"a body whose status is {status}"
    return f"a body of nothing but `{named[0]}`" if named and nothing_else else None


def _internal(document: dict[str, Json], named: list[str]) -> bool:
    """Whether a document tells that its own service has failed: a status from 500 on, or words that only that has."""
    codes = [document.get(key) for key in ("status", "status_code", "code")]
    if any(isinstance(code, int) and 500 <= code <= 599 for code in codes):
        return True
    told = [document[key] for key in named] + [document.get(key) for key in ("title", "detail", "message")]
    return any(INTERNAL.search(json.dumps(text)) for text in told if text)


def _says(value: Json) -> bool:
    """Whether an error member says something: a text, or an object with one; GraphQL's lists are its own affair."""
    return (isinstance(value, str) and bool(value)) or (isinstance(value, dict) and bool(value))
