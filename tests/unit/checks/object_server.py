"""A small store of objects with owners, tenants and roles for tests of checks, with switches for what is wrong."""

import json
from typing import Any

from hybridcheck.evidence import Exchange, Failure
from hybridcheck.target import Ask
from tests.unit.checks.fake_target import Answer, FakeTarget

TENANTS = {"alice": "t1", "carol": "t1", "bob": "t2", "root": "t0"}

PROFILE: dict[str, Any] = {
    "identities": {
        "alice": {"token": "a" * 20, "tenant": "t1"},
        "carol": {"token": "c" * 20, "tenant": "t1"},
        "bob": {"token": "b" * 20, "tenant": "t2"},
        "root": {"token": "r" * 20, "tenant": "t0", "role": "admin"},
    },
    "operations": [
        {"id": "list", "path": "/things", "auth": "required", "identity": "alice"},
        {
            "id": "create",
            "method": "POST",
            "path": "/things",
            "body": {"name": "{marker}"},
            "auth": "required",
            "identity": "alice",
            "visibility": "tenant",
            "creates": True,
            "id_from": "$.id",
            "read_back": "read",
            "update": "update",
            "cleanup": "remove",
            "expect": {"status": 201},
        },
        {"id": "read", "path": "/things/{id}", "auth": "required", "identity": "alice"},
        {
            "id": "update",
            "method": "PUT",
            "path": "/things/{id}",
            "body": {"name": "{marker}"},
            "auth": "required",
            "identity": "alice",
        },
        {"id": "remove", "method": "DELETE", "path": "/things/{id}", "auth": "required", "identity": "alice"},
        {"id": "users", "path": "/users", "auth": "required", "identity": "root", "roles": ["admin"]},
    ],
}


def without(operation: str, *keys: str, **changes: Any) -> dict[str, Any]:
    """The profile with one operation changed."""
    changed = [
        {key: value for key, value in {**one, **changes}.items() if key not in keys} if one["id"] == operation else one
        for one in PROFILE["operations"]
    ]
    return {**PROFILE, "operations": changed}


class ObjectServer(FakeTarget):
    """The store as a target. `wrong` names what it does wrong; `answers` overrides answers by the start of their label."""

    def __init__(self, *wrong: str) -> None:
        super().__init__(self._answer_to)
        self.wrong = set(wrong)
        self.answers: dict[str, Answer | Failure] = {}
        self.things: dict[str, dict[str, str]] = {}
        self._label = ""
        self._cached: dict[str, Answer | Failure] = {}
        self._due: list[tuple[float, Ask, str]] = []

    def _exchange(self, label: str, ask: Ask) -> Exchange:
        self._label = label
        return super()._exchange(label, ask)

    def _answer_to(self, ask: Ask) -> Answer | Failure:
        answer = self._own_answer_to(ask)
        if "cache" not in self.wrong or ask.method != "GET" or ask.identity is None:
            return answer
        if self._label.endswith(".owner"):
            self._cached[ask.path] = answer
        return self._cached[ask.path] if self._label.startswith("beside") else answer

    def _own_answer_to(self, ask: Ask) -> Answer | Failure:
        for label, answer in self.answers.items():
            if self._label == label or self._label.startswith(label + "."):
                return answer
        if ask.identity is None and "public" not in self.wrong:
            return 401, {}, {}
        if ask.path == "/users":
            return self._users(ask)
        if ask.path == "/things":
            return self._collection(ask)
        return self._one(ask, ask.path.removeprefix("/things/"))

    def _users(self, ask: Ask) -> Answer:
        if ask.identity == "root" or "role" in self.wrong:
            return 200, {}, {"items": sorted(TENANTS), "at": self.now_s()}
        return (200, {}, {"items": ["alice"], "at": 0.0}) if "filtered" in self.wrong else (403, {}, {})

    def _collection(self, ask: Ask) -> Answer:
        tenant = TENANTS[ask.identity or ""]
        if ask.method == "POST":
            thing = {"id": str(len(self.things)), "tenant": tenant, **json.loads(ask.body or b"{}")}
            self.things[thing["id"]] = thing
            return 201, {}, thing
        mine = [thing for thing in self.things.values() if thing["tenant"] == tenant or "list" in self.wrong]
        return 200, {}, {"items": mine}

    def _one(self, ask: Ask, name: str) -> Answer:
        self._settle()
        thing = self.things.get(name)
        tenant = TENANTS.get(ask.identity or "", "")
        if "header" in self.wrong:
            tenant = dict(ask.headers).get("X-Tenant-Id", tenant)
        switch = {"GET": "read", "PUT": "write", "DELETE": "delete"}[ask.method]
        late = f"late {switch}" in self.wrong
        if thing is None or not (thing["tenant"] == tenant or late or {switch, "public"} & self.wrong):
            return (204, {}, b"") if "silent" in self.wrong else (404, {}, {})
        if ask.method != "GET":
            self._due.append((self.now_s() + (0.5 if late else 0.0), ask, name))
        if not late:
            self._settle()
        return (202, {}, {}) if late else (200, {}, thing)

    def _settle(self) -> None:
        """Do what is due."""
        due = [change for change in self._due if change[0] <= self.now_s()]
        self._due = [change for change in self._due if change not in due]
        for _, ask, name in due:
            if ask.method == "PUT":
                self.things[name] |= json.loads(ask.body or b"{}")
            else:
                self.things.pop(name, None)
