"""A client of the reference system for its own tests: logs in, asks, listens."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.sync.client import connect

from hybridcheck.reference.launcher import ReferenceSystem


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

    def metric(self, line: str) -> float | None:
        """The value of one line of /metrics, by its name and labels."""
        for found in self.get("/metrics", None).text.splitlines():
            name, _, value = found.rpartition(" ")
            if name == line:
                return float(value)
        return None

    def events(self, query: str, **headers: str) -> Heard:
        """The event stream, read to its end."""
        heard = Heard()
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
