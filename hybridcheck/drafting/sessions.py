"""Who may call: identities for the security schemes of a document, and a session where a login operation is recognisable."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hybridcheck.cases import Json
from hybridcheck.drafting.guesses import good_statuses, is_plain_get, last_part
from hybridcheck.drafting.yaml_text import NotWritable, from_document
from hybridcheck.openapi.document import Description
from hybridcheck.openapi.requests import FORMS, Need, Offered, Scheme, resolved, schemes
from hybridcheck.openapi.samples import NoSample, sample

LOGIN = re.compile(r"log-?in|sign-?in|authenticat|^(?:token|tokens|session|sessions|auth)$")
REFRESH = re.compile(r"refresh|renew")
LOGOUT = re.compile(r"log-?out|sign-?out|^revoke$")
WHOAMI = ("whoami", "me", "self", "userinfo", "current", "current-user", "current_user")
USERNAMES = ("username", "user", "login", "email", "user_name", "userName", "name")
TOKENS = ("access_token", "accessToken", "token", "jwt", "id_token", "idToken", "auth_token", "session_token")
REFRESH_TOKENS = ("refresh_token", "refreshToken")
NAMES = ("username", "user_name", "userName", "login", "email", "sub", "name", "id")

DEFAULT_ROLE = "user"
ROLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}\Z")


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity to declare: its role, its way in, and the environment variables that it refers to."""

    role: str
    way_in: dict[str, Json]
    variables: tuple[str, ...]


@dataclass(slots=True)
class Access:
    """Identities by name, the session block (empty where no login is recognisable), and its operations."""

    schemes: Mapping[str, Scheme]
    session: dict[str, Json] = field(default_factory=dict)
    used: set[tuple[str, str]] = field(default_factory=set)
    identities: dict[str, Identity] = field(default_factory=dict)
    _names: dict[tuple[str, str], str] = field(default_factory=dict)

    def caller(self, needs: tuple[Need, ...]) -> str | None:
        """The identity that may call what needs this; None where no identity of a profile can.

        An identity is declared with its first caller.
        """
        kinds = [self.schemes.get(need.scheme, Scheme("other")) for need in needs]
        if len(kinds) != 1 or kinds[0].kind == "other":
            return None
        roles = [role for role in needs[0].roles if ROLE.match(role)] if not kinds[0].has_scopes else []
        role = roles[0] if roles else DEFAULT_ROLE
        by_session = bool(self.session) and kinds[0].kind == "bearer"
        key = (role, "login" if by_session else f"{kinds[0].kind} {kinds[0].header}")
        if key not in self._names:
            self._names[key] = self._new_name(role, kinds[0].kind)
            self.identities[self._names[key]] = _identity(self._names[key], role, kinds[0], by_session=by_session)
        return self._names[key]

    def _new_name(self, role: str, kind: str) -> str:
        """`tester` for who has no role of a name, else the role; with the way in, or a number, where that is taken."""
        wanted = "tester" if role == DEFAULT_ROLE else role
        names = (wanted, f"{wanted}-{kind}", *(f"{wanted}-{number}" for number in range(2, 1000)))
        return next((name for name in names if name not in self.identities), f"{wanted}-{len(self.identities)}")


def _identity(name: str, role: str, scheme: Scheme, *, by_session: bool) -> Identity:
    prefix = "HYBRIDCHECK_" + re.sub(r"[^A-Z0-9]+", "_", name.upper())

    def variable(what: str) -> str:
        return f"env:{prefix}_{what}"

    pair = {"username": variable("USERNAME"), "password": variable("PASSWORD")}
    way: dict[str, Json]
    if by_session:
        way = dict(pair)
    elif scheme.kind == "basic":
        way = {"basic": pair}
    elif scheme.kind == "key":
        pair, way = {"value": variable("KEY")}, {"api_key": {"header": scheme.header, "value": variable("KEY")}}
    else:
        pair, way = {"token": variable("TOKEN")}, {"token": variable("TOKEN")}
    return Identity(role, way, tuple(text.removeprefix("env:") for text in pair.values()))


def access_of(description: Description, operations: Iterable[Offered]) -> Access:
    """The ways in that a document shows; identities come with their first callers."""
    listed = tuple(operations)
    access = Access(schemes(description))
    for operation in listed:
        login = _login(description, operation)
        if login is not None:
            access.session = {"login": login, **dict(_others(description, operation, listed, access))}
            access.used.add(key_of(operation))
            break
    return access


def key_of(operation: Offered) -> tuple[str, str]:
    """Method and path: what tells operations apart."""
    return operation.described.method, operation.described.path


def answer_properties(description: Description, operation: Offered) -> dict[str, Json]:
    """The members of the JSON object that a good answer is; empty where it is none."""
    for answer in operation.described.answers:
        if answer.status.startswith("2"):
            for name, schema in answer.media_types.items():
                if name.endswith("json"):
                    return _properties(description, schema)
    return {}


def _properties(description: Description, schema: Json) -> dict[str, Json]:
    whole = resolved(description.root, schema)
    found = whole.get("properties")
    own = found if isinstance(found, dict) else {}
    parts = whole.get("allOf")
    for part in parts[:20] if isinstance(parts, list) else ():
        more = resolved(description.root, part).get("properties")
        own = {**own, **more} if isinstance(more, dict) else own
    return own


def _names(operation: Offered) -> tuple[str, str]:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", operation.operation_id).lower()
    return last_part(operation.described.path), words


def _login(description: Description, operation: Offered) -> dict[str, Json] | None:
    """The login call: a POST open to all, named like one, that takes a name and a password and answers a token."""
    body = operation.body
    if operation.described.method != "POST" or operation.needs or body is None or "{" in operation.described.path:
        return None
    if not any(LOGIN.search(name) for name in _names(operation)):
        return None
    fields = _properties(description, body.schema)
    username = next((name for name in USERNAMES if name in fields), None)
    token = _token_in(description, operation)
    if username is None or "password" not in fields or token is None:
        return None
    sent = _rest_of(description, operation, {username: "{username}", "password": "{password}"})
    call = _call(operation, sent)
    refresh = next((name for name in REFRESH_TOKENS if name in answer_properties(description, operation)), None)
    return {**call, "token": f"$.{token}", **({"refresh_token": f"$.{refresh}"} if refresh else {})}


def _token_in(description: Description, operation: Offered) -> str | None:
    answered = answer_properties(description, operation)
    return next((name for name in TOKENS if name in answered), None)


def _rest_of(description: Description, operation: Offered, filled: dict[str, Json]) -> dict[str, Json]:
    """The body: what the tester fills in, and samples for the other members that are required."""
    schema = resolved(description.root, operation.body.schema) if operation.body else {}
    required = schema.get("required")
    made: dict[str, Json] = dict(filled)
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in made:
            try:
                part = _properties(description, schema).get(name)
                made[name] = from_document(sample(description.root, part).value)
            except (NoSample, NotWritable):
                continue
    return made


def _call(operation: Offered, body: dict[str, Json]) -> dict[str, Json]:
    described = operation.described
    call: dict[str, Json] = {"path": described.path}
    if described.method != "POST":
        call = {"method": described.method, **call}
    if body:
        call["body"] = body
    if operation.body is not None and operation.body.media_type in FORMS:
        call["form"] = True
    statuses = good_statuses(operation)
    if statuses and not set(statuses) <= {200, 201, 204}:
        call["expect"] = list(statuses)
    return call


def _others(
    description: Description, login: Offered, operations: tuple[Offered, ...], access: Access
) -> Iterator[tuple[str, dict[str, Json]]]:
    """Whoami, refresh and logout, each the first that looks like it."""
    whoami = next(filter(_is_whoami, operations), None)
    if whoami is not None:
        shown = answer_properties(description, whoami)
        name = next((name for name in NAMES if name in shown), None)
        if name is not None:
            yield "whoami", {"method": "GET", "path": whoami.described.path, "identity": f"$.{name}"}
    has_refresh = any(name in answer_properties(description, login) for name in REFRESH_TOKENS)
    for operation in operations if has_refresh else ():
        call = _refresh(description, operation)
        if call is not None:
            access.used.add(key_of(operation))
            yield "refresh", call
            break
    for operation in operations:
        named = any(LOGOUT.search(name) for name in _names(operation))
        plain = operation.body is None and "{" not in operation.described.path
        if named and plain and operation.needs and operation.described.method in {"POST", "DELETE"}:
            access.used.add(key_of(operation))
            yield "logout", _call(operation, {})
            break


def _is_whoami(operation: Offered) -> bool:
    return is_plain_get(operation) and bool(operation.needs) and last_part(operation.described.path) in WHOAMI


def _refresh(description: Description, operation: Offered) -> dict[str, Json] | None:
    if operation.described.method != "POST" or operation.body is None or "{" in operation.described.path:
        return None
    fields = _properties(description, operation.body.schema)
    sent = next((name for name in REFRESH_TOKENS if name in fields), None)
    token = _token_in(description, operation)
    if sent is None or token is None or not any(REFRESH.search(name) for name in _names(operation)):
        return None
    answered = next((name for name in REFRESH_TOKENS if name in answer_properties(description, operation)), None)
    call = {**_call(operation, {sent: "{refresh_token}"}), "token": f"$.{token}"}
    return {**call, "refresh_token": f"$.{answered}"} if answered else call
