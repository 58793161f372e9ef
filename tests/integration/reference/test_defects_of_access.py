"""Each defect of authentication and authorization is seen with its switch on, and not with it off."""

import base64
import json
import time

from tests.integration.reference.visitor import Observer, Visitor, seen_with_its_switch_only


def _parts(token: str) -> tuple[str, dict[str, object], bytes]:
    head, claims, signature = token.split(".")
    return head, json.loads(_decoded(claims)), _decoded(signature)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _accepts(visitor: Visitor, token: str) -> bool:
    return visitor.get("/auth/whoami", token=token).status_code == 200


def _short_token(visitor: Visitor) -> str:
    """A token of two seconds that was accepted; those whose seconds are over before their first use are no answer."""
    for _ in range(10):
        token = str(visitor.login("short").json()["access_token"])
        if _accepts(visitor, token):
            return token
    raise AssertionError("no token of `short` was ever accepted")


def sees_no_auth(visitor: Visitor) -> bool:
    """GET /api/datasets answers without credentials."""
    return visitor.get("/api/datasets", None).status_code == 200


def sees_garbage_token_accepted(visitor: Visitor) -> bool:
    """A random text opens a protected operation."""
    return _accepts(visitor, "not-a-token-at-all")


def sees_wrong_password_accepted(visitor: Visitor) -> bool:
    """A wrong password gives a token that works."""
    answer = visitor.login("bob", "surely wrong")
    return answer.status_code == 200 and _accepts(visitor, answer.json()["access_token"])


def sees_tampered_token_accepted(visitor: Visitor) -> bool:
    """A token with a flipped bit in the middle of its signature is accepted."""
    token = visitor.token()
    signature = bytearray(_parts(token)[2])
    signature[len(signature) // 2] ^= 1
    return _accepts(visitor, ".".join([*token.split(".")[:2], _encoded(bytes(signature))]))


def sees_expired_token_accepted(visitor: Visitor) -> bool:
    """A token is accepted after its `exp`."""
    token = _short_token(visitor)
    expiry = _parts(token)[1]["exp"]
    assert isinstance(expiry, int)
    while time.time() < expiry + 0.05:
        time.sleep(0.05)  # the condition is the clock itself
    return _accepts(visitor, token)


def sees_alg_none_accepted(visitor: Visitor) -> bool:
    """The claims of a valid token without a signature are accepted."""
    claims = visitor.token().split(".")[1]
    return _accepts(visitor, f"{_encoded(json.dumps({'alg': 'none', 'typ': 'JWT'}).encode())}.{claims}.")


def sees_refresh_reuse(visitor: Visitor) -> bool:
    """A refresh token works a second time."""
    first = visitor.login().json()["refresh_token"]
    assert visitor.post("/auth/refresh", {"refresh_token": first}, None).status_code == 200
    return visitor.post("/auth/refresh", {"refresh_token": first}, None).status_code == 200


def sees_logout_ineffective(visitor: Visitor) -> bool:
    """A token works after its session was ended."""
    token = visitor.login().json()["access_token"]
    assert visitor.ask("POST", "/auth/logout", token=token).status_code == 204
    return _accepts(visitor, token)


def sees_bola_read(visitor: Visitor) -> bool:
    """Bob reads what alice, of another tenant, has made."""
    return visitor.get(f"/api/datasets/{visitor.dataset()}", "bob").status_code == 200


def sees_bola_write(visitor: Visitor) -> bool:
    """Bob changes what alice has made, and she sees it."""
    path = f"/api/datasets/{visitor.dataset()}"
    visitor.ask("PUT", path, "bob", json={"name": "bob was here", "values": [0]})
    return bool(visitor.get(path).json()["name"] == "bob was here")


def sees_bola_delete(visitor: Visitor) -> bool:
    """Bob removes what alice has made, and she misses it."""
    path = f"/api/datasets/{visitor.dataset()}"
    visitor.ask("DELETE", path, "bob")
    return visitor.get(path).status_code == 404


def sees_collection_leak(visitor: Visitor) -> bool:
    """Bob's list shows what alice has made."""
    made = visitor.dataset()
    page = visitor.get("/api/datasets?limit=100", "bob").json()
    return made in [item["id"] for item in page["items"]]


def sees_role_not_enforced(visitor: Visitor) -> bool:
    """Alice, no administrator, gets the list of accounts."""
    return visitor.get("/admin/users").status_code == 200


def sees_login_wrong_identity(visitor: Visitor) -> bool:
    """Who logs in as short is somebody else."""

    def who() -> str | None:
        found: str | None = visitor.get("/auth/whoami", token=_short_token(visitor)).json().get("username")
        return found

    names = (who() for _ in range(10))  # a token may be over when it is used again
    return next(name for name in names if name is not None) != "short"


def sees_login_enumerates(visitor: Visitor) -> bool:
    """A wrong password and a wrong name are answered in other words."""
    known, unknown = visitor.login("bob", "surely wrong"), visitor.login("nobody", "surely wrong")
    return bool(known.json()["detail"] != unknown.json()["detail"])


def sees_refresh_broken(visitor: Visitor) -> bool:
    """The token of a refresh is not accepted."""
    answer = visitor.post("/auth/refresh", {"refresh_token": visitor.login().json()["refresh_token"]}, None)
    return not _accepts(visitor, answer.json()["access_token"])


def sees_token_in_url_accepted(visitor: Visitor) -> bool:
    """A token in the query opens a protected operation."""
    return visitor.get(f"/auth/whoami?access_token={visitor.token()}", None).status_code == 200


def sees_tenant_header_trusted(visitor: Visitor) -> bool:
    """A header makes bob a member of alice's tenant."""
    path = f"/api/datasets/{visitor.dataset()}"
    return visitor.get(path, "bob", headers={"X-Tenant-Id": "t1"}).status_code == 200


def sees_leaks_secret(visitor: Visitor) -> bool:
    """An answer contains the caller's password."""
    return visitor.system.identities["alice"].password in visitor.get("/auth/whoami").text


def sees_cookie_not_httponly(visitor: Visitor) -> bool:
    """The refresh cookie can be read by scripts."""
    return "httponly" not in visitor.login().headers["set-cookie"].lower()


def test_seen_on_and_not_off(observer: Observer, healthy: Visitor) -> None:
    """The wrong behaviour shows with the switch on, and not on the healthy system."""
    seen_with_its_switch_only(observer, healthy)
