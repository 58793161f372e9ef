"""What a profile's parts say about each other: names that must exist, limits that must not contradict, paths, dates."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from urllib.parse import urlsplit

import jsonschema

from hybridcheck.cases import CoreQuestion, Json
from hybridcheck.paths import is_path
from hybridcheck.profile import boundary_consistency, load_consistency
from hybridcheck.profile.contradiction import Contradiction, near
from hybridcheck.profile.document import KeyPath, spelled
from hybridcheck.profile.models import Identity, Profile
from hybridcheck.profile.operations import Operation, StreamSpec

LONGEST_WAIVER_DAYS = 90
"""For cases below critical; the plan, which knows severities, holds critical ones to 14."""

JSON_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")

DRAFT = "https://json-schema.org/draft/2020-12/schema"
"""The one draft that declared schemas are read as."""


def contradictions(profile: Profile, today: date) -> Iterator[Contradiction]:
    """Everything in a profile that each part for itself cannot see."""
    for rule in RULES:
        yield from rule(profile)
    yield from _waivers(profile, today)


def placed_operations(profile: Profile) -> Iterator[tuple[KeyPath, Operation]]:
    """Every operation with its place in the file."""
    for index, operation in enumerate(profile.operations):
        yield ("operations", index), operation
    for name, service in profile.services.items():
        for index, operation in enumerate(service.operations):
            yield ("services", name, "operations", index), operation


def _ids(profile: Profile) -> frozenset[str]:
    return frozenset(operation.id for _, operation in placed_operations(profile))


def _duplicate_ids(profile: Profile) -> Iterator[Contradiction]:
    first: dict[str, KeyPath] = {}
    for path, operation in placed_operations(profile):
        if operation.id in first:
            other = spelled(first[operation.id])
            yield Contradiction(path, f"the operation id '{operation.id}' exists already ({other})", "give it an `id:`")
        first.setdefault(operation.id, path)


def _identities(profile: Profile) -> Iterator[Contradiction]:
    for path, part in _callers(profile):
        identity = part.identity
        if identity is not None and identity not in profile.identities:
            yield Contradiction((*path, "identity"), f"no identity '{identity}'", near(identity, profile.identities))
        if part.auth == "required" and identity is None:
            yield Contradiction(
                path,
                "`auth: required` without `identity`: who may call it?",
                _choices("identity", profile.identities) or "declare one under `identities`",
            )
    for name, declared in profile.identities.items():
        yield from _way_in(profile, name, declared)


def _way_in(profile: Profile, name: str, declared: Identity) -> Iterator[Contradiction]:
    if declared.password is not None and profile.session is None:
        hint = "declare `session: {login: {path: /login, …}}`, or give the identity `basic` or `token`"
        yield Contradiction(("identities", name), "it has a password, and no `session` says how to log in", hint)


def _callers(profile: Profile) -> Iterator[tuple[KeyPath, Operation | StreamSpec]]:
    yield from placed_operations(profile)
    for name, service in profile.services.items():
        for key, stream in (("sse", service.sse), ("websocket", service.websocket)):
            if stream is not None:
                yield ("services", name, key), stream


def _roles(profile: Profile) -> Iterator[Contradiction]:
    roles = {identity.role for identity in profile.identities.values()}
    for path, operation in placed_operations(profile):
        for role in operation.roles:
            if role not in roles:
                yield Contradiction((*path, "roles"), f"no identity has the role '{role}'", near(role, roles))
        caller = profile.identities.get(operation.identity or "")
        if caller is not None and operation.roles and caller.role not in operation.roles:
            message = f"'{operation.identity}' has the role '{caller.role}', which may not call it"
            yield Contradiction((*path, "identity"), message, f"roles: {', '.join(operation.roles)}")


def _operation_links(profile: Profile) -> Iterator[Contradiction]:
    known = _ids(profile)
    for path, operation in placed_operations(profile):
        for key in ("read_back", "cleanup", "update", "twin"):
            target = getattr(operation, key)
            if target is not None and target not in known:
                yield Contradiction((*path, key), f"no operation has the id '{target}'", near(target, known))
        if operation.creates and operation.reads:
            yield Contradiction((*path, "creates"), f"a {operation.method} does not create", "remove `creates`")
        for needed in ("read_back", "cleanup"):
            if getattr(operation, needed) and not operation.id_from:
                hint = "id_from: $.id   # where the answer names what was created"
                yield Contradiction((*path, needed), f"`{needed}` needs `id_from`", hint)
    for index, counter in enumerate(profile.observability.counters):
        if counter.operation not in known:
            place = ("observability", "counters", index, "operation")
            yield Contradiction(place, f"no operation has the id '{counter.operation}'", near(counter.operation, known))


def _probes(profile: Profile) -> Iterator[Contradiction]:
    known = {operation.id: operation for _, operation in placed_operations(profile)}
    for keys, probe in profile.probes.placed():
        place: KeyPath = ("probes", *keys, "operation")
        operation = known.get(probe.operation)
        if operation is None:
            yield Contradiction(place, f"no operation has the id '{probe.operation}'", near(probe.operation, known))
        elif not (operation.reads and operation.sendable):
            message = f"'{operation.id}' cannot be sent by the read class, and probes send nothing else"
            yield Contradiction(place, message, "safe: true   # at the operation, where it changes nothing")
    compute, tally, listing = profile.probes.compute, profile.probes.tally, profile.probes.listing
    for keys, name in (
        (("compute", "light"), compute.light if compute is not None else None),
        (("tally", "operation"), tally.operation if tally is not None else None),
        (("listing", "make"), listing.make if listing is not None else None),
    ):
        if name is not None and name not in known:
            yield Contradiction(("probes", *keys), f"no operation has the id '{name}'", near(name, known))


def _sendable(profile: Profile) -> Iterator[Contradiction]:
    """Only an operation that another one links to gets its path filled in at run time."""
    linked = {
        target
        for _, operation in placed_operations(profile)
        for target in (operation.read_back, operation.cleanup, operation.update)
        if target
    } | {step.operation for phase in profile.load.values() for step in phase.all_steps()}
    linked |= {used for workflow in profile.workflows.values() for used in workflow.operation_ids()}
    for path, operation in placed_operations(profile):
        if not operation.sendable and operation.id not in linked:
            missing = operation.url_path().partition("{")[2].partition("}")[0]
            hint = f"params: {{{missing}: …}}, or let another operation name it in `read_back`, `cleanup` or `update`"
            yield Contradiction(path, f"nothing fills '{{{missing}}}' in {operation.path}", hint)
        for name in operation.params:
            if "{" + name + "}" not in operation.path:
                yield Contradiction((*path, "params", name), f"{operation.path} has no '{{{name}}}'")


def _value_paths(profile: Profile) -> Iterator[Contradiction]:
    for path, text in _paths(profile):
        if not is_path(text):
            fixed = "$." + text.lstrip("$.") if is_path("$." + text.lstrip("$.")) else "$.items[0].id"
            yield Contradiction(path, f"'{text}' is not a path into JSON", f"write it like {fixed}")


def _paths(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    for path, operation in placed_operations(profile):
        yield from _paths_of(path, operation)
    for keys, probe in profile.probes.placed():
        yield from ((("probes", *keys, *below), text) for below, text in probe.places())
    if profile.probes.tally is not None:
        yield ("probes", "tally", "value"), profile.probes.tally.value
    for path, stream in _callers(profile):
        if isinstance(stream, StreamSpec):
            given = (("sequence", stream.sequence), ("sent_at", stream.sent_at))
            yield from (((*path, key), text) for key, text in given if text is not None)
    if profile.session is not None:
        for call in ("login", "whoami", "refresh", "logout"):
            spec = getattr(profile.session, call)
            for key in ("token", "refresh_token", "identity"):
                text = getattr(spec, key, None)
                if text is not None:
                    yield ("session", call, key), text


def _paths_of(path: KeyPath, operation: Operation) -> Iterator[tuple[KeyPath, str]]:
    yield from (((*path, "expect", "values", text), text) for text in operation.expect.values)
    for index, example in enumerate(operation.examples):
        yield from (((*path, "examples", index, "expect", text), text) for text in example.expect)
    if operation.id_from is not None:
        yield (*path, "id_from"), operation.id_from
    if operation.data is not None:
        shown = (("points", operation.data.points), ("at", operation.data.at))
        yield from (((*path, "data", key), text) for key, text in shown if text is not None)


def _schemas(profile: Profile) -> Iterator[Contradiction]:
    for path, operation in placed_operations(profile):
        schema = operation.expect.json_schema
        if schema is not None:
            place = (*path, "expect", "schema")
            yield from (Contradiction(place, message, hint) for message, hint in schema_faults(schema))


def schema_faults(schema: Json) -> Iterator[tuple[str, str]]:
    """What is wrong with a JSON Schema (message, hint): its own rules, an unknown draft, a reference out of it."""
    if not isinstance(schema, dict | bool):
        yield "a JSON Schema is a mapping", "schema: {type: object, required: [id]}"
        return
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    if declared is not None and declared != DRAFT:
        yield f"schemas are read as draft 2020-12, not as {str(declared)[:80]!r}", "leave `$schema` out"
    for reference in _references(schema):
        if not reference.startswith("#"):
            yield (
                f"'{reference[:80]}' refers out of this schema",
                "copy what it means under `$defs`: nothing is fetched",
            )
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as wrong:
        at = "/".join(str(step) for step in wrong.absolute_path)
        hint = f"types: {', '.join(JSON_TYPES)}" if at.endswith("type") else ""
        yield f"is not a valid JSON Schema{' at ' + at if at else ''}: {wrong.message[:200]}", hint
    except RecursionError:
        yield "this JSON Schema is nested too deeply", ""


def _references(schema: Json) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in {"$ref", "$dynamicRef", "$recursiveRef"} and isinstance(value, str):
                yield value
            elif key not in {"const", "enum", "examples", "default"}:
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _not_applicable(profile: Profile) -> Iterator[Contradiction]:
    """Words without a dot can only be core questions; the plan, which knows the checks, looks at the others."""
    questions = [question.value for question in CoreQuestion]
    for name in profile.not_applicable:
        if "." not in name and name not in questions:
            hint = near(name, questions) + " or the id of a check, such as 'authn.expired-token-refused'"
            yield Contradiction(("not_applicable", name), f"'{name}' is not a core question", hint)


def _targets(profile: Profile) -> Iterator[Contradiction]:
    for path, url in _urls(profile):
        fault = url_fault(url)
        if fault:
            yield Contradiction(path, fault, "http(s)://host[:port][/path]")


def _urls(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    for name, target in profile.targets.items():
        yield ("targets", name, "url"), target.url
    for name, service in profile.services.items():
        if service.direct_url is not None:
            yield ("services", name, "direct_url"), service.direct_url


def url_fault(url: str) -> str:
    """Why a text is no base URL; empty where it is one. Never repeats credentials."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        return f"this URL is malformed: {wrong}"
    if "@" in parts.netloc:
        return "this URL carries credentials: declare an identity instead"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return f"'{url[:80]}' is not an http or https URL with a host"
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        return "a base URL has no query and no fragment"
    if any(character.isspace() or ord(character) < 32 for character in url):
        return "a URL has no blanks"
    return ""


def _waivers(profile: Profile, today: date) -> Iterator[Contradiction]:
    for index, waiver in enumerate(profile.waivers):
        place: KeyPath = ("waivers", index, "expires")
        try:
            expires = date.fromisoformat(waiver.expires)
        except ValueError:
            yield Contradiction(place, f"'{waiver.expires}' is not a date of the calendar", "such as 2026-12-31")
            continue
        if expires > today + timedelta(days=LONGEST_WAIVER_DAYS):
            latest = today + timedelta(days=LONGEST_WAIVER_DAYS)
            message = f"a waiver lasts at most {LONGEST_WAIVER_DAYS} days (14 for critical cases)"
            yield Contradiction(place, message, f"expires: {latest.isoformat()} or earlier")


def _waived_twice(profile: Profile) -> Iterator[Contradiction]:
    seen: dict[str, list[int]] = defaultdict(list)
    for index, waiver in enumerate(profile.waivers):
        seen[waiver.case].append(index)
    for case, places in seen.items():
        for index in places[1:]:
            yield Contradiction(("waivers", index), f"'{case}' is waived in waivers[{places[0]}] already", "keep one")


def _choices(key: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"{key}: {names[0]}" if len(names) == 1 else (f"{key}: one of {', '.join(names)}" if names else "")


RULES: tuple[Callable[[Profile], Iterator[Contradiction]], ...] = (
    _targets,
    _duplicate_ids,
    _identities,
    _roles,
    _operation_links,
    _probes,
    _sendable,
    _value_paths,
    _schemas,
    *load_consistency.RULES,
    *boundary_consistency.RULES,
    _not_applicable,
    _waived_twice,
)
