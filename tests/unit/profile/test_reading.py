"""Reading a profile: what comes out, and what a person sees for each typical mistake (all of them at once)."""

import hashlib
from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from hybridcheck.bundled import data_folder
from hybridcheck.errors import ExitCode, ProfileError
from hybridcheck.profile.models import Environment
from hybridcheck.profile.reading import Loaded, read_profile, read_text, without_profile

TODAY = date(2026, 3, 1)


def read(text: str, environment: dict[str, str] | None = None, folder: Path = Path("/nowhere")) -> Loaded:
    """Read a profile that stands in `hybridcheck.yaml`."""
    return read_text(dedent(text).encode(), folder / "hybridcheck.yaml", environment or {}, today=TODAY)


def mistakes(text: str, environment: dict[str, str] | None = None, folder: Path = Path("/nowhere")) -> list[str]:
    """What a person is told about a profile."""
    with pytest.raises(ProfileError) as refused:
        read(text, environment, folder)
    assert refused.value.exit_code is ExitCode.USAGE
    return [str(complaint) for complaint in refused.value.complaints]


def test_a_small_profile_is_read_with_its_lines_and_digest() -> None:
    """Six lines are a profile; short forms are expanded, and the load gets its operations."""
    text = dedent("""\
        version: 1
        targets: {local: {url: http://127.0.0.1:8000, environment: local}}
        operations: ["GET /books", "POST /search -> 201"]
        not_applicable: {access: "public read-only API"}
        load: {rate_rps: 50, duration_s: 20}
        thresholds: {max_latency_ms: 200, max_error_ratio: 0.01}
        """)
    loaded = read(text)
    assert loaded.profile.targets["local"].environment is Environment.LOCAL
    assert [operation.id for operation in loaded.profile.operations] == ["GET /books", "POST /search"]
    assert loaded.profile.load["steady"].operations == {"GET /books": 1.0}
    assert loaded.lines["load", "rate_rps"] == 5
    assert loaded.place(("thresholds", "max_latency_ms")) == "hybridcheck.yaml:6 thresholds.max_latency_ms"
    assert loaded.digest == hashlib.sha256(text.encode()).hexdigest()
    assert loaded.secrets == ()


def test_references_stand_for_any_scalar(tmp_path: Path) -> None:
    """Variables, defaults and files are resolved, typed by their field; secrets are handed on and never shown."""
    (tmp_path / "token.txt").write_text("tok-en-from-file\n")
    loaded = read(
        """\
        version: 1
        name: env:NAME|shop
        targets: {local: {url: env:URL, environment: "env:STAGE|local"}}
        limits: {max_rps: env:RPS|150}
        identities:
          alice: {token: file:token.txt}
          bob: {api_key: {value: env:KEY}}
        operations:
          - {request: GET /x, safe: env:SAFE|true, headers: {X-Tenant-Key: env:TENANT}}
        """,
        {"URL": "http://127.0.0.1:1", "KEY": "key-of-bob", "TENANT": "tenant-key"},
        tmp_path,
    )
    profile = loaded.profile
    assert profile.name == "shop"
    assert profile.limits.max_rps == 150
    assert profile.operations[0].safe is True
    token = profile.identities["alice"].token
    assert token is not None
    assert token.get_secret_value() == "tok-en-from-file"
    assert set(loaded.secrets) == {"tok-en-from-file", "key-of-bob", "tenant-key"}
    assert "key-of-bob" not in repr(loaded)
    assert "key-of-bob" not in profile.model_dump_json()


def test_the_environment_changes_thresholds_and_is_recorded() -> None:
    """Requirement 004's variables win over the profile; what was used is kept for the verdict."""
    loaded = read(
        "version: 1\nthresholds: {max_latency_ms: 200}\n",
        {"INTEGRATION_TEST_MAX_LATENCY": "300", "INTEGRATION_TEST_MAX_CPU_USAGE": "0.8"},
    )
    assert loaded.profile.thresholds.max_latency_ms == 300
    assert loaded.profile.thresholds.max_cpu_ratio == 0.8
    assert loaded.overrides.used == {"INTEGRATION_TEST_MAX_LATENCY": "300", "INTEGRATION_TEST_MAX_CPU_USAGE": "0.8"}


def test_without_a_profile_nothing_is_promised() -> None:
    """A run without a profile has no path and no operations; the environment's limits hold all the same."""
    loaded = without_profile({"HYBRIDCHECK_MAX_LATENCY": "300"})
    assert loaded.path is None
    assert loaded.profile.all_operations() == ()
    assert loaded.profile.thresholds.max_latency_ms == 300
    with pytest.raises(ProfileError, match="MAX_CPU_USAGE"):
        without_profile({"INTEGRATION_TEST_MAX_CPU_USAGE": "80"})


@pytest.mark.parametrize("path", sorted(data_folder("profiles").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_profiles_are_read(path: Path) -> None:
    """Every profile that ships is free of mistakes (its variables set to something plausible)."""
    names = {line for word in path.read_text().split("env:")[1:] for line in [word.split("|")[0].split('"')[0]]}
    values = {name.split(",")[0].split("}")[0].strip(): "http://127.0.0.1:1234" for name in names}
    assert read_profile(path, values, today=TODAY).profile.version == 1


@pytest.mark.parametrize(
    "text,expected",
    [
        (
            """\
            version: 1
            services:
              auth:
                runtime: pyhton
                operatons: [GET /me]
            """,
            [
                "hybridcheck.yaml:4 services.auth.runtime: 'pyhton' is not known here "
                "(did you mean 'cpython'? one of: cpython, codon, native-standin, emulation, other)",
                "hybridcheck.yaml:5 services.auth.operatons: 'operatons' is not a key here "
                "(did you mean 'operations'?)",
            ],
        ),
        (
            "targets: {local: {url: localhost:8000, enviroment: local}}\n",
            [
                "hybridcheck.yaml:1: 'version' is missing (write version: 1)",
                "hybridcheck.yaml:1 targets.local.url: 'localhost:8000' must be a URL such as http://127.0.0.1:8000",
                "hybridcheck.yaml:1 targets.local.enviroment: 'enviroment' is not a key here "
                "(did you mean 'environment'?)",
            ],
        ),
        (
            """\
            version: 1
            max_rps: 10
            identities: {alice: {username: alice, password: hunter2}}
            """,
            [
                "hybridcheck.yaml:2 max_rps: 'max_rps' is not a key here (it belongs at limits.max_rps)",
                "hybridcheck.yaml:3 identities.alice.password: a secret stands here in plain text "
                "(use env:ALICE_PASSWORD or file:PATH)",
                "hybridcheck.yaml:3 identities.alice: it has a password, and no `session` says how to log in "
                "(declare `session: {login: {path: /login, …}}`, or give the identity `basic` or `token`)",
            ],
        ),
        (
            """\
            version: 1
            identities: {alice: {token: env:ALICE_TOKN}}
            """,
            [
                "hybridcheck.yaml:2 identities.alice.token: the environment variable ALICE_TOKN is not set "
                "(set it, or write env:ALICE_TOKN|default; did you mean 'ALICE_TOKEN'?)",
            ],
        ),
        (
            """\
            version: 1
            operations:
              - GTE /books
              - get /books
              - {request: GET /books, auth: yes}
              - 5
            """,
            [
                "hybridcheck.yaml:3 operations[0]: 'GTE' is not known here "
                "(did you mean 'GET'? one of: GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE)",
                "hybridcheck.yaml:4 operations[1]: 'get /books' is not of the form 'GET /path' or 'GET /path -> 200'",
                "hybridcheck.yaml:5 operations[2].auth: 'yes' is not known here (one of: none, required, optional)",
                "hybridcheck.yaml:6 operations[3]: 5 must be text such as 'GET /path', or a mapping "
                "(`key: value` lines)",
            ],
        ),
        (
            """\
            version: 1
            limits: {max_rps: 200, max_requests: 1_000}
            operations: [GET /a]
            load: {rate_rps: 300, duration_s: 20}
            thresholds: {min_throughput_rps: 500}
            """,
            [
                "hybridcheck.yaml:4 load.rate_rps: 300 requests per second are more than limits.max_rps, 200 "
                "(limits: {max_rps: 300}, or a lower rate)",
                "hybridcheck.yaml:4 load: the load phases need 6,000 requests, limits.max_requests is 1,000 "
                "(limits: {max_requests: 7200}, or shorter phases)",
                "hybridcheck.yaml:5 thresholds.min_throughput_rps: 500 requests per second can never be seen: "
                "limits.max_rps is 200 (limits: {max_rps: 500}, or a lower threshold)",
            ],
        ),
        (
            """\
            version: 1
            identities: {alice: {token: "env:T|abc"}}
            operations:
              - GET /books
              - {request: GET /me, auth: required}
              - {request: GET /mine, auth: required, identity: alcie}
              - GET /books/{id}
              - GET /books
            load: {rate_rps: 5, operations: [GET /boks]}
            """,
            [
                "hybridcheck.yaml:5 operations[1]: `auth: required` without `identity`: who may call it? "
                "(identity: alice)",
                "hybridcheck.yaml:6 operations[2].identity: no identity 'alcie' (did you mean 'alice'?)",
                "hybridcheck.yaml:7 operations[3]: nothing fills '{id}' in /books/{id} (params: {id: …}, or let "
                "another operation name it in `read_back`, `cleanup` or `update`)",
                "hybridcheck.yaml:8 operations[4]: the operation id 'GET /books' exists already (operations[0]) "
                "(give it an `id:`)",
                "hybridcheck.yaml:9 load.operations.GET /boks: no operation has the id 'GET /boks' "
                "(did you mean 'GET /books'?)",
            ],
        ),
        (
            """\
            version: 1
            operations:
              - request: GET /a
                expect:
                  values: {status: ok}
                  schema: {type: strin, $ref: "https://example.com/s.json"}
            """,
            [
                "hybridcheck.yaml:5 operations[0].expect.values.status: 'status' is not a path into JSON "
                "(write it like $.status)",
                "hybridcheck.yaml:6 operations[0].expect.schema: 'https://example.com/s.json' refers out of this schema "
                "(copy what it means under `$defs`: nothing is fetched)",
                "hybridcheck.yaml:6 operations[0].expect.schema: is not a valid JSON Schema at type: 'strin' is not "
                "valid under any of the given schemas "
                "(types: string, number, integer, boolean, object, array, null)",
            ],
        ),
        (
            """\
            version: 1
            waivers:
              - {check: a.b, reason: known, owner: me, ticket: T-1, expires: 2027-01-01}
              - {check: a.c, reason: known, owner: me, ticket: T-1, expires: 2026-02-30}
              - {check: a.d, reason: known, owner: me, ticket: T-1, expires: soon}
            """,
            [
                "hybridcheck.yaml:5 waivers[2].expires: 'soon' must be a date such as 2026-12-31",
            ],
        ),
        (
            """\
            version: 1
            waivers:
              - {check: a.b, reason: known, owner: me, ticket: T-1, expires: 2027-01-01}
              - {check: a.c, reason: known, owner: me, ticket: T-1, expires: 2026-02-30}
            not_applicable: {acces: "public API"}
            """,
            [
                "hybridcheck.yaml:3 waivers[0].expires: a waiver lasts at most 90 days (14 for critical cases) "
                "(expires: 2026-05-30 or earlier)",
                "hybridcheck.yaml:4 waivers[1].expires: '2026-02-30' is not a date of the calendar (such as 2026-12-31)",
                "hybridcheck.yaml:5 not_applicable.acces: 'acces' is not a core question "
                "(did you mean 'access'? or the id of a check, such as 'authn.expired-token-refused')",
            ],
        ),
        (
            "just some words\n",
            ["hybridcheck.yaml:1: is not a profile: it has no `key: value` lines (start with `version: 1`)"],
        ),
        ("", ["hybridcheck.yaml: is empty (start with `version: 1`)"]),
        (
            "version: 2\n",
            ["hybridcheck.yaml:1 version: 2 is not known here (one of: 1)"],
        ),
    ],
)
def test_typical_mistakes_read_well(text: str, expected: list[str]) -> None:
    """Each typical mistake gives its line, its place, what is wrong, and what would be right; all at once."""
    assert mistakes(text, {"ALICE_TOKEN": "x"}) == expected


def test_mistakes_of_all_kinds_come_together() -> None:
    """A variable, an unknown key and a cross-reference are told in one go."""
    found = mistakes(
        "version: 1\nnmae: x\noperations: [GET /a]\nobservability: {counters: [{metric: m, operation: GET /b}]}\n",
        {"INTEGRATION_TEST_TIMEOUT": "soon"},
    )
    assert [line.split(":")[0] for line in found] == ["environment INTEGRATION_TEST_TIMEOUT"] + ["hybridcheck.yaml"] * 2
    assert "did you mean 'name'?" in found[1]
    assert "did you mean 'GET /a'?" in found[2]


@pytest.mark.parametrize(
    "part",
    [
        "identities: {alice: {token: s3cret-literal}}",
        "identities: {alice: {username: a, password: s3cret-literal}}",
        "identities: {alice: {basic: {username: a, password: s3cret-literal}}}",
        "identities: {alice: {api_key: {value: s3cret-literal}}}",
        "identities: {alice: {token: [s3cret-literal]}}",
        "operations: [{request: GET /a, headers: {authorization: Bearer s3cret-literal}}]",
        "targets: {t: {url: 'http://u:s3cret-literal@h/', environment: local}}",
    ],
)
def test_a_literal_secret_is_an_error_that_does_not_repeat_it(part: str) -> None:
    """Secrets come by reference only; the complaint does not show what it complains about."""
    found = mistakes(f"version: 1\n{part}\n")
    assert found
    assert "s3cret-literal" not in "\n".join(found)


def test_a_value_from_a_reference_is_never_repeated() -> None:
    """What a variable holds may be secret, so a wrong one is described, not shown."""
    found = mistakes("version: 1\nlimits: {max_rps: env:X}\nhealth: env:Y\n", {"X": "pa55word", "Y": "also-secret"})
    assert len(found) == 2
    assert "pa55word" not in str(found)
    assert "also-secret" not in str(found)


def test_a_file_that_cannot_be_read_names_the_file() -> None:
    """The path is part of the message when there is no line to point at."""
    with pytest.raises(ProfileError, match="/nowhere/x.yaml: cannot be read: No such file or directory"):
        read_profile(Path("/nowhere/x.yaml"), {})
