"""The whole command against every hostile target: it ends in time and within memory, with a verdict, and never READY."""

import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from hybridcheck.cli.main import main
from tests.e2e.commands import Done, run
from tests.e2e.small_target import Answer, Asked, Sound, serving
from tests.targets.hostile import ESCAPES, FAULTS, authority_file, hostile_in_thread

PASSWORD = "hostile-run-Passw0rd/+1"
MOST_MIB = 400
LIMIT_S, MOST_S = "240", 270
"""A run has time that it needs only beside others on a busy machine; one without an end is one all the same."""

ENDS_AT_S = {"silent": "5", "drip-feed": "30"}
"""Targets on which a run goes on until its time is up."""

pytestmark = pytest.mark.timeout(500)  # several runs go on at once, and a test waits for its own

SLOW = frozenset({"drip-feed", "drip-headers", "endless-informational", "silent"})
"""Faults that keep a request until its deadline, which is short for them."""

NOT_READY, INCONCLUSIVE, UNREACHABLE = 1, 3, 4

FAIL, NO_ANSWER, ANYTHING = (NOT_READY, "FAIL"), (UNREACHABLE, "TARGET_UNREACHABLE"), (INCONCLUSIVE, "CATCH_ALL")

EXPECTED: dict[str, tuple[int, str]] = {
    "endless-body": FAIL,
    "endless-headers": NO_ANSWER,
    "endless-informational": NO_ANSWER,
    "endless-chunk-header": FAIL,
    "endless-event": FAIL,
    "drip-feed": FAIL,
    "drip-headers": NO_ANSWER,
    "gzip-bomb": FAIL,
    "brotli-bomb": FAIL,
    "gzip-cut": FAIL,
    "gzip-that-is-none": FAIL,
    "encoding-unknown": FAIL,
    "length-too-long": FAIL,
    "length-too-short": ANYTHING,
    "length-negative": NO_ANSWER,
    "bad-chunk": FAIL,
    "length-twice": NO_ANSWER,
    "length-and-chunks": ANYTHING,
    "switches-protocols": NO_ANSWER,
    "status-999": FAIL,
    "status-000": NO_ANSWER,
    "no-content-with-content": FAIL,
    "bare-line-feeds": ANYTHING,
    "nul-in-header": NO_ANSWER,
    "header-without-colon": NO_ANSWER,
    "folded-header": ANYTHING,
    "http-1.0": ANYTHING,
    "http-0.9": NO_ANSWER,
    "http-2": ANYTHING,
    "invalid-utf8": ANYTHING,
    "nan-json": ANYTHING,
    "deep-json": FAIL,
    "huge-number-json": FAIL,
    "many-headers": NO_ANSWER,
    "redirect-loop": FAIL,
    "redirect-elsewhere": FAIL,
    "reset-in-body": FAIL,
    "closes-at-once": NO_ANSWER,
    "silent": NO_ANSWER,
    "not-http": NO_ANSWER,
    "not-http-banner": NO_ANSWER,
    "hostile-fields": ANYTHING,
    "always-401": FAIL,
    "always-404": FAIL,
    "always-429": (INCONCLUSIVE, "THROTTLED"),
    "always-500": FAIL,
    "always-503": FAIL,
    "login-page": ANYTHING,
    "always-ok": ANYTHING,
    "empty-200": ANYTHING,
    "tls-sound": ANYTHING,
    "tls-untrusted": NO_ANSWER,
    "tls-other-host": NO_ANSWER,
    "tls-expired": NO_ANSWER,
    "tls-is-none": NO_ANSWER,
}
"""With a short profile: the exit code and the first reason. deep and huge JSON are larger than the profile's cap."""

BARE: dict[str, tuple[int, str]] = {
    "endless-body": (INCONCLUSIVE, "SUSPECTED"),
    "endless-headers": NO_ANSWER,
    "gzip-bomb": (INCONCLUSIVE, "SUSPECTED"),
    "brotli-bomb": (INCONCLUSIVE, "SUSPECTED"),
    "deep-json": (INCONCLUSIVE, "CORE_QUESTION_OPEN"),
    "hostile-fields": (INCONCLUSIVE, "CORE_QUESTION_OPEN"),
    "silent": (INCONCLUSIVE, "INTERRUPTED"),
    "always-401": (INCONCLUSIVE, "CORE_QUESTION_OPEN"),
    "always-429": (INCONCLUSIVE, "THROTTLED"),
    "always-503": (INCONCLUSIVE, "SUSPECTED"),
    "always-ok": (INCONCLUSIVE, "CORE_QUESTION_OPEN"),
    "not-http": NO_ANSWER,
    "tls-untrusted": NO_ANSWER,
}
"""Without a profile, with the limits as they are by default; the silent target meets a short --timeout."""


LOADED = """load: {rate_rps: 20, duration_s: 12, warmup_s: 1, operations: [list], deadline_s: 1}
thresholds: {max_error_ratio: 0.1, max_latency_ms: 800, max_recovery_s: 1}
"""
EXCUSED = "not_applicable: {load: this catalogue is about answers, recovery: nothing is loaded here}\n"
GENERATOR = "hybridcheck"
"""How the load generator calls itself; everything else says its version too."""


def cut() -> Answer:
    """Less than it promises."""
    return 200, {"Content-Length": "1000", "Connection": "close"}, b"{"


def silence() -> Answer:
    """Nothing within anybody's patience."""
    time.sleep(3)  # longer than the generator's deadline: this is the fault, nobody waits for it
    return None


UNDER_LOAD: dict[str, Callable[[], Answer]] = {"dies": lambda: None, "cut": cut, "is silent": silence}

Runs = dict[tuple[str, bool], Future[Done]]


def profile(base_url: str, *, tls: str = "", deadline_s: float = 5, excused: str = EXCUSED) -> str:
    """A profile with health, an open and a protected operation and a login; load is excused in words."""
    return (
        f"version: 1\ntargets: {{t: {{url: '{base_url}', environment: local{tls}}}}}\nready: /ready\n"
        f"limits: {{request_deadline_s: {deadline_s}, max_body_bytes: 65536}}\n"
        "session: {login: {path: /login, body: {username: '{username}', password: '{password}'}, token: $.token},"
        " whoami: {method: GET, path: /me, identity: $.name}}\n"
        "identities: {ann: {username: ann, password: 'env:ANN_PASSWORD'}}\n"
        "operations: [{id: list, request: GET /things},"
        " {id: mine, request: GET /mine, auth: required, identity: ann}]\n"
        f"{excused}"
    )


def validated(cwd: Path, text: str, *arguments: str, limit_s: str = LIMIT_S) -> Done:
    """A run with this profile."""
    (cwd / "hybridcheck.yaml").write_text(text, encoding="utf-8")
    given = ("validate", "--timeout", limit_s, "--format", "json", *arguments)
    return run(cwd, *given, variables={"ANN_PASSWORD": PASSWORD}, most_s=MOST_S)


def against(cwd: Path, name: str, *, bare: bool) -> Done:
    """A run against one fault, with the short profile or with none."""
    with hostile_in_thread(name) as base_url:
        limit_s = ENDS_AT_S.get(name, LIMIT_S)
        if bare:
            given = ("validate", "--base-url", base_url, "--format", "json", "--timeout", limit_s)
            return run(cwd, *given, most_s=MOST_S)
        verifying = name.startswith("tls-") and name != "tls-untrusted"
        tls = f", tls: {{ca_file: '{authority_file(cwd)}'}}" if verifying else ""
        text = profile(base_url, tls=tls, deadline_s=0.5 if name in SLOW else 5)
        return validated(cwd, text, limit_s=limit_s)


def under_load(cwd: Path, fault: str) -> Done:
    """A run against a target that is sound until the generator comes."""
    sound, wrong = Sound(PASSWORD), UNDER_LOAD[fault]
    with serving(lambda asked: wrong() if asked.headers.get("user-agent") == GENERATOR else sound(asked)) as base_url:
        return validated(cwd, profile(base_url, excused="") + LOADED)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Every run of the catalogue, a few at a time beside the tests, since most of them wait for a deadline."""
    wanted = [(name, False) for name in EXPECTED] + [(name, True) for name in BARE]
    with ThreadPoolExecutor(4) as pool:
        folder = tmp_path_factory.mktemp
        begun = {(fault, False): pool.submit(under_load, folder("load"), fault) for fault in UNDER_LOAD}
        begun |= {(name, bare): pool.submit(against, folder("run"), name, bare=bare) for name, bare in wanted}
        yield begun
        pool.shutdown(cancel_futures=True)


def assert_survived(done: Done, expected: tuple[int, str]) -> None:
    """Exit code and first reason as expected, in time, within memory, and the document is the whole of stdout."""
    document = json.loads(done.out)
    assert (done.code, document["reasons"][0]["code"]) == expected, done.err.decode()
    assert document["exit_code"] == done.code
    assert document["verdict"] in {"NOT_READY", "INCONCLUSIVE"}
    assert done.took_s < MOST_S
    assert done.peak_mib < MOST_MIB
    assert b"Traceback" not in done.err
    assert done.out.decode() == (done.folder / "verdict.json").read_text(encoding="utf-8")


def test_the_table_has_every_fault() -> None:
    """A new fault needs its line."""
    assert set(EXPECTED) == set(FAULTS)


@pytest.mark.parametrize("name", EXPECTED)
def test_no_hostile_target_is_ready(name: str, runs: Runs) -> None:
    """With a short profile: the golden exit code and first reason, no crash, no hang, bounded memory."""
    assert_survived(runs[name, False].result(), EXPECTED[name])


@pytest.mark.parametrize("name", BARE)
def test_no_hostile_target_is_ready_without_a_profile(name: str, runs: Runs) -> None:
    """Discovery meets them first, and ends as well."""
    assert_survived(runs[name, True].result(), BARE[name])


@pytest.mark.parametrize("name", ["always-401", "always-ok", "login-page", "empty-200", "redirect-loop"])
def test_refusals_of_everybody_are_no_access_control(name: str, runs: Runs) -> None:
    """Where the positive control is absent, no case about access passes."""
    cases = [case for check in runs[name, False].result().document["checks"] for case in check["cases"]]
    about_access = [
        case for case in cases if case["check"].startswith(("authn.", "authz.")) and case["group"] == "required"
    ]
    assert about_access
    assert [case["id"] for case in about_access if case["finding"]["outcome"] == "pass"] == []


def test_a_redirect_to_another_host_is_not_followed(tmp_path: Path) -> None:
    """The other host, which would answer, hears nothing, although the answer also sets a cookie for it."""
    seen: list[str] = []
    with serving(Sound(PASSWORD), seen) as elsewhere:
        headers = {
            "Location": elsewhere.replace("127.0.0.1", "localhost") + "/things",
            "Set-Cookie": "a=b; Domain=localhost",
        }
        with serving(lambda _: (302, headers, b"")) as base_url:
            done = validated(tmp_path, profile(base_url))
    assert done.code == NOT_READY
    assert seen == []


@pytest.mark.parametrize("dies_after", [1, 8, 25])
def test_a_target_that_dies_is_not_ready(dies_after: int, tmp_path: Path) -> None:
    """However well its first answers looked: the promise to be there at the end is broken."""
    with serving(Sound(PASSWORD, dies_after=dies_after)) as base_url:
        done = validated(tmp_path, profile(base_url))
    assert (done.code, done.document["verdict"], done.codes()[0]) == (NOT_READY, "NOT_READY", "FAIL")
    assert done.document["run"]["cause"] == "completed"


@pytest.mark.parametrize("fault", UNDER_LOAD)
def test_what_breaks_under_load_is_not_ready(fault: str, runs: Runs) -> None:
    """Sound to everybody but the generator: it ends in time, and the broken limits are proved."""
    done = runs[fault, False].result()
    assert_survived(done, FAIL)
    blocking = [reason["case"] for reason in done.document["reasons"] if reason["code"] == "FAIL"]
    assert any(case.startswith("load.error-limit") for case in blocking)


@pytest.fixture(scope="module")
def hostile_text(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run whose findings quote hostile text: a value that should be another one, with hostile headers around it."""
    sound = Sound(PASSWORD)
    headers = {"Content-Type": f"application/json; {ESCAPES}", "Server": f"x/1.2.3 {ESCAPES}", "X-Script": ESCAPES}

    def answering(asked: Asked) -> Answer:
        if asked.line == "GET /things":
            return 200, headers, json.dumps({"name": ESCAPES, ESCAPES: ESCAPES}).encode()
        return sound(asked)

    with serving(answering) as base_url:
        hostile = "request: GET /things, expect: {values: {$.name: harmless}}"
        text = profile(base_url).replace("request: GET /things", hostile)
        return validated(tmp_path_factory.mktemp("text"), text, "--log-file", "run.log", "--log-level", "debug")


@pytest.mark.parametrize("kind", ["console", "markdown", "html", "junit", "sarif", "github"])
def test_hostile_text_is_harmless_in_every_report(
    kind: str, hostile_text: Done, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """No control character, no tag, whatever the format; and the text is there, or nothing would be shown."""
    with pytest.raises(SystemExit) as left:
        main(["report", str(hostile_text.folder / "verdict.json"), "--format", kind])
    out = capsysbinary.readouterr().out
    assert left.value.code == 0
    assert b"alert(1)" in out
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", out)
    if kind == "markdown":  # no markup is alive in a code span or block
        assert b"<" not in re.sub(rb"(?s)(`+)(?!`).*?(?<!`)\1(?!`)", b"", out)
    if kind in {"html", "junit"}:
        assert not re.search(rb"<script>alert|<img src=x|</script><script", out)
    if kind == "junit":
        assert [*ET.fromstring(out).iter("failure")]


def test_hostile_text_is_harmless_in_files_and_streams(hostile_text: Done) -> None:
    """Ledger, verdict, log, stdout and stderr hold no control character either."""
    assert hostile_text.code == NOT_READY
    files = [*hostile_text.folder.iterdir(), hostile_text.cwd / "run.log"]
    contents = {path.name: path.read_bytes() for path in files} | {"out": hostile_text.out, "err": hostile_text.err}
    assert {"ledger.ndjson", "verdict.json", "run.log"} <= set(contents)
    assert [name for name, content in contents.items() if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", content)] == []


def test_the_same_target_in_good_health_is_ready(tmp_path: Path) -> None:
    """The twin of all of the above: the same profile, no fault."""
    with serving(Sound(PASSWORD)) as base_url:
        done = validated(tmp_path, profile(base_url))
    assert (done.code, done.document["verdict"]) == (0, "READY"), done.codes()
