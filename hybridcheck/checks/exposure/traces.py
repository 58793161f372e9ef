"""Does anything that was recorded show what must stay inside: stack traces and the tester's own secrets."""

import re
from collections.abc import Iterator

from hybridcheck.cases import Case, CoreQuestion, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import PassiveCheck, Scene
from hybridcheck.evidence import Body, Evidence, Exchange
from hybridcheck.redact import MASK
from hybridcheck.verdict import Finding, failed, passed, undecided

EVERYTHING = "*"

TRACES: dict[str, re.Pattern[str]] = {
    "Python": re.compile(r'(?:^|\\n|\n)[ \t]{0,200}File \\?"[^"\n]{1,300}\\?", line \d+'),
    "Java": re.compile(r"(?:^|\\n|\n)[ \t]{0,200}(?:\\t)?at [\w$.]{1,300}\([\w$]{1,300}\.java:\d+\)"),
    "JavaScript": re.compile(r"(?:^|\\n|\n)[ \t]{0,200}at [^\n(]{1,200} \([^\n)]{1,300}:\d+:\d+\)"),
    ".NET": re.compile(r"(?:^|\\n|\n)[ \t]{0,200}at [\w.<>]{1,300}\([^\n)]{0,1000}\) in [^\n]{1,300}:line \d+"),
    "PHP": re.compile(r"#\d+ [^\n]{1,300}\.php\(\d+\): "),
    "Go": re.compile(r"(?:\n|\\n)(?:\t|\\t)[^\s]{1,300}\.go:\d+ \+0x[0-9a-f]+"),
    "Codon": re.compile(r"(?<![\w/.-])[\w/.-]{1,300}\.codon:\d+:\d+"),
}
"""One frame of a stack trace per language; two frames are a trace, one could be a quotation.

Every repetition is bounded: a body may be megabytes of the one character that a pattern can repeat."""

FRAMES = 2


class NoStackTrace(PassiveCheck):
    """No answer shows a stack trace.

    Looks through every body of the run for at least two frames in the grammar of one language. One witness is proof.
    """

    id = "exposure.no-stack-trace"
    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    core = CoreQuestion.EXPOSURE
    judges_gaps = True
    suite = "api"
    remedy = "Switch off debug mode and answer errors with a generic body; keep the trace in the log."
    refs = ("CWE-209", "OWASP API8:2023", "ASVS V16.5.1")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case: everything recorded."""
        yield Case(check=self.id, subject="everything recorded", shared=(EVERYTHING,))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on the first witnesses; pass only where something was seen and nothing is missing."""
        exchanges = evidence.exchanges(stream=EVERYTHING)
        witnesses = [(exchange, language) for exchange in exchanges if (language := trace_in(exchange))]
        if witnesses:
            exchange, language = witnesses[0]
            text = f"a {language} stack trace in the answer to {exchange.request.method} {exchange.request.url}"
            return failed(_EXPECTED_TRACE, text, exchanges=tuple(e.n for e, _ in witnesses[:5]), n=len(exchanges))
        return _nothing_found(evidence, exchanges, _EXPECTED_TRACE, "stack trace")


class NoSecret(PassiveCheck):
    """No answer contains a secret that the tester knows.

    Every password, token and key of the declared identities is masked before the disk, equal secrets by equal masks. A
    mask in an answer that its own request did not contain is a leak. Answers of the login and refresh operations are
    where tokens come from; there only a password of the request that is echoed counts.
    """

    id = "exposure.no-secret"
    dimension = Dimension.SECURITY
    severity = Severity.CRITICAL
    core = CoreQuestion.EXPOSURE
    judges_gaps = True
    suite = "api"
    remedy = "Leave credentials out of every representation; look at the serialisers of the user and session objects."
    refs = ("CWE-200", "CWE-522", "OWASP API3:2023")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case: everything recorded."""
        yield Case(check=self.id, subject="everything recorded", shared=(EVERYTHING,))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on the first witnesses; pass only where something was seen and nothing is missing."""
        exchanges = evidence.exchanges(stream=EVERYTHING)
        witnesses = [exchange for exchange in exchanges if leaks(exchange)]
        if witnesses:
            first = witnesses[0]
            text = f"a credential of the tester in the answer to {first.request.method} {first.request.url}"
            return failed(_EXPECTED_SECRET, text, exchanges=tuple(e.n for e in witnesses[:5]), n=len(exchanges))
        return _nothing_found(evidence, exchanges, _EXPECTED_SECRET, "known secret")


_EXPECTED_TRACE = "no stack trace in any answer"
_EXPECTED_SECRET = "no known secret in any answer"  # noqa: S105 - words, not a secret


def trace_in(exchange: Exchange) -> str | None:
    """The language whose stack trace the body shows; None where there is none."""
    if exchange.response is None:
        return None
    text = exchange.response.body.content().decode("utf-8", "replace")
    return next((name for name, frame in TRACES.items() if _frames(frame, text) >= FRAMES), None)


def leaks(exchange: Exchange) -> bool:
    """Whether the answer holds a known secret that it has no business to hold."""
    if exchange.response is None:
        return False
    answer = masks_in(exchange.response.body)
    if not answer:
        return False
    request = exchange.request
    sent_body = masks_in(request.body) if request.body else set()
    if exchange.operation == "session:login":
        return bool(answer & sent_body)
    if exchange.operation == "session:refresh":
        return False
    sent = {mask[0] for value in (request.url, *(value for _, value in request.headers)) for mask in MASK.finditer(value)}
    return bool(answer - sent - sent_body)


def masks_in(body: Body) -> set[str]:
    """The masks of known secrets in a body; equal secrets have equal masks."""
    return {mask[0] for mask in MASK.finditer(body.content().decode("utf-8", "replace"))}


def _frames(frame: re.Pattern[str], text: str) -> int:
    count = 0
    for _ in frame.finditer(text):
        count += 1
        if count >= FRAMES:
            break
    return count


def _nothing_found(evidence: Evidence, exchanges: tuple[Exchange, ...], expected: str, what: str) -> Finding:
    answered = sum(exchange.response is not None for exchange in exchanges)
    if not answered:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "no answer was recorded")
    if evidence.gaps():
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "a part of the run was not recorded", n=answered)
    return passed(expected, f"no {what} in {answered} answers", n=answered)
