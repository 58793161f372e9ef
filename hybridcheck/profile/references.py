"""`env:NAME`, `env:NAME|default` and `file:PATH` in the place of any scalar, and which values are secrets.

A reference is resolved once: a default or a file that itself begins with `env:` is text. Values that come out of a
reference are never repeated in a complaint.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hybridcheck.cases import Json
from hybridcheck.profile.document import Document, KeyPath
from hybridcheck.profile.wording import nearest

ENV = re.compile(r"^env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:\|(?P<default>.*))?$", re.DOTALL)
MOST_FILE_BYTES = 64 * 1024

UNRESOLVED = "unresolved"
"""Stands where a reference could not be resolved, so that its absence gives no second complaint."""

SECRET_PLACES: tuple[tuple[str, ...], ...] = (
    ("identities", "*", "password"),
    ("identities", "*", "token"),
    ("identities", "*", "api_key", "value"),
    ("identities", "*", "basic", "password"),
    ("services", "*", "direct_headers", "*"),
    ("hooks", "*", "headers", "*"),
)
"""Where the models have a SecretStr (a test compares)."""

SENT_PLACES = frozenset({"headers", "body", "query", "params", "send"})
"""Parts of a request: what a reference puts there may be a secret."""

SECRET_NAME = re.compile(r"token|secret|key|passw|auth|cookie|credential|session|pin\b", re.IGNORECASE)
SHORTEST_SECRET = 8

CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"})


@dataclass(slots=True)
class Resolved:
    """The document's data with its references resolved, the paths that were references, and the secrets among them."""

    value: Json
    referenced: set[KeyPath] = field(default_factory=set)
    hidden: set[KeyPath] = field(default_factory=set)
    unresolved: set[KeyPath] = field(default_factory=set)
    secrets: list[str] = field(default_factory=list)


def resolve(document: Document, folder: Path, environment: Mapping[str, str]) -> Resolved:
    """Resolve every reference; complaints (absent variable, unreadable file, literal secret) go to the document."""
    resolved = Resolved(None)
    resolved.value = _Resolver(document, folder, environment, resolved).value(document.value, ())
    for path, value in _literal_secrets(document.value, resolved.referenced):
        resolved.hidden.add(path)
        if isinstance(value, str | int | float):
            resolved.secrets.append(str(value))
        document.complain(path, "a secret stands here in plain text", f"use env:{_variable_for(path)} or file:PATH")
    return resolved


@dataclass(frozen=True, slots=True)
class _Resolver:
    document: Document
    folder: Path
    environment: Mapping[str, str]
    into: Resolved

    def value(self, value: Json, path: KeyPath) -> Json:
        if isinstance(value, dict):
            return {key: self.value(part, (*path, key)) for key, part in value.items()}
        if isinstance(value, list):
            return [self.value(part, (*path, index)) for index, part in enumerate(value)]
        if isinstance(value, str) and value.startswith(("env:", "file:")):
            return self._reference(value, path)
        return value

    def _reference(self, text: str, path: KeyPath) -> Json:
        self.into.referenced.add(path)
        self.into.hidden.add(path)
        found = self._variable(text, path) if text.startswith("env:") else self._file(text[len("file:") :], path)
        if found is None:
            self.into.unresolved.add(path)
            return UNRESOLVED
        if is_secret_place(path):
            self._look_at_secret(found, path)
        if found and (is_secret_place(path) or _may_be_secret(found, path)):
            self.into.secrets.append(found)
        return found

    def _look_at_secret(self, found: str, path: KeyPath) -> None:
        if not found:
            self.document.complain(path, "the secret that this refers to is empty")
        elif not found.isprintable():
            self.document.complain(path, "the value that this refers to holds a line break or a control character")

    def _variable(self, text: str, path: KeyPath) -> str | None:
        match = ENV.match(text)
        if match is None:
            self.document.complain(
                path, f"'{text[:60]}' does not name a variable", "write env:NAME or env:NAME|default"
            )
            return None
        name, secret = match["name"], is_secret_place(path)
        default: str | None = match["default"]
        if secret and default is not None:
            self.document.complain(path, "the default of a secret is a secret in plain text", f"write env:{name}")
        found = self.environment.get(name, default)
        if found is None:
            hint = nearest(name, self.environment, likeness=0.8)
            advice = "set it" if secret else f"set it, or write env:{name}|default"
            close = f"; {hint}" if hint.startswith("did you mean") else ""
            self.document.complain(path, f"the environment variable {name} is not set", advice + close)
        return found

    def _file(self, name: str, path: KeyPath) -> str | None:
        place = self.folder / name
        try:
            if not place.is_file():
                self.document.complain(path, f"the file {place} does not exist", "the path is relative to the profile")
                return None
            with place.open("rb") as file:
                data = file.read(MOST_FILE_BYTES + 1)
            text = data.decode("utf-8-sig")
        except (OSError, ValueError) as broken:
            self.document.complain(path, f"the file {place} cannot be read as text: {broken}")
            return None
        if len(data) > MOST_FILE_BYTES:
            self.document.complain(path, f"the file {place} is larger than {MOST_FILE_BYTES:,} bytes")
            return None
        return text.removesuffix("\n").removesuffix("\r")


def is_secret_place(path: KeyPath) -> bool:
    """Whether the models keep a secret at this path."""
    return any(
        len(path) == len(place) and all(want in {"*", step} for want, step in zip(place, path, strict=True))
        for place in SECRET_PLACES
    )


def _may_be_secret(found: str, path: KeyPath) -> bool:
    """Whether a referenced part of a request is masked: where it is named like a secret, or long enough to be one.

    A short value such as a page number is not: masking it would take away what the judges compare.
    """
    in_request = bool(SENT_PLACES & set(path))
    return in_request and (len(found) >= SHORTEST_SECRET or bool(SECRET_NAME.search(str(path[-1]))))


def _literal_secrets(value: Json, referenced: set[KeyPath]) -> Iterator[tuple[KeyPath, Json]]:
    for path, scalar in _scalars(value, ()):
        credential_header = len(path) >= 2 and path[-2] == "headers" and str(path[-1]).lower() in CREDENTIAL_HEADERS
        if scalar is not None and path not in referenced and (is_secret_place(path) or credential_header):
            yield path, scalar


def _scalars(value: Json, path: KeyPath) -> Iterator[tuple[KeyPath, Json]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _scalars(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _scalars(part, (*path, index))
    else:
        yield path, value


def _variable_for(path: KeyPath) -> str:
    words = [str(step) for step in path if isinstance(step, str) and step not in {"identities", "value", "headers"}]
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(words[-3:]).upper()).strip("_")
