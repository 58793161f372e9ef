"""Dashboards over what the gateway itself measures: requests, sessions, memory, and the tenant's datasets."""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.store import Store, now_text
from hybridcheck.reference.metrics import Metrics
from hybridcheck.reference.routing import Route
from hybridcheck.reference.web import Answer, Problem, Request, json_answer

TITLES = {"overview": "Overview", "resources": "Resources"}
SAMPLE_EVERY_S = 0.5
KEPT = 60


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the system."""

    at: str
    requests: int
    sessions: int
    resident_bytes: int


class Dashboards:
    """The operations under /dashboards."""

    def __init__(self, store: Store, metrics: Metrics, defects: Switches) -> None:
        """Samples are taken by `keep_sampling` and whenever somebody looks, so that no panel is ever empty."""
        self._store = store
        self._metrics = metrics
        self._defects = defects
        self._process = psutil.Process()
        self._samples: deque[Sample] = deque(maxlen=KEPT)

    def routes(self) -> list[Route]:
        """The operations under /dashboards."""
        return [
            Route(
                "GET",
                "/dashboards",
                self.catalogue,
                "listDashboards",
                "The dashboards",
                "dashboards",
                {200: "DashboardList"},
            ),
            Route(
                "GET",
                "/dashboards/{dashboard_id}",
                self.read,
                "readDashboard",
                "A dashboard with its data",
                "dashboards",
                {200: "Dashboard", 404: "Problem"},
            ),
        ]

    async def keep_sampling(self) -> None:
        """Take a sample twice a second for as long as the worker lives."""
        while True:
            self._sample()
            await asyncio.sleep(SAMPLE_EVERY_S)

    def _sample(self) -> None:
        self._samples.append(
            Sample(now_text(), self._metrics.requests(), self._store.open_sessions(), self._process.memory_info().rss)
        )

    async def catalogue(self, request: Request) -> Answer:
        """Names and titles."""
        answer = json_answer({"items": [{"id": name, "title": title} for name, title in TITLES.items()]})
        if self._defects.on("wrong-status"):
            answer.status = 202
        if self._defects.on("wrong-content-type"):
            answer.content_type = b"text/html; charset=utf-8"
        return answer

    async def read(self, request: Request) -> Answer:
        """The dashboard's panels; the last point of each is taken now."""
        name = request.path_values["dashboard_id"]
        if name not in TITLES:
            raise Problem(404, "no such dashboard")
        if self._defects.on("server-error"):
            raise RuntimeError("planted failure")
        stale = self._defects.on("dashboard-stale")
        if not (stale and self._samples):
            self._sample()
        panels = self._overview(request) if name == "overview" else self._resources()
        generated_at = _a_day_before(now_text()) if stale else now_text()
        if stale:
            panels = [
                panel | {"points": [point | {"at": _a_day_before(point["at"])} for point in panel["points"][:1]]}
                for panel in panels
            ]
        return json_answer({"id": name, "title": TITLES[name], "generated_at": generated_at, "panels": panels})

    def _overview(self, request: Request) -> list[dict[str, Any]]:
        _, total = self._store.datasets(request.tenant, 1, 0)
        return [
            self._panel("requests", "Requests answered", "requests", "requests"),
            self._panel("sessions", "Open sessions", "sessions", "sessions"),
            self._shown("datasets", "Datasets of the tenant", "datasets", [{"at": now_text(), "value": total}]),
        ]

    def _resources(self) -> list[dict[str, Any]]:
        return [self._panel("memory", "Resident memory", "bytes", "resident_bytes")]

    def _panel(self, name: str, title: str, unit: str, field: str) -> dict[str, Any]:
        points = [{"at": sample.at, "value": getattr(sample, field)} for sample in self._samples]
        return self._shown(name, title, unit, points)

    def _shown(self, name: str, title: str, unit: str, points: list[dict[str, Any]]) -> dict[str, Any]:
        shown = [] if self._defects.on("dashboard-empty-data") else points
        return {"id": name, "title": title, "unit": unit, "points": shown}


def _a_day_before(stamp: str) -> str:
    moment = datetime.fromisoformat(stamp) - timedelta(days=1)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
