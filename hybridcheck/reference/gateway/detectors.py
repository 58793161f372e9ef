"""Detectors: trained on a data set by a job that runs on after its request was answered; the native service computes."""

import asyncio
import json
import math
import sqlite3
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.datasets import Datasets
from hybridcheck.reference.gateway.native_client import NativeClient
from hybridcheck.reference.routing import Handler, Route
from hybridcheck.reference.web import Answer, Problem, Request, json_answer

State = Literal["new", "queued", "running", "done", "failed"]

DEFAULT_THRESHOLD = 3.0
QUEUED_S = 0.02
TRAINING_S = 0.05  # beside what the native service takes: a job has to be seen at work
MOST_JOBS_WHEN_SPOILT = 2
TOO_EARLY_S = 0.5
SLOW_S = 0.9
MANY_ROWS = 200  # detection is spoilt on large data sets only: small ones are looked at number by number

_TABLE = """CREATE TABLE IF NOT EXISTS detectors (id TEXT PRIMARY KEY, dataset TEXT, owner TEXT, tenant TEXT, threshold REAL,
                                                  state TEXT, results TEXT)"""
_ONE = "/api/detectors/{detector_id}"


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector, its state, and what it found once it is trained."""

    id: str
    dataset: str
    owner: str
    tenant: str
    threshold: float
    state: State = "new"
    results: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """As the API shows it."""
        return {"id": self.id, "dataset": self.dataset, "threshold": self.threshold, "state": self.state}


class Detectors:
    """The operations on detectors, and their training."""

    def __init__(self, state_dir: str, datasets: Datasets, client: NativeClient, defects: Switches) -> None:
        """Detectors are kept beside the other state, for all workers."""
        self._db = sqlite3.connect(
            Path(state_dir) / "detectors.sqlite", isolation_level=None, timeout=5.0, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(_TABLE)
        self._datasets, self._client, self._defects = datasets, client, defects
        self._jobs: set[asyncio.Task[None]] = set()
        self._first: dict[str, Any] | None = None  # of `results-of-another`

    def routes(self) -> list[Route]:
        """Everything that can be done with detectors."""

        def route(method: str, path: str, handler: Handler, name: str, summary: str, good: int, *bad: int) -> Route:
            content = {204: None}.get(good, "Detections" if name == "readDetections" else "Detector")
            answers = {good: content, **dict.fromkeys(bad, "Problem")}
            return Route(method, path, handler, name, summary, "detectors", answers)

        create = route(
            "POST", "/api/datasets/{dataset_id}/detectors", self.create, "createDetector", "Create a detector", 201, 404
        )
        training = f"{_ONE}/training"
        return [
            replace(create, body="DetectorContent"),
            route("GET", _ONE, self.read, "readDetector", "A detector and its state", 200, 404),
            route("POST", training, self.train, "trainDetector", "Train it, in the background", 202, 404, 409),
            route("GET", f"{_ONE}/results", self.results, "readDetections", "What it found", 200, 404, 409),
            route("DELETE", _ONE, self.delete, "deleteDetector", "Delete a detector", 204, 404),
        ]

    async def create(self, request: Request) -> Answer:
        """A new detector for a data set that the caller may read."""
        dataset_id = request.path_values["dataset_id"]
        if self._datasets.readable(request, dataset_id) is None and not self._defects.on("detector-of-nothing"):
            raise Problem(404, "no such dataset")
        threshold = float(request.document.get("threshold", DEFAULT_THRESHOLD))
        detector = Detector(uuid.uuid4().hex, dataset_id, request.username, request.tenant, threshold)
        row = (detector.id, dataset_id, detector.owner, detector.tenant, threshold, detector.state, None)
        self._db.execute("INSERT INTO detectors VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return json_answer(detector.document(), 201, ((b"location", f"/api/detectors/{detector.id}".encode()),))

    async def read(self, request: Request) -> Answer:
        """The detector and its state."""
        return json_answer(self._of(request).document())

    async def train(self, request: Request) -> Answer:
        """Begin the training; 409 where it goes on already."""
        detector = self._of(request)
        if detector.state in ("queued", "running"):
            raise Problem(409, "it is being trained")
        dataset = self._datasets.readable(request, detector.dataset)
        if dataset is None:
            raise Problem(409, "its dataset is gone")
        if self._defects.on("trained-dataset-stays"):
            self._datasets.kept.add(dataset.id)
        busy = self._defects.on("training-lost-when-busy") and len(self._jobs) >= MOST_JOBS_WHEN_SPOILT
        self._move(detector.id, "failed" if busy else "queued")
        if not busy:
            job = asyncio.create_task(self._train(detector, list(dataset.numbers), request))
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
        return json_answer(detector.document() | {"state": "queued"}, 202)

    async def results(self, request: Request) -> Answer:
        """What the trained detector found; 409 before."""
        detector = self._of(request)
        if self._defects.on("results-slow"):
            await asyncio.sleep(SLOW_S)
        if detector.state != "done" or detector.results is None:
            raise Problem(409, "it is not trained")
        shown = {"detector": detector.id, "dataset": detector.dataset} | detector.results
        if self._defects.on("results-of-another"):
            self._first = self._first or shown
            return json_answer(self._first)
        return json_answer(shown)

    async def delete(self, request: Request) -> Answer:
        """Delete the detector and what it found."""
        detector = self._of(request)
        if not self._defects.on("deleted-detector-stays"):
            self._db.execute("DELETE FROM detectors WHERE id = ?", (detector.id,))
        return Answer(204)

    def _of(self, request: Request) -> Detector:
        """The detector of the request; 404 for one that is not there and for one of another tenant."""
        row = self._db.execute("SELECT * FROM detectors WHERE id = ?", (request.path_values["detector_id"],)).fetchone()
        if row is None or (request.role != "admin" and row[3] != request.tenant):
            raise Problem(404, "no such detector")
        results = json.loads(row[6]) if row[6] is not None else None
        return Detector(row[0], row[1], row[2], row[3], row[4], row[5], results)

    def _move(self, detector_id: str, state: State, results: dict[str, Any] | None = None) -> None:
        found = json.dumps(results) if results is not None else None
        self._db.execute("UPDATE detectors SET state = ?, results = ? WHERE id = ?", (state, found, detector_id))

    async def _train(self, detector: Detector, values: list[float], request: Request) -> None:
        """The job: the native service scores the numbers, and what it says is kept."""
        await asyncio.sleep(QUEUED_S)
        self._move(detector.id, "running")
        if self._defects.on("training-never-ends"):
            return
        if self._defects.on("training-done-too-early"):
            self._move(detector.id, "done")
            await asyncio.sleep(TOO_EARLY_S)
        await asyncio.sleep(TRAINING_S)
        if self._defects.on("training-ignores-data"):
            values = [math.sin(index) for index in range(len(values))]
        try:
            scored = await self._computed(request, "/detection/score", values=values, threshold=detector.threshold)
            figures = await self._computed(request, "/analytics/aggregate", values=values)
        except Problem:
            if not self._defects.on("outage-leaves-training-hanging"):
                self._move(detector.id, "failed")
            return
        labels = spoilt([point["label"] for point in scored["scores"]], self._defects)
        found = {"count": len(labels), "anomalies": labels.count("anomaly"), "mean": figures["mean"], "labels": labels}
        self._move(detector.id, "done", found)

    async def _computed(self, request: Request, path: str, **document: Any) -> Any:
        asked = Request("POST", path, {}, request.scope, request.receive, request.trace_id)
        asked.tenant, asked.document = request.tenant, document
        answer = await self._client.forward(asked)
        return json.loads(answer.body)


def spoilt(labels: list[str], defects: Switches) -> list[str]:
    """The labels as the switched-on defects would have them: of many rows three of four anomalies missed, or alarms."""
    if len(labels) < MANY_ROWS:
        return labels
    if defects.on("anomalies-missed"):
        seen = [index for index, label in enumerate(labels) if label == "anomaly"]
        kept = set(seen[::4])
        return ["anomaly" if index in kept else "normal" for index in range(len(labels))]
    if defects.on("false-alarms"):
        return ["anomaly" if index % 5 == 0 else label for index, label in enumerate(labels)]
    return labels
