"""How long `hybridcheck --version` and `--help` take, as a ratio to `python -c "import typer"` (goal: at most 1.5).

The commands take turns, so that a machine that gets slower meanwhile is slower for all; medians are compared.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

GOAL = 1.5
INSTALLED = str(Path(sys.executable).with_name("hybridcheck"))
COMMANDS = {
    "python -c 'import typer'": (sys.executable, "-c", "import typer"),
    "hybridcheck --version": (INSTALLED, "--version"),
    "hybridcheck --help": (INSTALLED, "--help"),
    "locust --version": (sys.executable, "-m", "locust", "--version"),
}


def startup(rounds: int) -> Iterator[str]:
    """Medians and their ratios to the import of typer."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        _seconds(command)  # the first run fills the disk cache
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            taken[name].append(_seconds(command))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    base = next(iter(medians.values()))
    yield f"\nMedians of {rounds} interleaved runs:\n"
    yield "| command | wall time | ÷ import typer | goal |"
    yield "|---|---:|---:|---:|"
    for name, median_s in medians.items():
        goal = f"≤ {GOAL:g}" if name.startswith("hybridcheck") else ""
        yield f"| `{name}` | {median_s * 1000:.0f} ms | {median_s / base:.2f} | {goal} |"


def _seconds(command: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun
