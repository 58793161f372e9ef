"""From an address or a file to a draft of a profile, read back as a run would read it before anybody sees it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from hybridcheck.drafting.draft import Draft, Source, draft
from hybridcheck.drafting.entries import Entry, entries, with_answer
from hybridcheck.drafting.guesses import health_routes
from hybridcheck.drafting.lifecycles import in_order, with_lifecycles
from hybridcheck.drafting.looking import Look, looking_at, origin_of, path_of
from hybridcheck.drafting.sessions import Access, access_of
from hybridcheck.errors import ProfileError, ToolError, UsageError
from hybridcheck.openapi.document import MOST_BYTES, Description, NotADescription, read
from hybridcheck.openapi.requests import Offered, offered
from hybridcheck.profile.consistency import url_fault
from hybridcheck.profile.reading import Loaded, read_text

UNLINKED = "`safe: true` where it changes nothing, or `creates: true` with `id_from` and `cleanup`"


@dataclass(frozen=True, slots=True)
class Made:
    """A draft, and the profile that it is."""

    draft: Draft
    loaded: Loaded


async def make(where: str | None, base_url: str | None, *, today: date) -> Made:
    """Draft a profile from a document (URL or file; None: searched at the base URL).

    Raises:
        UsageError: neither is given, an address is wrong, leads out of the base URL's origin, or there is no document.
    """
    for address in (base_url, where if where and "://" in where else None):
        fault = url_fault(address.partition("?")[0]) if address else ""
        if fault:
            raise UsageError(fault, where="--base-url or --from", hint="http(s)://host[:port][/path]")
    if where is not None and "://" not in where:
        description = from_file(Path(where))
        if base_url is None:
            return finish(description, Source(where, _declared_server(description), None, None), today=today)
        async with looking_at(origin_of(base_url)) as look:
            return await _looked(look, description, Source(where, base_url.rstrip("/"), None, None), today=today)
    origin = origin_of(base_url or where or "")
    if where is None and base_url is None:
        raise UsageError("nothing says where the system or its document is", where="--base-url or --from")
    if where is not None and origin_of(where) != origin:
        hint = "save the document to a file: --from FILE"
        raise UsageError(f"{where} is not at {origin}, and nothing else is asked", where="--from", hint=hint)
    async with looking_at(origin) as look:
        path = path_of(where) if where is not None else None
        if path is None:
            found = await look.search()
            if found is None:
                hint = "--from URL or FILE; without one, `hybridcheck validate --base-url` prints the lines of a first profile"
                raise UsageError(
                    f"no OpenAPI document was found at the usual paths of {origin}", where="--base-url", hint=hint
                )
            path, description = found
        else:
            description = await look.document(path)
        source = Source(f"{origin}{path}", (base_url or origin).rstrip("/"), path, None)
        return await _looked(look, description, source, today=today)


def from_file(path: Path) -> Description:
    """The document in a file.

    Raises:
        UsageError: where it cannot be read, or is none.
    """
    try:
        if not path.is_file():
            raise UsageError(f"there is no file {path}", where="--from", hint="give a file, or a URL with http://")
        with path.open("rb") as file:
            return read(file.read(MOST_BYTES + 1))
    except OSError as broken:
        raise UsageError(f"{path} cannot be read: {broken.strerror}", where="--from") from broken
    except NotADescription as fault:
        raise UsageError(f"{path} is no OpenAPI document: {fault}", where="--from") from fault


async def _looked(look: Look, description: Description, source: Source, *, today: date) -> Made:
    """The draft with what the target shows of itself."""
    source = _based(source, description)
    offers = tuple(offered(description))
    routes = await look.routes([route for route in health_routes(offers) if route])
    access, made = _entries(description, offers)
    answers = await look.answers({target: entry.nowhere for entry in made if (target := entry.target) is not None})
    asked = [with_answer(entry, answers[entry.target]) if entry.target in answers else entry for entry in made]
    refused = any(answer.status in {401, 403} for answer in answers.values())
    source = replace(source, routes=routes, refuses=refused)
    return _written(description, offers, (access, asked), source, today=today)


def _based(source: Source, description: Description) -> Source:
    """The target's URL without the path that the document's operations begin with already."""
    if source.base_url is None:
        return source
    origin = origin_of(source.base_url)
    below = source.base_url.removeprefix(origin)
    prefixed = bool(below) and all(operation.path.startswith(f"{below}/") for operation in description.operations)
    base = origin if prefixed else source.base_url
    path = source.document_path
    inside = (
        path if base == origin or path is None else path.removeprefix(below) if path.startswith(f"{below}/") else None
    )
    return replace(source, base_url=base, document_path=inside)


def _declared_server(description: Description) -> str | None:
    """The document's own first server as the target, where it is a whole URL: it is written down, and not asked."""
    servers = description.root.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
    url = str(first.get("url") or "")
    host = description.root.get("host")
    if description.dialect == "2.0" and isinstance(host, str):
        schemes = description.root.get("schemes")
        url = f"{'https' if not isinstance(schemes, list) or 'https' in schemes else 'http'}://{host}"
    if not url.startswith(("http://", "https://")) or "{" in url or url_fault(url) or len(url) > 500:
        return None
    return origin_of(url)


def finish(
    description: Description, source: Source, *, today: date, seen: Callable[[Entry], Entry] | None = None
) -> Made:
    """The draft from a document alone: nothing is asked. `seen` adds what is known of an entry's answers."""
    offers = tuple(offered(description))
    access, made = _entries(description, offers)
    known = [seen(entry) for entry in made] if seen is not None else made
    return _written(description, offers, (access, known), source, today=today)


def _entries(description: Description, offers: tuple[Offered, ...]) -> tuple[Access, list[Entry]]:
    access = access_of(description, offers)
    return access, list(entries(description, offers, access))


def _written(
    description: Description,
    offers: tuple[Offered, ...],
    found: tuple[Access, list[Entry]],
    source: Source,
    *,
    today: date,
) -> Made:
    access, made = found
    bound = [_left_out(entry) for entry in with_lifecycles(description, made)]
    text = draft(description, list(in_order(bound)), access, source, health_routes(offers))
    return Made(text, read_back(text, today=today))


def _left_out(entry: Entry) -> Entry:
    """What changes something, and is bound to nothing that cleans up, is not declared."""
    if entry.lacks or entry.reads or entry.linked or entry.fields.get("creates"):
        return entry
    return replace(entry, lacks=UNLINKED)


def read_back(made: Draft, *, today: date) -> Loaded:
    """The profile that the text is, with a word in the place of each secret.

    Raises:
        ToolError: it is none; that is our fault.
    """
    environment = dict.fromkeys(made.variables, "‹secret›")
    try:
        return read_text(made.text.encode(), Path("hybridcheck.yaml"), environment, today=today)
    except (ProfileError, UnicodeError) as fault:
        raise ToolError(
            f"the profile that was made is not valid: {fault}", hint="please report this, with the document"
        ) from fault
