"""Files of data: CSV and JSON lines as rows; every mistake in them is told with its line."""

from datetime import date
from pathlib import Path

import pytest

from hybridcheck.checks.load.power import shortfall
from hybridcheck.errors import ProfileError
from hybridcheck.profile.feeders import FeederError, read_rows
from hybridcheck.profile.models import Profile
from hybridcheck.profile.reading import read_profile
from hybridcheck.profile.row_identities import row_identities

CSV = 'name,city\nada,"London, UK"\n\nbob,Köln\n'
PHASE = """
version: 1
operations: [{id: find, path: "/items/{id}"}]
thresholds: {max_error_ratio: 0.01}
load:
  rate_rps: 5
  duration_s: 20
  feeders: {people: FEEDER}
  scenarios: {look: [{operation: find, params: {id: "{people.name}"}}]}
"""


def written(folder: Path, name: str, text: str | bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_rows_are_what_the_file_says(tmp_path: Path) -> None:
    """CSV gives texts under its head, JSON lines their own types; blank lines and a byte order mark are nothing."""
    rows = read_rows(written(tmp_path, "a.csv", "\ufeff" + CSV))
    assert rows == ({"name": "ada", "city": "London, UK"}, {"name": "bob", "city": "Köln"})
    assert read_rows(written(tmp_path, "a.jsonl", '{"n": 1}\n\n{"n": null}\n')) == ({"n": 1}, {"n": None})


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("a.csv", "a,b\n1,2\n3\n", 3, "1 values under 2 columns"),
        ("a.csv", "a b\n1\n", 1, "'a b' cannot be the name"),
        ("a.csv", "a,a\n1,2\n", 1, "same name"),
        ("a.csv", 'a\n"x\n', 2, "no CSV"),
        ("a.csv", "a\n", 0, "no row"),
        ("a.csv", b"a\n\xff\n", 0, "not UTF-8"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', 2, "no JSON"),
        ("a.jsonl", '{"a": 1}\n[1]\n', 2, "no JSON object"),
        ("a.jsonl", '{"a": 1}\n{"b": 1}\n', 2, "other keys"),
        ("a.jsonl", '{"a": "\\ud83d\\ude00"}\n{"a": ["\\ud83d"]}\n', 2, "half of a surrogate pair"),
        ("a.txt", "a\n1\n", 0, "no format"),
    ],
)
def test_every_mistake_has_its_line(tmp_path: Path, name: str, text: str | bytes, line: int, words: str) -> None:
    """What is wrong, in words."""
    with pytest.raises(FeederError, match=words) as raised:
        read_rows(written(tmp_path, name, text))
    assert raised.value.line == line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,secret\nada,a\n\nbob,\n", "line 4: 'secret' is no text to log in with"),
        ("name,city\nada,Ulm\n", "no column 'secret' to log in with"),
        ("name,secret\nada,a\n", "6 users need a row each, it has 1"),
    ],
)
def test_rows_that_nobody_can_log_in_with_are_refused(tmp_path: Path, text: str, words: str) -> None:
    """With the line; who has a row of its own needs as many as there are users, not as there are arrivals."""
    written(tmp_path, "people.csv", text)
    who = "rate_rps: 5\n  max_connections: 6\n  identities: {feeder: people, username: name, password: secret}"
    profile = PHASE.replace("FEEDER", "{file: people.csv, order: once}").replace("rate_rps: 5", who)
    profile = profile.replace('{id}"}', '{id}", auth: required, identity: i}') + "identities: {i: {token: env:T}}\n"
    profile += "session: {login: {path: /login, token: $.token}}\n"
    with pytest.raises(ProfileError, match=words) as raised:
        read_profile(written(tmp_path, "hybridcheck.yaml", profile), {"T": "t"}, today=date(2026, 11, 20))
    assert not [complaint for complaint in raised.value.complaints if "arrivals" in complaint.message]


def test_rows_become_identities_of_their_own(tmp_path: Path) -> None:
    """As many as there are users, named by their lines; the declared ones stay what they are."""
    file = written(tmp_path, "people.csv", "name,secret\nada,a\n\nbob,b\ncyd,c\n")
    phase = {
        "users": 2,
        "feeders": {"people": str(file)},
        "identities": {"feeder": "people", "username": "name", "password": "secret"},
    }
    profile = Profile.model_validate({"version": 1, "operations": ["GET /"], "load": {"shop": phase}})
    found = row_identities(profile)
    assert {name: identity.username for name, identity in found.items()} == {
        "shop:people:2": "ada",
        "shop:people:4": "bob",
    }
    assert profile.identities == {}


def test_each_user_needs_a_row_that_is_used_once(tmp_path: Path) -> None:
    """Three users who each begin with a row of their own, and two rows."""
    written(tmp_path, "people.csv", CSV)
    text = PHASE.replace("FEEDER", "{file: people.csv, order: once}").replace("rate_rps: 5", "users: 3")
    with pytest.raises(ProfileError, match="3 users need a row each, it has 2"):
        read_profile(written(tmp_path, "hybridcheck.yaml", text), {}, today=date(2026, 11, 20))


@pytest.mark.parametrize(
    ("feeder", "text", "words"),
    [
        ("people.csv", "", "it has no row"),
        ("missing.csv", CSV, "cannot be read"),
        ("people.csv", "nam\nada\n", "no column 'name'"),
        ("{file: people.csv, order: once}", CSV, "100 arrivals need a row each, it has 2"),
    ],
)
def test_a_profile_with_a_bad_file_is_refused(tmp_path: Path, feeder: str, text: str, words: str) -> None:
    """The complaint stands at the feeder's line, and nothing is sent."""
    written(tmp_path, "people.csv", text)
    profile = written(tmp_path, "hybridcheck.yaml", PHASE.replace("FEEDER", feeder))
    with pytest.raises(ProfileError, match=words) as raised:
        read_profile(profile, {}, today=date(2026, 11, 20))
    assert raised.value.complaints[0].where.startswith("hybridcheck.yaml:8 load.feeders.people")


def test_the_file_is_found_beside_the_profile(tmp_path: Path) -> None:
    """Wherever the command is called from."""
    written(tmp_path, "people.csv", CSV)
    profile = written(tmp_path, "hybridcheck.yaml", PHASE.replace("FEEDER", "people.csv"))
    (phase,) = read_profile(profile, {}, today=date(2026, 11, 20)).profile.load.values()
    assert phase.feeders["people"].file == str(tmp_path / "people.csv")


@pytest.mark.parametrize(
    ("order", "rows", "words"),
    [
        (
            "once",
            8,
            "needs >= 299 requests, the rows of 'people' (order: once) are enough for 40; more rows, or order: circular",
        ),
        ("once", 60, ""),
        ("circular", 8, ""),
    ],
)
def test_rows_that_cannot_decide_a_limit_are_told_before_the_start(
    tmp_path: Path, order: str, rows: int, words: str
) -> None:
    """One of five ways takes a row: eight rows are enough for forty requests, sixty for three hundred."""
    written(tmp_path, "people.csv", "name\n" + "ada\n" * rows)
    text = PHASE.replace("FEEDER", f"{{file: people.csv, order: {order}}}").replace("rate_rps: 5", "users: 3")
    browse = ", browse: {weight: 4, steps: [{operation: find, params: {id: '7'}}]}}\n"
    text = text.rstrip().removesuffix("}") + browse
    profile = read_profile(written(tmp_path, "hybridcheck.yaml", text), {}, today=date(2026, 11, 20)).profile
    (phase,) = profile.load.values()
    assert shortfall(phase, 0.01) == words
