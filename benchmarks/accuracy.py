"""`make accuracy`: every planted defect and repeated healthy runs through the whole gate; writes docs/accuracy.md.

Each run is the installed command against a reference system of its own; with a defect it ends after the phase in which
the defect's own check failed (`--fail-fast`). A defect counts as found where the verdict is
NOT_READY, the check that the defect names (its `check` column) has a failed case, and that case names the mistake by the
defect's signature, where it has one. Whether that check also blocked first is told beside it: which of several true
findings comes first depends on this one system. Exit 1 of this script says that a defect was not found or a healthy run
was not READY.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hybridcheck import __version__
from hybridcheck.reference.defects import CATALOGUE

COMMAND = (sys.executable, "-m", "hybridcheck", "validate", "--demo", "--budget", "quick", "--format", "json", "-q")
PAGE = Path(__file__).resolve().parent.parent / "docs" / "accuracy.md"
TIME_LIMIT_S = 240


@dataclass(frozen=True, slots=True)
class Run:
    """One whole run: what was planted, how the command left, what the verdict says, and what blocked first.

    `failed` are the checks with a failed case, each with the signatures that its findings name.
    """

    defect: str
    exit_code: int
    verdict: str
    first_blocking: str
    message: str
    failed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    seed: int = 0
    commit: str = ""

    @property
    def first_check(self) -> str:
        """The check of the first blocking case."""
        return self.first_blocking.partition("[")[0]


async def examine(defect: str, folder: str, seed: int) -> Run:
    """The whole gate; with a defect it may stop after the phase that showed a fail, unless that was not the one looked for."""
    if not defect:
        return await run_gate((), "", folder, seed)
    run = await run_gate(("--defect", defect, "--fail-fast"), defect, folder, seed)
    return run if found(run) else await run_gate(("--defect", defect), defect, folder, seed)


async def run_gate(planted: tuple[str, ...], defect: str, folder: str, seed: int) -> Run:
    """Run the command once and read the verdict that it prints."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *planted, "--seed", str(seed), "--output-dir", folder, stdout=asyncio.subprocess.PIPE
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), TIME_LIMIT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return Run(defect, -9, "NONE", "", f"no end within {TIME_LIMIT_S} s")
    try:
        verdict: dict[str, Any] = json.loads(printed)
    except ValueError:
        return Run(defect, process.returncode or 0, "NONE", "", printed.decode("utf-8", "replace")[-300:])
    blocking = next((reason for reason in verdict["reasons"] if reason["blocking"] and reason["case"]), None)
    first = blocking or {"case": "", "message": ""}
    return Run(
        defect, process.returncode or 0, verdict["verdict"], first["case"], first["message"], _failed_checks(verdict)
    )


def _failed_checks(verdict: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Every check with a failed case, and the signatures that its findings name."""
    found: dict[str, set[str]] = {}
    for check in verdict["checks"]:
        for case in check["cases"]:
            if case["finding"]["outcome"] == "fail":
                found.setdefault(check["id"], set()).add(str(case["finding"]["figures"].get("signature", "")))
    return {check: frozenset(signatures - {""}) for check, signatures in found.items()}


async def run_all(wanted: list[tuple[str, int]], jobs: int, store: Path | None) -> list[Run]:
    """Every run, a few at a time, kept in the file when it has ended; progress goes to stderr."""
    waiting = asyncio.Semaphore(jobs)
    commit = _commit()

    async def one(defect: str, seed: int) -> Run:
        async with waiting:
            with tempfile.TemporaryDirectory() as folder:
                run = replace(await examine(defect, folder, seed), seed=seed, commit=commit)
        print(f"{run.verdict:13} {run.defect or 'healthy':28} {run.first_blocking}", file=sys.stderr, flush=True)
        if store is not None:
            keep(run, store)
        return run

    return list(await asyncio.gather(*(one(defect, seed) for defect, seed in wanted)))


def _commit() -> str:
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=PAGE.parent, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"


def kept(path: Path) -> dict[tuple[str, int], Run]:
    """The runs that a file holds, one JSON object per line; the last one of each defect and seed counts."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found: dict[tuple[str, int], Run] = {}
    for line in lines:
        row = json.loads(line)
        row["failed"] = {check: frozenset(names) for check, names in row["failed"].items()}
        found[row["defect"], row["seed"]] = Run(**row)
    return found


def keep(run: Run, path: Path) -> None:
    """Add a run to the file."""
    row = asdict(run) | {"failed": {check: sorted(names) for check, names in run.failed.items()}}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


ROWS = {defect.name: defect for defect in CATALOGUE}


def found(run: Run) -> bool:
    """Whether the verdict is NOT_READY, and the defect's own check failed and named the mistake."""
    row = ROWS[run.defect]
    blocked = run.verdict == "NOT_READY" and run.exit_code == 1
    named = not row.signature or row.signature in run.failed.get(row.check, ())
    return blocked and row.check in run.failed and named


def first(run: Run) -> bool:
    """Whether it was found, and nothing else blocked before."""
    return found(run) and run.first_check == ROWS[run.defect].check


def page(runs: list[Run]) -> str:
    """The page docs/accuracy.md."""
    healthy = [run for run in runs if not run.defect]
    planted = [run for run in runs if run.defect]
    ready = sum(run.verdict == "READY" for run in healthy)
    hits = sum(found(run) for run in planted)
    lines = [
        "# Accuracy",
        "",
        "Written by `make accuracy`; not edited by hand. Every run is the whole gate (`hybridcheck validate --demo",
        "--budget quick`) against a reference system of its own; with a defect it ends after the phase in which the defect's",
        "own check failed (`--fail-fast`), and goes to its end where that check did not.",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d}, hybridcheck {__version__}, Python {platform.python_version()}, {_cores()}",
        f"- commits: {_commits(runs)}",
        f"- healthy runs: {ready} of {len(healthy)} READY",
        f"- planted defects: {hits} of {len(planted)} found by their own check, which names the mistake where the",
        f"  defect has a signature; in {sum(map(first, planted))} of them that check was also the first to block",
        "",
        "| defect | what is wrong | check | signature | verdict | blocked first by | commit |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in planted:
        row = ROWS[run.defect]
        mark = "" if found(run) else " **missed**"
        said = f"{run.verdict}{mark} | `{run.first_blocking}` | {run.commit}"
        lines.append(f"| `{run.defect}` | {row.wrong} | `{row.check}` | {row.signature} | {said} |")
    lines += ["", "## Not run this time", ""]
    left_out = [row.name for row in CATALOGUE if not row.demo_needs and row.name not in {run.defect for run in planted}]
    lines.append(", ".join(f"`{name}`" for name in left_out) or "None.")
    lines += ["", "## Planted, but not for the demo", ""]
    lines += [f"- `{row.name}` ({row.wrong}): it needs {row.demo_needs}" for row in CATALOGUE if row.demo_needs]
    lines += ["", "## Healthy runs that were not READY", ""]
    lines += [f"- {run.verdict}: `{run.first_blocking}` {run.message}" for run in healthy if run.verdict != "READY"]
    lines += [] if ready < len(healthy) else ["None."]
    return "\n".join(lines) + "\n"


def _commits(runs: list[Run]) -> str:
    counts = Counter(run.commit for run in runs)
    return ", ".join(f"{commit} ({count} runs)" for commit, count in counts.most_common())


def _cores() -> str:
    return f"{os.cpu_count()} cores"


def main() -> int:
    """Run, write the page, and say by exit code whether all is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--healthy", type=int, default=20, help="how many healthy runs")
    parser.add_argument("--jobs", type=int, default=2, help="how many runs at the same time")
    parser.add_argument("--only", action="append", help="only these defects; the page is not written then")
    parser.add_argument("--resume", type=Path, help="a file that keeps the runs: what it holds is not run again")
    parser.add_argument("--page", action="store_true", help="run nothing: write the page of what the file holds")
    options = parser.parse_args()
    unknown = [name for name in options.only or () if name not in ROWS]
    if unknown:
        parser.error(f"no defect is called {', '.join(unknown)}: hybridcheck validate --demo --list-defects names them")
    defects = options.only or [defect.name for defect in CATALOGUE if not defect.demo_needs]
    seeds = {row.name: 1000 + index for index, row in enumerate(CATALOGUE)}
    wanted = [("", seed) for seed in range(options.healthy)] + [(defect, seeds[defect]) for defect in defects]
    before = kept(options.resume) if options.resume else {}
    if options.page:
        latest = {
            defect: seed for defect, seed in before if defect
        }  # rows move in the catalogue, and their seeds with them
        wanted = [pair for pair in before if not pair[0]] + [(name, latest[name]) for name in defects if name in latest]
    missing = [pair for pair in wanted if pair not in before]
    now = {(run.defect, run.seed): run for run in asyncio.run(run_all(missing, options.jobs, options.resume))}
    runs = [(before | now)[pair] for pair in wanted]
    text = page(runs)
    if options.only:
        print(text)
    else:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    good = all(found(run) for run in runs if run.defect) and all(r.verdict == "READY" for r in runs if not r.defect)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
