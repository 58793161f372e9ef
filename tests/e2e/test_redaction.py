"""No secret leaves a run: a target that echoes everything in every encoding, and all that the command writes searched."""

import base64
import html
import json
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from hybridcheck.cli import rendering
from hybridcheck.cli.options import Format
from hybridcheck.writers import json_document
from hybridcheck.writers.formats import Page
from tests.e2e.commands import Done, only_folder, run, saved, started
from tests.e2e.small_target import Answer, Asked, say, serving

SECRETS = {
    "ANN_PASSWORD": 'pass/w"ord+100% <sécret>&\\ann',
    "BOB_TOKEN": "bob.tok-en_+/4711=abcdEFGH==",
    "CAT_KEY": "cat-api-key+/0815%7Ezyx",
    "DAN_PASSWORD": "dan:basic&pass/word?x=1",
}
SESSION = {"SESSION_TOKEN": "session+tok/en-59d2c1f0a7==", "SESSION_COOKIE": "cookie-value_5512-kilo~lima"}
"""What the target itself makes secret, at login."""

EVERY = {**SECRETS, **SESSION}


def texts(secret: str) -> set[str]:
    """How a secret may stand in a text, base64 aside."""
    found = {secret, html.escape(secret), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    for encoded in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        found |= {encoded, re.sub("%..", lambda match: match[0].lower(), encoded)}
    return found


def in_base64(secret: str) -> list[str]:
    """The secret in base64 at each alignment, with something around it."""
    around = [before + secret.encode() + b"z" for before in (b"", b"x", b"xy")]
    return [encode(text).decode() for text in around for encode in (base64.b64encode, base64.urlsafe_b64encode)]


def forms(secret: str) -> set[bytes]:
    """What may not stand in an artefact; of base64 the part that is the secret's alone, whatever stands around it."""
    cores = {text[4:-4] for text in in_base64(secret)}
    return {text.encode() for text in texts(secret) | cores} | {secret.encode("latin-1")}


def planted(names: Iterable[str]) -> dict[str, list[str]]:
    """These secrets in every form, as an answer of the target quotes them."""
    return {name: sorted(texts(EVERY[name])) + in_base64(EVERY[name]) for name in names}


def header_safe(text: str) -> bool:
    """Whether it can stand in a header."""
    return text.isascii() and text.isprintable()


class Echo:
    """Lets everybody in, and says everything that it knows and hears, in bodies, headers, errors and events."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, asked: Asked) -> Answer:
        """Answer a request."""
        path = asked.path.partition("?")[0]
        logged_in = SESSION["SESSION_TOKEN"] in asked.headers.get("authorization", "")  # a token is news before that
        known = EVERY if logged_in else SECRETS
        heard = {"url": asked.path, "headers": dict(asked.headers), "body": asked.body.decode("latin-1")}
        if path == "/ready":
            self.go_on.wait(30)
            return say(200, {"ready": True})
        if path == "/login":
            cookie = {"Set-Cookie": f"sid={SESSION['SESSION_COOKIE']}; HttpOnly", "Content-Type": "application/json"}
            return 200, cookie, json.dumps({"token": SESSION["SESSION_TOKEN"], "heard": heard}).encode()
        if path == "/events":
            events = (f"id: {n}\ndata: {json.dumps(planted(known))}\n\n" for n in range(1, 4))
            return 200, {"Content-Type": "text/event-stream"}, "".join(events).encode()
        if path == "/things":
            return (
                201,
                {"Content-Type": "application/json"},
                json.dumps({"id": EVERY["BOB_TOKEN"], **planted(known)}).encode(),
            )
        headers = {"Content-Type": "application/json", "Location": f"/next?key={quote(EVERY['CAT_KEY'])}"}
        values = [form for quoted in planted(known).values() for form in quoted]
        headers |= {f"X-Echo-{number}": text for number, text in enumerate(values) if header_safe(text)}
        body = json.dumps(
            {"name": EVERY["ANN_PASSWORD"], "heard": heard, "planted": planted(known)}, ensure_ascii=False
        )
        status = {"/broken": 500, "/gone": 404}.get(path, 200)
        return status, headers, body.encode()


@pytest.fixture
def echo() -> Echo:
    """The target."""
    return Echo()


def profiled(folder: Path, base_url: str) -> None:
    """A profile that sends every kind of secret, in every way that there is."""
    needs = "auth: required, identity"
    (folder / "hybridcheck.yaml").write_text(
        f"version: 1\ntargets: {{t: {{url: '{base_url}', environment: local}}}}\nready: /ready\n"
        "session:\n  login: {path: /login, body: {username: '{username}', password: '{password}'}, token: $.token, cookie: sid}\n"
        "  whoami: {method: GET, path: /me, identity: $.name}\n"
        "identities:\n  ann: {username: ann, password: 'env:ANN_PASSWORD'}\n  bob: {token: 'env:BOB_TOKEN'}\n"
        "  cat: {api_key: {header: X-API-Key, value: 'env:CAT_KEY'}}\n"
        "  dan: {basic: {username: dan, password: 'env:DAN_PASSWORD'}}\n"
        "services: {s: {sse: {path: /events, min_events: 2, auth: required, identity: ann}}}\n"
        "operations:\n"
        f"  - {{id: open, request: GET /open, expect: {{values: {{$.name: nobody}}}}}}\n"
        f"  - {{id: anns, request: GET /anns, {needs}: ann, private: true}}\n"
        f"  - {{id: bobs, request: GET /bobs, {needs}: bob}}\n  - {{id: cats, request: GET /cats, {needs}: cat}}\n"
        f"  - {{id: dans, request: GET /dans, {needs}: dan}}\n  - {{id: broken, request: GET /broken, {needs}: bob}}\n"
        f"  - {{id: make, method: POST, path: /things, {needs}: ann, body: {{name: '{{marker}}'}}, creates: true,"
        " id_from: $.id, read_back: read, cleanup: drop, expect: 201}\n"
        f"  - {{id: read, path: '/things/{{id}}', {needs}: ann}}\n"
        f"  - {{id: drop, method: DELETE, path: '/things/{{id}}', {needs}: ann, expect: 204}}\n"
        "load: {rate_rps: 10, duration_s: 4, warmup_s: 1, operations: [broken, anns]}\n"
        "thresholds: {max_error_ratio: 0.1, max_latency_ms: 500, max_recovery_s: 1}\n",
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, dict[str, bytes]]:
    """The run, and everything that it and the reports of its verdict have written, by name."""
    cwd = tmp_path_factory.mktemp("redaction")
    echo = Echo()
    with serving(echo, echo.seen) as base_url:
        profiled(cwd, base_url)
        arguments = ("validate", "-v", "--log-file", "run.log", "--log-level", "debug", "--output-file", "report.md")
        done = run(cwd, *arguments, variables=SECRETS)
    assert {"GET /anns", "GET /bobs", "GET /cats", "GET /dans", "GET /broken", "GET /events"} <= set(echo.seen)
    assert {"POST /login", "POST /things"} <= set(echo.seen)
    contents = {"stdout": done.out, "stderr": done.err}
    contents |= {path.name: path.read_bytes() for path in (*done.folder.iterdir(), cwd / "run.log", cwd / "report.md")}
    verdict = json_document.read(done.folder / "verdict.json")
    contents |= {f"report {kind}": rendering.text_of(verdict, kind, Page()).encode() for kind in Format}
    return done, contents


def test_the_echo_reaches_the_ledger(written: tuple[Done, dict[str, bytes]]) -> None:
    """Or there would be nothing to find: what was secret stands there under its mask, and the run ended by itself."""
    done, contents = written
    assert done.code in {1, 3}, done.err
    assert done.document["run"]["cause"] == "completed"
    assert {"ledger.ndjson", "verdict.json", "manifest.ndjson", "run.log", "report.md", "report html"} <= set(contents)
    assert contents["ledger.ndjson"].count("‹secret:".encode()) > 1000
    assert "SECRET_IN_ARTEFACT" not in done.codes()


@pytest.mark.parametrize("name", EVERY)
def test_no_secret_is_in_anything_written(name: str, written: tuple[Done, dict[str, bytes]]) -> None:
    """Neither raw nor in base64, URL encoding, JSON or HTML escapes: run folder, log, streams and every report."""
    found = {(file, form) for file, content in written[1].items() for form in forms(EVERY[name]) if form in content}
    assert found == set()


@pytest.mark.parametrize("encode", [lambda raw: raw, base64.b64encode, lambda raw: quote(raw, safe="").encode()])
def test_a_leak_is_found_by_the_self_scan(encode: object, tmp_path: Path, echo: Echo) -> None:
    """A file that somehow got into the run's folder with a secret in it: exit 5, INCONCLUSIVE at best, and why."""
    assert callable(encode)
    with serving(echo, echo.seen) as base_url:
        profiled(tmp_path, base_url)
        only = ("--only", "health.ready")
        echo.go_on.clear()  # the run may not end before the file is there
        with started(tmp_path, "validate", *only, variables=SECRETS) as process:
            folder = only_folder(tmp_path)
            (folder / "core.dump").write_bytes(b"..." + encode(SECRETS["CAT_KEY"].encode()) + b"...")
            echo.go_on.set()
            assert process.wait(30) == 5
    document = saved(folder)
    assert (document["verdict"], document["exit_code"]) == ("INCONCLUSIVE", 5)
    assert [reason["code"] for reason in document["reasons"]] == ["SECRET_IN_ARTEFACT"]
    assert not [form for form in forms(SECRETS["CAT_KEY"]) if form in (folder / "verdict.json").read_bytes()]
    again = run(tmp_path, "judge", str(folder / "ledger.ndjson"), "--format", "json", "--output-file", "again.json")
    assert again.code == 5
    assert (tmp_path / "again.json").read_bytes() == (folder / "verdict.json").read_bytes()
