"""Sealed evidence of a sampled load phase, for tests: what the samplers and the generator would have recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hybridcheck.evidence import Evidence, GeneratorSecond, LoadEnd, LoadSecond, Observation, Record, Sample

INTERVAL_S = 0.5
BEGAN_UNIX_S = 1_800_000_000.0

Values = Sequence[float | None]
Part = Literal["before", "during", "after"]


@dataclass
class Phase:
    """Series by metric, each in its three parts; where a metric is not named, the part is flat."""

    series: Mapping[str, Mapping[str, Values]]
    due: Mapping[str, int] = field(default_factory=lambda: {"before": 7, "during": 40, "after": 7})
    source: str = "metrics"
    load: tuple[Record, ...] = ()

    def records(self) -> tuple[Record, ...]:
        """The samples in the order of time, and the sampler's end."""
        found: list[Record] = []
        at_s = 0.0
        parts: tuple[Part, ...] = ("before", "during", "after")
        for part in parts:
            for index in range(self.due[part]):
                at_s += INTERVAL_S
                for metric, by_part in self.series.items():
                    value = by_part[part][index] if part in by_part else 0.0
                    found.append(Sample(at_s=at_s, source=self.source, metric=metric, value=value, phase=part))
        values: dict[str, Any] = {"interval_s": INTERVAL_S, "began_unix_s": BEGAN_UNIX_S, "due": dict(self.due)}
        found.append(Observation(label="sampling", values=values))
        return tuple(record.model_copy(update={"n": number}) for number, record in enumerate(found, 10))


def delivered(*, cause: str = "completed", busy: float = 0.1) -> tuple[Record, ...]:
    """A load phase of ten healthy seconds."""
    seconds = [LoadSecond(second=second, operation="list", planned=5, ok=5) for second in range(10)]
    health = [GeneratorSecond(second=second, cpu_ratio=busy, offered=5, sent=5) for second in range(10)]
    end = LoadEnd(cause=cause, seconds=10, planned=50, ok=50, failed=0, unsent=0, cut=0)
    return (*seconds, *health, end)


def evidence(phase: Phase, *, load: tuple[Record, ...] | None = None) -> Evidence:
    """What a judge of the phase `steady` sees."""
    return Evidence((), {"resources/steady": phase.records(), "load/steady": delivered() if load is None else load})


def profile(**parts: Any) -> dict[str, Any]:
    """A profile with one load phase and a metrics endpoint."""
    data: dict[str, Any] = {
        "operations": [{"id": "list", "path": "/list"}],
        "load": {"steady": {"rate_rps": 50, "duration_s": 20, "operations": ["list"]}},
        "observability": {"metrics": "/metrics", "cores": 1, "memory_limit_bytes": 1000, "backlog": "jobs"},
        "thresholds": {"max_cpu_ratio": 0.8, "max_memory_ratio": 0.5, "max_open_files": 100, "max_backlog": 10},
    }
    for name, part in parts.items():
        data[name] = {**data[name], **part} if part is not None else {}
    return data


def without(data: dict[str, Any], part: str, *names: str) -> dict[str, Any]:
    """The profile less some declarations."""
    return {**data, part: {key: value for key, value in data[part].items() if key not in names}}
