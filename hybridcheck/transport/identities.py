"""Identities: what they send, how they log in, and what their tokens say of themselves.

A login happens once per run and identity, when somebody first needs it, and is recorded under the shared stream
`identity/NAME`. Every secret in it is learned by the redactor before the exchange reaches the ledger.
"""

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple
from urllib.parse import urlencode

import jwt

from hybridcheck.cases import Json
from hybridcheck.evidence import Exchange, GapReason, ReceivedResponse
from hybridcheck.ledger import Ledger
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.models import Identity, Profile, SessionCall
from hybridcheck.profile.row_identities import row_identities
from hybridcheck.redact import Redactor
from hybridcheck.target import Credential, EvidenceLost
from hybridcheck.transport.exchange import Draft, Pairs, Place, Sender, lost

TOKEN_FACTS = ("exp", "iat", "aud", "sub")
"""The claims that judges may need; they are read without verification, before redaction."""

UNKNOWN_LENGTH = 12
"""Length of a made-up user name, in characters."""

EXPIRES_SOON_S = 1.0
"""A token that expires within this time counts as expired: it would not survive the way to the target."""


class LoginFailed(Exception):
    """No credential can be had for an identity; the message says why."""


class Answer(NamedTuple):
    """What a session operation's answer holds: token, refresh token, cookie, and who the target says it is."""

    token: str | None = None
    refresh_token: str | None = None
    cookie: str | None = None
    identity: Json = None


@dataclass(slots=True)
class _Known:
    """What is known of one identity during the run."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    credential: Credential | None = None
    failed: str = ""
    logins: int = 0
    wrong_password_sent: bool = False


class Identities:
    """The declared identities of a profile and their credentials."""

    def __init__(self, *, profile: Profile, base_url: str, sender: Sender, ledger: Ledger, redactor: Redactor) -> None:
        self._profile, self._base_url, self._sender = profile, base_url.rstrip("/"), sender
        self._ledger, self._redactor = ledger, redactor
        self._declared = {**profile.identities, **row_identities(profile)}
        self._known = {name: _Known() for name in self._declared}
        for identity in self._declared.values():
            self._learn_declared(identity)

    def streams(self) -> tuple[str, ...]:
        """The shared streams that logins are recorded under."""
        return tuple(dict.fromkeys(_stream_of(name) for name in self._known))

    async def credential(self, name: str, lasting_s: float = 0.0) -> Credential:
        """The run's credential of an identity, after at most one login: another one where it does not last that long.

        One that was just got may not last either; what its token says is in its facts.

        Raises:
            LoginFailed: where it cannot be had; after one failed login it is not tried again (accounts lock).
        """
        spec, known = self._of(name)
        async with known.lock:
            if known.failed:
                raise LoginFailed(known.failed)
            if known.credential is None or _expired(known.credential, lasting_s):
                known.credential = self._fixed(name, spec) or await self._log_in_once(name, known)
            return known.credential

    async def login(self, place: Place, name: str, password: str | None = None) -> tuple[Exchange, Credential | None]:
        """Send the declared login and record it; the credential is None where the answer holds none.

        Raises:
            EvidenceLost: where it was not sent; the gap is recorded.
        """
        spec, _ = self._of(name)
        session = self._profile.session
        if spec.username is None or spec.password is None or session is None:
            raise lost(self._ledger, place, GapReason.NOT_SUPPORTED_HERE, f"'{name}' has no login")
        secret = spec.password.get_secret_value() if password is None else password
        words = {"username": spec.username, "password": secret}
        exchange, answer = await self._call(place, "login", session.login, words, name)
        return exchange, self._credential_of(name, session.login, exchange, answer)

    async def unknown_login(self, place: Place, like: str, password: str, random: Random) -> tuple[Exchange, str]:
        """Send the declared login under a name that nobody has and record it; gives the name too.

        Raises:
            EvidenceLost: where it was not sent; the gap is recorded.
        """
        spec, _ = self._of(like)
        session = self._profile.session
        if spec.username is None or session is None:
            raise lost(self._ledger, place, GapReason.NOT_SUPPORTED_HERE, f"'{like}' has no login")
        name = name_like(spec.username, random)
        words = {"username": name, "password": password}
        exchange, _ = await self._call(place, "login", session.login, words, None)
        return exchange, name

    async def session_call(self, place: Place, name: str, which: str, credential: Credential) -> Exchange:
        """Send a declared session operation (`whoami`, `refresh`, `logout`) with a credential and record it.

        Raises:
            EvidenceLost: where it is not declared or was not sent; the gap is recorded.
        """
        session = self._profile.session
        calls = {"whoami": session.whoami, "refresh": session.refresh, "logout": session.logout} if session else {}
        call = calls.get(which)
        if call is None:
            raise lost(self._ledger, place, GapReason.NOT_SUPPORTED_HERE, f"session.{which} is not declared")
        self._redactor.learn(credential.token)  # a forged one differs from the real one by a single character
        words = {"token": credential.token, "refresh_token": credential.refresh_token or ""}
        exchange, _ = await self._call(place, which, call, words, name, credential)
        return exchange

    def may_send_wrong_password(self, name: str) -> bool:
        """Whether the one wrong password of this identity and run is still to be sent; asking takes it."""
        _, known = self._of(name)
        first = not known.wrong_password_sent
        known.wrong_password_sent = True
        return first

    def headers_with(self, name: str | None, token: str) -> Pairs:
        """The headers that carry this token the way the identity carries its own.

        Without an identity, a value with a space is a whole Authorization header ("Basic …"), and a bare one is sent
        with the session's header and prefix.
        """
        spec = self._of(name)[0] if name is not None else None
        if spec is not None and spec.api_key is not None:
            return ((spec.api_key.header, token),)
        if spec is not None and spec.basic is not None:
            return (("Authorization", f"Basic {token}"),)
        session = self._profile.session
        if spec is not None and session is not None and session.login.cookie and spec.password is not None:
            return (("Cookie", f"{session.login.cookie}={token}"),)
        if spec is None and " " in token:
            return (("Authorization", token),)
        return ((session.header, session.prefix + token),) if session else (("Authorization", f"Bearer {token}"),)

    async def _log_in_once(self, name: str, known: _Known) -> Credential:
        known.logins += 1
        label = "login" if known.logins == 1 else f"login.{known.logins}"
        place = Place(_stream_of(name), label)
        try:
            exchange, credential = await self.login(place, name)
        except EvidenceLost as error:
            if error.reason is GapReason.NOT_SUPPORTED_HERE:
                known.failed = error.detail
            raise
        if credential is None:
            known.failed = f"the login of '{name}' gave no credential ({_short(exchange)})"
            lost(self._ledger, place, GapReason.LOGIN_FAILED, known.failed)
            raise LoginFailed(known.failed)
        return credential

    async def _call(
        self,
        place: Place,
        which: str,
        call: SessionCall,
        words: dict[str, str],
        name: str | None,
        credential: Credential | None = None,
    ) -> tuple[Exchange, Answer]:
        headers, body = _body_of(call, words)
        draft = Draft(
            method=call.method,
            url=self._base_url + call.path,
            headers=headers,
            body=body,
            credentials=credential.headers if credential else (),
            identity=name,
            operation=f"session:{which}",
        )
        exchange = await self._sender.send(place, draft)
        answer = read_answer(call, exchange.response)
        for secret in (answer.token, answer.refresh_token, answer.cookie):
            self._redactor.learn(secret or "")
        facts = dict(credential.facts) if credential else {}
        facts |= token_facts(answer.token or answer.cookie or "")
        if answer.identity is not None:
            facts["identity"] = answer.identity
        return self._ledger.append(place.stream, exchange.model_copy(update={"facts": facts})), answer

    def _credential_of(self, name: str, call: SessionCall, exchange: Exchange, answer: Answer) -> Credential | None:
        token = answer.cookie if call.cookie else answer.token
        if exchange.status not in call.expect or not token:
            return None
        return Credential(
            identity=name,
            scheme="cookie" if call.cookie else "bearer",
            headers=self.headers_with(name, token),
            token=token,
            refresh_token=answer.refresh_token,
            facts=token_facts(token),
        )

    def _fixed(self, name: str, spec: Identity) -> Credential | None:
        """The credential of an identity that needs no login."""
        if spec.token is not None:
            token, scheme = spec.token.get_secret_value(), "bearer"
        elif spec.api_key is not None:
            token, scheme = spec.api_key.value.get_secret_value(), "api_key"
        elif spec.basic is not None:
            token, scheme = _basic(spec.basic.username, spec.basic.password.get_secret_value()), "basic"
        else:
            return None
        return Credential(name, scheme, self.headers_with(name, token), token, None, token_facts(token))

    def _learn_declared(self, spec: Identity) -> None:
        secrets = [spec.password, spec.token, spec.api_key.value if spec.api_key else None]
        for secret in secrets:
            self._redactor.learn(secret.get_secret_value() if secret else "")
        if spec.basic is not None:
            password = spec.basic.password.get_secret_value()
            self._redactor.learn(password)
            self._redactor.learn(_basic(spec.basic.username, password))

    def _of(self, name: str) -> tuple[Identity, _Known]:
        if name not in self._known:
            raise LoginFailed(f"the profile declares no identity '{name}'")
        return self._declared[name], self._known[name]


def read_answer(call: SessionCall, response: ReceivedResponse | None) -> Answer:
    """What the answer of a session operation holds at the places that the profile names."""
    if response is None:
        return Answer()
    try:
        document = json.loads(response.body.content())
    except (ValueError, RecursionError):
        document = None
    return Answer(
        token=_text_at(document, call.token),
        refresh_token=_text_at(document, call.refresh_token),
        cookie=_cookie(response, call.cookie) if call.cookie else None,
        identity=_value_at(document, call.identity),
    )


def _stream_of(name: str) -> str:
    """The shared stream of an identity's logins; rows of one file (`PHASE:FEEDER:LINE`) share one."""
    return f"identity/{name.rpartition(':')[0] or name}"


def name_like(username: str, random: Random) -> str:
    """A random user name of the same kind: letters for letters, digits for digits, the domain of an address kept.

    What validates names (an address, a telephone number) then has nothing to refuse. It is at least `UNKNOWN_LENGTH`
    characters before the domain, so that nobody has it.
    """
    local, at, domain = username.partition("@")
    pattern = local + local[-1:] * (UNKNOWN_LENGTH - len(local))
    digits, letters = "0123456789", "abcdefghijklmnopqrstuvwxyz"
    kinds = [digits if sign.isdigit() else letters if sign.isalpha() else sign for sign in pattern]
    return "".join(random.choice(kind) for kind in kinds) + at + domain


def token_facts(token: str) -> dict[str, Json]:
    """What a JWT says of itself, unverified: alg, exp, iat, aud, sub; empty for any other token."""
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}
    return {"alg": header.get("alg"), **{name: claims[name] for name in TOKEN_FACTS if name in claims}}


def _expired(credential: Credential, lasting_s: float) -> bool:
    expires = credential.facts.get("exp")
    return isinstance(expires, int | float) and expires <= time.time() + max(lasting_s, EXPIRES_SOON_S)


def _body_of(call: SessionCall, words: dict[str, str]) -> tuple[Pairs, bytes | None]:
    if call.body is None:
        return (), None
    filled = _filled(call.body, words)
    if call.form:
        return (("Content-Type", "application/x-www-form-urlencoded"),), urlencode(filled).encode()
    return (("Content-Type", "application/json"),), json.dumps(filled).encode()


def _filled(value: Json, words: dict[str, str]) -> Json:
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace("{" + name + "}", word)
        return value
    if isinstance(value, dict):
        return {key: _filled(item, words) for key, item in value.items()}
    return [_filled(item, words) for item in value] if isinstance(value, list) else value


def _value_at(document: Json, path: str | None) -> Json:
    try:
        return value_at(document, path) if path is not None else None
    except NoSuchPath:
        return None


def _text_at(document: Json, path: str | None) -> str | None:
    found = _value_at(document, path)
    return found if isinstance(found, str) and found else None


def _cookie(response: ReceivedResponse, name: str) -> str | None:
    """The value of the last Set-Cookie of that name, as it has to be sent back."""
    values = [header.partition(";")[0].partition("=") for header in response.header_values("set-cookie")]
    return next((value.strip() for key, _, value in reversed(values) if key.strip() == name and value.strip()), None)


def _basic(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def _short(exchange: Exchange) -> str:
    return f"status {exchange.response.status}" if exchange.response else f"{exchange.failure}"
