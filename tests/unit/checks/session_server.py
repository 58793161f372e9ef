"""A small login service for tests of checks: JWTs, sessions and refresh tokens, with switches for what is wrong."""

import base64
import hmac
import json
from typing import Any

from hybridcheck.checks.auth.tokens import jwt_parts
from hybridcheck.evidence import Exchange, Failure
from hybridcheck.target import Ask, Credential
from tests.unit.checks.fake_target import Answer, FakeTarget

KEY = b"a key that only the service knows"

PROFILE: dict[str, Any] = {
    "session": {
        "login": {"path": "/login", "token": "$.access_token", "refresh_token": "$.refresh_token"},
        "whoami": {"method": "GET", "path": "/whoami", "identity": "$.username"},
        "refresh": {"path": "/refresh", "token": "$.access_token", "refresh_token": "$.refresh_token"},
        "logout": {"path": "/logout", "expect": [204]},
        "refresh_rotates": True,
    },
    "identities": {
        "alice": {"username": "alice", "password": "a" * 12},
        "bob": {"username": "bob", "password": "b" * 12},
        "short": {"username": "short", "password": "s" * 12, "short_lived": True},
    },
}


class SessionServer(FakeTarget):
    """The service as a target. `wrong` names what it does wrong; `answers` overrides an answer by its label."""

    def __init__(self, *wrong: str, lifetime_s: float = 2.0, opaque: bool = False) -> None:
        super().__init__(self._answer_to)
        self.wrong, self.lifetime_s, self.opaque = set(wrong), lifetime_s, opaque
        self.answers: dict[str, Answer | Failure] = {}
        self.sent: list[str] = []
        self._label = ""
        self._ended: set[str] = set()
        self._used: set[str] = set()
        self._issued: dict[str, str] = {}
        self._sessions = 0
        self.credentials = {name: self._credential(name) for name in PROFILE["identities"]}

    async def login(self, label: str, identity: str) -> tuple[Exchange, Credential | None]:
        """The right password."""
        self._label = label
        exchange = self._exchange(label, Ask("POST", "/login", operation="session:login"))
        who = "bob" if "another" in self.wrong else identity
        return exchange, self._credential(who) if exchange.status == 200 else None

    async def wrong_password(self, label: str, identity: str) -> tuple[Exchange, Credential | None]:
        """A wrong password."""
        self._label = label
        exchange = self._exchange(label, Ask("POST", "/login", operation="session:wrong-password"))
        return exchange, self._credential(identity) if exchange.status == 200 else None

    async def session_call(self, label: str, identity: str, which: str, credential: Credential) -> Exchange:
        """A session operation; a refresh token travels in the body."""
        self._label = label
        headers = dict(credential.headers).get("Authorization", "")
        self.sent.append(headers)
        body = (credential.refresh_token or "").encode()
        ask = Ask("GET", f"/{which}", authorization=headers or None, body=body, operation=f"session:{which}")
        return self._exchange(label, ask)

    async def read(self, label: str, ask: Ask) -> Exchange:
        """A plain request."""
        self._label = label
        return self._exchange(label, ask)

    def _credential(self, name: str) -> Credential:
        self._sessions += 1
        session = f"{name}:{self._sessions}"
        token = self._token(session)
        facts = {} if self.opaque else {"exp": jwt_claims(token)["exp"]}
        headers = (("Authorization", f"Bearer {token}"),)
        return Credential(name, "bearer", headers, token, f"{session}:1", facts)

    def _token(self, session: str) -> str:
        if self.opaque:
            token = hmac.new(KEY, session.encode(), "sha256").hexdigest()
            self._issued[token] = session
            return token
        claims = {"sub": session, "iat": int(self.unix_s()), "exp": self.unix_s() + self.lifetime_of(session)}
        signed = f"{_part({'alg': 'HS256'})}.{_part(claims)}"
        return f"{signed}.{_signature(signed)}"

    def lifetime_of(self, session: str) -> float:
        """Seconds that an access token of a session lives."""
        return self.lifetime_s if session.startswith("short") else 900.0

    def _answer_to(self, ask: Ask) -> Answer | Failure:
        if self._label in self.answers:
            return self.answers[self._label]
        if ask.path == "/login":
            right = ask.operation == "session:login" or "wrong-password" in self.wrong
            return (200, {}, {"access_token": "masked"}) if right else (401, {}, {})
        if ask.path == "/refresh":
            return self._refresh((ask.body or b"").decode())
        token = (ask.authorization or "").removeprefix("Bearer ") or (
            dict(ask.query).get("access_token", "") if "url" in self.wrong else ""
        )
        session = self._session_of(token)
        if token and ask.path.startswith("/dashboards") and "dashboards" in self.wrong:
            return 200, {}, {"username": "bob"}
        if session is None:
            return (200, {}, {"username": "alice"}) if "hardcoded" in self.wrong else (401, {}, {})
        if ask.path == "/logout":
            if "logout" not in self.wrong:
                self._ended.add(session)
            return 204, {}, b""
        return 200, {}, {"username": session.partition(":")[0]}

    def _refresh(self, refresh_token: str) -> Answer:
        session, _, number = refresh_token.rpartition(":")
        if refresh_token in self._used and "reuse" not in self.wrong:
            return 401, {}, {}
        self._used.add(refresh_token)
        token = "dead" if "refresh" in self.wrong else self._token(session)
        return 200, {}, {"access_token": token, "refresh_token": f"{session}:{int(number) + 1}"}

    def _session_of(self, token: str) -> str | None:
        if self.opaque:
            session = self._issued.get(token)
            return session if session not in self._ended else None
        claims = self._verified(token)
        if claims is None or (claims["exp"] < self.unix_s() and "expired" not in self.wrong):
            return None
        return None if claims["sub"] in self._ended else str(claims["sub"])

    def _verified(self, token: str) -> dict[str, Any] | None:
        if token.count(".") != 2:
            return None
        signed, _, signature = token.rpartition(".")
        header = json.loads(_bytes(signed.partition(".")[0]))
        right = hmac.compare_digest(signature, _signature(signed))
        unsigned = header["alg"].lower() == "none" and not signature and "none" in self.wrong
        tampered = header["alg"] == "HS256" and bool(signature) and "tampered" in self.wrong
        return jwt_claims(token) if right or unsigned or tampered else None


def jwt_claims(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    claims: dict[str, Any] = json.loads(_bytes(token.split(".")[1]))
    return claims


def signature_of(token: str) -> bytes:
    """The signature of a signed JWT."""
    parts = jwt_parts(token)
    assert parts is not None
    return parts[2]


def _signature(signed: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(KEY, signed.encode(), "sha256")).rstrip(b"=").decode()


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
