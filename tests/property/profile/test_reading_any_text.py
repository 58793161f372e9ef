"""Whatever stands in the file: it is a profile, or a ProfileError that says where; never anything else."""

import json
from datetime import date
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridcheck.cases import Json
from hybridcheck.errors import ProfileError
from hybridcheck.profile.document import read_document
from hybridcheck.profile.models import Profile
from hybridcheck.profile.reading import Loaded, read_text
from hybridcheck.profile.wording import keys_of

FILE = Path("/nowhere/hybridcheck.yaml")
TODAY = date(2026, 3, 1)


def read(data: bytes) -> None:
    """Read the bytes; a refusal has complaints that name the file or a variable, and can be printed."""
    outcome: Loaded | ProfileError
    try:
        outcome = read_text(data, FILE, {"SET": "value"}, today=TODAY)
    except ProfileError as refused:
        outcome = refused
    if isinstance(outcome, Loaded):
        assert outcome.profile.version == 1
        return
    assert outcome.complaints
    assert all(complaint.where.startswith(("hybridcheck.yaml", "environment ")) for complaint in outcome.complaints)
    assert all(complaint.message for complaint in outcome.complaints)
    assert str(outcome).encode()


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "GET /a", "GET /a -> 200", "/x/{id}", "env:SET", "env:UNSET", "env:UNSET|5", "env:", "file:x", "file:", "*",
            "http://h", "http://[", "local", "alice", "$.a", "$", "2026-04-01", "required", "POST", "access", "a.b[c]",
        ]
    ),
)  # fmt: skip


def every_key() -> list[str]:
    """All keys that any part of a profile may have, and names."""
    found = {"NAME", "alice", "*", "GET /a", "$.a", "<<"}
    waiting = [Profile]
    seen = set(waiting)
    while waiting:
        model = waiting.pop()
        found |= set(keys_of(model))
        for field in model.model_fields.values():
            for part in _models_in(field.annotation):
                if part not in seen:
                    seen.add(part)
                    waiting.append(part)
    return sorted(found)


def _models_in(annotation: object) -> list[type[Profile]]:
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models_in(inner)]


KEYS = every_key()
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)
PROFILES = st.dictionaries(st.sampled_from(list(Profile.model_fields)), VALUES, max_size=8)


@given(st.binary(max_size=400))
@settings(max_examples=150)
def test_any_bytes(data: bytes) -> None:
    """Random bytes."""
    read(data)


@given(
    st.text(
        st.sampled_from("ab:-?[]{}&*!|>'\"%@`#,\n\t 01.~<=\u00e9\ufeff\x85\x00"),
        max_size=120,
    )
)
@settings(max_examples=300)
def test_any_yaml_punctuation(text: str) -> None:
    """Random text from the characters that mean something to YAML."""
    read(text.encode())


@given(PROFILES)
@settings(max_examples=150)
def test_any_structure_under_known_keys(value: dict[str, Json]) -> None:
    """Known keys with values of any type and depth, as YAML would write them."""
    read(yaml.safe_dump({"version": 1, **value}, allow_unicode=True).encode("utf-8", "replace"))


RICH = """
version: 1
targets: {local: {url: http://127.0.0.1:8000, environment: local}}
session: {login: {path: /login, token: $.t}, whoami: {path: /me, identity: $.u}}
identities: {alice: {username: a, password: env:SET, role: user}, bob: {token: env:SET}}
operations:
  - {id: a, path: "/a/{id}", params: {id: "1"}, auth: required, identity: alice, roles: [user]}
  - {id: b, method: POST, path: /b, creates: true, id_from: $.id, read_back: c, cleanup: d, expect: 201}
  - {id: c, path: "/b/{id}", expect: {values: {$.x: 1}, schema: {type: object}}}
  - {id: d, method: DELETE, path: "/b/{id}"}
services: {s: {base: /s, kind: auth, sse: {path: /e, sequence: $.n}, operations: [GET /x]}}
load: {one: {rate_rps: 5, operations: {a: 1}, objectives: {a: {p95_ms: 5}}}}
thresholds: {max_latency_ms: 200, min_throughput_rps: 5}
observability: {counters: [{metric: m, operation: a}]}
waivers: [{check: a.b, reason: known, owner: me, ticket: T, expires: 2026-04-01}]
not_applicable: {access: public API}
"""


def _with_change(value: Json, draw: st.DrawFn) -> Json:
    """The value with one part of it, somewhere, replaced or removed."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 6)):
            return {name: part for name, part in value.items() if name != key}
        return {**value, key: _with_change(value[key], draw)}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], _with_change(value[index], draw), *value[index + 1 :]]
    return draw(VALUES)


@st.composite
def changed_profiles(draw: st.DrawFn) -> Json:
    """A rich, right profile with one to three changes."""
    value = read_document(RICH.encode(), "p.yaml").value
    for _ in range(draw(st.integers(1, 3))):
        value = _with_change(value, draw)
    return value


def test_the_rich_profile_is_right() -> None:
    """What the next test changes is a profile without a mistake, so that cross-references are looked at."""
    assert isinstance(read_text(RICH.encode(), FILE, {"SET": "value"}, today=TODAY), Loaded)


@given(changed_profiles())
@settings(max_examples=200)
def test_any_change_of_a_right_profile(value: Json) -> None:
    """One to three parts of a right profile replaced by anything, or removed."""
    read(yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "replace"))


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


@given(JSON)
@settings(max_examples=200)
def test_json_comes_back_as_it_was(value: Json) -> None:
    """YAML 1.2 holds JSON: what is quoted stays text, numbers, truth values and null are what they are."""
    document = read_document(json.dumps(value, ensure_ascii=False).encode(), "p.yaml")
    assert document.complaints == []
    assert document.value == value
