"""The roster: which other runs of this tool, on this machine and by this user, are at the same target.

Two runs at once disturb each other's load and counters. Each run has a file of its own that others, when they come,
sign with their run id; so even one that came and went in between is known at the end.
"""

import hashlib
import os
import tempfile
from pathlib import Path

import psutil


class Roster:
    """This run's entry beside those of others; use `enter` before the first request and `leave` after the last.

    Where the folder of temporary files cannot be written the roster stays empty: it is a courtesy, not evidence.
    """

    def __init__(self, base_url: str, run_id: str) -> None:
        target = hashlib.sha256(base_url.encode()).hexdigest()[:16]
        self._folder = Path(tempfile.gettempdir()) / f"hybridcheck-roster-{os.getuid()}" / target
        self._run_id = run_id
        self._own = self._folder / f"{run_id}.{os.getpid()}"
        self._met: set[str] = set()

    def enter(self) -> None:
        """Write the own entry, note who else is there, and sign their entries."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._own.touch()
            for entry in self._others():
                self._met.add(entry.name.rpartition(".")[0])
                with entry.open("a", encoding="ascii") as file:
                    file.write(f"{self._run_id}\n")
        except OSError:
            return

    def leave(self) -> tuple[str, ...]:
        """Remove the own entry; gives the run ids of everybody who was there meanwhile, sorted."""
        try:
            self._met |= set(self._own.read_text(encoding="ascii").split())
            self._own.unlink()
        except OSError:
            pass
        return tuple(sorted(self._met - {self._run_id}))

    def _others(self) -> list[Path]:
        """Entries of processes that still live; those of dead ones are removed."""
        alive = []
        for entry in self._folder.iterdir():
            number = entry.name.rpartition(".")[2]
            if entry == self._own or not number.isdecimal():
                continue
            if psutil.pid_exists(int(number)):
                alive.append(entry)
            else:
                entry.unlink(missing_ok=True)
        return alive
