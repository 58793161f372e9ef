"""A small service for tests of workflows: data sets, and detectors that are trained in the background, with switches."""

import json
from typing import Any

from hybridcheck.evidence import Failure
from hybridcheck.target import Ask
from tests.unit.checks.fake_target import Answer, FakeTarget

TRAINING_S = 0.5

OPERATIONS: list[dict[str, Any]] = [
    {
        "id": "upload",
        "method": "POST",
        "path": "/sets",
        "creates": True,
        "id_from": "$.id",
        "cleanup": "drop",
        "expect": 201,
        "auth": "required",
        "identity": "alice",
    },
    {"id": "show", "path": "/sets/{set}", "auth": "required", "identity": "alice"},
    {"id": "drop", "method": "DELETE", "path": "/sets/{set}", "auth": "required", "identity": "alice", "expect": 204},
    {"id": "train", "method": "POST", "path": "/sets/{set}/training", "expect": 202},
    {"id": "state", "path": "/sets/{set}/state"},
    {"id": "labels", "path": "/sets/{set}/labels"},
    {"id": "score", "method": "POST", "path": "/score", "safe": True},
    {"id": "health", "path": "/health"},
]

STEPS: list[dict[str, Any]] = [
    {"operation": "upload", "body": {"name": "{marker}", "values": "{rows.values}"}, "extract": {"set": "$.id"}},
    {"operation": "show", "expect": {"values": {"$.name": "{marker}", "$.values": "{rows.values}"}}},
    {"operation": "train"},
    {"name": "wait", "operation": "state", "until": {"values": {"$.state": "done"}, "unless": {"$.state": "failed"}, "within_s": 2, "every_ms": 100}},
    {"operation": "labels", "max_ms": 100, "expect": {"values": {"$.set": "{set}"}},
     "detects": {"data": "rows", "min_accuracy": 0.7, "min_precision": 0.6, "min_recall": 0.6}},
    {"operation": "drop"},
    {"name": "gone", "operation": "show", "expect": 404},
]  # fmt: skip


def profile(**changes: Any) -> dict[str, Any]:
    """A profile with one workflow; `changes` stand over parts of that workflow."""
    data = {"rows": {"kind": "anomalies", "rows": 300}}
    return {
        "identities": {"alice": {"token": "t" * 20}},
        "operations": OPERATIONS,
        "workflows": {"detect": {"identity": "alice", "data": data, "steps": STEPS, **changes}},
    }


class Service(FakeTarget):
    """Plays the service. `fault` is what is wrong with it, `times` how often that shows."""

    def __init__(self, fault: str = "", times: int = 1_000_000) -> None:
        super().__init__(self.answered)
        self.fault, self.times = fault, times
        self.sets: dict[str, dict[str, Any]] = {}
        self.trained: dict[str, float] = {}
        self.sent: list[str] = []

    def faulty(self, name: str) -> bool:
        """Whether the fault shows now."""
        if self.fault != name or self.times <= 0:
            return False
        self.times -= 1
        return True

    def answered(self, ask: Ask) -> Answer | Failure:
        """An answer, as the fault would have it."""
        self.sent.append(f"{ask.method} {ask.path}")
        if self.faulty("throttles"):
            return 429, {}, {}
        if self.faulty("resets") and ask.path == "/sets":
            return Failure.RESET
        _, _, name, *rest = (*ask.path.split("/"), "")
        if ask.path == "/sets":
            return self.uploaded(json.loads(ask.body or b"{}"))
        if ask.path == "/health":
            return (503 if self.faulty("down") else 200), {}, {"requests": len(self.sent)}
        if ask.path == "/score":
            values = json.loads(ask.body or b"{}")["values"]
            return 200, {}, {"labels": self.labels(values), "first": values[0]}
        return self.about(ask.method, name, rest[0])

    def uploaded(self, body: dict[str, Any]) -> Answer:
        """A new set; without values a refusal."""
        if not body.get("values") and not self.faulty("takes nothing"):
            return 422, {}, {}
        name = str(len(self.sets) + 1)
        kept = body["values"][:-1] if self.faulty("truncates") else body["values"]
        self.sets[name] = {**body, "values": kept}
        return 201, {"ETag": f"e{name}"}, {} if self.faulty("no id") else {"id": name}

    def about(self, method: str, name: str, part: str) -> Answer:
        """What is done with one set."""
        found = self.sets.get(name)
        if found is None:
            return 404, {}, {}
        if method == "DELETE":
            if not self.faulty("stays"):
                del self.sets[name]
            return 204, {}, ""
        if part == "training":
            self.trained[name] = self.now_s()
            return 202, {}, {}
        if part == "state":
            return 200, {}, {"state": self.state(name)}
        if part == "labels":
            shown = "another" if self.faulty("mixes up") else name
            return 200, {}, {"set": shown, "labels": self.labels(found["values"])}
        return 200, {}, found

    def state(self, name: str) -> str:
        """Done once the training has lasted."""
        if self.faulty("fails"):
            return "failed"
        lasted = self.now_s() - self.trained[name] >= TRAINING_S and not self.faulty("never ends")
        return "done" if lasted else "running"

    def labels(self, values: list[float]) -> list[str]:
        """Anomalies are further than four from zero; by fault they are missed, or everything is one."""
        found = [abs(value) > 4 for value in values]
        if self.faulty("misses"):
            found = [said and index % 4 == 0 for index, said in enumerate(found)]
        if self.faulty("alarms"):
            found = [True] * len(values)
        return ["anomaly" if said else "normal" for said in found]
