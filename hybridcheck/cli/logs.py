"""Where log lines go and what they look like; reports are not logs and never come this way."""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from hybridcheck.errors import OutputError
from hybridcheck.writers.hostile_text import visible

OWN_LOGGER = "hybridcheck"


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, in ASCII, so that no character of a target reaches a terminal."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class HarmlessLines(logging.Formatter):
    """A line for people in which control characters are visible; a traceback on its own lines, where asked for."""

    def __init__(self, *, tracebacks: bool) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """The line, made harmless."""
        if not self._tracebacks:
            return self.formatMessage(_with_message(record))
        return "\n".join(visible(line) for line in super().format(record).split("\n"))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """The message alone, as one line."""
        return visible(super().formatMessage(record))


class CurrentStderr(logging.Handler):
    """Writes to what stderr is at that moment: a live display puts itself there, so that lines stand above it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the line; an error on the way is logging's to tell."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - as in every handler of the standard library
            self.handleError(record)


def _with_message(record: logging.LogRecord) -> logging.LogRecord:
    """The record with what `formatMessage` reads; the error itself stands in for its traceback."""
    error = record.exc_info[1] if record.exc_info else None
    record.message = record.getMessage() + (f": {type(error).__name__}: {error}" if error else "")
    return record


def configure(*, level: str, as_json: bool, file: Path | None) -> None:
    """Send our own logs from `level` on, and other libraries' warnings, to the file or to stderr.

    Raises:
        OutputError: the log file cannot be written.
    """
    try:
        handler = logging.FileHandler(file, encoding="utf-8") if file else CurrentStderr()
    except OSError as error:
        raise OutputError(
            f"cannot write the log: {error.strerror}", where=str(file), hint="another --log-file"
        ) from error
    handler.setFormatter(JsonLines() if as_json else HarmlessLines(tracebacks=level == "debug" or file is not None))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(OWN_LOGGER).setLevel(level.upper())
