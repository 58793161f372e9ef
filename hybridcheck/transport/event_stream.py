"""Parsing `text/event-stream` piece by piece (WHATWG HTML, 9.2.6): a piece may end anywhere, also inside a character."""

import codecs
import re

from hybridcheck.evidence import StreamEvent

LINE_END = re.compile(r"\r\n|\n|\r")


class EventStreamParser:
    """Gives the events that each piece completes; their `at_ms` is 0, the caller knows the time."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest: list[str] = []
        self._after_cr = False
        self._data: list[str] = []
        self._event = ""
        self._id: str | None = None

    def feed(self, piece: bytes) -> list[StreamEvent]:
        """The events that are complete after this piece."""
        text = self._decoder.decode(piece)
        if self._after_cr and text:
            text, self._after_cr = text.removeprefix("\n"), False
        if not text:
            return []
        self._after_cr = text.endswith("\r")
        first, *lines = LINE_END.split(text)
        self._rest.append(first)
        if not lines:
            return []
        complete = ["".join(self._rest), *lines[:-1]]
        self._rest = [lines[-1]]
        return [event for line in complete if (event := self._take(line)) is not None]

    def _take(self, line: str) -> StreamEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> StreamEvent | None:
        data, event = self._data, self._event
        self._data, self._event = [], ""
        if not data:
            return None
        return StreamEvent(at_ms=0, id=self._id, event=event or None, data="\n".join(data))
