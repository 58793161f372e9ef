"""`make soak`: what must hold every time, tried many times: generator honesty, wrong verdicts, totals, kills, evidence.

    python benchmarks/soak.py [--runs 20] [--kills 3] [--only saturation errors early totals kills knowledge] [--write]

Prints Markdown; with --write it becomes docs/soak.md. Exit 1 where a goal was not met.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.nginx_target import NotRun
from benchmarks.run import machine
from benchmarks.soak_kills import kills
from benchmarks.soak_knowledge import knowledge
from benchmarks.soak_load import TOTALS, saturation, totals
from benchmarks.soak_replays import REPLAYS, early_stops, errors

PAGE = Path(__file__).resolve().parent.parent / "docs" / "soak.md"
HEAD = """# Soak

Written by `make soak WRITE=1` on {date} (UTC): {cpu}, {cores} cores, {memory:.0f} GB, {system}, Python {python}, shared; load average
at the start {load:.1f}. Repeats of each scenario: {repeats}. A share of k of n comes with its 95 % Clopper–Pearson bound.
"""

SECTIONS: dict[str, tuple[str, Callable[[int], Iterator[str]]]] = {
    "saturation": ("A saturated generator proves nothing", saturation),
    "errors": ("Wrong verdicts near the limit", errors),
    "early": ("Ending early is no oftener wrong than its alpha", early_stops),
    "totals": ("Totals agree with the target's own count", totals),
    "kills": ("Kills", kills),
    "knowledge": ("Less evidence never decides otherwise", knowledge),
}

ALWAYS = {"errors": REPLAYS, "early": REPLAYS, "totals": TOTALS}
"""Sections whose number of runs is their goal's."""


def main() -> None:
    """Run the chosen sections and print them; write the page where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="repeats of each scenario")
    parser.add_argument("--kills", type=int, default=3, help="repeats of each kill, which are whole runs of the gate")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    given = parser.parse_args()
    asked = {**dict.fromkeys(SECTIONS, given.runs), "kills": given.kills, **ALWAYS}
    repeats = {name: asked[name] for name in given.only}
    lines = [HEAD.format(repeats=", ".join(f"{name} {runs}" for name, runs in repeats.items()), **machine())]
    print(lines[0])
    for name, runs in repeats.items():
        for line in _section(name, runs):
            print(line, flush=True)
            lines.append(line)
    if given.write:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(any("NOT MET" in line for line in lines))


def _section(name: str, runs: int) -> Iterator[str]:
    title, section = SECTIONS[name]
    yield f"\n## {title}"
    begun = time.monotonic()
    try:
        yield from section(runs)
    except NotRun as reason:
        yield f"\nnot run: {reason}"
    print(f"({name}: {time.monotonic() - begun:.0f} s)", file=sys.stderr)


if __name__ == "__main__":
    main()
