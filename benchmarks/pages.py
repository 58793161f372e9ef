"""A page of measurements, section by section: what was not measured this time stays, with its own date and machine."""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.nginx_target import NotRun

ROOT = Path(__file__).resolve().parent.parent
MEASURED = "Measured "


@dataclass(frozen=True, slots=True)
class Section:
    """A title, and what gives the lines under it."""

    title: str
    lines: Callable[[], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """A file, what stands at its top, and its sections by the name that the command line has for each."""

    path: Path
    head: str
    sections: dict[str, Section]

    def measure(self, names: Iterable[str], *, write: bool) -> str:
        """Measure sections one after the other, print each line when it is known; returns the text of all of them.

        write: each section is put into the page when it is complete, so that an interrupted run keeps what it has.
        """
        texts = []
        for name in names:
            texts.append(self._measured(name))
            if write:
                self._put(self.sections[name].title, texts[-1])
        return "\n".join(texts)

    def _measured(self, name: str) -> str:
        lines, begun_s = [], time.monotonic()
        for line in _with_origin(self.sections[name]):
            print(line, flush=True)
            lines.append(line)
        print(f"({name}: {time.monotonic() - begun_s:.0f} s)", file=sys.stderr)
        return "\n".join(lines)

    def _put(self, title: str, text: str) -> None:
        bodies = sections_of(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
        bodies[title] = text.partition("\n")[2].strip("\n")
        kept = [section.title for section in self.sections.values() if section.title in bodies]
        whole = self.head + "".join(f"\n## {each}\n\n{bodies[each]}\n" for each in kept)
        self.path.write_text(whole, encoding="utf-8")


def sections_of(text: str) -> dict[str, str]:
    """The sections of a page by title, each without its heading."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return {title: body.strip("\n") for title, body in zip(parts[::2], parts[1::2], strict=True)}


def _with_origin(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield f"\n{MEASURED}{datetime.now(UTC):%Y-%m-%d %H:%M} (UTC) at {_commit()}: {machine()}; load average before it {os.getloadavg()[0]:.1f}."
    try:
        yield from section.lines()
    except NotRun as reason:
        yield f"\nnot run: {reason}"


def machine() -> str:
    """What is measured on."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{names[0] if names else platform.processor() or 'unknown CPU'}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return told or "a commit that is not known"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
