"""A hybrid system in one function: what crosses its boundary, with flaws that tests switch on; and its profile."""

import json
from collections import Counter
from typing import Any

from hybridcheck.evidence import Failure
from hybridcheck.target import Ask
from tests.unit.checks.fake_target import Answer, FakeTarget

HOOK: dict[str, Any] = {
    "class": "disrupt",
    "breaks": ["inner"],
    "does": "down",
    "apply": {"command": ["stop"]},
    "verify_active": {"command": ["is-down"]},
    "revert": {"command": ["start"]},
    "verify_clean": {"command": ["is-up"]},
}

PROFILE: dict[str, Any] = {
    "health": "/health",
    "openapi": "/openapi.json",
    "identities": {
        "alice": {"tenant": "t1", "token": "token-of-alice"},
        "carol": {"tenant": "t1", "token": "token-of-carol"},
        "bob": {"tenant": "t2", "token": "token-of-bob"},
    },
    "services": {
        "web": {"runtime": "cpython", "operations": [{"id": "list", "path": "/list"}]},
        "inner": {
            "runtime": "codon",
            "direct_url": "http://inner.test",
            "direct_headers": {"X-Key": "the gateway's key"},
            "openapi": "/described",
            "operations": [
                {
                    "id": "total",
                    "request": "POST /total",
                    "safe": True,
                    "body": {"values": [1, 2]},
                    "identity": "alice",
                },
                {"id": "slow", "request": "POST /slow", "safe": True, "body": {"ms": 1}},
                {"id": "headers", "path": "/headers", "identity": "alice", "auth": "required"},
                {"id": "doings", "path": "/doings"},
                {"id": "fail", "request": "POST /fail", "safe": True, "body": {"kind": "none"}},
                {
                    "id": "order",
                    "request": "POST /orders",
                    "body": {"amount": 1},
                    "creates": True,
                    "id_from": "$.id",
                    "cleanup": "forget",
                    "expect": 201,
                },
                {"id": "forget", "request": "DELETE /orders/{id}"},
            ],
        },
    },
    "boundaries": {
        "web-inner": {
            "caller": "web",
            "callee": "inner",
            "routes": [{"public": "total", "native": "/native/total"}, {"public": "slow"}, {"public": "fail"}],
            "headers": {"tenant": "X-Tenant", "deadline_ms": "X-Left-Ms", "idempotency": "Idempotency-Key"},
        }
    },
    "hooks": {"stop": HOOK},
    "observability": {"build_header": "X-Build"},
    "probes": {
        "slow": {"operation": "slow", "capacity": 4},
        "headers": {"operation": "headers"},
        "in_flight": {"operation": "doings", "out": "$.in_flight"},
        "failing": {
            "native_4xx": {"operation": "fail", "body": {"kind": "refuse"}, "status": 422},
            "native_5xx": {"operation": "fail", "body": {"kind": "error"}},
            "timeout": {"operation": "fail", "body": {"kind": "hang"}},
            "calls": {"operation": "doings", "out": "$.calls"},
        },
        "fallback": {"operation": "total", "out": "$.total"},
        "idempotent": {
            "operation": "order",
            "effects": {"operation": "doings", "out": "$.orders"},
            "other": {"amount": 2},
        },
    },
}

TENANTS = {"alice": "t1", "carol": "t1", "bob": "t2"}


class System:
    """Answers as a system that keeps every promise, but for its `flaws`."""

    def __init__(self, *flaws: str) -> None:
        self.flaws = frozenset(flaws)
        self.seen: Counter[str] = Counter()
        self.failures, self.busy_until_s = 0, 0.0
        self.keys: dict[str, tuple[int, int]] = {}
        self.orders = 0
        self.target = FakeTarget(self)
        self.target.takes_ms = self._takes_ms

    def __call__(self, ask: Ask) -> Answer | Failure:
        """Answer."""
        self.seen[ask.path] += 1
        if "throttles" in self.flaws and self.seen[ask.path] > 1:
            return 429, {}, {}
        if ask.via is not None:
            return self._directly(ask)
        if self.target.hooks and ask.path not in ("/list", "/health"):
            return self._down(ask)
        if self.target.hooks and ask.path == "/list" and "everything-down" in self.flaws:
            return 503, {}, {}
        if "stays-down" in self.flaws and ask.path == "/total" and "fault.clean" in self._said():
            return 503, {}, {}
        found: Answer | Failure = getattr(self, f"_{ask.path.strip('/').partition('.')[0]}")(ask)
        return found

    def _said(self) -> set[str]:
        return {getattr(record, "label", "") for record in self.target.records}

    def _directly(self, ask: Ask) -> Answer:
        if ask.path == "/described":
            return 200, {}, _described("/native/total", "string" if "skewed" in self.flaws else "number")
        keys = [value for name, value in ask.headers if name == "X-Key"]
        refused = ask.bare and "open" not in self.flaws and not (keys and "any-key" in self.flaws)
        if "crashes-directly" in self.flaws and ask.bare:
            return 500, {}, {}
        return (401, {}, {}) if refused else (200, {}, {"total": 3})

    def _down(self, ask: Ask) -> Answer:
        if ask.path == "/total" and "no-fallback" not in self.flaws:
            value = 4 if "fallback-differs" in self.flaws else 3
            return 200, {}, {"total": value, "degraded": "unmarked" not in self.flaws}
        return (500 if "down-500" in self.flaws else 503), {}, {}

    def _takes_ms(self, ask: Ask) -> float:
        deadline = next((float(value) for name, value in ask.headers if name == "X-Left-Ms"), None)
        if ask.path == "/slow" and deadline is not None:
            return 1500.0 if "late" in self.flaws else deadline
        if "no-time" in self.flaws and ask.path in {"/slow", "/list"}:
            return 900.0
        return 900.0 if ask.path == "/list" and "no-bulkhead" in self.flaws else 5.0

    def _list(self, _: Ask) -> Answer:
        return 200, {}, {}

    def _health(self, _: Ask) -> Answer:
        another = "builds" in self.flaws and self.seen["/health"] == 7
        return 200, {} if "nameless" in self.flaws else {"X-Build": "b" if another else "a"}, {}

    def _openapi(self, _: Ask) -> Answer:
        return 200, {}, _described("/total", "number")

    def _total(self, ask: Ask) -> Answer:
        return 200, {}, {"total": sum(json.loads(ask.body or b"{}")["values"]), "degraded": False}

    def _headers(self, ask: Ask) -> Answer:
        sent = dict(ask.headers)
        tenant = TENANTS[ask.identity or ""]
        if "mixed" in self.flaws and self.seen["/headers"] == 9:
            tenant = {"t1": "t2", "t2": "t1"}[tenant]
        if "spoofed" in self.flaws:
            tenant = sent.get("X-Tenant", tenant)
        left = float(sent.get("X-Left-Ms", 5000))
        told = {} if "untold" in self.flaws else {"x-left-ms": f"{left + self._own_ms():g}"}
        return 200, {}, {"headers": {"x-tenant": tenant, **told}}

    def _own_ms(self) -> float:
        """What is added to a deadline on its way: less than nothing, unless a flaw says otherwise."""
        return 3000 if "longer" in self.flaws else 0 if "same-deadline" in self.flaws else -5

    def _slow(self, ask: Ask) -> Answer | Failure:
        ms = json.loads(ask.body or b"{}")["ms"]
        if ask.deadline_s is not None and ms > 1000 * ask.deadline_s:  # the caller will go away
            stays_s = ms / 1000 if "not-cancelled" in self.flaws else ask.deadline_s
            self.busy_until_s = self.target.now_s() + stays_s
            return Failure.DEADLINE
        if any(name == "X-Left-Ms" for name, _ in ask.headers):
            return (200, {}, {"ms": ms}) if "late" in self.flaws else (504, {}, {})
        if ms > 100:  # one of an overload
            served = self.seen["overload"] % 10 < 4
            self.seen["overload"] += 1
            if not served:
                return (500 if "overload-500" in self.flaws else 503), {}, {}
        return 200, {}, {"ms": ms}

    def _doings(self, _: Ask) -> Answer:
        if "others" in self.flaws:  # somebody else's requests, while ours are sent again
            self.orders += self.seen["/doings"] % 4 == 3
            self.failures += 4
        busy = int(self.target.now_s() < self.busy_until_s and "invisible" not in self.flaws)
        return 200, {}, {"in_flight": busy, "calls": self.failures, "orders": self.orders}

    def _fail(self, ask: Ask) -> Answer:
        kind = json.loads(ask.body or b"{}")["kind"]
        if kind == "none":
            return 200, {}, {}
        self.failures += 0 if "uncounted" in self.flaws else 4 if "retries" in self.flaws else 1
        wrong = "unmapped" in self.flaws
        return {"refuse": 422, "error": 500 if wrong else 502, "hang": 504}[kind], {}, {}

    def _orders(self, ask: Ask) -> Answer:
        key, amount = dict(ask.headers).get("Idempotency-Key", ""), json.loads(ask.body or b"{}")["amount"]
        known = self.keys.get(key)
        if known is None or "no-keys" in self.flaws:
            self.orders += 0 if "uncounted" in self.flaws else 1
            known = self.keys[key] = (amount, self.orders)
        elif "same-id" in self.flaws and known[0] == amount:  # done again, though the answer is the first one's
            self.orders += 1
        if known[0] != amount and "reused" not in self.flaws:
            return 409, {}, {}
        return 201, {}, {"id": str(known[1]), "amount": known[0]}


def _described(path: str, kind: str) -> dict[str, Any]:
    total = {"type": "object", "title": kind, "properties": {"total": {"type": kind}}}
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}}
    return {
        "paths": {path: {"post": {"responses": {"200": answer, "404": {}}}}},
        "components": {"schemas": {"T": total}},
    }
