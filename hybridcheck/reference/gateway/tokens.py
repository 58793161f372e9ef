"""Access and refresh tokens: HS256 JWTs with a key that is new at each start."""

import time
import uuid
from typing import Any

import jwt
from jwt.types import Options

from hybridcheck.reference.defects import Switches

ISSUER = "reference-gateway"
AUDIENCE = "reference-system"


class TokenRefusedError(Exception):
    """The token is not one of ours, is for another purpose, or has expired."""


class Tokens:
    """Issues and verifies tokens."""

    def __init__(self, key: str, defects: Switches) -> None:
        """`key` has at least 256 bits."""
        self._key = key
        self._defects = defects

    def issue(self, purpose: str, username: str, session_id: str, ttl_s: int, token_id: str | None = None) -> str:
        """A signed token for `purpose` ("access" or "refresh") that lives `ttl_s` seconds."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": username,
            "sid": session_id,
            "use": purpose,
            "iat": now,
            "exp": now + ttl_s,
            "jti": token_id or uuid.uuid4().hex,
        }
        return jwt.encode(claims, self._key, algorithm="HS256")

    def claims(self, token: str, purpose: str, *, outlived: bool = False) -> dict[str, Any]:
        """The verified claims; `TokenRefusedError` for everything that is not a live token for this purpose.

        `outlived` takes one whose time is over as well.
        """
        options: Options = {"require": ["exp", "iat", "sub", "sid", "jti"]}
        if self._defects.on("tampered-token-accepted"):
            options["verify_signature"], options["verify_exp"] = False, True
        if self._defects.on("expired-token-accepted") or outlived:
            options["verify_exp"] = False
        try:
            unsigned = jwt.get_unverified_header(token)["alg"].lower() == "none"
            if unsigned and self._defects.on("tampered-token-accepted"):
                raise TokenRefusedError("an unsigned token")  # that is a defect of its own
            if unsigned and self._defects.on("alg-none-accepted"):
                options = {"verify_signature": False}
            claims: dict[str, Any] = jwt.decode(
                token, self._key, algorithms=["HS256"], audience=AUDIENCE, issuer=ISSUER, options=options
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenRefusedError(str(error)) from error
        if claims.get("use") != purpose:
            raise TokenRefusedError("a token for another purpose")
        return claims
