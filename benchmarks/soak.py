"""`make soak`: what must hold every time, tried many times: generator honesty, wrong verdicts, totals, kills, evidence.

    python benchmarks/soak.py [--runs 20] [--kills 3] [--only saturation headroom errors early totals kills knowledge] [--write]

Prints Markdown; with --write each section replaces its predecessor in docs/soak.md. Exit 1 where a goal was not met.
"""

import argparse
import sys
from functools import partial

from benchmarks.pages import ROOT, Page, Section
from benchmarks.soak_kills import kills
from benchmarks.soak_knowledge import knowledge
from benchmarks.soak_load import headroom, saturation, totals
from benchmarks.soak_replays import early_stops, errors

HEAD = """# Soak

What must hold every time, tried many times: `make soak` (`RUNS=20` repeats, `WRITE=1` writes this page), each section with its date,
commit and machine. A goal that is not met is said so.
"""


def page_of(runs: int, kill_runs: int) -> Page:
    """The page; replays and totals have the number of runs that their goals name."""
    sections = {
        "saturation": Section("A saturated generator proves nothing", partial(saturation, runs)),
        "headroom": Section("A generator with room to spare is believed", partial(headroom, runs)),
        "errors": Section("Wrong verdicts near the limit", errors),
        "early": Section("Ending early is no oftener wrong than its alpha", early_stops),
        "totals": Section("Totals agree with the target's own count", totals),
        "kills": Section("Kills", partial(kills, kill_runs)),
        "knowledge": Section("Less evidence never decides otherwise", partial(knowledge, runs)),
    }
    return Page(ROOT / "docs" / "soak.md", HEAD, sections)


def main() -> None:
    """Run the chosen sections and print them; write the page where that is asked for."""
    names = list(page_of(0, 0).sections)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="repeats of each scenario")
    parser.add_argument("--kills", type=int, default=3, help="repeats of each kill, which are whole runs of the gate")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--write", action="store_true", help="put them into docs/soak.md")
    given = parser.parse_args()
    measured = page_of(given.runs, given.kills).measure(given.only, write=given.write)
    sys.exit("NOT MET" in measured)


if __name__ == "__main__":
    main()
