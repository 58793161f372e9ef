"""Login, refresh, logout, whoami, and who a request comes from."""

import hashlib
import hmac
import os
from dataclasses import replace
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.store import Store
from hybridcheck.reference.gateway.tokens import TokenRefusedError, Tokens
from hybridcheck.reference.routing import Route
from hybridcheck.reference.settings import Identity, Settings
from hybridcheck.reference.web import Answer, Problem, Request, json_answer

LISTENING = frozenset({"streamEvents", "streamMessages"})

_CHALLENGE = (b"www-authenticate", b'Bearer realm="reference"')


def _digest(password: str, salt: bytes) -> bytes:
    # A cheap cost is enough here: the passwords are 128 random bits and live as long as the process.
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=256, r=8, p=1)


def _cookie(request: Request, name: str) -> str:
    for part in (request.header(b"cookie") or "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


class Authentication:
    """The accounts of the reference system and their sessions."""

    def __init__(self, settings: Settings, store: Store, tokens: Tokens, defects: Switches) -> None:
        """Keeps salted digests of the passwords."""
        self._settings = settings
        self._store = store
        self._tokens = tokens
        self._defects = defects
        self._identities = {identity.username: identity for identity in settings.identities}
        self._salt = os.urandom(16)
        self._digests = {name: _digest(identity.password, self._salt) for name, identity in self._identities.items()}

    def routes(self) -> list[Route]:
        """The operations under /auth."""
        return [
            Route(
                "POST",
                "/auth/login",
                self.login,
                "login",
                "Exchange a password for tokens",
                "auth",
                {200: "Tokens", 401: "Problem", 429: "Problem"},
                access="public",
                body="Login",
            ),
            Route(
                "POST",
                "/auth/refresh",
                self.refresh,
                "refresh",
                "Exchange a refresh token for new tokens",
                "auth",
                {200: "Tokens", 401: "Problem"},
                access="public",
                body="Refresh",
            ),
            Route("POST", "/auth/logout", self.logout, "logout", "End the session of the token", "auth", {204: None}),
            Route("GET", "/auth/whoami", self.whoami, "whoami", "Who the token belongs to", "auth", {200: "Whoami"}),
        ]

    def identify(self, request: Request, operation: str) -> None:
        """Write the caller into the request; 401 without a live access token of an open session."""
        scheme, _, token = (request.header(b"authorization") or "").partition(" ")
        if not token and self._defects.on("token-in-url-accepted"):
            scheme, token = "Bearer", request.query().get("access_token", "")
        if scheme.lower() != "bearer" or not token:
            if self._opened_to_all(operation):
                self._enter(request, self._settings.identities[0], "")
                return
            raise Problem(401, "a bearer token is needed", (_CHALLENGE,))
        if self._defects.on("garbage-token-accepted") and token.count(".") != 2:
            self._enter(request, self._settings.identities[0], "")
            return
        try:
            outlived = operation in LISTENING and self._defects.on("expired-on-streams")
            claims = self._tokens.claims(token.strip(), "access", outlived=outlived)
        except TokenRefusedError as error:
            raise self._refused() from error
        identity = self._identities.get(claims["sub"])
        if identity is None or not self._open(claims["sid"]):
            raise self._refused()
        self._enter(request, identity, claims["sid"])

    def _opened_to_all(self, operation: str) -> bool:
        by_defect = {"listDatasets": "no-auth", "streamEvents": "sse-anonymous"}
        return operation in by_defect and self._defects.on(by_defect[operation])

    def _open(self, session_id: str) -> bool:
        return self._defects.on("logout-ineffective") or self._store.session_is_open(session_id)

    def _refused(self) -> Problem:
        return Problem(401, "the token is not valid", ((_CHALLENGE[0], _CHALLENGE[1] + b', error="invalid_token"'),))

    def _enter(self, request: Request, identity: Identity, session_id: str) -> None:
        request.username, request.role, request.tenant = identity.username, identity.role, identity.tenant
        request.session_id = session_id
        if self._defects.on("tenant-header-trusted"):
            request.tenant = request.header(b"x-tenant-id") or identity.tenant

    async def login(self, request: Request) -> Answer:
        """Tokens for a right password; the same 401 for a wrong one and for an unknown name; 429 after too many."""
        username, password = request.document["username"], request.document["password"]
        if self._store.failed_logins(username) >= self._settings.failed_logins_per_minute:
            raise Problem(429, "too many wrong passwords for this account", ((b"retry-after", b"60"),))
        identity = self._identities.get(username)
        offered = _digest(password, self._salt)
        right = hmac.compare_digest(offered, self._digests.get(username, b"\0" * len(offered)))
        if identity is None or not (right or self._defects.on("wrong-password-accepted")):
            self._store.note_failed_login(username)
            if identity is None and self._defects.on("login-enumerates"):
                raise Problem(401, "no such user", (_CHALLENGE,))
            raise Problem(401, "wrong name or password", (_CHALLENGE,))
        if self._defects.on("login-wrong-identity") and username == "short":
            identity = replace(self._settings.identities[0], access_ttl_s=identity.access_ttl_s)
        session_id, refresh_id = self._store.open_session(identity.username, self._settings.refresh_ttl_s)
        return self._token_answer(identity, session_id, refresh_id)

    async def refresh(self, request: Request) -> Answer:
        """New tokens for the current refresh token; one that was used before ends its session (RFC 9700, 4.14.2)."""
        token = request.document.get("refresh_token") or _cookie(request, "refresh_token")
        try:
            claims = self._tokens.claims(token, "refresh")
        except TokenRefusedError as error:
            raise Problem(401, "the refresh token is not valid", (_CHALLENGE,)) from error
        fresh = self._store.rotate_refresh(claims["sid"], claims["jti"])
        if self._defects.on("refresh-reuse") and fresh is None:
            fresh = claims["jti"]
        if fresh is None:
            self._store.revoke_session(claims["sid"])
            raise Problem(401, "the refresh token is not valid", (_CHALLENGE,))
        session_id = "unknown" if self._defects.on("refresh-broken") else claims["sid"]
        return self._token_answer(self._identities[claims["sub"]], session_id, fresh)

    def _token_answer(self, identity: Identity, session_id: str, refresh_id: str) -> Answer:
        access = self._tokens.issue("access", identity.username, session_id, identity.access_ttl_s)
        ttl_s = self._settings.refresh_ttl_s
        refresh = self._tokens.issue("refresh", identity.username, session_id, ttl_s, refresh_id)
        flags = "" if self._defects.on("cookie-not-httponly") else "; HttpOnly"
        cookie = f"refresh_token={refresh}; Path=/auth/refresh; Max-Age={ttl_s}; SameSite=Strict; Secure{flags}"
        document = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": identity.access_ttl_s,
            "refresh_token": refresh,
        }
        return json_answer(document, headers=((b"set-cookie", cookie.encode()),))

    async def logout(self, request: Request) -> Answer:
        """End the session: its tokens are refused from now on."""
        self._store.revoke_session(request.session_id)
        return Answer(204)

    async def whoami(self, request: Request) -> Answer:
        """The caller's name, role and tenant."""
        document: dict[str, Any] = {"username": request.username, "role": request.role, "tenant": request.tenant}
        if self._defects.on("leaks-secret"):
            document["password"] = self._identities[request.username].password
        return json_answer(document)
