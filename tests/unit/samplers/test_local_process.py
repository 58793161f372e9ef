"""A process on this machine as a source."""

import asyncio
import os

from hybridcheck.samplers.local_process import LocalProcess


def test_this_process_has_all_readings() -> None:
    """CPU time, memory, files, threads and start of a live process, and the machine's memory and disk."""
    found = asyncio.run(LocalProcess(os.getpid()).read())
    assert found is not None
    values = {reading.metric: reading.value for reading in found}
    assert set(LocalProcess.wanted) <= set(values)
    assert values["rss_bytes"] > 1_000_000
    assert values["open_files"] > 0
    assert values["processes"] >= 1
    assert 0 < values["host_memory_ratio"] <= 1
    assert 0 < values["host_disk_ratio"] <= 1


def test_cpu_time_only_goes_up() -> None:
    """A later reading of a tree has at least the CPU time of an earlier one."""
    source = LocalProcess(os.getpid())

    async def twice() -> list[float]:
        return [r.value for _ in range(2) for r in await source.read() or () if r.metric == "cpu_seconds"]

    first, second = asyncio.run(twice())
    assert second >= first


def test_a_pid_of_nobody_is_silent() -> None:
    """No process, no readings."""
    assert asyncio.run(LocalProcess(2**22 + 1).read()) is None
