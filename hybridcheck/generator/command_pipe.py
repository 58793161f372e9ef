"""What the parent says: one line of JSON each, through a pipe that stays open; when it closes, the parent is gone and so are we."""

import json
import os
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent

_READ = 1


class CommandPipe:
    """Reads lines from a pipe: the first one waits, the others come as callbacks in the hub."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._begun: list[bytes] = []
        """The pieces of a line that has not ended: a plan with its feeders' rows has many, and is put together once."""
        self._lines: deque[bytes] = deque()
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
        piece = os.read(self._descriptor, 1 << 20)
        if not piece:
            os._exit(1)
        *ends, begun = piece.split(b"\n")
        for end in ends:
            self._lines.append(b"".join([*self._begun, end]))
            self._begun = []
        if begun:
            self._begun.append(begun)

    def _line(self) -> dict[str, Any] | None:
        if not self._lines:
            return None
        command: dict[str, Any] = json.loads(self._lines.popleft())
        return command
