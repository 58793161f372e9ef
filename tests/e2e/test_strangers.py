"""The installed command against servers that this project did not write: httpbin under gunicorn, and datasette.

Each finding that may appear has been looked at by hand (`TRUE_OF_HTTPBIN`, `TRUE_OF_DATASETTE`); any other fails the
test until somebody has looked at it too.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Run = subprocess.CompletedProcess[str]
COMMAND = str(Path(sys.executable).with_name("hybridcheck"))
STARTS_WITHIN_S = 60
ENDS_WITHIN_S = 400

DATASETTE = "import sys; sys.modules['rich'] = None; from datasette.cli import cli; cli()"
"""Where Rich is installed, datasette draws the traceback of each 404 with it, and meanwhile answers nobody for half a second."""

HTTPBIN_PASSWORD = "secret1"
"""Short, since it also stands in the path of httpbin's /basic-auth: a longer one would be refused as a bare secret."""

SHOWN_ERRORS_OF_HTTPBIN = ("GET /anything", "GET /uuid", "GET /bearer", "gzip")
"""The operations beside whose path an unknown one is asked for, one for each profile of these tests."""

TRUE_OF_HTTPBIN = {
    "headers.nosniff[everything recorded]": "curl -i shows no X-Content-Type-Options on any answer",
    **{f"headers.nosniff-on-errors[{operation}]": "nor on a 404" for operation in SHOWN_ERRORS_OF_HTTPBIN},
    "headers.cors-no-reflection[GET /basic-auth/alice/secret1]": "curl -i -H 'Origin: https://a.example' -u alice:secret1 "
    "gives that origin back in Access-Control-Allow-Origin, beside Access-Control-Allow-Credentials: true",
    "authn.garbage-credentials-refused[GET /bearer]": "/bearer answers 200 to any bearer token: that is what it is for",
    "headers.cors-no-reflection[GET /bearer]": "as /basic-auth",
    "contract.matches-openapi[operations]": "/spec.json has 200 as the only answer of /cookies/set, which answers 302, "
    "and no 418 for /status",
    "contract.content-type-true[everything recorded]": "/stream/5 is five lines of JSON that call themselves "
    "application/json",
    "session.cookie-flags[session]": "Set-Cookie: session=abc; Path=/, and nothing more",
    "headers.framing[html]": "/html has neither Content-Security-Policy nor X-Frame-Options",
}
"""What hybridcheck finds in httpbin, and how it was seen to be true."""

TRUE_OF_DATASETTE = {
    "headers.nosniff[everything recorded]": "curl -i shows no X-Content-Type-Options on any answer",
    "headers.nosniff-on-errors[GET /]": "nor on a 404",
    "contract.unknown-method-refused[GET /]": "curl -X PROPFIND gives 500 with a traceback in the log (its view has no "
    "such handler), where 405 belongs",
}
"""What hybridcheck finds in datasette, and how it was seen to be true."""


@contextmanager
def listening(command: list[str], folder: Path, announces: str) -> Iterator[str]:
    """Start a server; give the URL that it announces, and stop it by its own pid."""
    # Its own process group would outlive a Ctrl-C of pytest; a child in ours gets it too.
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    announced: Queue[str] = Queue()
    lines: list[str] = []

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line)
            found = re.search(announces, line)
            if found:
                announced.put(found[1])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield announced.get(timeout=STARTS_WITHIN_S)
    except Empty:
        pytest.fail(f"{command[0]} did not start:\n{''.join(lines)}")
    finally:
        process.terminate()
        process.wait(timeout=30)
        reader.join()
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope="module")
def httpbin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of httpbin under gunicorn with two workers."""
    options = ["--workers", "2", "--threads", "8", "--bind", "127.0.0.1:0", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", *options, "httpbin:app"]
    with listening(command, tmp_path_factory.mktemp("httpbin"), r"Listening at: (http://127\.0\.0\.1:\d+)") as url:
        yield url


@pytest.fixture(scope="module")
def datasette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of datasette over a database of 300 books."""
    folder = tmp_path_factory.mktemp("datasette")
    connection = sqlite3.connect(folder / "library.db")
    connection.execute("create table books (id integer primary key, title text, year integer)")
    books = [(number, f"Book {number}", 1900 + number % 100) for number in range(1, 301)]
    connection.executemany("insert into books values (?, ?, ?)", books)
    connection.commit()
    connection.close()
    command = [sys.executable, "-c", DATASETTE, "serve", "library.db", "--host", "127.0.0.1", "--port", "0"]
    with listening(command, folder, r"running on (http://127\.0\.0\.1:\d+)") as url:
        yield url


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., tuple[Run, dict[str, Any]]]:
    """Runs `hybridcheck validate` in an empty folder; gives what it printed and its verdict."""

    def validate(*arguments: str) -> tuple[Run, dict[str, Any]]:
        done = subprocess.run(
            [COMMAND, "validate", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=ENDS_WITHIN_S, check=False,
            env={**os.environ, "HTTPBIN_PASSWORD": HTTPBIN_PASSWORD},
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        documents = sorted((tmp_path / "hybridcheck-results").glob("*/verdict.json"))
        assert documents, done.stderr
        return done, json.loads(documents[-1].read_text(encoding="utf-8"))

    return validate


def cases(verdict: dict[str, Any], outcome: str, group: str | None = None) -> set[str]:
    """The ids of the cases with an outcome, of one group or of all."""
    found = (case for check in verdict["checks"] for case in check["cases"])
    return {c["id"] for c in found if c["finding"]["outcome"] == outcome and group in (None, c["group"])}


def written(folder: Path, *lines: str) -> None:
    """Write `hybridcheck.yaml`, of at most ten lines."""
    assert len(lines) <= 10
    (folder / "hybridcheck.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("server,true_findings", [("httpbin", TRUE_OF_HTTPBIN), ("datasette", TRUE_OF_DATASETTE)])
def test_no_profile_is_inconclusive_and_prints_a_first_one(
    server: str,
    true_findings: dict[str, str],
    request: pytest.FixtureRequest,
    asked: Callable[..., tuple[Run, dict[str, Any]]],
    tmp_path: Path,
) -> None:
    """Exit 3, nothing required fails, only true advice; the six printed lines are a profile without errors."""
    done, verdict = asked("--base-url", request.getfixturevalue(server))
    assert (done.returncode, verdict["verdict"]) == (3, "INCONCLUSIVE"), done.stdout
    assert cases(verdict, "fail", "required") == set()
    assert cases(verdict, "fail") <= true_findings.keys()
    assert cases(verdict, "pass")
    assert {reason["code"] for reason in verdict["reasons"]} == {"CORE_QUESTION_OPEN"}
    printed = re.search(r"What would decide it\n · in hybridcheck.yaml:\n((?: {3}.*\n)+)", done.stdout)
    assert printed
    lines = printed[1].splitlines()
    assert len(lines) == 6
    written(tmp_path, *lines)
    linted = subprocess.run(
        [COMMAND, "lint", "hybridcheck.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "no errors" in linted.stdout


def test_public_httpbin_is_ready(
    httpbin: str, asked: Callable[..., tuple[Run, dict[str, Any]]], tmp_path: Path
) -> None:
    """Its open routes keep what ten lines promise; the load phase is measured, not assumed."""
    written(
        tmp_path,
        "version: 1",
        f"targets: {{local: {{url: '{httpbin}', environment: local}}}}",
        "ready: /status/204 -> 204",
        "openapi: /spec.json",
        "operations: [{request: GET /uuid, expect: {schema: {required: [uuid]}}}, GET /xml, GET /json]",
        "not_applicable: {access: 'everything in this profile is public'}",
        "load: {rate_rps: 50, duration_s: 20, operations: [GET /uuid]}",
        "thresholds: {max_latency_ms: 500, max_error_ratio: 0.01}",
    )
    done, verdict = asked("--base-url", "local", "--budget", "quick")
    assert (done.returncode, verdict["verdict"]) == (0, "READY"), done.stdout
    assert cases(verdict, "fail") <= TRUE_OF_HTTPBIN.keys()
    assert verdict["load"][0]["ok"] == verdict["load"][0]["planned"] > 299


@pytest.mark.parametrize(
    "identity,path,blocking",
    [
        (
            "{basic: {username: alice, password: 'env:HTTPBIN_PASSWORD'}}",
            "/basic-auth/alice/secret1",
            {"headers.cors-no-reflection[GET /basic-auth/alice/secret1]"},
        ),
        (
            "{token: 'env:HTTPBIN_PASSWORD'}",
            "/bearer",
            {"authn.garbage-credentials-refused[GET /bearer]", "headers.cors-no-reflection[GET /bearer]"},
        ),
    ],
)
def test_protected_httpbin_is_not_ready_for_true_reasons(
    identity: str,
    path: str,
    blocking: set[str],
    httpbin: str,
    asked: Callable[..., tuple[Run, dict[str, Any]]],
    tmp_path: Path,
) -> None:
    """It lets any site read a user's answers, and /bearer takes any token: both are so. A proved defect needs no answered load."""
    written(
        tmp_path,
        "version: 1",
        f"targets: {{local: {{url: '{httpbin}', environment: local}}}}",
        "ready: /status/204 -> 204",
        f"identities: {{alice: {identity}}}",
        f"operations: [GET /uuid, {{request: GET {path}, auth: required, identity: alice}}]",
    )
    done, verdict = asked("--base-url", "local", "--budget", "quick")
    assert (done.returncode, verdict["verdict"]) == (1, "NOT_READY"), done.stdout
    assert cases(verdict, "fail", "required") == blocking
    assert cases(verdict, "fail") <= TRUE_OF_HTTPBIN.keys()
    assert f"authn.missing-credentials-refused[GET {path}]" in cases(verdict, "pass")


def test_a_wrong_password_of_the_profile_is_no_defect_of_httpbin(
    httpbin: str, asked: Callable[..., tuple[Run, dict[str, Any]]], tmp_path: Path
) -> None:
    """The mistake is the tester's: INCONCLUSIVE, and it says which credential was refused."""
    written(
        tmp_path,
        "version: 1",
        f"targets: {{local: {{url: '{httpbin}', environment: local}}}}",
        "ready: /status/204 -> 204",
        "identities: {alice: {basic: {username: alice, password: 'env:HTTPBIN_PASSWORD'}}}",
        "operations: [GET /uuid, {request: GET /basic-auth/alice/another, auth: required, identity: alice}]",
    )
    done, verdict = asked("--base-url", "local", "--budget", "quick")
    assert (done.returncode, verdict["verdict"]) == (3, "INCONCLUSIVE"), done.stdout
    assert cases(verdict, "fail", "required") == set()
    assert "401 to the credential that the profile gives 'alice'" in " ".join(done.stdout.split())


def test_answers_of_many_kinds_give_only_true_findings(
    httpbin: str, asked: Callable[..., tuple[Run, dict[str, Any]]], tmp_path: Path
) -> None:
    """Compressed, slow, chunked, binary, redirected and odd answers: nothing is found that is not so."""
    (tmp_path / "hybridcheck.yaml").write_text(
        f"version: 1\ntargets: {{local: {{url: '{httpbin}', environment: local}}}}\n"
        "openapi: /spec.json\nexposure: {session_cookie: session}\noperations:\n"
        "  - {id: post, request: POST /post, safe: true, body: {a: 1}, expect: {values: {$.json.a: 1}}}\n"
        "  - {id: put, request: PUT /put, safe: true, body: {a: 1}}\n"
        "  - {id: gzip, request: GET /gzip, expect: {values: {$.gzipped: true}}}\n"
        "  - {id: png, request: GET /image/png, expect: {content_type: image/png}}\n"
        "  - {id: html, request: GET /html, expect: {content_type: text/html}}\n"
        "  - {id: teapot, request: GET /status/418 -> 418}\n"
        "  - {id: cookies, request: 'GET /cookies/set?session=abc -> 302'}\n"
        "  - GET /redirect/2 -> 302\n"
        + "".join(
            f"  - GET /{path}\n" for path in ("delay/1", "brotli", "deflate", "stream/5", "encoding/utf8", "drip")
        ),
        encoding="utf-8",
    )
    done, verdict = asked("--base-url", "local", "--budget", "quick")
    assert (done.returncode, verdict["verdict"]) == (1, "NOT_READY"), done.stdout
    assert cases(verdict, "fail", "required") == {"contract.matches-openapi[operations]"}
    assert cases(verdict, "fail") <= TRUE_OF_HTTPBIN.keys()
    assert cases(verdict, "error") == set()


def test_datasette_is_ready(datasette: str, asked: Callable[..., tuple[Run, dict[str, Any]]], tmp_path: Path) -> None:
    """Its JSON API keeps what ten lines promise, with values of the sample database."""
    written(
        tmp_path,
        "version: 1",
        f"targets: {{local: {{url: '{datasette}', environment: local}}}}",
        "ready: /-/versions.json",
        "operations:",
        "  - {id: books, request: 'GET /library/books.json?_shape=objects', expect: {values: {$.filtered_table_rows_count: 300}}}",
        "  - {id: book, request: 'GET /library/books/7.json?_shape=objects', expect: {values: {'$.rows[0].title': Book 7}}}",
        "not_applicable: {access: 'public read-only data'}",
        "load: {rate_rps: 50, duration_s: 20, operations: [book]}",
        "thresholds: {max_latency_ms: 500, max_error_ratio: 0.01}",
    )
    done, verdict = asked("--base-url", "local", "--budget", "quick")
    assert (done.returncode, verdict["verdict"]) == (0, "READY"), done.stdout
    assert {name.partition("[")[0] for name in cases(verdict, "fail")} <= {
        name.partition("[")[0] for name in TRUE_OF_DATASETTE
    }


def test_init_writes_a_sensible_profile_for_httpbin(
    httpbin: str, asked: Callable[..., tuple[Run, dict[str, Any]]], tmp_path: Path
) -> None:
    """From its Swagger 2.0 document: what answered is declared and holds, what is unclear is left with its reason."""
    made = subprocess.run(
        [COMMAND, "init", "--base-url", httpbin], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False
    )
    assert made.returncode == 0, made.stderr
    assert "Open core questions: access, load." in made.stdout
    text = (tmp_path / "hybridcheck.yaml").read_text(encoding="utf-8")
    declared, _, left = text.partition("# Not declared")
    assert "openapi: /spec.json\n" in declared
    assert (
        '{request: "GET /bytes/{n}", params: {"n": "1"}}  # GUESS: path parameter n; answered 200 just now' in declared
    )
    assert "{request: GET /cookies/set}  # answered 302 just now, documented is 200" in declared
    assert all(
        route in left for route in ("GET /bearer", "GET /cookies/delete", "GET /anything/{anything}", "POST /post")
    )
    done, verdict = asked("--base-url", "local", "--budget", "quick", "--only", "contract.answers-as-declared")
    assert (done.returncode, verdict["verdict"]) == (1, "FAILED"), done.stdout
    assert cases(verdict, "fail") == {"contract.answers-as-declared[GET /cookies/set]"}
    assert len(cases(verdict, "pass")) > 25
