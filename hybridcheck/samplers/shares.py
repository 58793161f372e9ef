"""Shares of what the target has: CPU time per time and core, memory of its limit."""

from collections.abc import Sequence
from dataclasses import dataclass

from hybridcheck.samplers.reading import CPU_SECONDS, RSS_BYTES, START_TIME, Reading


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the target has, as far as it is declared: cores and bytes of memory."""

    cores: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A derived value; None where the readings do not give it."""

    metric: str
    value: float | None
    unit: str


class Shares:
    """Derives shares from the readings of one source, in the order in which they were made."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._last: tuple[float, float, float | None] | None = None  # when, CPU seconds, the process's start

    def of(self, at_s: float, readings: Sequence[Reading]) -> tuple[Share, ...]:
        """The shares at a time; `cpu_ratio` where cores are declared, else `cpu_cores`; `memory_ratio` likewise."""
        named = {reading.metric: reading.value for reading in readings if not reading.instance}
        cpu = self._cpu(at_s, named.get(CPU_SECONDS), named.get(START_TIME))
        if self._capacity.cores is None:
            shares = [Share("cpu_cores", cpu, "cores")]
        else:
            shares = [Share("cpu_ratio", None if cpu is None else cpu / self._capacity.cores, "ratio")]
        if self._capacity.memory_bytes is not None:
            rss = named.get(RSS_BYTES)
            shares.append(Share("memory_ratio", None if rss is None else rss / self._capacity.memory_bytes, "ratio"))
        return tuple(shares)

    def _cpu(self, at_s: float, spent_s: float | None, start_unix_s: float | None) -> float | None:
        """CPU seconds per second since the last reading that had them.

        None where this one has none, where the counter went back, and where another process answers than before.
        """
        if spent_s is None:
            return None
        last, self._last = self._last, (at_s, spent_s, start_unix_s)
        if last is None or last[2] != start_unix_s or spent_s < last[1] or at_s <= last[0]:
            return None
        return (spent_s - last[1]) / (at_s - last[0])
