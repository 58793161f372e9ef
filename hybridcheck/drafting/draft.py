"""The text of a profile from what a document says and the target showed: each guess marked, each gap listed."""

import ipaddress
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import ValidationError

from hybridcheck.cases import Json
from hybridcheck.drafting.entries import Entry
from hybridcheck.drafting.guesses import HEALTH_NAMES, READY_NAMES, kind_of, last_part, media_types
from hybridcheck.drafting.looking import Routes
from hybridcheck.drafting.sessions import Access, Identity, answer_properties
from hybridcheck.drafting.yaml_text import NotWritable, comment, flow, from_document
from hybridcheck.openapi.document import Description
from hybridcheck.openapi.requests import resolved
from hybridcheck.profile.models import Kind, Limits, Thresholds

MOST_DECLARED = 150
MOST_LEFT = 200
"""Operations that stand in the profile as comments; more are counted."""

MOST_IN_LOAD = 4
RATE_RPS = 50
DURATION_S = 20
"""A small load: in the quick budget still the 299 requests that show an error ratio of 1 %."""

BUILDS = ("build", "version", "commit", "revision", "git_sha")
STATED = ("max_latency_ms", "min_throughput_rps", "max_error_ratio", "max_recovery_s")


@dataclass(frozen=True, slots=True)
class Source:
    """What the draft is made from, in words; the target's URL; the document's path below it; what the target showed.

    `base_url` is None where nobody said where the system is. `routes` is None where nothing was asked. `refuses`: an
    operation that is documented as open to all answered 401 or 403.
    """

    words: str
    base_url: str | None
    document_path: str | None
    routes: Routes | None
    refuses: bool = False


@dataclass(slots=True)
class Draft:
    """The text, what is left to fill in (for the console), and the environment variables that it refers to."""

    lines: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The whole file."""
        return "\n".join(self.lines) + "\n"

    def line(self, text: str = "", note: str = "") -> None:
        """One line, with a note as its comment."""
        self.lines.append(f"{text}{'  ' if text and note else ''}{'# ' + note if note else ''}")


def draft(
    description: Description, made: list[Entry], access: Access, source: Source, health: tuple[str | None, str | None]
) -> Draft:
    """The profile. `health` are the documented routes of readiness and health."""
    declared = [entry for entry in made if not entry.lacks]
    declared, beyond = declared[:MOST_DECLARED], declared[MOST_DECLARED:]
    found = Draft()
    _head(found, description, source)
    ready = _alive(found, health, source, declared)
    _document(found, source)
    used = _callers(declared)
    _session(found, access, used)
    _services(found, declared, [entry for entry in made if entry.lacks], len(beyond))
    stated = _stated(description.root.get("x-thresholds"))
    loaded = _load(found, declared, ready, max(RATE_RPS, stated.get("min_throughput_rps", 0)))
    _thresholds(found, stated, loaded=loaded)
    _observability(found, description, made, source)
    _access(found, description, access, source)
    return found


def _head(found: Draft, description: Description, source: Source) -> None:
    found.line(note=f"Written by `hybridcheck init` from {comment(source.words)}")
    found.line(note=f"(dialect {description.dialect}, {len(description.operations):,} operations).")
    found.line(note="GUESS marks what the document does not say: look at it. FILL IN marks what only you know.")
    found.line("version: 1")
    info = description.root.get("info")
    title = str(info.get("title") or "") if isinstance(info, dict) else ""
    found.line(f"name: {flow(re.sub(r'[^A-Za-z0-9]+', '-', title).strip('-').lower()[:60] or 'unnamed')}")
    found.line()
    if source.base_url is None:
        found.line(
            note='targets: {staging: {url: "https://staging.example.com", environment: staging}}   FILL IN: where the system is'
        )
        found.to_do.append("targets: where the system is (or give --base-url to each command)")
        return
    if is_local(source.base_url):
        found.line("targets:")
        found.line(f"  local: {{url: {flow(source.base_url)}, environment: local}}")
    else:
        found.line("targets:", "GUESS: the careful one. production is only read; staging also gets writes and load")
        found.line(f"  system: {{url: {flow(source.base_url)}, environment: production}}")
        found.to_do.append("targets: is it production? With `environment: staging` it also gets writes and load")


def is_local(url: str) -> bool:
    """Whether a URL means this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _alive(found: Draft, health: tuple[str | None, str | None], source: Source, declared: list[Entry]) -> str | None:
    """`ready` and `health`: the documented routes, else a usual one that answered, else an operation that did."""
    ready, alive = health
    usual = source.routes.health if source.routes else None
    plain = next(
        (e for e in declared if e.reads and e.target and "{" not in e.target and e.notes and 200 in _statuses(e)), None
    )
    found.line()
    if ready or alive or usual:
        chosen = ready or alive or usual
        note = (
            ""
            if ready
            else "GUESS: documented by this name"
            if alive
            else "GUESS: not documented, it answered just now"
        )
        found.line(f"ready: {flow(chosen)}", note)
        if ready and alive:
            found.line(f"health: {flow(alive)}", "GUESS: by its name")
        return chosen
    if plain is not None and plain.target:
        found.line(f"ready: {flow(plain.target)}", "GUESS: no route of readiness was found; this one answered just now")
        found.to_do.append("ready: a route that says whether the system can serve (an operation stands there)")
        return plain.target
    found.line(note="ready: /health   FILL IN: the route that answers 200 while the system can serve")
    found.to_do.append("ready: the route that answers 200 while the system can serve")
    return None


def _statuses(entry: Entry) -> tuple[int, ...]:
    return tuple(entry.fields.get("expect", {}).get("status", (200,)))


def _document(found: Draft, source: Source) -> None:
    if source.document_path is not None:
        found.line(f"openapi: {flow(source.document_path)}")
    else:
        found.line(
            note="openapi: /openapi.json   FILL IN where the system serves its document: answers are held against it"
        )


def _callers(declared: list[Entry]) -> set[str]:
    return {str(entry.fields["identity"]) for entry in declared if "identity" in entry.fields}


def _session(found: Draft, access: Access, used: set[str]) -> None:
    identities = {name: identity for name, identity in access.identities.items() if name in used}
    by_login = any("password" in identity.way_in for identity in identities.values())
    if access.session and by_login:
        found.line()
        found.line("session:", "GUESS: recognised by names")
        for call, fields in access.session.items():
            found.line(f"  {call}: {flow(fields)}")
        found.line(
            note="  refresh_rotates: true   where a refresh token works once; grace_s: how long an old one may still work"
        )
    if not identities:
        return
    found.line()
    found.line("identities:", "accounts of the tester's own; FILL IN these environment variables")
    for name, identity in identities.items():
        found.line(f"  {name}: {flow(_declaration(identity))}")
        found.variables.extend(identity.variables)
    found.line(
        note="  second: {…}   a second account lets the checks of authorization try its hands on what is not its own"
    )
    found.to_do.append(f"set {', '.join(found.variables)} (accounts of the tester's own)")


def _declaration(identity: Identity) -> dict[str, Json]:
    return {"role": identity.role, **identity.way_in}


def _services(found: Draft, declared: list[Entry], left: list[Entry], beyond: int) -> None:
    groups: dict[str, list[Entry]] = {}
    for entry in declared:
        groups.setdefault(_service_name(entry), []).append(entry)
    if groups:
        found.line()
        found.line(
            "services:", "`runtime: cpython` or `codon` at each brings in the checks of the boundary between them"
        )
    for name, entries in groups.items():
        kind = kind_of(name, (entry.offered for entry in entries))
        found.line(f"  {name}:")
        found.line(f"    kind: {kind.value}", "GUESS" if kind is not Kind.API else "")
        found.line("    operations:")
        for entry in entries:
            found.line(f"      - {flow(_entry(entry))}", _note(entry))
    creating = [entry.id for entry in declared if entry.fields.get("creates")]
    if creating:
        named = ", ".join(creating[:MOST_IN_LOAD]) + ("…" if len(creating) > MOST_IN_LOAD else "")
        found.to_do.append(f"are writes welcome there? {named}: a run creates things of its own and removes them again")
    _left(found, left, beyond)


def _left(found: Draft, left: list[Entry], beyond: int) -> None:
    """What is not declared, by what it would need."""
    needs: dict[str, list[str]] = {}
    for entry in left[:MOST_LEFT]:
        described = entry.offered.described
        needs.setdefault(comment(entry.lacks, 160), []).append(comment(f"{described.method} {described.path}", 90))
    if needs:
        found.line()
        found.line(note="Not declared, by what each would need:")
    for need, names in needs.items():
        found.line(note=f"  {need}:")
        for row in textwrap.wrap(
            ", ".join(name.replace(" ", "\0") for name in names), 110, break_long_words=False, break_on_hyphens=False
        ):
            found.line(note=f"    {row.replace(chr(0), ' ')}")
    more = max(0, len(left) - MOST_LEFT) + beyond
    if more:
        found.line(note=f"  and {more:,} more operations of the document")
    if left or more:
        found.to_do.append(f"{len(left) + beyond:,} operations are not declared: the file says what each would need")


def _service_name(entry: Entry) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", entry.offered.tag.lower()).strip("-")[:60].strip("-")
    return name or "api"


def _entry(entry: Entry) -> dict[str, Json]:
    method, path = entry.offered.described.method, entry.offered.described.path
    request = f"{method} {path}"
    return {**({"id": entry.id} if entry.id != request else {}), "request": request, **entry.fields}


def _note(entry: Entry) -> str:
    parts = [f"GUESS: {', '.join(entry.guessed)}"] if entry.guessed else []
    parts += entry.notes
    if entry.linked:
        parts = [part for part in parts if not part.startswith("GUESS: path")]
    return comment("; ".join(parts), 160)


def _load(found: Draft, declared: list[Entry], ready: str | None, rate_rps: float) -> bool:
    """A small load on reading operations of which nothing was made up; those that just answered first."""
    plain = [
        e
        for e in declared
        if e.offered.described.method == "GET" and not e.guessed and not e.linked and _is_loadable(e)
    ]
    chosen = sorted(plain, key=lambda entry: (not _is_json(entry), _is_trivial(entry, ready)))[:MOST_IN_LOAD]
    found.line()
    if not chosen:
        found.line(
            note=f"load: {{steady: {{rate_rps: {RATE_RPS}, duration_s: {DURATION_S}, operations: [ID]}}}}   FILL IN reading operations"
        )
        found.to_do.append("load: which reading operations carry the load")
        return False
    found.line("load:", "small: raise it to what your system has to sustain")
    operations = flow([entry.id for entry in chosen])
    found.line(f"  steady: {{rate_rps: {flow(rate_rps)}, duration_s: {DURATION_S}, operations: {operations}}}")
    return True


def _is_loadable(entry: Entry) -> bool:
    name = last_part(entry.offered.described.path)
    good = all(200 <= status < 300 for status in _statuses(entry))
    return (
        good
        and name not in {"metrics", "openapi.json", "swagger.json"}
        and not any("documented is" in n for n in entry.notes)
    )


def _is_trivial(entry: Entry, ready: str | None) -> bool:
    """Whether it says something about the system, and does none of its work."""
    path = entry.offered.described.path
    return path in {"/", ready} or last_part(path) in (*READY_NAMES, *HEALTH_NAMES, "version", "info")


def _is_json(entry: Entry) -> bool:
    return any(name.endswith("json") for name in media_types(entry.offered))


def _thresholds(found: Draft, stated: dict[str, Json], *, loaded: bool) -> None:
    """Those that the document itself states under `x-thresholds`; else suggestions, as comments: nothing was measured."""
    if stated:
        found.line(f"thresholds: {flow(stated)}", "as the document promises under x-thresholds")
    if {"max_latency_ms", "max_error_ratio"} <= stated.keys():
        return
    found.line(
        note="thresholds: {max_latency_ms: 200, max_error_ratio: 0.01}   FILL IN what you promise; these are no measurements"
    )
    words = "" if loaded else ", once there is a load"
    found.to_do.append(f"thresholds: what latency and error ratio you promise under load{words}")


def _stated(value: Json) -> dict[str, Json]:
    """The thresholds that a document states: those of our names, in our ranges, that this tester's limits can show."""
    given = {key: value[key] for key in STATED if key in value} if isinstance(value, dict) else {}
    if any(isinstance(item, bool) or not isinstance(item, int | float) for item in given.values()):
        return {}
    try:
        Thresholds.model_validate(from_document(given))
    except (ValidationError, NotWritable):
        return {}
    most = Limits().max_rps
    return {key: item for key, item in given.items() if key != "min_throughput_rps" or item <= most}


def _observability(found: Draft, description: Description, made: list[Entry], source: Source) -> None:
    seen: dict[str, Json] = {}
    for entry in made:
        name = last_part(entry.offered.described.path)
        shown = answer_properties(description, entry.offered) if "health" in name or name in {"version", "info"} else {}
        build = next(
            (word for word in BUILDS if resolved(description.root, shown.get(word)).get("type") == "string"), None
        )
        if (
            build is not None
            and not entry.lacks
            and "auth" not in entry.fields
            and "{" not in entry.offered.described.path
        ):
            seen["build"] = {"path": entry.offered.described.path, "value": f"$.{build}"}
            break
    if source.routes and source.routes.metrics:
        seen["metrics"] = source.routes.metrics
    if seen:
        found.line(f"observability: {flow(seen)}", "GUESS")


def _access(found: Draft, description: Description, access: Access, source: Source) -> None:
    """Where nothing is documented as protected, and nothing refused: that access does not apply, as a guess."""
    protected = any(operation.get("security") for operation in _raw(description)) or description.root.get("security")
    if source.refuses:
        found.line()
        found.line(
            note="identities: {alice: {token: env:ALICE_TOKEN}}   FILL IN: operations refused a caller without credentials"
        )
        found.to_do.append("identities: who may call what refused us, and `auth: required` with `identity` there")
    if protected or access.schemes or source.refuses:
        return
    found.line()
    found.line("not_applicable:", "GUESS: the document names no way to log in. Delete it where anything is protected")
    found.line('  access: "the OpenAPI document declares no security scheme and no protected operation"')
    found.to_do.append("not_applicable: is it true that nothing is protected? The document says so by saying nothing")


def _raw(description: Description) -> Iterator[Mapping[str, Json]]:
    paths = description.root.get("paths")
    for item in paths.values() if isinstance(paths, dict) else ():
        for operation in item.values() if isinstance(item, dict) else ():
            if isinstance(operation, dict):
                yield operation
