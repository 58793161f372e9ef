"""By how much the native service's computations are held up: set from outside, through a file that both sides map."""

import mmap
import struct
from pathlib import Path

NAME = "native-slowness.bin"
"""One double in the state folder: milliseconds."""

MOST_MS = 60_000.0


class Slowness:
    """A number of milliseconds that the launcher sets and the native service reads."""

    def __init__(self, state_dir: Path) -> None:
        """Opens the file, or makes it with 0."""
        path = state_dir / NAME
        with path.open("a+b") as file:
            if path.stat().st_size < 8:
                file.truncate(8)
            self._map = mmap.mmap(file.fileno(), 8)

    @property
    def ms(self) -> float:
        """Milliseconds by which each computation is held up now."""
        return float(struct.unpack("d", self._map[:8])[0])

    @ms.setter
    def ms(self, value: float) -> None:
        self._map[:8] = struct.pack("d", min(max(value, 0.0), MOST_MS))
