"""A client of the reference system for its own tests: logs in, asks, listens."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import httpx
from websockets.sync.client import connect

from hybridcheck.reference.launcher import ReferenceSystem

PATIENCE_S = 20.0
"""For what comes at once on an idle machine, and may be kept waiting on a busy one."""


@dataclass
class Heard:
    """What came over an event stream."""

    status: int = 0
    sequence: list[int] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    received_at: list[float] = field(default_factory=list)
    ended: bool = False  # with `event: end`
    cut_off: bool = False  # without the end of the HTTP body

    def take(self, line: str) -> None:
        """Take in one line."""
        if line == "event: end":
            self.ended = True
        elif line.startswith('data: {"sequence"'):
            event = json.loads(line.removeprefix("data: "))
            self.sequence.append(event["sequence"])
            self.sent_at.append(event["sent_at"])
            self.received_at.append(time.time())


@dataclass
class Visitor:
    """Talks to one running reference system. Every call carries the given identity's token."""

    system: ReferenceSystem
    _tokens: dict[str, str] = field(default_factory=dict)
    # This is plain HTTP: the only cookie, a Secure one, stays out, and loading certificates would only take time.
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10, trust_env=False, verify=False))

    def login(self, name: str = "alice", password: str | None = None) -> httpx.Response:
        """The answer to a login; with the right password unless another is given."""
        body = {"username": name, "password": password or self.system.identities[name].password}
        return self.http.post(f"{self.system.base_url}/auth/login", json=body)

    def token(self, name: str = "alice") -> str:
        """An access token, from one login per identity."""
        if name not in self._tokens:
            self._tokens[name] = self.login(name).json()["access_token"]
        return self._tokens[name]

    def ask(self, method: str, path: str, who: str | None = "alice", **options: Any) -> httpx.Response:
        """The answer to a request as `who`; None for no credentials. `token=` and `headers=` override."""
        headers = dict(options.pop("headers", {}))
        token = options.pop("token", None) or (self.token(who) if who else None)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.request(method, self.system.base_url + path, headers=headers, **options)

    def get(self, path: str, who: str | None = "alice", **options: Any) -> httpx.Response:
        """GET."""
        return self.ask("GET", path, who, **options)

    def post(self, path: str, document: Any, who: str | None = "alice", **options: Any) -> httpx.Response:
        """POST of a JSON document."""
        return self.ask("POST", path, who, json=document, **options)

    def dataset(self, who: str = "alice") -> str:
        """The id of a new dataset."""
        return str(self.post("/api/datasets", {"name": "made by a test", "values": [1, 2, 3]}, who).json()["id"])

    def begun(self, method: str, path: str, document: Any = None, who: str = "alice") -> HTTPConnection:
        """A connection of its own over which a request has been sent; whoever closes it leaves before the answer."""
        headers = {"Authorization": f"Bearer {self.token(who)}", "Content-Type": "application/json"}
        connection = HTTPConnection(self.system.base_url.removeprefix("http://"), timeout=PATIENCE_S)
        connection.request(method, path, None if document is None else json.dumps(document), headers)
        return connection

    def at_once(self, *asked: tuple[Any, ...]) -> list[tuple[int, Any]]:
        """Status and document of the answers to requests that are all on their way before the first answer is read."""
        for one in asked:
            self.token(*one[3:])
        with ExitStack() as open_ones:
            connections = [open_ones.enter_context(closing(self.begun(*one))) for one in asked]
            answers = [connection.getresponse() for connection in connections]
            return [(answer.status, json.loads(answer.read())) for answer in answers]

    def metric(self, line: str) -> float | None:
        """The value of one line of /metrics, by its name and labels."""
        return self._value(self.get("/metrics", None), line)

    def native_metric(self, line: str) -> float | None:
        """The same of the native service's own /metrics."""
        return self._value(self.http.get(f"{self.system.native_url}/metrics"), line)

    @staticmethod
    def _value(exposition: httpx.Response, line: str) -> float | None:
        for found in exposition.text.splitlines():
            name, _, value = found.rpartition(" ")
            if name == line:
                return float(value)
        return None

    def events(self, query: str, into: Heard | None = None, /, **headers: str) -> Heard:
        """The event stream, read to its end; `into` has what came so far."""
        heard = into or Heard()
        url = f"{self.system.base_url}/stream/events?{query}"
        with self.http.stream("GET", url, headers={"Authorization": f"Bearer {self.token()}", **headers}) as answer:
            heard.status = answer.status_code
            try:
                for line in answer.iter_lines():
                    heard.take(line)
            except httpx.RemoteProtocolError:
                heard.cut_off = True
        return heard

    def messages(self, query: str) -> list[dict[str, Any]]:
        """All messages of the WebSocket, until it is closed with 1000."""
        url = self.system.base_url.replace("http", "ws") + f"/stream/ws?{query}"
        with connect(url, additional_headers={"Authorization": f"Bearer {self.token()}"}) as socket:
            return [json.loads(message) for message in socket]


def comes(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    """Whether a condition comes true in some time; it is looked at once however little of that is left."""
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def lasts(call: Callable[[], object], at_least_s: float, times: int = 5) -> bool:
    """Whether a call takes so long each time; the first that is quicker says no: what others do makes it only longer."""
    for _ in range(times):
        began = time.perf_counter()
        call()
        if time.perf_counter() - began < at_least_s:
            return False
    return True


Observer = Callable[[Visitor], bool]


@contextmanager
def visiting(*defects: str, **options: Any) -> Iterator[Visitor]:
    """A running system with these defects and a visitor to it; both are gone afterwards."""
    with ReferenceSystem(defects, **options) as system:
        visitor = Visitor(system)
        with visitor.http:
            yield visitor


def seen_with_its_switch_only(observer: Observer, healthy: Visitor) -> None:
    """Assert that what `sees_DEFECT` looks for is there with the switch on, and not on the healthy system."""
    assert not observer(healthy)
    with visiting(defect_of(observer)) as visitor:
        assert observer(visitor)


def seen_beside_others(observer: Observer, healthy: Visitor, system_with: Callable[[str], Visitor]) -> None:
    """The same on a system that runs already, with further switches on that do not hide this one."""
    assert not observer(healthy)
    assert observer(system_with(defect_of(observer)))


def defect_of(observer: Observer) -> str:
    """The name of the defect that an observer sees."""
    return observer.__name__.removeprefix("sees_").replace("_", "-")
