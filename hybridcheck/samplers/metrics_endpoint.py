"""A Prometheus text endpoint as a source: process figures, a declared backlog gauge, answers by class of status."""

import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from hybridcheck.samplers.reading import (
    BACKLOG,
    CPU_SECONDS,
    OPEN_FILES,
    RSS_BYTES,
    START_TIME,
    UNITS,
    Reading,
)

PROCESS: Mapping[str, tuple[str, Callable[[Iterable[float]], float]]] = {
    "process_cpu_seconds_total": (CPU_SECONDS, math.fsum),
    "process_resident_memory_bytes": (RSS_BYTES, math.fsum),
    "process_open_fds": (OPEN_FILES, math.fsum),
    "process_max_fds": ("max_open_files", math.fsum),
    "process_start_time_seconds": (START_TIME, min),
}
"""Prometheus client libraries' names → ours, and what several series of one name (workers) come to."""

STATUS_LABELS = ("status", "status_code", "code")

Fetch = Callable[[], Awaitable[str | None]]
"""Gives the exposition's text; None where it was not answered with 200."""


class MetricsEndpoint:
    """Reads an exposition that somebody else fetches.

    Args:
        fetch: asks the endpoint once.
        backlog: name of the gauge that counts work which is yet to do.
    """

    name = "metrics"

    def __init__(self, fetch: Fetch, backlog: str | None = None) -> None:
        self._fetch = fetch
        self._backlog = backlog
        self.wanted = tuple(UNITS) if backlog is not None else tuple(name for name in UNITS if name != BACKLOG)

    async def read(self) -> tuple[Reading, ...] | None:
        """Fetch and read; a text that cannot be parsed is silence (whether it may be so is another check's matter)."""
        text = await self._fetch()
        if text is None:
            return None
        try:
            return tuple(readings(text, self._backlog))
        except ValueError:
            return None


def readings(text: str, backlog: str | None) -> Iterator[Reading]:
    """What an exposition says; numbers that are not finite are left out.

    Raises:
        ValueError: it is no exposition text.
    """
    found: dict[str, list[float]] = defaultdict(list)
    by_class: dict[tuple[str, str], float] = defaultdict(float)
    for family in text_string_to_metric_families(_without_buckets(text)):
        for sample in family.samples:
            if not math.isfinite(sample.value):
                continue
            if sample.name in PROCESS or sample.name == backlog:
                found[sample.name].append(sample.value)
            status_class = _status_class(sample.labels) if family.type == "counter" else None
            if status_class is not None and sample.name.endswith("_total"):
                by_class[sample.name, status_class] += sample.value
    for name, values in found.items():
        metric, combine = (BACKLOG, math.fsum) if name == backlog else PROCESS[name]
        yield Reading(metric, float(combine(values)), UNITS.get(metric, "files"))
    for (name, status_class), value in by_class.items():
        yield Reading(name, value, "answers", status_class)


def _without_buckets(text: str) -> str:
    """The text without the buckets of histograms: most of its lines, and none of them is read."""
    return "\n".join(line for line in text.split("\n") if "_bucket{" not in line)


def _status_class(labels: Mapping[str, str]) -> str | None:
    """`5xx` for a status label of 503; None without one."""
    status = next((labels[label] for label in STATUS_LABELS if label in labels), "")
    return f"{status[0]}xx" if len(status) == 3 and status.isdecimal() else None
