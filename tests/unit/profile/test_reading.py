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

MISTAKES = Path(__file__).parent / "mistakes"
"""Profiles with typical mistakes, and beside each what a person is told."""

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
    """Every profile that ships is free of mistakes (variables without a default set to something plausible)."""
    references = [word.split('"')[0] for word in path.read_text().split("env:")[1:]]
    names = {reference for reference in references if "|" not in reference}
    values = {name.split(",")[0].split("}")[0].strip(): "http://127.0.0.1:1234" for name in names}
    assert read_profile(path, values, today=TODAY).profile.version == 1


@pytest.mark.parametrize("path", sorted(MISTAKES.glob("*.yaml")), ids=lambda path: path.stem)
def test_typical_mistakes_read_well(path: Path) -> None:
    """Each typical mistake gives its line, its place, what is wrong, and what would be right; all at once."""
    expected = path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert mistakes(path.read_text(encoding="utf-8"), {"ALICE_TOKEN": "x"}) == expected


def test_mistakes_of_all_kinds_come_together() -> None:
    """A variable, an unknown key and a cross-reference are told in one go."""
    found = mistakes(
        "version: 1\nnmae: x\noperations: [GET /a]\nobservability: {counters: [{metric: m, operation: GET /b}]}\n",
        {"INTEGRATION_TEST_TIMEOUT": "soon"},
    )
    assert [line.split(":")[0] for line in found] == ["environment INTEGRATION_TEST_TIMEOUT"] + ["hybridcheck.yaml"] * 2
    assert "did you mean 'name'?" in found[1]
    assert "did you mean 'GET /a'?" in found[2]


def test_what_an_unknown_key_hid_is_told_too() -> None:
    """An unknown key in a part whose other rules are broken as well: both are told."""
    found = mistakes("version: 1\nidentities: {alice: {tokn: env:X}}\n", {"X": "x"})
    assert len(found) == 2
    assert "'tokn' is not a key here (did you mean 'token'?)" in found[0]
    assert "identities.alice: an identity needs exactly one of token, api_key, basic" in found[1]


@pytest.mark.parametrize(
    "part",
    [
        "identities: {alice: {token: s3cret-literal}}",
        "identities: {alice: {username: a, password: s3cret-literal}}",
        "identities: {alice: {basic: {username: a, password: s3cret-literal}}}",
        "identities: {alice: {api_key: {value: s3cret-literal}}}",
        "identities: {alice: {token: [s3cret-literal]}}",
        "identities: {alice: {token: env:UNSET|s3cret-literal}}",
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


def test_what_a_request_refers_to_is_masked_where_it_may_be_secret() -> None:
    """Long values and those named like secrets; a page number stays readable, or nothing could be compared."""
    loaded = read(
        """\
        version: 1
        operations:
          - request: GET /a
            query: {page: env:PAGE, api_key: env:SHORT, note: env:LONG}
        """,
        {"PAGE": "7", "SHORT": "k1", "LONG": "a-longer-value"},
    )
    assert set(loaded.secrets) == {"k1", "a-longer-value"}


@pytest.mark.parametrize("value,part", [("", "is empty"), ("a\r\nX: y", "holds a line break")])
def test_a_secret_that_cannot_be_sent_is_an_error(value: str, part: str) -> None:
    """Empty, or with a line break that would end its header."""
    (found,) = mistakes("version: 1\nidentities: {alice: {token: env:T}}\n", {"T": value})
    assert part in found


def test_a_file_that_cannot_be_read_names_the_file() -> None:
    """The path is part of the message when there is no line to point at."""
    with pytest.raises(ProfileError, match=r"^/nowhere/x\.yaml: cannot be read: No such file or directory$"):
        read_profile(Path("/nowhere/x.yaml"), {})
