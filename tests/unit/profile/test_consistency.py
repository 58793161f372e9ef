"""Cross-references: each contradiction is found, and the same profile without it is right."""

from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from hybridcheck.errors import ProfileError
from hybridcheck.profile.consistency import schema_faults, url_fault
from hybridcheck.profile.reading import read_text

TODAY = date(2026, 3, 1)

RIGHT = """\
version: 1
targets: {local: {url: http://127.0.0.1:8000, environment: local}}
session: {login: {path: /login, token: $.token}}
identities:
  alice: {username: alice, password: env:PASSWORD, role: user}
  root: {token: env:PASSWORD, role: admin}
operations:
  - {id: mine, path: /mine, auth: required, identity: alice}
  - {id: admin, path: /admin, auth: required, identity: root, roles: [admin]}
  - {id: make, method: POST, path: /things, creates: true, id_from: $.id, read_back: read, cleanup: remove}
  - {id: read, path: "/things/{id}"}
  - {id: remove, method: DELETE, path: "/things/{id}"}
  - {id: one, path: "/one/{n}", params: {n: "1"}, examples: [{expect: {$.a: 1}}], twin: mine, data: {points: $.p}}
services:
  stream: {kind: streaming, direct_url: http://127.0.0.1:9000, sse: {path: /events, auth: required, identity: alice, sequence: $.n}}
load:
  open: {rate_rps: 10, duration_s: 10, operations: [mine, one], objectives: {mine: {p95_ms: 50}, "*": {p99_ms: 90}}}
  closed: {model: closed, users: 20, operations: [mine]}
thresholds: {min_throughput_rps: 10}
observability: {counters: [{metric: requests_total, operation: mine}]}
waivers: [{check: a.b, reason: known, owner: me, ticket: T, expires: 2026-05-30}]
"""


def mistakes(text: str) -> list[str]:
    """What a person is told, without the file's name."""
    try:
        read_text(text.encode(), Path("/nowhere/p.yaml"), {"PASSWORD": "pass-word"}, today=TODAY)
    except ProfileError as refused:
        return [str(complaint).removeprefix("p.yaml:") for complaint in refused.complaints]
    return []


def test_the_right_profile_is_right() -> None:
    """Every case below changes one thing of it."""
    assert mistakes(RIGHT) == []


@pytest.mark.parametrize(
    "right,wrong,part",
    [
        ("url: http://127.0.0.1:8000", "url: http://127.0.0.1:99999", "2 targets.local.url: this URL is malformed"),
        ("direct_url: http://127.0.0.1:9000", "direct_url: 'http://h/?a=1'", "direct_url: a base URL has no query"),
        ("token: $.token", "token: token", "session.login.token: 'token' is not a path into JSON (write it like $.token)"),
        ("session: {login: {path: /login, token: $.token}}", "name: x", "it has a password, and no `session` says how"),
        ("identity: alice}\n  - {id: admin", "identity: alica}\n  - {id: admin", "no identity 'alica' (did you mean 'alice'?)"),
        (", identity: alice, sequence", ", sequence", "services.stream.sse: `auth: required` without `identity`"),
        ("sequence: $.n", "sequence: n..", "services.stream.sse.sequence: 'n..' is not a path"),
        ("roles: [admin]", "roles: [admim]", "no identity has the role 'admim' (did you mean 'admin'?)"),
        ("identity: root, roles", "identity: alice, roles", "'alice' has the role 'user', which may not call it"),
        ("read_back: read,", "read_back: raed,", "no operation has the id 'raed' (did you mean 'read'?)"),
        ("id_from: $.id, ", "", "`read_back` needs `id_from`"),
        ("id_from: $.id", "id_from: id", "operations[2].id_from: 'id' is not a path into JSON"),
        ("{id: make, method: POST", "{id: make, method: GET", "operations[2].creates: a GET does not create"),
        (", cleanup: remove", "", "operations[4]: nothing fills '{id}' in /things/{id}"),
        ('params: {n: "1"}', 'params: {n: "1", m: "2"}', "operations[5].params.m: /one/{n} has no '{m}'"),
        ("{$.a: 1}", "{a b: 1}", "operations[5].examples[0].expect.a b: 'a b' is not a path"),
        ("twin: mine", "twin: mien", "operations[5].twin: no operation has the id 'mien' (did you mean 'mine'?)"),
        ("points: $.p", "points: p", "operations[5].data.points: 'p' is not a path into JSON (write it like $.p)"),
        ("operations: [mine, one]", "operations: [mine, read]", "load.open.operations.read: /things/{id} cannot be sent"),
        ("objectives: {mine:", "objectives: {admin:", "load.open.objectives.admin: this phase does not send 'admin'"),
        ("objectives: {mine:", "objectives: {mien:", "load.open.objectives.mien: no operation has the id 'mien'"),
        ("users: 20", "users: 200", "load.closed.users: 200 users are more than limits.max_connections, 100"),
        ("rate_rps: 10,", "rate_rps: 10, max_connections: 500,", "max_connections: 500 connections are more than"),
        ("rate_rps: 10, duration_s: 10", "rate_rps: 100, duration_s: 9000", "the load phases need 900,000 requests"),
        ("{model: closed, users: 20, operations: [mine]}", "{rate_rps: 4, operations: [mine]}", ""),
        ("operation: mine}]", "operation: mien}]", "no operation has the id 'mien' (did you mean 'mine'?)"),
        ("expires: 2026-05-30", "expires: 2026-05-31", "a waiver lasts at most 90 days"),
        ("expires: 2026-05-30}", "expires: 2026-05-30}, {check: a.b, reason: again, owner: me, ticket: T, expires: 2026-03-02}",
         "waivers[1]: 'a.b' is waived in waivers[0] already"),
        ("version: 1", "version: 1\nnot_applicable: {contract: no contract}", "a target that cannot show it is not ready"),
    ],
)  # fmt: skip
def test_each_contradiction_is_found(right: str, wrong: str, part: str) -> None:
    """The changed profile has the complaint (and where none is expected, none)."""
    assert RIGHT.count(right) == 1
    found = mistakes(RIGHT.replace(right, wrong))
    assert any(part in line for line in found) if part else found == []


def test_a_throughput_that_no_phase_offers_is_a_contradiction() -> None:
    """Only where every phase has a known rate: the closed model may reach any."""
    open_only = RIGHT.replace("  closed: {model: closed, users: 20, operations: [mine]}\n", "")
    wanted = open_only.replace("min_throughput_rps: 10", "min_throughput_rps: 20")
    assert mistakes(open_only) == []
    (found,) = mistakes(wanted)
    assert "no load phase offers 20 requests per second; the highest offers 10" in found
    assert mistakes(RIGHT.replace("min_throughput_rps: 10", "min_throughput_rps: 20")) == []


def test_a_phase_that_can_send_nothing_is_a_contradiction() -> None:
    """A load over a profile without a sendable reading operation."""
    found = mistakes("version: 1\noperations: [POST /a]\nload: {rate_rps: 5}\n")
    assert found == ['3 load: no declared operation can be sent in this phase (operations: ["GET /health"])']


@pytest.mark.parametrize(
    "schema,part",
    [
        ({"type": "objct"}, "is not a valid JSON Schema at type"),
        ({"$ref": "https://example.com/a.json"}, "refers out of this schema"),
        ({"properties": {"a": {"$ref": "other.json#/x"}}}, "refers out of this schema"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "schemas are read as draft 2020-12"),
        ({"properties": {"a": {"pattern": "["}}}, "is not a valid JSON Schema"),
        ({"required": "id"}, "is not a valid JSON Schema at required"),
        ([1], "a JSON Schema is a mapping"),
        ("object", "a JSON Schema is a mapping"),
    ],
)
def test_schema_faults(schema: object, part: str) -> None:
    """Broken schemas and references that would have to be fetched are said before anything is sent."""
    assert any(part in message for message, _ in schema_faults(schema))


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}},
        {"const": {"$ref": "https://example.com"}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "array"},
    ],
)
def test_schemas_without_fault(schema: object) -> None:
    """Local references, a property that is called `$ref`, and constants are fine."""
    assert list(schema_faults(schema)) == []


@pytest.mark.parametrize("url", ["http://h", "https://h:1/base", "http://[::1]:80", "http://127.0.0.1:8000/"])
def test_base_urls(url: str) -> None:
    """Host, port and path."""
    assert not url_fault(url)


def test_ca_files_are_found_beside_the_profile(tmp_path: Path) -> None:
    """Whatever the working folder is; an absent one is a complaint."""
    text = dedent("""\
        version: 1
        targets: {t: {url: https://h, environment: local, tls: {ca_file: ca.pem}}}
        """).encode()
    with pytest.raises(ProfileError, match=r"tls\.ca_file: the file .*ca\.pem does not exist"):
        read_text(text, tmp_path / "p.yaml", {}, today=TODAY)
    (tmp_path / "ca.pem").touch()
    loaded = read_text(text, tmp_path / "p.yaml", {}, today=TODAY)
    assert loaded.profile.targets["t"].tls.ca_file == str(tmp_path / "ca.pem")
