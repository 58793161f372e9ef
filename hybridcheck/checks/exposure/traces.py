"""Does anything that was recorded show what must stay inside: stack traces and the tester's own secrets."""

import re
from collections.abc import Iterable, Iterator

from hybridcheck.cases import Case, CoreQuestion, Dimension, Reason, Severity
from hybridcheck.checks.witnesses import EVERYTHING, OfEverything
from hybridcheck.diagnosis.signatures import WORDS, Signature
from hybridcheck.evidence import Body, Evidence, Exchange, StreamRecord
from hybridcheck.redact import CREDENTIAL_HEADERS, MASK, SHORT_SECRET
from hybridcheck.verdict import Finding, failed, passed, undecided

HANDING_OUT = frozenset({"session:login", "session:refresh"})
"""Operations whose answers are where tokens come from."""

CREDENTIAL_PLACES = CREDENTIAL_HEADERS | {"set-cookie"}
"""Headers of answers in which a target hands credentials out."""

TRACES: dict[str, tuple[str, re.Pattern[str]]] = {
    "Python": ("File ", re.compile(r'(?:^|\\n|\n)[ \t]{0,200}File \\?"[^"\n]{1,300}\\?", line \d+')),
    "Java": (".java:", re.compile(r"(?:^|\\n|\n)[ \t]{0,200}(?:\\t)?at [\w$.]{1,300}\([\w$]{1,300}\.java:\d+\)")),
    "JavaScript": ("at ", re.compile(r"(?:^|\\n|\n)[ \t]{0,200}at [^\n(]{1,200} \([^\n)]{1,300}:\d+:\d+\)")),
    ".NET": (
        ":line ",
        re.compile(r"(?:^|\\n|\n)[ \t]{0,200}at [\w.<>]{1,300}\([^\n)]{0,1000}\) in [^\n]{1,300}:line \d+"),
    ),
    "PHP": (".php(", re.compile(r"#\d+ [^\n]{1,300}\.php\(\d+\): ")),
    "Go": (".go:", re.compile(r"(?:\n|\\n)(?:\t|\\t)[^\s]{1,300}\.go:\d+ \+0x[0-9a-f]+")),
    "Codon": (".codon:", re.compile(r"(?<![\w/.-])[\w/.-]{1,300}\.codon:\d+:\d+")),
}
"""What every frame of a language contains, and the frame; two frames are a trace, one could be a quotation.

Every repetition is bounded: a body may be megabytes of the one character that a pattern can repeat."""

FRAMES = 2


class _OfAnswers(OfEverything):
    """The base: what may stand in no answer, streams included."""

    dimension = Dimension.SECURITY
    core = CoreQuestion.EXPOSURE


class NoStackTrace(_OfAnswers):
    """No answer shows a stack trace.

    Looks through every body and every event of a stream for at least two frames in the grammar of one language. One
    witness is proof.
    """

    id = "exposure.no-stack-trace"
    severity = Severity.HIGH
    remedy = "Switch off debug mode and answer errors with a generic body; keep the trace in the log."
    refs = ("CWE-209", "OWASP API8:2023", "ASVS V16.5.1")

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on the first witnesses; pass only where something was seen and nothing is missing."""
        answers = recorded(evidence)
        witnesses = [(answer, language) for answer in answers if (language := trace_in(answer))]
        if witnesses:
            answer, language = witnesses[0]
            text = f"a {language} stack trace in the answer to {answer.request.method} {answer.request.url}"
            numbers = tuple(e.n for e, _ in witnesses[:5])
            name = {"Python": Signature.LEAKPY, "Codon": Signature.LEAKCODON}.get(language)
            if name is None:
                return failed(_EXPECTED_TRACE, text, exchanges=numbers, n=len(answers))
            figures = {"signature": name.value}
            return failed(_EXPECTED_TRACE, f"{WORDS[name]}. {text}", exchanges=numbers, n=len(answers), figures=figures)
        return _nothing_found(evidence, answers, _EXPECTED_TRACE, "stack trace")


class NoSecret(_OfAnswers):
    """No answer contains a secret of the tester (8 characters or more).

    Every password, token and key is masked before the disk, equal secrets by equal masks. The tester's own are those
    that it sent in this run or got from a login or refresh; one of them in an answer whose own request did not contain
    it is a leak. Where tokens are handed out (answers of login and refresh, Set-Cookie, Authorization) only a password
    of the request that is echoed counts. A shorter secret (`admin`) may stand in a text by chance and is not looked for.
    """

    id = "exposure.no-secret"
    severity = Severity.CRITICAL
    remedy = "Leave credentials out of every representation; look at the serialisers of the user and session objects."
    refs = ("CWE-200", "CWE-522", "OWASP API3:2023")

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on the first witnesses; pass only where something was seen and nothing is missing."""
        answers = recorded(evidence)
        own = own_masks(answers)
        witnesses = [answer for answer in answers if leaked(answer) & own]
        if witnesses:
            first = witnesses[0]
            text = f"a credential of the tester in the answer to {first.request.method} {first.request.url}"
            return failed(_EXPECTED_SECRET, text, exchanges=tuple(e.n for e in witnesses[:5]), n=len(answers))
        return _nothing_found(evidence, answers, _EXPECTED_SECRET, "secret of the tester")


_EXPECTED_TRACE = "no stack trace in any answer"
_EXPECTED_SECRET = "no secret of the tester in any answer"  # noqa: S105 - words, not a secret

Answer = Exchange | StreamRecord


def recorded(evidence: Evidence) -> tuple[Answer, ...]:
    """Every exchange and every stream of the run."""
    return (*evidence.exchanges(stream=EVERYTHING), *evidence.all(StreamRecord, stream=EVERYTHING))


def texts_in(answer: Answer) -> Iterator[str]:
    """What the target said: the body, and each event of a stream."""
    if answer.response is not None:
        yield answer.response.body.content().decode("utf-8", "replace")
    if isinstance(answer, StreamRecord):
        yield from (event.data for event in answer.events)


def trace_in(answer: Answer) -> str | None:
    """The language whose stack trace the answer shows; None where there is none."""
    for text in texts_in(answer):
        found = next(
            (name for name, (mark, frame) in TRACES.items() if mark in text and _frames(frame, text) >= FRAMES), None
        )
        if found is not None:
            return found
    return None


def own_masks(answers: Iterable[Answer]) -> set[str]:
    """The masks of the tester's own secrets: those that it sent, and those that logins and refreshes gave it."""
    own: set[str] = set()
    for answer in answers:
        own |= _sent_masks(answer)
        if answer.operation in HANDING_OUT and answer.response is not None:
            headers = (value for _, value in answer.response.headers)
            own |= _masks((*texts_in(answer), *headers))
    return own


def leaked(answer: Answer) -> set[str]:
    """The masks in an answer that it has no business to hold."""
    if answer.response is None:
        return set()
    headers = (value for name, value in answer.response.headers if name.lower() not in CREDENTIAL_PLACES)
    said = _masks((*texts_in(answer), *headers))
    if answer.operation == "session:login":
        body = answer.request.body
        return said & _masks(_text(body))
    return set() if answer.operation in HANDING_OUT else said - _sent_masks(answer)


def _sent_masks(answer: Answer) -> set[str]:
    request = answer.request
    return _masks((request.url, *(value for _, value in request.headers), *_text(request.body)))


def _text(body: Body | None) -> tuple[str, ...]:
    return (body.content().decode("utf-8", "replace"),) if body is not None else ()


def _masks(texts: Iterable[str]) -> set[str]:
    """The masks of secrets long enough not to stand in a text by chance; equal secrets have equal masks."""
    return {mask[0] for text in texts for mask in MASK.finditer(text) if int(mask[2]) >= SHORT_SECRET}


def _frames(frame: re.Pattern[str], text: str) -> int:
    count = 0
    for _ in frame.finditer(text):
        count += 1
        if count >= FRAMES:
            break
    return count


def _nothing_found(evidence: Evidence, answers: tuple[Answer, ...], expected: str, what: str) -> Finding:
    answered = sum(answer.response is not None for answer in answers)
    if not answered:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "no answer was recorded")
    if evidence.gaps():
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "a part of the run was not recorded", n=answered)
    return passed(expected, f"no {what} in {answered} answers", n=answered)
