"""One documented operation as one entry of a profile: declared, or left as a comment with what it still needs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from hybridcheck.cases import Json
from hybridcheck.drafting.guesses import good_statuses, is_dangerous, media_types
from hybridcheck.drafting.sessions import Access, key_of
from hybridcheck.drafting.yaml_text import NotWritable, comment, from_document
from hybridcheck.openapi.document import Description
from hybridcheck.openapi.requests import FORMS, Offered, Parameter, resolved
from hybridcheck.openapi.samples import NoSample, sample
from hybridcheck.profile.models import Scope
from hybridcheck.profile.references import CREDENTIAL_HEADERS

PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%/-]|\{[A-Za-z0-9_.-]+\})*\Z")
OPERATION_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,79}\Z")
PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
VALUE = re.compile(r"[A-Za-z0-9._~-]{1,200}\Z")
HEADER_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
HEADER_VALUE = re.compile(r"[ -~]{1,500}\Z")
OWN_HEADERS = CREDENTIAL_HEADERS | {"accept", "content-type", "content-length", "host", "user-agent", "connection"}
MOST_REQUIRED = 12
SLOW_S = 1.0
"""An operation that takes longer to answer is left for the author to declare."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What an operation just answered: a status and media type, or neither where no answer came; how long it took.

    `anything`: a value that cannot exist is answered alike.
    """

    status: int | None
    media_type: str
    seconds: float
    anything: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation of the draft. `lacks` is what keeps it from being declared; empty where it is declared.

    `guessed` names the values that were made up. `linked`: another entry fills its path at run time.
    """

    offered: Offered
    service: str
    id: str
    fields: Mapping[str, Json]
    lacks: str = ""
    guessed: tuple[str, ...] = ()
    linked: bool = False
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def reads(self) -> bool:
        """Whether the read class may send it."""
        return self.offered.described.method == "GET" or self.offered.safe

    @property
    def target(self) -> str | None:
        """Path and query to ask it with; None where it cannot be asked without a body, an identity or a guess too much."""
        method = self.offered.described.method
        if method != "GET" or self.lacks not in {"", GUESSED} or "auth" in self.fields or "headers" in self.fields:
            return None
        path = self._filled("")
        query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in self.fields.get("query", {}).items())
        return f"{path}?{query}" if query else path

    @property
    def nowhere(self) -> str | None:
        """Its path with a value that cannot exist in the place of one that was made up; None where none was."""
        made_up = any(place.startswith("path parameter") for place in self.guessed)
        return self._filled("-hc4f1d9a06b7e2") if made_up else None

    def _filled(self, suffix: str) -> str:
        path = self.offered.described.path
        for name, value in self.fields.get("params", {}).items():
            path = path.replace("{" + name + "}", f"{value}{suffix}")
        return path


GUESSED = "values of yours: those that stand here were made up"


def entries(description: Description, offers: tuple[Offered, ...], access: Access) -> Iterator[Entry]:
    """An entry for each operation, in the order of the document; those of the session are no operations of their own."""
    denied = tuple(pattern.strip("*").lower() for pattern in Scope().deny_paths)
    taken: set[str] = set()
    for offer in offers:
        method, path = key_of(offer)
        if key_of(offer) in access.used or method not in {"GET", "POST", "PUT", "PATCH", "DELETE"}:
            continue
        wanted = offer.operation_id if OPERATION_ID.match(offer.operation_id) else ""
        named = wanted if wanted and wanted not in taken else ""
        taken.add(named)
        entry = _Making(description, offer, access).entry(named or f"{method} {path}")
        if any(word in path.lower() for word in denied):
            entry = replace(entry, lacks="a scope with other deny_paths: those of the tester refuse its path")
        elif is_dangerous(offer) and method == "GET":
            entry = replace(
                entry, lacks="your word that it may be asked: its name says that it ends or removes something"
            )
        yield entry


@dataclass(slots=True)
class _Making:
    description: Description
    offer: Offered
    access: Access
    guessed: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)

    def entry(self, identity: str) -> Entry:
        method, path = key_of(self.offer)
        fields: dict[str, Json] = {}
        if len(path) > 1500 or not PATH.match(path):
            self.lacks.append("a path that a profile can hold")
        fields.update(self._filled())
        body = self._body()
        if body is not None:
            fields["body"] = body
        if self.offer.safe and method != "GET":
            fields["safe"] = True
        fields.update(self._caller())
        expected = self._expected()
        if expected:
            fields["expect"] = expected
        if method == "GET" and "text/event-stream" in media_types(self.offer):
            self.lacks.append("an `sse:` at its service: it is a stream of events")
        if method == "GET" and any(answer.status == "101" for answer in self.offer.described.answers):
            self.lacks = ["a `websocket:` at its service: it answers 101"]
        if not self.lacks and self.guessed and method == "GET":
            self.lacks.append(GUESSED)
        return Entry(self.offer, "", identity, fields, "; ".join(self.lacks), tuple(self.guessed))

    def _filled(self) -> dict[str, Json]:
        """Path, query and header parameters that are needed."""
        found: dict[str, dict[str, str]] = {"params": {}, "query": {}, "headers": {}}
        declared = {part.name: part for part in self.offer.parameters if part.where == "path"}
        for name in dict.fromkeys(PLACEHOLDER.findall(self.offer.described.path)):
            part = declared.get(name, Parameter(name, "path", required=True, schema={}))
            value = self._value(part)
            if value is not None:
                found["params"][name] = value
        for part in self.offer.parameters:
            if part.where in {"query", "header"} and part.required and part.name.lower() not in OWN_HEADERS:
                value = self._value(part)
                if value is not None:
                    found["query" if part.where == "query" else "headers"][part.name] = value
            elif part.required and part.where != "path" and part.name.lower() in CREDENTIAL_HEADERS:
                self.lacks.append(f"an identity: it takes the header {part.name}")
        return {key: values for key, values in found.items() if values}

    def _value(self, part: Parameter) -> str | None:
        """A parameter's value as it is sent; None with a note where the document gives none that could be."""
        place = f"{part.where} parameter {comment(part.name, 60)}"
        try:
            from_document(part.name)
            if part.where == "header" and not HEADER_NAME.match(part.name):
                raise NotWritable("no name of a header")
            made = sample(self.description.root, part.schema)
            value = made.value[0] if isinstance(made.value, list) and made.value else made.value
            text = str(value).lower() if isinstance(value, bool) else str(from_document(value))
            fits = {"path": VALUE, "query": HEADER_VALUE, "header": HEADER_VALUE}[part.where].match(text)
            if fits is None or isinstance(value, dict | list | None) or text.startswith(("env:", "file:")):
                raise NotWritable("no plain value")
        except (NoSample, NotWritable):
            self.lacks.append(f"a value for the {place}")
            return None
        if not made.given:
            self.guessed.append(place)
        return text

    def _body(self) -> Json:
        body = self.offer.body
        if body is None or self.offer.described.method in {"GET", "DELETE"}:
            return None
        if body.media_type in FORMS or not (body.media_type.endswith("json") or body.media_type == "*/*"):
            self.lacks.append(f"a body of the type {body.media_type}: samples are made of JSON only")
            return None
        try:
            made = sample(self.description.root, body.schema)
            value = from_document(made.value)
        except (NoSample, NotWritable) as broken:
            self.lacks.append(f"a body ({broken})")
            return None
        if not made.given:
            self.guessed.append("body")
        return value

    def _caller(self) -> dict[str, Json]:
        """Who may call it, with the identity that does."""
        if not self.offer.needs:
            return {}
        caller = self.access.caller(self.offer.needs)
        if caller is None:
            names = " and ".join(need.scheme for need in self.offer.needs)
            self.lacks.append(f"an identity: a profile cannot express the security scheme {names}")
            return {}
        role = self.access.identities[caller].role
        limited: dict[str, Json] = {"roles": [role]} if role != "user" else {}
        return {"auth": "required", "identity": caller, **limited}

    def _expected(self) -> dict[str, Json]:
        """What the document says of a good answer: statuses, media type, the members that an object must have."""
        statuses, kinds = good_statuses(self.offer), media_types(self.offer)
        found: dict[str, Json] = {}
        if statuses and statuses != (200,):
            found["status"] = list(statuses)
        elif not statuses and self.offer.described.answers:
            self.lacks.append("a status to expect: the document has none of success")
        if len(kinds) == 1 and re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", kinds[0]) and 204 not in statuses:
            found["content_type"] = kinds[0]
            required = self._members(kinds[0]) if kinds[0].endswith("json") else []
            if required:
                found["schema"] = {"type": "object", "required": required}
        return found

    def _members(self, media_type: str) -> list[str]:
        """Names that every good answer must have: one schema, an object, and required members that a profile can hold."""
        schemas = [
            answer.media_types[media_type]
            for answer in self.offer.described.answers
            if answer.status.startswith("2") and media_type in answer.media_types
        ]
        schema = resolved(self.description.root, schemas[0]) if len(schemas) == 1 else {}
        required = schema.get("required")
        if schema.get("type") != "object" or not isinstance(required, list):
            return []
        names = [name for name in required if isinstance(name, str) and OPERATION_ID.match(name)]
        return list(dict.fromkeys(names))[:MOST_REQUIRED]


def with_answer(entry: Entry, answered: Answered) -> Entry:
    """The entry with what it just answered: declared where that is as documented, else with the difference in words."""
    said = str(answered.status) if answered.status is not None else "nothing"
    just = f"answered {said} just now"
    documented = good_statuses(entry.offered) or (200,)
    if answered.anything and answered.status in documented:
        return replace(entry, lacks="a value that exists: it answers anything alike")
    if answered.status in documented:
        fields = _with_media_type(entry.fields, answered.media_type)
        if answered.seconds > SLOW_S:
            return replace(entry, lacks=f"patience: it {just}, after {answered.seconds:.1f} s")
        notes = (just,) if fields is entry.fields else (just, f"as {answered.media_type}, which is not documented")
        return replace(entry, fields=fields, lacks="", notes=notes)
    if answered.status in {401, 403}:
        return replace(entry, lacks=f"`auth: required` with an identity: it {just}")
    broken = answered.status is None or answered.status >= 500 or answered.status < 400
    if broken and not entry.guessed and not entry.lacks:
        return replace(entry, notes=(f"{just}, documented is {', '.join(map(str, documented))}",))
    return replace(entry, lacks=f"values of yours: it {just}")


def _with_media_type(fields: Mapping[str, Json], media_type: str) -> Mapping[str, Json]:
    """Without the documented media type where another one came: what is true of it, the author has to say."""
    expected = fields.get("expect", {})
    if expected.get("content_type") in {None, media_type}:
        return fields
    kept = {key: value for key, value in expected.items() if key not in {"content_type", "schema"}}
    rest = {key: value for key, value in fields.items() if key != "expect"}
    return {**rest, "expect": kept} if kept else rest
