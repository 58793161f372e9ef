"""What is created and removed again: a POST to a collection, and a DELETE of one of its members."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hybridcheck.cases import Json
from hybridcheck.drafting.entries import GUESSED, PLACEHOLDER, Entry
from hybridcheck.drafting.sessions import answer_properties, key_of
from hybridcheck.openapi.document import Description
from hybridcheck.openapi.requests import resolved

MARKED = ("name", "title", "label", "description", "subject", "text")
"""Members of a body that a marker may stand in, the likeliest first."""

MARKER_LENGTH = 24


@dataclass(frozen=True, slots=True)
class _Members:
    """The operations of one member of a collection."""

    removing: Entry
    reading: Entry | None
    changing: Entry | None
    parameter: str


def with_lifecycles(description: Description, made: Sequence[Entry]) -> list[Entry]:
    """The entries with creating operations bound to those that read, change and remove what they create."""
    by_key = {key_of(entry.offered): entry for entry in made}
    removing = {_collection(path): entry for (method, path), entry in by_key.items() if method == "DELETE"}
    changed: dict[tuple[str, str], Entry] = {}
    for entry in made:
        remover = removing.get(entry.offered.described.path.rstrip("/"))
        members = _members(by_key, remover) if _creates(entry) and remover is not None else None
        id_from = _id_from(description, entry, members.parameter) if members is not None else None
        if members is None or id_from is None:
            continue
        companions = _companions(members)
        if any(key_of(companion.offered) in changed for companion in companions.values()):
            continue
        links = {name: companion.id for name, companion in companions.items()}
        fields, marker = _marked(description, entry)
        fields = {**fields, "creates": True, "id_from": id_from, **({"marker_field": f"$.{marker}"} if marker else {})}
        changed[key_of(entry.offered)] = replace(
            entry, fields={**fields, **links}, notes=(f"what it creates, {companions['cleanup'].id} removes",)
        )
        for name, companion in companions.items():
            bound = _bound(companion, members.parameter, marker if name == "update" else "")
            changed[key_of(companion.offered)] = bound
    return [changed.get(key_of(entry.offered), entry) for entry in made]


def _creates(entry: Entry) -> bool:
    return entry.offered.described.method == "POST" and not entry.offered.safe and not entry.lacks


def _collection(path: str) -> str:
    """The path of the collection that a path with a value at its end is a member of; empty where it is none."""
    above, _, last = path.rstrip("/").rpartition("/")
    return above if PLACEHOLDER.fullmatch(last) else ""


def _members(by_key: Mapping[tuple[str, str], Entry], removing: Entry) -> _Members | None:
    """The operations of a member, where the one that removes it is callable without more."""
    path = removing.offered.described.path
    parameter = path.rstrip("/").rpartition("/")[2].strip("{}")
    if not _usable(removing, parameter):
        return None
    reading = by_key.get(("GET", path))
    changing = by_key.get(("PUT", path)) or by_key.get(("PATCH", path))
    return _Members(
        removing=removing,
        reading=reading if _usable(reading, parameter) else None,
        changing=changing if _usable(changing, parameter) and changing and "body" in changing.fields else None,
        parameter=parameter,
    )


def _usable(entry: Entry | None, parameter: str) -> bool:
    """Whether nothing is lacking but the member's own part of the path, which the run fills."""
    if entry is None:
        return False
    own = {f"path parameter {parameter}", ""}
    filled = {"", GUESSED, f"a value for the path parameter {parameter}"}
    return entry.lacks in filled and set(entry.guessed) - {"body"} <= own and "query" not in entry.fields


def _companions(members: _Members) -> dict[str, Entry]:
    found = {"read_back": members.reading, "update": members.changing, "cleanup": members.removing}
    return {name: entry for name, entry in found.items() if entry is not None}


def _id_from(description: Description, entry: Entry, parameter: str) -> str | None:
    """Where the answer names what was created: a member called like the parameter, or `id`."""
    shown = answer_properties(description, entry.offered)
    own = parameter.rpartition("_")[2] or parameter
    return next(
        (f"$.{name}" for name in (parameter, "id", own, "uuid", "key") if name in shown and name.isidentifier()), None
    )


def _marked(description: Description, entry: Entry) -> tuple[dict[str, Json], str]:
    """The fields with `{marker}` in the first member of the body that is free text and comes back; its name."""
    body = entry.fields.get("body")
    shown = answer_properties(description, entry.offered)
    names = [name for name in MARKED if isinstance(body, dict) and name in body and name in shown]
    for name in names:
        if _takes_marker(description, entry, name):
            return {**entry.fields, "body": {**entry.fields["body"], name: "{marker}"}}, name
    return dict(entry.fields), ""


def _takes_marker(description: Description, entry: Entry, name: str) -> bool:
    sent = entry.offered.body.schema if entry.offered.body else {}
    properties = resolved(description.root, sent).get("properties")
    schema = resolved(description.root, properties.get(name)) if isinstance(properties, dict) else {}
    most = schema.get("maxLength")
    long_enough = not isinstance(most, int) or most >= MARKER_LENGTH
    return schema.get("type") == "string" and long_enough and not schema.keys() & {"enum", "const", "format", "pattern"}


def _bound(entry: Entry, parameter: str, marker: str) -> Entry:
    """A companion: the member's part of its path stays open, for the run to fill."""
    params = {name: value for name, value in entry.fields.get("params", {}).items() if name != parameter}
    fields = {**entry.fields, "params": params}
    if not params:
        del fields["params"]
    body = fields.get("body")
    if marker and isinstance(body, dict) and marker in body:
        fields["body"] = {**body, marker: "{marker}"}
    return replace(entry, fields=fields, lacks="", linked=True)


def in_order(made: Sequence[Entry]) -> Iterator[Entry]:
    """Declared entries first: what reads, what creates with its companions, then what is left as a comment."""
    yield from (entry for entry in made if not entry.lacks and entry.reads and not entry.linked)
    yield from (entry for entry in made if not entry.lacks and (not entry.reads or entry.linked))
    yield from (entry for entry in made if entry.lacks)
