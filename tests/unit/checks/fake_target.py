"""A target for tests of checks: a function answers, everything is recorded, no socket is opened."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, TypeVar

import httpx

from hybridcheck.cases import Case, Json, Reason, Undecided, Unmet
from hybridcheck.checks.check import Check, Scene
from hybridcheck.evidence import (
    Body,
    Created,
    Evidence,
    Exchange,
    Failure,
    Gap,
    GapReason,
    Observation,
    ReceivedResponse,
    Record,
    SentRequest,
    StreamRecord,
    TlsRecord,
)
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.target import Ask, Credential, EvidenceLost, Manner
from hybridcheck.transport.client import client_of
from hybridcheck.verdict import Finding, Outcome

T = TypeVar("T")

Answer = tuple[int, dict[str, str], Any]
"""Status, headers, body (a dict or list is sent as JSON)."""

Answering = Callable[[Ask], Answer | Failure]
"""Plays the target: an answer, or how it fails."""


class FakeTarget:
    """Implements every target protocol over a function; time passes only by `sleep`."""

    def __init__(self, answering: Answering, *, base_url: str = "http://target.test", seed: int = 1) -> None:
        self.records: list[Record] = []
        self.random = Random(seed)
        self.credentials: dict[str, Credential] = {}
        self.streams: dict[str, StreamRecord] = {}
        self.logins: list[Credential | None] = []
        self.takes_ms: Callable[[Ask], float] = lambda _: 1.0
        self.hooks: list[str] = []  # applied now
        self.hooks_work = True
        self.connection = 1
        self.manner: Manner | None = None
        self.held: tuple[int, bool] | None = None
        self.cut = 0
        self.raw_answering: Callable[[bytes], tuple[bytes, str]] = _no_socket
        self._answering = answering
        self._base_url = base_url
        self._clock_s = 0.0

    def now_s(self) -> float:
        """Fake monotonic seconds."""
        return self._clock_s

    def unix_s(self) -> float:
        """Fake UTC seconds."""
        return 1_800_000_000.0 + self._clock_s

    async def sleep(self, seconds: float) -> None:
        """Let fake time pass."""
        self._clock_s += seconds

    async def refill(self) -> None:
        """Nothing limits the rate here."""

    async def together(self, calls: Sequence[Awaitable[T]]) -> list[T]:
        """Run calls one after the other, which is one of the possible interleavings."""
        return list(await asyncio.gather(*calls))

    async def read(self, label: str, ask: Ask) -> Exchange:
        """Answer and record."""
        return self._exchange(label, ask)

    async def write(self, label: str, ask: Ask) -> Exchange:
        """Answer and record."""
        return self._exchange(label, ask)

    async def create(self, label: str, ask: Ask, *, cleanup: str | None, id_from: str | None) -> tuple[Exchange, str]:
        """Answer and record; the id comes from a JSON answer's top level."""
        self._record(Created(label=label, operation=ask.operation or "", cleanup=cleanup))
        exchange = self._exchange(label, ask)
        body = exchange.response.body.content() if exchange.response else b""
        document = json.loads(body) if body.startswith(b"{") else {}
        return exchange, str(document.get((id_from or "$.id").removeprefix("$."), ""))

    async def on_one_connection(self, label: str, asks: Sequence[Ask], manner: Manner) -> tuple[Exchange, ...]:
        """Answer one after the other; `manner` may be looked at meanwhile, and `connection` counted up."""
        self.manner, self.connection = manner, 1
        exchanges = []
        for number, ask in enumerate(asks, 1):
            if manner.idle_s and number == len(asks):
                await self.sleep(manner.idle_s)
            exchange = self._exchange(f"{label}.{number}", ask).model_copy(
                update={"facts": {"connection": self.connection}}
            )
            self.records[-1] = exchange
            exchanges.append(exchange)
        self.manner = None
        return tuple(exchanges)

    async def credential(self, identity: str) -> Credential:
        """The prepared credential of an identity."""
        if identity not in self.credentials:
            raise self.lost(GapReason.LOGIN_FAILED, identity)
        return self.credentials[identity]

    async def login(self, label: str, identity: str) -> tuple[Exchange, Credential | None]:
        """Answer a login; the credentials come from `logins`, first come first served, else a made-up one."""
        exchange = self._exchange(label, Ask("POST", "/login", operation="session:login"))
        made = Credential(identity, "bearer", (("Authorization", f"Bearer own-{len(self.records)}"),), "own")
        return exchange, self.logins.pop(0) if self.logins else (made if exchange.status == 200 else None)

    async def wrong_password(self, label: str, identity: str) -> tuple[Exchange, Credential | None]:
        """As `login`, with a wrong password."""
        exchange = self._exchange(label, Ask("POST", "/login", operation="session:wrong-password"))
        made = Credential(identity, "bearer", (("Authorization", "Bearer bad"),), "bad")
        return exchange, made if exchange.status == 200 else None

    async def unknown_user(self, label: str, like: str) -> tuple[Exchange, str]:
        """As `login`, under a name that nobody has."""
        name = f"nobody-{len(self.records)}"
        body = json.dumps({"username": name}).encode()
        return self._exchange(label, Ask("POST", "/login", body=body, operation="session:login")), name

    async def session_call(self, label: str, identity: str, which: str, credential: Credential) -> Exchange:
        """Answer a session operation."""
        authorization = dict(credential.headers).get("Authorization")
        return self._exchange(label, Ask("GET", f"/{which}", authorization=authorization, operation=f"session:{which}"))

    async def listen(self, label: str, ask: Ask, *, protocol: str, most_events: int, most_s: float) -> StreamRecord:
        """The prepared stream of that label."""
        record = self.streams[label]
        return self._record(record.model_copy(update={"label": label}))

    async def handshake(self, label: str) -> TlsRecord:
        """A good handshake."""
        return self._record(TlsRecord(label=label, host="target.test", port=443, version="TLSv1.3"))

    def client(self, label: str) -> httpx.AsyncClient:
        """A client of the transport over this target."""
        return client_of(self, label, self._base_url)

    def observe(self, label: str, values: dict[str, Json]) -> None:
        """Record a fact."""
        self._record(Observation(label=label, values=values, at_s=self._clock_s))

    def lost(self, reason: GapReason, detail: str = "") -> EvidenceLost:
        """Record a gap."""
        self._record(Gap(reason=reason, detail=detail))
        return EvidenceLost(reason, detail)

    @asynccontextmanager
    async def disturbed(self, label: str, hook: str) -> AsyncIterator[None]:
        """Apply a hook, which is only noted in `hooks`; one that does not work is a gap."""
        self.observe(f"{label}.apply", {"hook": hook, "done": True})
        self.observe(f"{label}.active", {"hook": hook, "done": self.hooks_work})
        if not self.hooks_work:
            raise self.lost(GapReason.FAULT_NOT_DELIVERED)
        self.hooks.append(hook)
        try:
            yield
        finally:
            self.hooks.remove(hook)
            self.observe(f"{label}.clean", {"hook": hook, "done": True})

    async def drive(self, stream: str, plan: dict[str, Json]) -> None:
        """Not part of unit tests."""
        raise AssertionError("a unit test cannot drive load")

    async def raw(
        self, label: str, payload: bytes, *, most_s: float, close_after_send: bool = False, head_of: Ask | None = None
    ) -> bytes:
        """What `raw_answering` makes of the payload: the bytes received, and how it ended."""
        received, ended = self.raw_answering(payload)
        values = {"sent": payload.decode("latin-1"), "received": received.decode("latin-1"), "ended": ended}
        self.observe(label, {**values, "failure": None})
        return received

    async def abort(self, label: str, ask: Ask, *, times: int, most_s: float) -> None:
        """Ask, and go away: all are answered, or none where the answer is a failure."""
        answer = self._answering(ask)
        answered = 0 if isinstance(answer, Failure) else times
        self.observe(label, {"times": times, "answered": answered, "broken": times - answered, "failures": {}})

    @asynccontextmanager
    async def holding(self, label: str, ask: Ask, *, count: int, half: bool) -> AsyncIterator[None]:
        """`held` is what is held meanwhile; `cut` of them are ended by the target."""
        self.held = (count, half)
        yield
        self.held = None
        values = {"asked": count, "opened": count, "ended_by_target": self.cut, "failures": {}}
        self.observe(label, values)

    def _exchange(self, label: str, ask: Ask) -> Exchange:
        answer = self._answering(ask)
        query = "?" + "&".join(f"{k}={v}" for k, v in ask.query) if ask.query else ""
        headers = ask.headers + ((("Authorization", ask.authorization),) if ask.authorization else ())
        body = body_of(ask.body) if ask.body is not None else None
        request = SentRequest(method=ask.method, url=self._base_url + ask.path + query, headers=headers, body=body)
        at: dict[str, Any] = {
            "at_s": self._clock_s,
            "total_ms": self.takes_ms(ask),
            "operation": ask.operation,
            "identity": ask.identity,
        }
        if isinstance(answer, Failure):
            return self._record(Exchange(label=label, request=request, failure=answer, **at))
        return self._record(Exchange(label=label, request=request, response=response_of(answer), **at))

    def _record(self, record: T) -> T:
        numbered: T = record.model_copy(update={"n": len(self.records) + 1})  # type: ignore[attr-defined]
        self.records.append(numbered)  # type: ignore[arg-type]
        return numbered


def _no_socket(payload: bytes) -> tuple[bytes, str]:
    raise AssertionError("a unit test opens no socket")


def response_of(answer: Answer) -> ReceivedResponse:
    """A response as the recorder would keep it."""
    status, headers, content = answer
    if isinstance(content, dict | list):
        content, headers = json.dumps(content, ensure_ascii=False), {"Content-Type": "application/json", **headers}
    body = body_of(content.encode() if isinstance(content, str) else content)
    return ReceivedResponse(status=status, headers=tuple(headers.items()), body=body)


def recorded_of(ask: Ask, answer: Answer | Failure, *, base_url: str = "http://target.test") -> Exchange:
    """What is recorded where an ask gets this answer."""
    return asyncio.run(FakeTarget(lambda _: answer, base_url=base_url).read("recorded", ask))


def body_of(data: bytes) -> Body:
    """Bytes as the recorder keeps them: text where they are UTF-8, else Base64."""
    try:
        return Body(text=data.decode(), size_bytes=len(data))
    except UnicodeDecodeError:
        return Body(base64=base64.b64encode(data).decode(), size_bytes=len(data))


def scene(profile: dict[str, Any], base_url: str = "http://target.test") -> Scene:
    """A scene from profile data (version and a local target are filled in)."""
    data = {"version": 1, "targets": {"test": {"url": base_url, "environment": "local"}}, **profile}
    return Scene(Profile.model_validate(data), base_url, Environment.LOCAL)


def cases_of(check: Check, profile: dict[str, Any]) -> list[Case]:
    """The cases that a profile gives (without what it leaves unmet)."""
    return [case for case in check.cases(scene(profile)) if isinstance(case, Case)]


def unmet_of(check: Check, profile: dict[str, Any]) -> list[Unmet]:
    """What a profile leaves unmet."""
    return [case for case in check.cases(scene(profile)) if isinstance(case, Unmet)]


def finding_of(check: Check, profile: dict[str, Any], target: FakeTarget, *, index: int = 0) -> Finding:
    """Probe one case of a profile against a fake target and judge what was recorded."""
    case = cases_of(check, profile)[index]

    async def probe() -> None:
        with suppress(EvidenceLost):
            await check.probe(case, target)  # type: ignore[attr-defined]

    asyncio.run(probe())
    everything = tuple(record for record in target.records if isinstance(record, Exchange | Gap))
    return check.judge(case, Evidence(tuple(target.records), {"*": everything}))


def reason_of(check: Check, profile: dict[str, Any], target: FakeTarget) -> Reason | None:
    """Why the first case of a profile stays undecided against a fake target."""
    try:
        finding = finding_of(check, profile, target)
    except Undecided as undecided:
        return undecided.reason
    assert finding.outcome is Outcome.INCONCLUSIVE
    return finding.reason


def assert_less_evidence_decides_nothing_else(check: Check, profile: dict[str, Any], target: FakeTarget) -> None:
    """Without any one of its records the first case has the same outcome or none."""
    whole = finding_of(check, profile, target).outcome
    case, records = cases_of(check, profile)[0], tuple(target.records)
    for gone in range(len(records)):
        with suppress(Undecided):
            less = check.judge(case, Evidence((*records[:gone], *records[gone + 1 :]), {}))
            assert less.outcome in (whole, Outcome.INCONCLUSIVE)
