"""Which line of the profile a case is about, for reports that point into a file."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from hybridcheck.cases import Json
from hybridcheck.profile.document import KeyPath, Refused, read_bytes, read_document
from hybridcheck.verdict import Verdict
from hybridcheck.writers import wording

_BY_TOPIC: Mapping[str, tuple[str, ...]] = {
    "health": ("ready", "health"),
    "contract": ("operations", "services"),
    "authn": ("session", "identities"),
    "authz": ("identities",),
    "session": ("session",),
    "load": ("load", "thresholds"),
    "recovery": ("load",),
    "exposure": ("exposure",),
    "metrics": ("observability",),
    "resources": ("observability",),
}
"""Topic of a check → the keys that promise something of this kind, where no value bears the name of the subject."""


def lines_of(profile: Path, verdict: Verdict) -> dict[str, int]:
    """Case id → line (from 1) for every case; line 1, the profile as a whole, where nothing in it is nearer.

    Empty where the file cannot be read any more: it was readable when the run began.
    """
    try:
        document = read_document(read_bytes(profile), profile.name)
    except Refused:
        return {}
    value = document.value if isinstance(document.value, dict) else {}
    named = dict(_named(value))
    found = {}
    for case in wording.cases(verdict):
        places = (named.get(case.subject), *((key,) for key in _BY_TOPIC.get(case.check.partition(".")[0], ())))
        lines = (document.lines.get(place) for place in places if place is not None)
        found[case.id] = next((line for line in lines if line is not None), 1)
    return found


def uri_of(profile: Path) -> str:
    """The profile's path as a relative URI, as code scanning wants it: from the working folder, where it is inside."""
    absolute, here = profile.absolute(), Path.cwd()
    shown = absolute.relative_to(here) if absolute.is_relative_to(here) else PurePath(os.path.relpath(absolute, here))
    return shown.as_posix()


def _named(value: Json) -> Iterator[tuple[str, KeyPath]]:
    """Everything that a case may have as its subject: the name, and the key path of what bears it."""
    for section in ("identities", "load", "services"):
        part = value.get(section)
        if isinstance(part, dict):
            yield from ((str(name), (section, name)) for name in part)
    yield from _operations(value.get("operations"), ("operations",))
    services = value.get("services")
    for name, service in services.items() if isinstance(services, dict) else ():
        if isinstance(service, dict):
            yield from _operations(service.get("operations"), ("services", name, "operations"))


def _operations(listed: Json, place: KeyPath) -> Iterator[tuple[str, KeyPath]]:
    """An operation's id is the one it has, else its short form without what it answers."""
    for index, operation in enumerate(listed if isinstance(listed, list) else ()):
        short = operation.get("id") or operation.get("request") if isinstance(operation, dict) else operation
        if isinstance(short, str):
            yield short.split("->")[0].strip(), (*place, index)
