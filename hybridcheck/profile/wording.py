"""What pydantic has against a profile, in plain words: one complaint per mistake, with the nearest known word."""

import difflib
import types
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from hybridcheck.cases import Json
from hybridcheck.profile.document import Document, KeyPath, spelled
from hybridcheck.profile.models import Profile, Service, Waiver
from hybridcheck.profile.operations import Operation

SHORT_FORM_KEYS: Mapping[type[BaseModel], tuple[str, ...]] = {
    Service: ("base",),
    Operation: ("request",),
    Waiver: ("check",),
}
"""Keys that exist in the file only: `operations.expand_operations` rewrites them."""

TEMPLATES = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "finite_number": "must be a finite number",
    "int_from_float": "must be a whole number",
}
KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "dict": "a mapping (`key: value` lines)",
    "model": "a mapping (`key: value` lines)",
    "tuple": "a list",
    "list": "a list",
}
PATTERNS = {
    r"^/": "must begin with '/'",
    r"^https?://[^\s/]+": "must be a URL such as http://127.0.0.1:8000",
    r"^[A-Za-z0-9_.-]+$": "is not a name: letters, digits, '.', '_' and '-' only",
    r"^\d{4}-\d{2}-\d{2}$": "must be a date such as 2026-12-31",
}
NO_CLOSE_WORD = "known here: {known}"


EXAMPLES: Mapping[KeyPath, str] = {
    ("targets",): "targets: {local: {url: http://127.0.0.1:8000, environment: local}}",
    ("services",): "services: {auth: {kind: auth, operations: [GET /me]}}",
    ("identities",): "identities: {alice: {token: env:ALICE_TOKEN}}",
    ("operations",): "operations: [GET /a, POST /b -> 201]",
    ("load",): "load: {rate_rps: 50, duration_s: 20}",
    ("health",): "health: /healthz",
    ("ready",): "ready: /health/ready -> 204",
    ("session", "login"): "login: {path: /login, body: {…}, token: $.access_token}",
    ("session", "whoami"): "whoami: {method: GET, path: /me, identity: $.username}",
}
MEANT: Mapping[str, str] = {
    "base_url": EXAMPLES["targets",],
    "baseUrl": EXAMPLES["targets",],
    "endpoints": EXAMPLES["operations",],
    "routes": EXAMPLES["operations",],
    "paths": EXAMPLES["operations",],
    **dict.fromkeys(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), "write it as text: GET /path -> 200"),
}
"""Keys that other tools know, and what says the same here."""


def nearest(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """A hint that names the nearest known word (difflib's ratio at least `likeness`), else the first twenty."""
    words = sorted(set(known))
    lowered = {candidate.lower(): candidate for candidate in words}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=likeness)
    if close:
        return f"did you mean '{lowered[close[0]]}'?"
    if not words:
        return ""
    shown = ", ".join(words[:20]) + (", …" if len(words) > 20 else "")
    return NO_CLOSE_WORD.format(known=shown)


def complain_of(
    document: Document, errors: Iterable[ErrorDetails], hidden: AbstractSet[KeyPath], unresolved: AbstractSet[KeyPath]
) -> None:
    """Add pydantic's errors to the document's complaints.

    Values at `hidden` paths (secrets) are never repeated; what is at `unresolved` paths has its complaint already.
    """
    found = list(errors)
    misspelt = _meant_keys(found)
    seen: set[tuple[KeyPath, str]] = set()
    for error in found:
        path, rest = in_file(document.value, error["loc"])
        if path in unresolved or error["loc"] in misspelt:
            continue
        message, hint = _worded(error, rest, show=path not in hidden)
        if (path, message) not in seen:
            seen.add((path, message))
            document.complain(path, message, hint)


def _meant_keys(errors: Iterable[ErrorDetails]) -> set[KeyPath]:
    """Keys that are missing only because they are misspelt: the complaint about the unknown key says it."""
    hints = {error["loc"]: _unknown_key(error["loc"])[1] for error in errors if error["type"] == "extra_forbidden"}
    return {(*loc[:-1], hint.split("'")[1]) for loc, hint in hints.items() if hint.startswith("did you mean")}


def in_file(value: Json, loc: tuple[int | str, ...]) -> tuple[KeyPath, KeyPath]:
    """The part of pydantic's location that stands in the file, and what is left of it.

    A step that the file does not have (`steady` of a load written as one phase, the name of a union member) is skipped.
    """
    path: KeyPath = ()
    rest: KeyPath = ()
    for step in loc:
        in_mapping = isinstance(value, dict) and step in value
        in_list = isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)
        if in_mapping or in_list:
            value, path, rest = value[step], (*path, step), ()
        else:
            rest = (*rest, step)
    return path, rest


def _worded(error: ErrorDetails, rest: KeyPath, *, show: bool) -> tuple[str, str]:
    kind, value = error["type"], error["input"]
    if kind == "missing":
        return f"'{error['loc'][-1]}' is missing", "write version: 1" if error["loc"] == ("version",) else ""
    if kind == "extra_forbidden":
        return _unknown_key(error["loc"])
    if rest and rest[-1] == "[key]":
        return f"'{value}' {PATTERNS.get(error.get('ctx', {}).get('pattern', ''), 'is not a name')}", ""
    if value is None:
        return "is empty", "give it a value, or remove the line"
    shown = _shown(value) if show else "this value"
    if error["loc"] == ("version",):
        return f"{shown} is no version of profiles", "write version: 1"
    if kind in {"literal_error", "enum"}:
        return f"{shown} is not known here", _suggest(value, _allowed(error["loc"]), show=show)
    return _broken_rule(error, shown), _example(error, show=show)


def _broken_rule(error: ErrorDetails, shown: str) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"{shown} {PATTERNS.get(context['pattern'], 'must match ' + context['pattern'])}"
    if kind in TEMPLATES:
        return f"{shown} {TEMPLATES[kind].format(**context)}"
    family = kind.removesuffix("_type").removesuffix("_parsing")
    if family == "model" and _model_of(annotation_at(error["loc"])) is Operation:
        return f"{shown} must be text such as 'GET /path', or {KINDS['model']}"
    if family in KINDS:
        is_part = isinstance(error["input"], dict | list | tuple)
        return f"must be {KINDS[family]}, not {shown}" if is_part else f"{shown} must be {KINDS[family]}"
    return error["msg"].replace("Input should", f"{shown} should")


def _example(error: ErrorDetails, *, show: bool) -> str:
    """How it is written, for the places and types that newcomers get wrong."""
    place = tuple("*" if isinstance(step, int) else step for step in error["loc"])
    if place in EXAMPLES and error["type"].endswith("_type"):
        return EXAMPLES[place]
    if error["type"] in {"tuple_type", "list_type"} and isinstance(error["input"], str) and show:
        return f"[{_shown(error['input'])}]"
    if error["type"] == "string_type" and isinstance(error["input"], bool | int | float):
        return f"quote it: '{_shown(error['input'])}'"
    return "say why, in words" if place[:1] == ("not_applicable",) and error["type"] == "string_too_short" else ""


def _shown(value: Json) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def _suggest(value: Json, allowed: Iterable[str], *, show: bool) -> str:
    choices = list(allowed)
    known = "one of: " + ", ".join(choices)
    if not show or not isinstance(value, str):
        return known
    hint = nearest(value, choices)
    return f"{hint} {known}" if hint.startswith("did you mean") and len(choices) > 1 else known


def _allowed(loc: tuple[int | str, ...]) -> tuple[str, ...]:
    for member in _members(annotation_at(loc)):
        if get_origin(member) is Literal:
            return tuple(str(choice) for choice in get_args(member))
        if isinstance(member, type) and issubclass(member, Enum):
            return tuple(str(choice.value) for choice in member)
    return ()


def _unknown_key(loc: tuple[int | str, ...]) -> tuple[str, str]:
    key = str(loc[-1])
    model = _model_of(annotation_at(loc[:-1]))
    known = keys_of(model) if model else ()
    hint = MEANT.get(key) or nearest(key, known)
    if key not in MEANT and not hint.startswith("did you mean"):
        homes = [home for home in _homes() if home.endswith(f".{key}")]
        hint = f"it belongs at {homes[0]}" if homes else hint
    return f"'{key}' is not a key here", hint


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys that the file may use for a model."""
    own = tuple(str(field.alias or name) for name, field in model.model_fields.items())
    return own + SHORT_FORM_KEYS.get(model, ())


def annotation_at(path: KeyPath) -> Any:
    """The type that the models give to a place in the file; None where they know none."""
    annotation: Any = Profile
    for step in path:
        annotation = _step(annotation, step)
    return annotation


def _step(annotation: Any, step: str | int) -> Any:
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            for name, field in member.model_fields.items():
                if step in {name, field.alias}:
                    return field.annotation
        elif get_origin(member) is dict and isinstance(step, str):
            return get_args(member)[1]
        elif get_origin(member) is tuple and isinstance(step, int):
            return get_args(member)[0]
    return None


def _members(annotation: Any) -> list[Any]:
    """The types that an annotation allows: unions and `Annotated` taken apart."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [inner for member in get_args(annotation) for inner in _members(member)]
    return [annotation]


def _model_of(annotation: Any) -> type[BaseModel] | None:
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None


def _homes() -> list[str]:
    """Every place where a key may stand, nearest to the top first: `limits.max_rps`, `targets.NAME.url`."""
    homes: list[str] = []
    wave: list[tuple[KeyPath, type[BaseModel]]] = [((), Profile)]
    for path, model in wave:
        for name, field in model.model_fields.items():
            here = (*path, field.alias or name)
            homes.append(spelled(here))
            for member in _members(field.annotation):
                inner, below = _inside(member, here)
                if inner is not None and len(below) < 6:
                    wave.append((below, inner))
    return sorted(homes, key=lambda home: home.count("."))


def _inside(member: Any, here: KeyPath) -> tuple[type[BaseModel] | None, KeyPath]:
    if get_origin(member) is dict:
        return _model_of(get_args(member)[1]), (*here, "NAME")
    if get_origin(member) is tuple:
        return _model_of(get_args(member)[0]), (*here, 0)
    return _model_of(member), here
