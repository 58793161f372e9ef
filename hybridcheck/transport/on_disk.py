"""Lines that have to be on the disk before what they announce is done."""

import json
import os
from pathlib import Path

from hybridcheck.cases import Json
from hybridcheck.errors import OutputError


class Lines:
    """A file of JSON lines; each is on the disk when `append` returns.

    A last line that a killed run did not finish is cut off before the first new one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_whole = False

    def append(self, record: dict[str, Json]) -> None:
        """Write one line.

        Raises:
            OutputError: where it cannot be written; what it announces must then not be done.
        """
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            if not self._is_whole and self.path.exists():
                _mend(self.path)
            self._is_whole = True
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if os.write(descriptor, line) != len(line):
                    raise OutputError("it was written in part", where=str(self.path))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise OutputError(f"cannot write: {error.strerror}", where=str(self.path)) from error


def _mend(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
