"""What a sampler's source gives: named readings of one moment, or silence."""

from dataclasses import dataclass
from typing import Protocol

CPU_SECONDS = "cpu_seconds"
RSS_BYTES = "rss_bytes"
OPEN_FILES = "open_files"
START_TIME = "start_time_unix_s"
BACKLOG = "backlog"

UNITS = {CPU_SECONDS: "s", RSS_BYTES: "bytes", OPEN_FILES: "files", START_TIME: "s", BACKLOG: "items"}
"""What a source is asked for, with its unit; a source that does not know one is silent about it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value. `instance` tells apart what has the same name (a class of status codes)."""

    metric: str
    value: float
    unit: str
    instance: str = ""


class Source(Protocol):
    """Something that can be read again and again while the target works."""

    @property
    def name(self) -> str:
        """How the source is called in samples ("metrics", "pid")."""
        ...

    @property
    def wanted(self) -> tuple[str, ...]:
        """The metrics whose absence is a missing sample."""
        ...

    async def read(self) -> tuple[Reading, ...] | None:
        """The readings of this moment; None where the source does not answer."""
        ...
