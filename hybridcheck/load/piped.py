"""A Locust process of ours: commands go in through one pipe, reports come out through another, and it dies with us.

It gets a clean argv, an empty folder as cwd and HOME, and an environment with nothing of Locust's in it. What it must know
comes through the pipe, never through argv or a file. If we die, the kernel kills it.
"""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "TMPDIR")
_LONGEST_LINE_BYTES = 32 << 20
_STDERR_LINES = 40
_STDERR_LINE_CHARACTERS = 400


class PipedProcess:
    """One process from its start to its grave. `trouble` says in words what was wrong with it."""

    def __init__(self, grace_s: float) -> None:
        self.stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self.trouble: list[str] = []
        self._grace_s = grace_s
        self._process: asyncio.subprocess.Process | None = None
        self._reader = asyncio.StreamReader(limit=_LONGEST_LINE_BYTES)
        self._transport: asyncio.ReadTransport | None = None
        self._command_pipe: int | None = None
        self._stderr_task: asyncio.Task[None] | None = None
        self._said: asyncio.Lock = asyncio.Lock()

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def started(self) -> bool:
        """Whether it could be started at all."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """Its pid; None where it could not be started."""
        return self._process.pid if self._process is not None else None

    @property
    def exit_code(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs, or where it never did."""
        return self._process.returncode if self._process is not None else None

    async def start(self, arguments: Sequence[str], home: str, variables: Mapping[str, str]) -> None:
        """Start it; what goes wrong is told in `trouble`."""
        command_read, self._command_pipe = os.pipe()
        report_read, report_write = os.pipe()
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reader), os.fdopen(report_read, "rb", buffering=0)
        )
        try:
            self._process = await asyncio.create_subprocess_exec(
                *arguments,
                cwd=home,
                env=_environment(home, command_read, report_write) | dict(variables),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(command_read, report_write),
                start_new_session=True,
            )
        except OSError as error:
            self.trouble.append(f"the child could not be started: {error}")
            return
        finally:
            os.close(command_read)
            os.close(report_write)
        self._stderr_task = asyncio.create_task(self._keep_stderr())

    async def say(self, message: Mapping[str, Any]) -> None:
        """Write a line from a thread, since a pipe takes 64 KiB at once; that it has died meanwhile is seen elsewhere."""
        async with self._said:
            if self._command_pipe is None:
                return
            with contextlib.suppress(BrokenPipeError):
                await asyncio.to_thread(_write_all, self._command_pipe, (json.dumps(message) + "\n").encode())

    async def line(self, silence_s: float | None) -> bytes | None:
        """The next line that it reports; None when there is no more. Silent for too long, it is killed."""
        while True:
            try:
                line = await asyncio.wait_for(self._reader.readline(), silence_s)
            except TimeoutError:
                self.trouble.append(f"the child reported nothing for {silence_s:g} s and was killed")
                self.signal(signal.SIGKILL)
                continue
            except ValueError as error:
                self.trouble.append(f"a line of the child is too long: {error}")
                return None
            if not line.endswith(b"\n"):
                if line:
                    self.trouble.append("the child's last line breaks off")
                return None
            return line

    async def _keep_stderr(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in _lines_of(self._process.stderr):
            self.stderr.append(line.decode(errors="replace").rstrip()[:_STDERR_LINE_CHARACTERS])

    def signal(self, number: signal.Signals) -> None:
        """Signal it alone: it has no children of its own, and its session ends with it."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def reap(self) -> None:
        """Wait for the exit; one that closed its pipe and lingers is ended."""
        if self._process is None:
            return
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                self.signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), self._grace_s)
                break
        if self._stderr_task is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stderr_task, self._grace_s)

    async def close(self) -> None:
        """End it if it still runs, reap it, and let go of the pipes."""
        if self.running:
            self.signal(signal.SIGTERM)
            await self.reap()
        if self._stderr_task is not None:
            self._stderr_task.cancel()
            await asyncio.gather(self._stderr_task, return_exceptions=True)
        if self._command_pipe is not None:
            async with self._said:
                os.close(self._command_pipe)
                self._command_pipe = None
        if self._transport is not None:
            self._transport.close()


async def _lines_of(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Lines of a stream; one that is too long is skipped."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _environment(home: str, command_fd: int, report_fd: int) -> dict[str, str]:
    """A short list of what may pass; nothing of Locust's, Python's or the proxies' variables is in it."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return environment | {
        "HOME": home,
        "PYTHONUNBUFFERED": "1",
        "HYBRIDCHECK_PLAN_FD": str(command_fd),
        "HYBRIDCHECK_REPORT_FD": str(report_fd),
        "HYBRIDCHECK_PARENT_PID": str(os.getpid()),
        "HYBRIDCHECK_SPAWNED_UNIX_S": str(time.time()),
    }
