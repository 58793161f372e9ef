"""`make bench`: every figure of the product beside its peers, with a ratio, the machine and the date.

    python benchmarks/run.py [--only NAME ...] [--write]

Prints Markdown; with --write each section replaces its predecessor in docs/benchmarks.md, of which the README has an excerpt.
A figure that could not be measured says "not run" and why.
No benchmark is a test: machines differ, ratios within one run are what counts.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.idle_users import idle_users
from benchmarks.integrate_demo import integrate_demo
from benchmarks.load_generators import open_model, stall, throughput, tls
from benchmarks.nginx_target import NotRun
from benchmarks.pages import ROOT, Page, Section, sections_of
from benchmarks.quick_gate import quick_gate
from benchmarks.startup import startup

HEAD = """# Benchmarks

Written by `make bench WRITE=1`, each section with its date, commit and machine (shared with others, two cores at best).

How to read: generators take turns within one run, each pinned to one core, the target (nginx) to another; medians of the rounds
are compared, so *ratios* within a table count and absolute figures are this machine's. CPU time is that of the generator's whole
process as the kernel counted it, start-up included. hybridcheck records and checks every answer (status, content type, substring,
lateness, response and service time); the peers do what they do. A goal that is not met is not met: the figure stands.

Ratios move with the machine: "Start-up of the command" below says how fast it was. On 2026-12-01, when `import typer` took 89 ms (at 5f70d11,
rounds of 5 s), hybridcheck answered 10.4, 11.3 and 9.0 times as many requests per CPU-second as FastHttpUser at 8, 64 and 512 connections,
1.63, 1.84 and 1.96 times as many as hey, 0.58, 0.48 and 0.49 times as many as wrk, and over TLS 1.38 times as many as hey; start lag p99 was
3.7 and 0.5 ms, recording took 0.41 µs, the quick gate 46 s. That evening and on 2026-12-02 the machine was two to three times slower, and
compiled code is slowed less: rounds of 5 s gave 0.31 to 0.43 times as many as wrk, 1.2 to 2.1 times as many as hey.

Where a request's time goes (`perf`, 8 connections, start-up left out, 2026-12-02): 43 % in the kernel, most of it in `send`, which over
loopback also delivers to nginx and wakes it; 39 % in the interpreter; 8 % in the HTTP parser; 5 % in libc; 4 % in greenlet and gevent. The
floor is the row "a bare Python loop": `epoll`, `recv` and `send` of the same request, without framing, check or record. Start-up is in every
figure: that of hybridcheck, which is Locust's import, took 1.2 CPU-seconds that day, so that a round is 12 s and not 5.
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


SECTIONS = {
    "throughput": Section("Load generators, plain HTTP", lambda: throughput((8, 64, 512), seconds=12, rounds=2)),
    "tls": Section("Load generators, TLS", lambda: tls(seconds=12, rounds=2)),
    "open": Section("Punctuality of the open model", lambda: open_model(seconds=8)),
    "stall": Section("The truth about a stall", stall),
    "recording": Section("Recording", recording),
    "memory": Section("Memory", memory),
    "idle": Section("Memory of an idle user", idle_users),
    "startup": Section("Start-up of the command", lambda: startup(rounds=9)),
    "gate": Section("The quick gate", quick_gate),
    "integrate": Section("The integration suites and the boundary catalogue", integrate_demo),
}
PAGE = Page(ROOT / "docs" / "benchmarks.md", HEAD, SECTIONS)
MARKS = ("<!-- benchmarks: written by make bench WRITE=1 -->", "<!-- end of benchmarks -->")
EXCERPT = (("throughput", "64 connections"), ("tls", "64 connections"), ("open", ""), ("stall", ""))
"""Sections of which the README shows the first table, or the first after words that begin so."""


def main() -> None:
    """Run the chosen sections and print them; write the page where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument(
        "--write", action="store_true", help=f"put them into {PAGE.path} and an excerpt into the README"
    )
    given = parser.parse_args()
    PAGE.measure(given.only, write=given.write)
    if given.write:
        readme = ROOT / "README.md"
        page = PAGE.path.read_text(encoding="utf-8")
        readme.write_text(with_excerpt(readme.read_text(encoding="utf-8"), page), encoding="utf-8")


def with_excerpt(readme: str, page: str) -> str:
    """The README with these tables of the page between its two marks."""
    bodies, parts = sections_of(page), []
    for name, beginning in EXCERPT:
        section = SECTIONS[name]
        blocks = bodies.get(section.title, "").split("\n\n")
        ends = [at for at, block in enumerate(blocks) if block.startswith("|") and blocks[at - 1].startswith(beginning)]
        if ends:
            begin = ends[0] - 1 if beginning else 1
            parts += [f"**{section.title}.** {blocks[0]}", *blocks[begin : ends[0] + 1]]
    before, _, rest = readme.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    return "".join([before, MARKS[0], "\n", "\n\n".join(parts), "\n", MARKS[1], after])


if __name__ == "__main__":
    main()
