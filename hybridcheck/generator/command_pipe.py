"""What the parent says: one line of JSON each, through a pipe that stays open; when it closes, the parent is gone and so are we."""

import json
import os
from collections.abc import Callable
from typing import Any

import gevent

_READ = 1


class CommandPipe:
    """Reads lines from a pipe: the first one waits, the others come as callbacks in the hub."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._kept = b""
        self._watcher: Any = None

    def first(self) -> dict[str, Any]:
        """The next line, however long it takes; nothing else goes on in this process meanwhile."""
        while (line := self._line()) is None:
            self._read()
        return line

    def listen(self, take: Callable[[dict[str, Any]], None]) -> None:
        """From now on call `take` with every line that comes."""
        self._watcher = gevent.get_hub().loop.io(self._descriptor, _READ)
        self._watcher.start(self._readable, take)

    def _readable(self, take: Callable[[dict[str, Any]], None]) -> None:
        self._read()
        while (line := self._line()) is not None:
            gevent.spawn(take, line)

    def _read(self) -> None:
        piece = os.read(self._descriptor, 1 << 16)
        if not piece:
            os._exit(1)
        self._kept += piece

    def _line(self) -> dict[str, Any] | None:
        line, end, rest = self._kept.partition(b"\n")
        if not end:
            return None
        self._kept = rest
        command: dict[str, Any] = json.loads(line)
        return command
