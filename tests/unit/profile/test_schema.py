"""The published JSON Schema: it accepts what ships and the forms of the file, and rejects what the models reject."""

from pathlib import Path
from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, SecretStr, ValidationError

from hybridcheck.bundled import data_folder
from hybridcheck.cases import Json
from hybridcheck.profile.document import read_document
from hybridcheck.profile.models import Profile
from hybridcheck.profile.references import SECRET_PLACES
from hybridcheck.profile.schema import profile_schema
from hybridcheck.profile.wording import annotation_at

VALIDATOR = Draft202012Validator(profile_schema())


def read(text: str) -> Json:
    """The plain data of a profile text."""
    document = read_document(dedent(text).encode(), "p.yaml")
    assert document.complaints == []
    return document.value


def test_the_schema_is_a_valid_schema() -> None:
    """2020-12, with a title and descriptions from the models."""
    schema = profile_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "hybridcheck profile"


@pytest.mark.parametrize("path", sorted(data_folder("profiles").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_profiles_are_valid(path: Path) -> None:
    """Every profile that ships fits the schema as it stands in its file."""
    errors = [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(read(path.read_text()))]
    assert errors == []


@pytest.mark.parametrize(
    "text",
    [
        "{version: 1}",
        "{version: 1, operations: [GET /a, POST /b -> 201, {request: GET /c, auth: optional}]}",
        "{version: 1, operations: [{id: a, path: /a, expect: 204}, {id: b, path: /b, expect: {status: 204}}]}",
        "{version: 1, operations: [{request: GET /a, query: {page: 1}, headers: {X-N: 5}}], load: {users: 3}}",
        "{version: 1, health: /h, ready: '/r -> 204', openapi: env:DOC}",
        "{version: 1, ready: {path: /r, status: 200}}",
        "{version: 1, load: {rate_rps: 5}}",
        "{version: 1, load: {a: {rate_rps: env:RATE|5, operations: [x]}, b: {model: closed, users: 3}}}",
        "{version: 1, limits: {max_rps: env:MAX}, thresholds: {max_cpu_ratio: env:CPU|0.8}}",
        "{version: 1, targets: {t: {url: env:URL, environment: env:STAGE}}}",
        "{version: 1, services: {s: {base: /s, kind: api, sse: /events, operations: [GET /x, {id: y, path: ''}]}}}",
        "{version: 1, identities: {a: {token: env:T}, b: {username: b, password: file:pw}}}",
        "{version: 1, waivers: [{check: a.b, reason: known, owner: me, ticket: T, expires: 2026-01-01}]}",
        "{version: 1, not_applicable: {access: public API}}",
    ],
)
def test_the_forms_of_the_file_are_accepted(text: str) -> None:
    """Short forms, rewritten keys and references are no errors in an editor."""
    errors = [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(read(text))]
    assert errors == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{version: 2}",
        "{version: 1, nmae: x}",
        "{version: 1, targets: {t: {url: http://h}}}",
        "{version: 1, targets: {t: {url: h, environment: local}}}",
        "{version: 1, targets: {t: {url: http://h, environment: unknown}}}",
        "{version: 1, targets: {t t: {url: http://h, environment: local}}}",
        "{version: 1, limits: {max_rps: fast}}",
        "{version: 1, limits: {max_rps: 0}}",
        "{version: 1, health: healthz}",
        "{version: 1, operations: [GET a]}",
        "{version: 1, operations: [5]}",
        "{version: 1, operations: [{path: /a}]}",
        "{version: 1, operations: [{request: GET /a, auth: sometimes}]}",
        "{version: 1, operations: [{request: GET /a, expect: {status: 42}}]}",
        "{version: 1, operations: [{request: GET /a, expct: 200}]}",
        "{version: 1, services: {s: {runtime: pypy}}}",
        "{version: 1, services: {s: {sse: {pth: /x}}}}",
        "{version: 1, identities: {a: {}}}",
        "{version: 1, identities: {a: {username: a}}}",
        "{version: 1, load: {a: {rate_rps: -1}}}",
        "{version: 1, load: {a: {rate_rps: 1, shap: ramp}}}",
        "{version: 1, thresholds: {max_cpu_ratio: 80}}",
        "{version: 1, waivers: [{check: a.b, reason: known, owner: me, ticket: T}]}",
        "{version: 1, waivers: [{check: a.b, reason: known, owner: me, ticket: T, expires: soon}]}",
        "{version: 1, not_applicable: {alive: because I say so}}",
    ],
)
def test_what_the_models_reject_the_schema_rejects(text: str) -> None:
    """An editor shows the mistake before the command does."""
    value = read(text)
    with pytest.raises(ValidationError):
        Profile.model_validate(value)
    assert not VALIDATOR.is_valid(value)


def test_a_literal_secret_is_rejected_by_the_schema() -> None:
    """An editor marks a password in plain text."""
    assert not VALIDATOR.is_valid(read("{version: 1, identities: {a: {token: hunter2}}}"))


def test_every_secret_of_the_models_is_known_to_the_reader() -> None:
    """The places where literal secrets are refused are exactly those where the models keep a SecretStr."""
    assert set(SECRET_PLACES) == set(secret_places(Profile, ()))
    for place in SECRET_PLACES:
        assert "SecretStr" in str(annotation_at(tuple("NAME" if step == "*" else step for step in place)))


def secret_places(annotation: object, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every path of the models at which a SecretStr stands, `*` for names and indexes."""
    found: list[tuple[str, ...]] = []
    if annotation is SecretStr:
        found.append(path)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            found += secret_places(field.annotation, (*path, field.alias or name))
    else:
        inner = getattr(annotation, "__args__", ())
        named = getattr(annotation, "__origin__", None) in {dict, tuple}
        for argument in inner:
            found += secret_places(argument, (*path, "*") if named else path)
    return found
