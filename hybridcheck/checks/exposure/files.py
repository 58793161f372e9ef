"""Does the target serve what belongs to its workshop: repositories, environment files, debug pages, listings."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.repeats import PAUSE_S, alike, describe, numbered, sibling
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

FIRST_BYTES = (("Range", "bytes=0-63"),)
"""Enough for a grammar; of a file that holds secrets no more is asked for."""

PAGE = re.compile(rb"<(?:!doctype|html|head|body)\b", re.IGNORECASE)

GRAMMARS: dict[str, re.Pattern[bytes]] = {
    "a git HEAD": re.compile(rb"\A\s*(?:ref: refs/[\w./-]+|[0-9a-f]{40})\s*(?:\Z|\n)"),
    "a git configuration": re.compile(rb"\A\s*(?:[#;][^\n]*\n\s*)*\[core\]"),
    "an environment file": re.compile(
        rb"\A(?:\s*(?:#[^\n]*)?\n)*(?:export )?[A-Z][A-Z0-9_]+=[^\n]*\n(?:export )?[A-Z][A-Z0-9_]+="
    ),
    "the Werkzeug console": re.compile(rb"// Werkzeug Debugger</title>|EVALEX\s*=\s*true", re.IGNORECASE),
    "the Django debug page": re.compile(
        rb"You(?:'|&#x27;|&#39;|\xe2\x80\x99)re seeing this error because you have\s*<code>DEBUG = True"
    ),
    "Go profiles": re.compile(rb"Types of profiles available:|<title>/debug/pprof/</title>"),
    "Go variables": re.compile(rb'"cmdline"\s*:.*"memstats"\s*:|"memstats"\s*:.*"cmdline"\s*:', re.DOTALL),
    "the environment of an actuator": re.compile(rb'"propertySources"\s*:\s*\['),
    "the Apache server status": re.compile(rb"<title>Apache Status</title>|Apache Server Status for "),
    "a directory listing": re.compile(
        rb"<title>(?:Index of /|Directory listing for /)|<h1>(?:Index of /|Directory listing for /)", re.IGNORECASE
    ),
}
"""What the content of each thing looks like; a status alone proves nothing."""


class NotServed(ReadCheck):
    """The base: asks a path anonymously and a random one beside it; content with the thing's own grammar is proof.

    The content has to come twice, and the random path must not have it.
    """

    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    suite = "api"
    paths: ClassVar[Mapping[str, str]]
    headers: ClassVar[tuple[tuple[str, str], ...]] = ()
    pages: ClassVar[bool] = True

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per path."""
        for path, grammar in self.paths.items():
            yield Case(check=self.id, subject=path, params={"grammar": grammar})

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask the path, a random one beside it, and the path again where it gave the thing."""
        asked = Ask("GET", case.subject, headers=self.headers, fresh=True)
        first = await target.read("probe.1", asked)
        await target.read("control", Ask("GET", sibling(case.subject, target), headers=self.headers))
        if self.shows(first, str(case.params["grammar"])):
            await target.sleep(PAUSE_S)
            await target.read("probe.2", asked)

    def shows(self, exchange: Exchange, grammar: str) -> bool:
        """Whether an answer has the thing's content."""
        if exchange.status not in self.statuses(grammar) or exchange.response is None:
            return False
        content = exchange.response.body.content()
        return bool(GRAMMARS[grammar].search(content)) and (self.pages or not PAGE.search(content))

    def statuses(self, grammar: str) -> frozenset[int]:
        """Statuses under which the content counts."""
        return frozenset({200, 206})

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on the content, twice, that a random path does not have."""
        grammar = str(case.params["grammar"])
        expected = f"{case.subject} does not give {grammar} to anybody"
        probes, control = evidence.exchanges("probe"), evidence.exchange("control")
        details = {"exchanges": (*(probe.n for probe in probes), control.n), "n": len(probes)}
        if not probes or not numbered(probes, "probe"):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked is recorded")
        if not self.shows(probes[0], grammar):
            return _not_shown(probes[0], expected, details, control)
        if self.shows(control, grammar):
            return undecided(Reason.CATCH_ALL, expected, "a path that cannot exist gives the same", **details)
        if len(probes) < 2:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{grammar}; not repeated", **details)
        if not self.shows(probes[1], grammar):
            return undecided(Reason.FLAKY, expected, f"{grammar}, and then {describe(probes[1])}", **details)
        return failed(expected, f"{grammar}, twice ({describe(probes[1])})", **details)


def _not_shown(probe: Exchange, expected: str, details: dict[str, object], control: Exchange | None = None) -> Finding:
    """Undecided where the answer may be another one tomorrow; a 500 that a random path of the kind gets too is none."""
    if probe.status == 429:
        return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", **details)
    if probe.status == 500 and control is not None and control.status == 500 and alike(probe, control):
        return passed(expected, f"{describe(probe)}, as for any path of the kind", **details)
    if probe.status is None or probe.status in {502, 503, 504}:
        return undecided(Reason.SUSPECTED, expected, f"no answer that shows it: {describe(probe)}", **details)
    return passed(expected, describe(probe), **details)


class NoDotfiles(NotServed):
    """No repository and no environment file is served.

    Asks `/.git/HEAD`, `/.git/config` and `/.env` for their first 64 bytes and looks for a ref, a `[core]` section,
    two assignments; never in a page.
    """

    id = "exposure.no-dotfiles"
    remedy = "Keep the repository and the environment out of the served folder, and refuse paths with a leading dot."
    refs = ("CWE-527", "CWE-538", "ASVS V13.4.1")
    paths: ClassVar[Mapping[str, str]] = {
        "/.git/HEAD": "a git HEAD",
        "/.git/config": "a git configuration",
        "/.env": "an environment file",
    }
    headers = FIRST_BYTES
    pages = False


class NoDebugPages(NotServed):
    """No debug page, profile or console is served.

    Asks the usual paths and looks for the content of the Werkzeug console, Go's pprof and expvar, Spring's actuator
    and Apache's status; and at a path that cannot exist for Django's debug page, which comes with its 404.
    """

    id = "exposure.no-debug-pages"
    remedy = "Switch off debug mode; bind diagnostic endpoints to an address of their own."
    refs = ("CWE-489", "CWE-215", "ASVS V13.4.2")
    paths: ClassVar[Mapping[str, str]] = {
        "/console": "the Werkzeug console",
        "/debug/vars": "Go variables",
        "/debug/pprof/": "Go profiles",
        "/actuator/env": "the environment of an actuator",
        "/server-status": "the Apache server status",
        "/hybridcheck-no-such-page": "the Django debug page",
    }

    def statuses(self, grammar: str) -> frozenset[int]:
        """Django's page comes with a 404 or a 500."""
        return frozenset({404, 500}) if grammar == "the Django debug page" else super().statuses(grammar)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """As the base; every missing path gives Django's page, so there its control proves instead of excusing."""
        grammar = str(case.params["grammar"])
        if grammar != "the Django debug page":
            return super().judge(case, evidence)
        expected = "a missing page does not show Django's debug page"
        answers = (*evidence.exchanges("probe"), evidence.exchange("control"))
        details = {"exchanges": tuple(answer.n for answer in answers), "n": len(answers)}
        shown = [self.shows(answer, grammar) for answer in answers]
        if not any(shown):
            return _not_shown(answers[0], expected, details)
        if all(shown) and len(shown) > 1:
            return failed(expected, f"{grammar}: {describe(answers[0])}", **details)
        return undecided(Reason.FLAKY, expected, f"{grammar}, not every time", **details)


class NoDirectoryListing(NotServed):
    """No folder is listed.

    Asks the root and folders that servers often have, and looks for the heading of a listing (Apache, nginx, Python).
    """

    id = "exposure.no-directory-listing"
    severity = Severity.LOW
    remedy = "Switch listings off (`autoindex off`, `Options -Indexes`)."
    refs = ("CWE-548", "ASVS V13.4.3")
    paths = dict.fromkeys(("/", "/static/", "/assets/", "/files/", "/uploads/", "/backup/"), "a directory listing")


class DocsAsDeclared(ReadCheck):
    """API documents that are declared private are not shown to anybody.

    Where `exposure.docs_public` is false: asks the usual paths of OpenAPI documents, Swagger UI and ReDoc without
    credentials. An API description, or a page that shows one, twice, is a fail.
    """

    id = "exposure.docs-as-declared"
    dimension = Dimension.SECURITY
    severity = Severity.LOW
    suite = "api"
    remedy = "Serve the documents only to those who are logged in, or declare them public."
    refs = ("CWE-1059", "OWASP API9:2023", "ASVS V13.4.5")
    paths: ClassVar[tuple[str, ...]] = (
        "/openapi.json", "/swagger.json", "/v3/api-docs", "/docs", "/redoc", "/swagger-ui/index.html"
    )  # fmt: skip

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per path, where documents are declared private."""
        if scene.profile.exposure.docs_public:
            yield Unmet(subject="documents", needs="exposure: {docs_public: false}")
            return
        own = (scene.profile.openapi,) if scene.profile.openapi else ()
        for path in dict.fromkeys((*own, *self.paths)):
            yield Case(check=self.id, subject=path)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask without credentials, and again where documents came."""
        first = await target.read("probe.1", Ask("GET", case.subject))
        if documents(first):
            await target.sleep(PAUSE_S)
            await target.read("probe.2", Ask("GET", case.subject, fresh=True))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on documents, twice."""
        expected = f"{case.subject} shows no API documents to anybody"
        probes = evidence.exchanges("probe")
        details = {"exchanges": tuple(probe.n for probe in probes), "n": len(probes)}
        if not probes or not numbered(probes, "probe"):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked is recorded")
        if not documents(probes[0]):
            return _not_shown(probes[0], expected, details)
        if len(probes) < 2 or not documents(probes[1]):
            return undecided(Reason.FLAKY, expected, f"{documents(probes[0])}, seen once", **details)
        return failed(expected, f"{documents(probes[1])}, twice", **details)


UI = re.compile(rb"swagger-ui|SwaggerUIBundle|<redoc\b|Redoc\.init|graphiql", re.IGNORECASE)


def documents(exchange: Exchange) -> str:
    """What API documents an answer shows; empty where none."""
    if exchange.status != 200 or exchange.response is None:
        return ""
    content = exchange.response.body.content()
    if PAGE.search(content) and UI.search(content):
        return "a page of API documents"
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    known = isinstance(document, dict) and ("openapi" in document or "swagger" in document) and "paths" in document
    return "an API description" if known else ""
