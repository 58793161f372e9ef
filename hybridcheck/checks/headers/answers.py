"""Response headers of declared operations: who may keep an answer, who may read it, who may frame it."""

import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, operations, params_of
from hybridcheck.checks.repeats import PAUSE_S, REPEATS, describe, numbered
from hybridcheck.checks.witnesses import EVERYTHING, RECORDED, addresses, answers_of, judge_witnesses, refuse_gaps
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ORIGINS = ("invented", "null")
KEPT_BY_NOBODY = frozenset({"no-store", "private", "no-cache"})
SHARED = frozenset({"public", "s-maxage"})


class HeaderOf(ReadCheck):
    """The base: sends declared operations and looks at a header of their good answers, three times before a fail."""

    dimension = Dimension.SECURITY
    severity = Severity.MEDIUM
    needs = ""
    expected = ""

    @abstractmethod
    def subjects(self, scene: Scene) -> Iterator[tuple[str, Operation]]:
        """The operations that the promise is about."""

    @abstractmethod
    def complaint(self, exchange: Exchange) -> str | None:
        """What is wrong with the headers of a good answer; None where nothing is."""

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per operation."""
        found = list(self.subjects(scene))
        for suite, operation in found:
            yield Case(check=self.id, subject=operation.id, params=params_of(operation, suite))
        if not found:
            yield Unmet(subject="operations", needs=self.needs)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send the declared request, and again while its headers are wrong."""
        for attempt in range(1, REPEATS + 1):
            exchange = await target.read(f"probe.{attempt}", ask_for(operation_in(case.params)))
            if not good(exchange) or self.complaint(exchange) is None:
                return
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on three good answers with wrong headers."""
        probes = evidence.exchanges("probe")
        details = {"exchanges": tuple(probe.n for probe in probes), "n": len(probes)}
        expected = f"{case.subject}: {self.expected}"
        if not probes or not numbered(probes, "probe"):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked is recorded")
        bad = next((probe for probe in probes if not good(probe)), None)
        if bad is not None:
            reason = {401: Reason.AUTH_NOT_EFFECTIVE, 429: Reason.THROTTLED}.get(bad.status or 0, Reason.NO_TEST_DATA)
            return undecided(reason, expected, f"no good answer to look at: {describe(bad)}", **details)
        complaints = [self.complaint(probe) for probe in probes]
        if complaints[0] is None:
            return passed(expected, describe(probes[0]), **details)
        if any(complaint is None for complaint in complaints):
            return undecided(Reason.FLAKY, expected, f"not every time: {complaints[0]}", **details)
        if len(probes) < REPEATS:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{complaints[0]}; not repeated", **details)
        return failed(expected, complaints[-1] or "", **details)


class PrivateNotCacheable(HeaderOf):
    """Answers that belong to the caller are kept by no cache that others share.

    Sends the operations that are declared `private: true`. A good answer needs `no-store`, `private` or `no-cache` in
    Cache-Control, and neither `public` nor `s-maxage`; three of three without are a fail. Those whose path needs an id
    are looked at wherever the run read one: over everything recorded, two good answers without are a fail.
    """

    id = "headers.private-not-cacheable"
    judges_gaps = True
    remedy = "Send `Cache-Control: no-store` with everything that depends on who asks."
    refs = ("RFC 9111 §5.2.2", "CWE-525", "CWE-524", "ASVS V14.3.2")
    needs = "private: true at an operation whose answer belongs to the caller"
    expected = "Cache-Control keeps it out of shared caches"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per private operation that can be sent, and one over all answers of private operations."""
        declared = [op for _, _, op in scene.profile.all_operations()]
        private = [op for op in declared if op.private and op.method == "GET"]
        read = any(op.sendable for op in private) or (bool(private) and any(op.creates for op in declared))
        yield from (case for case in super().cases(scene) if isinstance(case, Case) or not read)
        if read:
            kept = addresses(scene.base_url, private)
            yield Case(check=self.id, subject=RECORDED, params=kept, shared=(EVERYTHING,))

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send the declared request; nothing for what others recorded."""
        if not case.shared:
            await super().probe(case, target)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on three good answers of one operation, or two of everything recorded."""
        if not case.shared:
            refuse_gaps(evidence)
            return super().judge(case, evidence)
        own = answers_of(case.params)
        return judge_witnesses(evidence, self.expected, lambda e: good(e) and own(e), self.complaint, least=2)

    def subjects(self, scene: Scene) -> Iterator[tuple[str, Operation]]:
        """Private operations that are read with GET."""
        yield from ((suite, op) for suite, op in operations(scene) if op.private and op.method == "GET")

    def complaint(self, exchange: Exchange) -> str | None:
        """A directive that lets others keep it, or none that forbids it."""
        values = exchange.response.header_values("cache-control") if exchange.response is not None else ()
        names = {part.partition("=")[0].strip().lower() for value in values for part in value.split(",")}
        shown = f"Cache-Control: {', '.join(values)}" if values else "no Cache-Control"
        forbidden = "no-store" in names or bool(names & KEPT_BY_NOBODY and not names & SHARED)
        return None if forbidden else shown


class FramingForbidden(HeaderOf):
    """Pages say who may put them into a frame.

    Sends the operations that are declared to answer `text/html`. A page needs `frame-ancestors` in
    Content-Security-Policy, or X-Frame-Options; three of three without are a fail.
    """

    id = "headers.framing"
    severity = Severity.LOW
    remedy = "Send `Content-Security-Policy: frame-ancestors 'none'` with every page."
    refs = ("CWE-1021", "ASVS V3.4.6")
    needs = "expect: {content_type: text/html} at an operation that serves a page"
    expected = "frame-ancestors or X-Frame-Options"

    def subjects(self, scene: Scene) -> Iterator[tuple[str, Operation]]:
        """Operations that serve pages."""
        yield from ((s, op) for s, op in operations(scene) if (op.expect.content_type or "").startswith("text/html"))

    def complaint(self, exchange: Exchange) -> str | None:
        """Neither header is there."""
        if exchange.response is None:
            return None
        policies = " ".join(exchange.response.header_values("content-security-policy"))
        framed = re.search(r"(?:^|[;,\s])frame-ancestors\s", policies + " ", re.IGNORECASE)
        return None if framed or exchange.response.header("x-frame-options") else "a page that anybody may frame"


class NoCorsReflection(ReadCheck):
    """A page of another site cannot read answers with the user's credentials.

    Sends protected operations as their caller with an invented `Origin`, and with `Origin: null`. Where
    Access-Control-Allow-Origin names just that origin and Access-Control-Allow-Credentials is true, twice, browsers
    give the answer to any site. A wildcard is no fail: browsers refuse it together with credentials.
    """

    id = "headers.cors-no-reflection"
    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    remedy = "Compare Origin with a list of allowed ones instead of sending it back; never allow `null`."
    refs = ("CWE-942", "OWASP API8:2023", "ASVS V3.4.2")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per protected operation that reads."""
        found = [(suite, op) for suite, op in operations(scene) if op.auth == "required" and op.identity]
        for suite, operation in found:
            yield Case(check=self.id, subject=operation.id, params=params_of(operation, suite))
        if not found:
            yield Unmet(subject="operations", needs="auth: required and identity: NAME at a protected operation")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask as a page of another site, and of no site; again where it was let in."""
        ask = ask_for(operation_in(case.params))
        invented = f"https://hc-{target.random.getrandbits(40):010x}.invalid"
        for name, origin in zip(ORIGINS, (invented, "null"), strict=True):
            asked = replace(ask, headers=(*ask.headers, ("Origin", origin)))
            first = await target.read(f"{name}.1", asked)
            if reflected(first) is not None:
                await target.sleep(PAUSE_S)
                await target.read(f"{name}.2", replace(asked, fresh=True))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on one origin that is let in twice."""
        expected = f"{case.subject}: no foreign origin is let in with credentials"
        groups = [evidence.exchanges(name) for name in ORIGINS]
        probes = [probe for group in groups for probe in group]
        details = {"exchanges": tuple(probe.n for probe in probes), "n": len(probes)}
        if not all(groups) or not all(numbered(group, name) for group, name in zip(groups, ORIGINS, strict=True)):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "a part was not asked", **details)
        for group in groups:
            found = [reflected(probe) for probe in group]
            if len(group) > 1 and all(found) and all(good(probe) for probe in group):
                return failed(expected, f"{found[0]}, twice", **details)
        if any(reflected(probe) for probe in probes):
            return undecided(Reason.FLAKY, expected, "let in, not every time or without an answer", **details)
        bad = next((probe for probe in probes if not good(probe) and probe.status != 403), None)
        if bad is not None:
            reason = {401: Reason.AUTH_NOT_EFFECTIVE, 429: Reason.THROTTLED}.get(bad.status or 0, Reason.NO_TEST_DATA)
            return undecided(reason, expected, f"no good answer to look at: {describe(bad)}", **details)
        return passed(expected, describe(probes[0]), **details)


def reflected(exchange: Exchange) -> str | None:
    """The foreign origin that an answer lets in with credentials, in words; None where it lets in none."""
    sent = next((value for name, value in exchange.request.headers if name.lower() == "origin"), None)
    if exchange.response is None or sent is None:
        return None
    allowed = exchange.response.header("access-control-allow-origin")
    credentials = (exchange.response.header("access-control-allow-credentials") or "").strip().lower() == "true"
    return f"Access-Control-Allow-Origin: {sent[:100]} with credentials" if allowed == sent and credentials else None


def good(exchange: Exchange) -> bool:
    """Whether an answer is a success."""
    return exchange.status is not None and exchange.status in range(200, 300)
