"""A process on this machine as a source, its children included, with the memory and disk of the machine beside it."""

import asyncio
from contextlib import suppress

import psutil

from hybridcheck.samplers.reading import CPU_SECONDS, OPEN_FILES, RSS_BYTES, START_TIME, Reading


class LocalProcess:
    """Reads a process tree by the id of its root.

    CPU time is that of every process seen so far, so a child that ends takes nothing back. A root that is gone is
    silent from then on, also when another process has its number.
    """

    name = "pid"
    wanted = (CPU_SECONDS, RSS_BYTES, OPEN_FILES, START_TIME)

    def __init__(self, pid: int) -> None:
        self._root: psutil.Process | None = None
        self._spent_s: dict[psutil.Process, float] = {}
        with suppress(psutil.Error):
            self._root = psutil.Process(pid)

    async def read(self) -> tuple[Reading, ...] | None:
        """Read the tree beside the event loop: walking /proc takes milliseconds."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> tuple[Reading, ...] | None:
        if self._root is None or not self._root.is_running():
            return None
        try:
            return (*self._tree(self._root), *_machine())
        except psutil.Error:
            return None

    def _tree(self, root: psutil.Process) -> tuple[Reading, ...]:
        rss_bytes, files, threads, processes = 0, 0, 0, 0
        for process in (root, *root.children(recursive=True)):
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    self._spent_s[process] = times.user + times.system
                    rss_bytes += process.memory_info().rss
                    threads += process.num_threads()
                    processes += 1
                files += process.num_fds()
            except psutil.NoSuchProcess:
                if process == root:
                    raise
        return (
            Reading(CPU_SECONDS, sum(self._spent_s.values()), "s"),
            Reading(RSS_BYTES, float(rss_bytes), "bytes"),
            Reading(OPEN_FILES, float(files), "files"),
            Reading(START_TIME, root.create_time(), "s"),
            Reading("threads", float(threads), "threads"),
            Reading("processes", float(processes), "processes"),
        )


def _machine() -> tuple[Reading, ...]:
    """Shares of this machine's memory and root disk that are in use."""
    return (
        Reading("host_memory_ratio", psutil.virtual_memory().percent / 100, "ratio"),
        Reading("host_disk_ratio", psutil.disk_usage("/").percent / 100, "ratio"),
    )
