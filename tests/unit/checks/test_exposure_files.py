"""What must not be served: content is proof, a status or a catch-all is none."""

from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.exposure.files import (
    DocsAsDeclared,
    NoDebugPages,
    NoDirectoryListing,
    NoDotfiles,
    NotServed,
)
from hybridcheck.evidence import Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, cases_of, finding_of, unmet_of

LISTING = "<html><title>Index of /static/</title><a href='../'>../</a></html>"
DJANGO = "<p>You're seeing this error because you have <code>DEBUG = True</code> in your settings</p>"
THINGS: list[tuple[NotServed, str, str]] = [
    (NoDotfiles(), "/.git/HEAD", "ref: refs/heads/main\n"),
    (NoDotfiles(), "/.git/HEAD", "0123456789abcdef0123456789abcdef01234567\n"),
    (NoDotfiles(), "/.git/config", "[core]\n\tbare = false\n"),
    (NoDotfiles(), "/.env", "# settings\nAPP_ENV=prod\nDB_PASSWORD=x\n"),
    (NoDebugPages(), "/console", "<title>Console // Werkzeug Debugger</title>"),
    (NoDebugPages(), "/debug/vars", '{"cmdline": ["x"], "memstats": {}}'),
    (NoDebugPages(), "/debug/pprof/", "<html><title>/debug/pprof/</title>Types of profiles available:</html>"),
    (NoDebugPages(), "/actuator/env", '{"activeProfiles": [], "propertySources": [{"name": "x"}]}'),
    (NoDebugPages(), "/server-status", "<title>Apache Status</title>"),
    (NoDirectoryListing(), "/static/", LISTING),
    (NoDirectoryListing(), "/", "<html><title>Directory listing for /</title><h1>Directory listing for /</h1></html>"),
]


def judged(check: NotServed | DocsAsDeclared, path: str, target: FakeTarget, profile: dict[str, Any]) -> Finding:
    """The finding of one path."""
    index = [case.subject for case in cases_of(check, profile)].index(path)
    return finding_of(check, profile, target, index=index)


def serving(path: str, content: str, status: int = 200) -> FakeTarget:
    """A target that serves this at one path, and 404 elsewhere."""

    def answer(ask: Ask) -> Answer:
        return (status, {}, content) if ask.path == path else (404, {}, {"title": "Not Found"})

    return FakeTarget(answer)


@pytest.mark.parametrize(("check", "path", "content"), THINGS)
def test_content_that_is_served_twice_fails(check: NotServed, path: str, content: str) -> None:
    """The grammar of the thing at its path, and not beside it."""
    finding = judged(check, path, serving(path, content), {})
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 2)


@pytest.mark.parametrize(("check", "path", "content"), THINGS)
def test_an_honest_404_passes(check: NotServed, path: str, content: str) -> None:
    """Refusals pass, and so does the content under a status that gives nothing away."""
    assert judged(check, path, serving("/elsewhere", content), {}).outcome is Outcome.PASS
    assert judged(check, path, serving(path, content, 403), {}).outcome is Outcome.PASS


@pytest.mark.parametrize(("check", "path", "content"), THINGS)
def test_a_catch_all_is_no_proof(check: NotServed, path: str, content: str) -> None:
    """Where any path gives the content, the path gives nothing away."""
    finding = judged(check, path, FakeTarget(lambda _: (200, {}, content)), {})
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.CATCH_ALL)


@pytest.mark.parametrize("path", ["/.git/HEAD", "/.git/config", "/.env"])
@pytest.mark.parametrize(
    "content", ["<!doctype html><html>log in</html>", "A=1", "hello", "", "x [core]", "key: value\n"]
)
def test_pages_and_words_are_no_files(path: str, content: str) -> None:
    """A single-page application answers 200 to everything."""
    assert judged(NoDotfiles(), path, serving(path, content), {}).outcome is Outcome.PASS


@pytest.mark.parametrize("answer", [(502, {}, b""), (503, {}, b""), Failure.RESET])
def test_a_target_that_is_away_shows_nothing(answer: Answer | Failure) -> None:
    """No answer says nothing about files, and a 429 neither; a 500 that is not the file is an answer."""
    finding = judged(NoDotfiles(), "/.env", FakeTarget(lambda _: (500, {}, b"")), {})
    assert finding.outcome is Outcome.PASS
    finding = judged(NoDotfiles(), "/.env", FakeTarget(lambda _: answer), {})
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)
    finding = judged(NoDotfiles(), "/.env", FakeTarget(lambda _: (429, {}, b"")), {})
    assert finding.reason is Reason.THROTTLED


def test_djangos_page_comes_with_every_missing_path() -> None:
    """There the random path is the second witness."""
    page = "/hybridcheck-no-such-page"
    shown = FakeTarget(lambda _: (404, {"Content-Type": "text/html"}, DJANGO))
    assert judged(NoDebugPages(), page, shown, {}).outcome is Outcome.FAIL
    assert judged(NoDebugPages(), page, serving("/x", "x"), {}).outcome is Outcome.PASS
    once = FakeTarget(lambda ask: (404, {}, DJANGO if ask.path == page else "no"))
    assert judged(NoDebugPages(), page, once, {}).outcome is Outcome.INCONCLUSIVE


def test_only_the_first_bytes_of_secret_files_are_asked_for() -> None:
    """What a file of secrets holds beyond its grammar is not wanted in the evidence."""
    target = serving("/.env", "A_B=1\nC_D=2\n")
    judged(NoDotfiles(), "/.env", target, {})
    sent = [record.request.headers for record in target.records]  # type: ignore[attr-defined]
    assert all(("Range", "bytes=0-63") in headers for headers in sent)


PRIVATE = {"exposure": {"docs_public": False}, "openapi": "/spec.json"}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/spec.json", '{"openapi": "3.1.0", "paths": {}}'),
        ("/swagger.json", '{"swagger": "2.0", "paths": {}}'),
        ("/docs", "<html><div id='swagger-ui'></div></html>"),
        ("/redoc", "<html><redoc spec-url='x'></redoc></html>"),
    ],
)
def test_documents_that_are_declared_private_fail(path: str, content: str) -> None:
    """An API description, or a page that shows one."""
    assert judged(DocsAsDeclared(), path, serving(path, content), PRIVATE).outcome is Outcome.FAIL
    assert judged(DocsAsDeclared(), path, serving(path, "<html>log in</html>"), PRIVATE).outcome is Outcome.PASS
    assert judged(DocsAsDeclared(), path, serving("/x", content), PRIVATE).outcome is Outcome.PASS


def test_public_documents_are_nobodys_business() -> None:
    """Without the declaration there is no promise."""
    assert "docs_public" in unmet_of(DocsAsDeclared(), {})[0].needs
