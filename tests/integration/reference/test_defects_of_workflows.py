"""Each defect of journeys is seen with its switch on, and not with it off; detectors keep the contract they are in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hybridcheck.reference.planted_in_workflows import IN_WORKFLOWS
from tests.integration.reference.visitor import PATIENCE_S, Visitor, lasts, visiting

NEVER_S = 4.0
"""What has not ended by then never ends: a training needs a tenth of a second, and a busy machine holds one of us up."""

TOGETHER = (
    "detector-of-nothing deleted-detector-stays trained-dataset-stays training-lost-when-busy results-slow false-alarms",
    "training-never-ends upload-truncated",
    "results-of-another anomalies-missed",
    "training-ignores-data",
    "training-done-too-early",
)
"""Defects that do not hide each other, in one system: each start takes half a second."""

VALUES = [float(index % 7) for index in range(230)]
for place in range(0, 230, 10):
    VALUES[place] = 60.0


def detector(visitor: Visitor, values: list[float] | None = None) -> str:
    """A new detector for a new data set."""
    made = visitor.post("/api/datasets", {"name": "to train on", "values": values or VALUES}).json()
    return str(visitor.post(f"/api/datasets/{made['id']}/detectors", {"threshold": 2}).json()["id"])


def begun(visitor: Visitor, values: list[float] | None = None) -> str:
    """A detector whose training was begun."""
    name = detector(visitor, values)
    assert visitor.ask("POST", f"/api/detectors/{name}/training").status_code == 202
    return name


def trained(visitor: Visitor, values: list[float] | None = None) -> str:
    """A detector whose training was begun and has ended."""
    name = begun(visitor, values)
    assert waited(visitor, name) in ("done", "failed")
    return name


def waited(visitor: Visitor, name: str, within_s: float = PATIENCE_S) -> str:
    """The state of a detector that has ended, or has had its time."""
    until = time.monotonic() + within_s
    while (state := str(visitor.get(f"/api/detectors/{name}").json()["state"])) in ("queued", "running"):
        if time.monotonic() > until:
            break
        time.sleep(0.02)
    return state


@contextmanager
def native_waiting(visitor: Visitor) -> Iterator[None]:
    """The native service stands still, so that no training ends before its time has come."""
    assert visitor.system.keeper is not None
    visitor.system.keeper.freeze()
    try:
        yield
    finally:
        visitor.system.keeper.thaw()


def results(visitor: Visitor, name: str) -> Any:
    """What a detector found."""
    answer = visitor.get(f"/api/detectors/{name}/results")
    assert answer.status_code == 200
    return answer.json()


def sees_training_never_ends(visitor: Visitor) -> bool:
    """The state stays as it is."""
    return waited(visitor, begun(visitor), NEVER_S) == "running"


def sees_training_done_too_early(visitor: Visitor) -> bool:
    """There are no results although it is done."""

    def too_early() -> bool:
        name = trained(visitor)
        return visitor.get(f"/api/detectors/{name}/results").status_code == 409

    return any(too_early() for _ in range(5))  # the results are there half a second later: one look may miss it


def sees_training_ignores_data(visitor: Visitor) -> bool:
    """The mean is not that of the data."""
    return bool(abs(results(visitor, trained(visitor))["mean"] - sum(VALUES) / len(VALUES)) > 0.01)


def sees_results_of_another(visitor: Visitor) -> bool:
    """The second detector shows the results of the first."""
    first, second = trained(visitor), trained(visitor, [1, 2, 3])
    assert results(visitor, first)["detector"] == first
    return bool(results(visitor, second)["detector"] == first)


def sees_detector_of_nothing(visitor: Visitor) -> bool:
    """A detector of no data set is made."""
    return visitor.post(f"/api/datasets/{'0' * 32}/detectors", {}).status_code == 201


def sees_training_lost_when_busy(visitor: Visitor) -> bool:
    """Of five trainings at once one fails."""
    names = [detector(visitor, [1, 2, 3]) for _ in range(5)]
    for name in names:
        visitor.ask("POST", f"/api/detectors/{name}/training")
    return "failed" in {waited(visitor, name) for name in names}


def sees_deleted_detector_stays(visitor: Visitor) -> bool:
    """It is answered after it was deleted."""
    name = detector(visitor)
    assert visitor.ask("DELETE", f"/api/detectors/{name}").status_code == 204
    return visitor.get(f"/api/detectors/{name}").status_code == 200


def sees_trained_dataset_stays(visitor: Visitor) -> bool:
    """A data set that was trained on is answered after it was deleted; another is not."""
    used = results(visitor, trained(visitor))["dataset"]
    for name in (used, other := visitor.dataset()):
        assert visitor.ask("DELETE", f"/api/datasets/{name}").status_code == 204
    assert visitor.get(f"/api/datasets/{other}").status_code == 404
    return visitor.get(f"/api/datasets/{used}").status_code == 200


def sees_upload_truncated(visitor: Visitor) -> bool:
    """Of 230 values a hundred are stored."""
    return len(visitor.post("/api/datasets", {"name": "long", "values": VALUES}).json()["values"]) == 100


def sees_results_slow(visitor: Visitor) -> bool:
    """Each answer is planned to take 0.9 s."""
    name = trained(visitor)
    return lasts(lambda: visitor.get(f"/api/detectors/{name}/results"), 0.85, 3)


def sees_anomalies_missed(visitor: Visitor) -> bool:
    """Six of 23 are found."""
    return bool(results(visitor, trained(visitor))["anomalies"] == 6)


def sees_false_alarms(visitor: Visitor) -> bool:
    """Every fifth row is one."""
    return bool(results(visitor, trained(visitor))["labels"][5] == "anomaly")


def test_outage_leaves_training_hanging() -> None:
    """With the native service down a training fails; with the switch on it stays running."""
    states = {}
    for defects in ([], ["outage-leaves-training-hanging"]):
        with visiting(*defects) as visitor:
            visitor.system.stop_native()
            states[bool(defects)] = waited(visitor, begun(visitor, [1, 2, 3]), NEVER_S)
    assert states == {False: "failed", True: "running"}


@pytest.mark.parametrize("together", TOGETHER)
def test_seen_on_and_not_off(together: str, healthy: Visitor) -> None:
    """The wrong behaviour shows with the switch on, and not on the healthy system."""
    names = together.split()
    found = {name: globals()[f"sees_{name.replace('-', '_')}"] for name in names}
    assert [name for name, sees in found.items() if sees(healthy)] == []
    with visiting(*names) as visitor:
        assert [name for name, sees in found.items() if not sees(visitor)] == []


def test_every_defect_of_journeys_is_in_a_group() -> None:
    """Nothing is left out, but what has a test of its own."""
    grouped = [name for together in TOGETHER for name in together.split()]
    assert sorted(grouped) == sorted(d.name for d in IN_WORKFLOWS if d.name != "outage-leaves-training-hanging")


def test_detectors_keep_their_contract(healthy: Visitor) -> None:
    """States, results and refusals are as the OpenAPI document says; another tenant sees nothing."""
    document = healthy.get("/openapi.json", None).json()

    def fits(name: str, found: Any) -> None:
        schema = document["components"]["schemas"][name] | {"components": document["components"]}
        Draft202012Validator(schema).validate(found)

    name = detector(healthy)
    fits("Detector", healthy.get(f"/api/detectors/{name}").json())
    assert healthy.get(f"/api/detectors/{name}/results").status_code == 409
    with native_waiting(healthy):
        accepted = healthy.ask("POST", f"/api/detectors/{name}/training")
        assert (accepted.status_code, accepted.json()["state"]) == (202, "queued")
        assert healthy.ask("POST", f"/api/detectors/{name}/training").status_code == 409
    assert waited(healthy, name) == "done"
    found = results(healthy, name)
    fits("Detections", found)
    assert [index for index, label in enumerate(found["labels"]) if label == "anomaly"] == list(range(0, 230, 10))
    for method, path in (("GET", ""), ("GET", "/results"), ("POST", "/training"), ("DELETE", "")):
        assert healthy.ask(method, f"/api/detectors/{name}{path}", "bob").status_code == 404
    assert healthy.ask("DELETE", f"/api/detectors/{name}").status_code == 204
    assert healthy.get(f"/api/detectors/{name}").status_code == 404


def test_a_training_without_its_data_is_refused(healthy: Visitor) -> None:
    """409 where the data set is gone."""
    name = detector(healthy)
    dataset = healthy.get(f"/api/detectors/{name}").json()["dataset"]
    healthy.ask("DELETE", f"/api/datasets/{dataset}")
    assert healthy.ask("POST", f"/api/detectors/{name}/training").status_code == 409


@pytest.mark.parametrize("threshold", [0, -1, "x", 1e9])
def test_a_bad_threshold_is_refused(healthy: Visitor, threshold: Any) -> None:
    """422, and nothing is made."""
    body = {"threshold": threshold}
    assert healthy.post(f"/api/datasets/{healthy.dataset()}/detectors", body).status_code == 422
