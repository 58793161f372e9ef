"""Identities: one login per run, credentials in their places, and no secret on the disk."""

import asyncio
import json
import re
import time
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest

from hybridcheck.evidence import GapReason
from hybridcheck.target import Ask, EvidenceLost
from hybridcheck.transport.identities import name_like
from tests.unit.transport.stage import Stage, profile_of, stage_of

KEY = "a signing key that is long enough for HS256"
PASSWORD = "correct horse battery"
LOGIN = {
    "path": "/login",
    "body": {"username": "{username}", "nested": [{"password": "{password}"}]},
    "token": "$.access_token",
    "refresh_token": "$.refresh_token",
}


def token_for(expires_in_s: float = 3600, **claims: Any) -> str:
    """A signed token."""
    return jwt.encode({"sub": "alice", "aud": "api", "exp": int(time.time() + expires_in_s), **claims}, KEY)


class Gate:
    """A target with a login; keeps the requests that it saw."""

    def __init__(self, **token: Any) -> None:
        self.seen: list[httpx.Request] = []
        self.status = 200
        self._token = token

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.seen.append(request)
        if request.url.path != "/login":
            return httpx.Response(200, json={"authorization": request.headers.get("authorization")})
        document = {"access_token": token_for(jti=len(self.seen), **self._token), "refresh_token": "refresh-me-42"}
        cookie = {"Set-Cookie": f"session=cookie-value-{len(self.seen)}; HttpOnly"}
        return httpx.Response(self.status, json=document if self.status == 200 else {}, headers=cookie)

    def logins(self) -> int:
        """How many logins it saw."""
        return sum(request.url.path == "/login" for request in self.seen)


def stage_with(folder: Path, gate: Gate, **session: Any) -> Stage:
    """A stage whose profile has alice, who logs in."""
    profile = profile_of(
        session={"login": LOGIN, **session}, identities={"alice": {"username": "alice", "password": PASSWORD}}
    )
    return stage_of(folder, gate, profile=profile)


async def test_an_identity_logs_in_once_per_run_whoever_asks(tmp_path: Path) -> None:
    """Twenty reads at once share one login, recorded under the identity's own stream."""
    gate = Gate()
    stage = stage_with(tmp_path, gate)
    view = stage.read()
    await view.together([view.read(f"r.{i}", Ask("GET", "/me", identity="alice")) for i in range(20)])
    assert gate.logins() == 1
    assert [e.label for e in stage.exchanges() if e.stream == "identity/alice"] == ["login"]
    assert {e.identity for e in stage.exchanges()} == {"alice"}
    assert json.loads(gate.seen[0].content) == {"username": "alice", "nested": [{"password": PASSWORD}]}


async def test_a_token_and_its_facts_are_had_before_redaction(tmp_path: Path) -> None:
    """alg, exp, aud and sub are in the facts; neither token nor password reaches the disk, in any record."""
    gate = Gate()
    stage = stage_with(tmp_path, gate)
    exchange = await stage.read().read("r", Ask("GET", "/me", identity="alice"))
    credential = await stage.read().credential("alice")
    assert exchange.response is not None
    assert exchange.response.body.text is not None
    assert credential.token in exchange.response.body.text, "a check sees the unredacted answer"
    assert exchange.facts == credential.facts
    assert (credential.facts["alg"], credential.facts["sub"], credential.facts["aud"]) == ("HS256", "alice", "api")
    assert credential.facts["exp"] > time.time()

    disk = stage.ledger_path.read_bytes()
    for secret in (credential.token, PASSWORD, "refresh-me-42", credential.token.split(".")[2]):
        assert secret.encode() not in disk
    login, read = stage.exchanges()
    assert login.facts["sub"] == read.facts["sub"] == "alice"


async def test_a_failed_login_is_tried_once_and_is_a_gap_of_every_case(tmp_path: Path) -> None:
    """Accounts lock: whoever needs the identity later gets the reason, and nothing more is sent."""
    gate = Gate()
    gate.status = 401
    stage = stage_with(tmp_path, gate)
    for label in ("first", "second"):
        with pytest.raises(EvidenceLost) as lost:
            await stage.read().read(label, Ask("GET", "/me", identity="alice"))
        assert lost.value.reason is GapReason.LOGIN_FAILED
    assert len(gate.seen) == 1
    gaps = {(gap.stream, gap.label) for gap in stage.gaps()}
    assert gaps == {("identity/alice", "login"), ("a.check[subject]", "first"), ("a.check[subject]", "second")}


async def test_an_expired_credential_is_renewed_once(tmp_path: Path) -> None:
    """By the token's own exp; each time it is asked for, at most one login."""
    gate = Gate(expires_in_s=-10)
    stage = stage_with(tmp_path, gate)
    view = stage.read()
    first = await view.credential("alice")
    second = await view.credential("alice")
    assert first.token != second.token
    assert gate.logins() == 2
    assert [e.label for e in stage.exchanges()] == ["login", "login.2"]


async def test_a_credential_that_does_not_last_is_renewed_for_whom_it_has_to(tmp_path: Path) -> None:
    """Ten seconds are enough for a request and not for a load of a minute; after a new login what came is given."""
    gate = Gate(expires_in_s=10)
    view = stage_with(tmp_path, gate).read()
    first = await view.credential("alice")
    assert await view.credential("alice", lasting_s=5) is first
    longer = await view.credential("alice", lasting_s=60)
    assert longer is not first
    assert longer.facts["exp"] < time.time() + 60
    assert gate.logins() == 2


async def test_an_unknown_identity_is_a_gap(tmp_path: Path) -> None:
    """Nothing is sent as somebody whom the profile does not know."""
    stage = stage_with(tmp_path, Gate())
    with pytest.raises(EvidenceLost) as lost:
        await stage.read().read("r", Ask("GET", "/", identity="mallory"))
    assert lost.value.reason is GapReason.LOGIN_FAILED


async def test_a_case_may_log_in_for_itself_and_call_the_session(tmp_path: Path) -> None:
    """login, whoami and logout go under the case's own labels, with the case's own credential."""
    gate = Gate()
    calls = {
        "whoami": {"method": "GET", "path": "/whoami", "identity": "$.authorization"},
        "logout": {"path": "/logout", "body": {"refresh": "{refresh_token}"}, "form": True},
    }
    stage = stage_with(tmp_path, gate, **calls)
    view = stage.read()
    exchange, credential = await view.login("login", "alice")
    assert credential is not None
    assert (exchange.label, exchange.stream, credential.scheme) == ("login", "a.check[subject]", "bearer")
    whoami = await view.session_call("whoami", "alice", "whoami", credential)
    assert gate.seen[1].headers["authorization"] == f"Bearer {credential.token}"
    assert whoami.facts["identity"] == f"Bearer {credential.token}"
    await view.session_call("logout", "alice", "logout", credential)
    assert parse_qs(gate.seen[2].content.decode()) == {"refresh": ["refresh-me-42"]}
    with pytest.raises(EvidenceLost) as lost:
        await view.session_call("refresh", "alice", "refresh", credential)
    assert lost.value.reason is GapReason.NOT_SUPPORTED_HERE
    assert credential.token.encode() not in stage.ledger_path.read_bytes()


async def test_a_session_cookie_is_a_credential_too(tmp_path: Path) -> None:
    """It is taken from Set-Cookie, sent back by name, and masked."""
    gate = Gate()
    profile = profile_of(
        session={"login": {"path": "/login", "body": {"p": "{password}"}, "cookie": "session"}},
        identities={"alice": {"username": "alice", "password": PASSWORD}},
    )
    stage = stage_of(tmp_path, gate, profile=profile)
    await stage.read().read("r", Ask("GET", "/me", identity="alice"))
    assert gate.seen[1].headers["cookie"] == "session=cookie-value-1"
    assert b"cookie-value-1" not in stage.ledger_path.read_bytes()
    await stage.read().read("t", Ask("GET", "/me", identity="alice", authorization="tampered"))
    assert gate.seen[2].headers["cookie"] == "session=tampered"


FIXED = {
    "by_token": ({"token": "fixed-token-value"}, "authorization", "Bearer fixed-token-value"),
    "by_key": ({"api_key": {"header": "X-Key", "value": "fixed-key-value"}}, "x-key", "fixed-key-value"),
    "by_basic": (
        {"basic": {"username": "bob", "password": "fixed-password"}},
        "authorization",
        "Basic Ym9iOmZpeGVkLXBhc3N3b3Jk",
    ),
}


@pytest.mark.parametrize("way", FIXED)
async def test_fixed_credentials_need_no_login(tmp_path: Path, way: str) -> None:
    """Token, key and Basic are sent in their headers, and none of them reaches the disk."""
    spec, header, value = FIXED[way]
    gate = Gate()
    stage = stage_of(tmp_path, gate, profile=profile_of(identities={"bob": spec}))
    await stage.read().read("r", Ask("GET", "/", identity="bob"))
    await stage.read().read("tampered", Ask("GET", "/", identity="bob", authorization="tampered"))
    assert gate.seen[0].headers[header] == value
    assert gate.seen[1].headers[header] == value.replace(value.rsplit(" ", maxsplit=1)[-1], "tampered")
    assert value.rsplit(" ", maxsplit=1)[-1].encode() not in stage.ledger_path.read_bytes()
    assert b"fixed-" not in stage.ledger_path.read_bytes()
    assert [e.identity for e in stage.exchanges()] == ["bob", None]


async def test_a_credential_of_ones_own_making_is_sent_as_it_is(tmp_path: Path) -> None:
    """A whole header value stays; a bare token gets the session's prefix; its facts are read."""
    gate = Gate()
    stage = stage_with(tmp_path, gate)
    token = token_for(sub="nobody")
    whole = await stage.read().read("a", Ask("GET", "/", authorization="Token abc"))
    bare = await stage.read().read("b", Ask("GET", "/", authorization=token))
    assert [request.headers["authorization"] for request in gate.seen] == ["Token abc", f"Bearer {token}"]
    assert (whole.identity, whole.facts) == (None, {})
    assert bare.facts["sub"] == "nobody"
    assert gate.logins() == 0


async def test_credentials_never_go_to_plain_http_elsewhere(tmp_path: Path) -> None:
    """A declared service at another plain-http address is asked without credentials, or not at all."""
    gate = Gate()
    profile = profile_of(
        identities={"bob": {"token": "fixed-token-value"}}, services={"s": {"direct_url": "http://native.test:9100"}}
    )
    stage = stage_of(tmp_path, gate, profile=profile)
    await stage.read().read("without", Ask("GET", "/", service_url="http://native.test:9100"))
    with pytest.raises(EvidenceLost, match="credentials"):
        await stage.read().read("with", Ask("GET", "/", identity="bob", service_url="http://native.test:9100"))
    own = Ask("GET", "/", headers=(("Cookie", "session=1"),), service_url="http://native.test:9100")
    with pytest.raises(EvidenceLost, match="credentials"):
        await stage.read().read("own", own)
    assert len(gate.seen) == 1


async def test_one_wrong_password_per_identity_and_run(tmp_path: Path) -> None:
    """The second is a gap, whichever case asks; the right password is not in the first."""
    gate = Gate()
    gate.status = 401
    stage = stage_with(tmp_path, gate)
    exchange, credential = await stage.write("one").wrong_password("wrong", "alice")
    assert exchange.status == 401
    assert credential is None
    assert PASSWORD.encode() not in gate.seen[0].content
    with pytest.raises(EvidenceLost) as lost:
        await stage.write("two").wrong_password("wrong", "alice")
    assert lost.value.reason is GapReason.BUDGET_SPENT
    assert len(gate.seen) == 1


async def test_an_unknown_user_has_a_name_of_the_same_shape(tmp_path: Path) -> None:
    """As nobody, with neither a declared name nor a declared password; each time under another name."""
    gate = Gate()
    gate.status = 401
    stage = stage_with(tmp_path, gate)
    view = stage.write("one")
    (exchange, first), (_, second) = await view.unknown_user("a", "alice"), await view.unknown_user("b", "alice")
    assert (exchange.status, exchange.identity) == (401, None)
    assert first.encode() in gate.seen[0].content
    assert PASSWORD.encode() not in gate.seen[0].content
    assert first != second


@pytest.mark.parametrize(
    ("username", "shape"),
    [("alice", r"[a-z]{12}"), ("jo.doe9@example.test", r"[a-z]{2}\.[a-z]{3}\d{6}@example\.test"), ("0049", r"\d{12}")],
)
def test_a_made_up_name_passes_for_one(username: str, shape: str) -> None:
    """What validates names has nothing to refuse, so that an answer speaks of the user alone."""
    assert re.fullmatch(shape, name_like(username, Random(1)))


async def test_the_identity_streams_are_sealed(tmp_path: Path) -> None:
    """Also of an identity that nobody needed."""
    stage = stage_with(tmp_path, Gate())
    await stage.read().read("r", Ask("GET", "/me", identity="alice"))
    stage.session.seal_shared()
    assert stage.session.shared_streams() == ("identity/alice",)
    assert [r.kind for r in stage.records if r.stream == "identity/alice"] == ["exchange", "case_end"]  # type: ignore[attr-defined]


async def test_a_login_that_was_interrupted_may_be_tried_again(tmp_path: Path) -> None:
    """A cancelled login is no failed one: the lock is free and the next case logs in."""
    entered = asyncio.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        if not entered.is_set():
            entered.set()
            await asyncio.Event().wait()
        return httpx.Response(200, json={"access_token": "a-token-of-alice"})

    profile = profile_of(session={"login": LOGIN}, identities={"alice": {"username": "alice", "password": PASSWORD}})
    stage = stage_of(tmp_path, handler, profile=profile)
    task = asyncio.create_task(stage.read().credential("alice"))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    credential = await stage.read().credential("alice")
    assert credential.token == "a-token-of-alice"
    assert [exchange.failure for exchange in stage.exchanges()] == [None]
