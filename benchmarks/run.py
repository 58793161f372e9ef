"""`make bench`: every figure of the product beside its peers, with a ratio, the machine and the date.

    python benchmarks/run.py [--only NAME ...] [--write]

Prints Markdown; with --write it becomes docs/benchmarks.md, and of a whole run the README carries an excerpt. A figure that could not be measured says "not run" and why.
No benchmark is a test: machines differ, ratios within one run are what counts.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.idle_users import idle_users
from benchmarks.integrate_demo import integrate_demo
from benchmarks.load_generators import open_model, stall, throughput, tls
from benchmarks.nginx_target import NotRun
from benchmarks.quick_gate import quick_gate
from benchmarks.startup import startup

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench WRITE=1` on {date} (UTC): {cpu}, {cores} cores, {memory:.0f} GB, {system}, Python {python}.
The machine was shared; load average at the start {load:.1f}. Sections: {sections}.

How to read: generators take turns within one run, each pinned to one core, the target (nginx) to another; medians of the rounds
are compared, so *ratios* within a table count and absolute figures are this machine's. CPU time is that of the generator's whole
process as the kernel counted it, start-up included. hybridcheck records and checks every answer (status, content type, substring,
lateness, response and service time); the peers do what they do. A goal that is not met is not met: the figure stands.
"""


def recording() -> Iterator[str]:
    """In a process of its own, since it imports gevent."""
    yield from _apart("from benchmarks.recording import recording as run; lines = run()")


def memory() -> Iterator[str]:
    """In a process of its own, whose memory is looked at."""
    yield from _apart("from benchmarks.recording import memory as run; lines = run(10_000_000)")


def _apart(what: str) -> Iterator[str]:
    program = f"{what}\nfor line in lines: print(line)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRun(done.stderr.strip().splitlines()[-1])
    yield from done.stdout.splitlines()


SECTIONS: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "throughput": ("Load generators, plain HTTP", lambda: throughput((8, 64, 512), seconds=5, rounds=2)),
    "tls": ("Load generators, TLS", lambda: tls(seconds=8, rounds=2)),
    "open": ("Punctuality of the open model", lambda: open_model(seconds=8)),
    "stall": ("The truth about a stall", stall),
    "recording": ("Recording", recording),
    "memory": ("Memory", memory),
    "idle": ("Memory of an idle user", idle_users),
    "startup": ("Start-up of the command", lambda: startup(rounds=9)),
    "gate": ("The quick gate", quick_gate),
    "integrate": ("The integration suites and the boundary catalogue", integrate_demo),
}


MARKS = ("<!-- benchmarks: written by make bench WRITE=1 -->", "<!-- end of benchmarks -->")
EXCERPT = (("throughput", "64 connections"), ("tls", "64 connections"), ("open", ""), ("stall", ""))


def main() -> None:
    """Run the chosen sections and print them; write the page where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    given = parser.parse_args()
    lines: list[str] = []
    for line in _page(given.only):
        print(line, flush=True)
        lines.append(line)
    if given.write:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if given.only == list(SECTIONS):
            readme = ROOT / "README.md"
            readme.write_text(with_excerpt(readme.read_text(encoding="utf-8"), lines), encoding="utf-8")


def with_excerpt(readme: str, lines: list[str]) -> str:
    """The README with these tables of the page between its two marks."""
    page = "\n".join(lines)
    machine_line = next(line for line in page.splitlines() if line.startswith("Written by"))
    parts = [machine_line]
    for name, beginning in EXCERPT:
        section = page.partition(f"## {SECTIONS[name][0]}\n")[2].partition("\n## ")[0]
        begin = section.index(beginning)
        end = section.find("\n\n", section.index("\n|", begin) + 1)
        parts.append(section[begin : end if end > 0 else None].strip())
    before, _, rest = readme.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    return "".join([before, MARKS[0], "\n", "\n\n".join(parts), "\n", MARKS[1], after])


def _page(names: list[str]) -> Iterator[str]:
    yield HEAD.format(sections=", ".join(names), **machine()).rstrip()
    for name in names:
        title, section = SECTIONS[name]
        yield f"\n## {title}"
        begun = time.monotonic()
        try:
            yield from section()
        except NotRun as reason:
            yield f"\nnot run: {reason}"
        print(f"({name}: {time.monotonic() - begun:.0f} s)", file=sys.stderr)


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "cpu": names[0] if names else platform.processor() or "unknown CPU",
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    main()
