"""How long `hybridcheck --version` and `--help` take, as a ratio to `python -c "import typer"` (goal: at most 1.5).

The commands take turns, so that a machine that gets slower meanwhile is slower for all; medians are compared.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
GOAL = 1.5
INSTALLED = str(Path(sys.executable).with_name("hybridcheck"))
COMMANDS = {
    "import typer": (sys.executable, "-c", "import typer"),
    "hybridcheck --version": (INSTALLED, "--version"),
    "hybridcheck --help": (INSTALLED, "--help"),
}


def seconds(command: tuple[str, ...]) -> float:
    """Wall time of one run of the command."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Print the medians and their ratios."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        seconds(command)  # the first run fills the disk cache
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    base = medians["import typer"]
    for name, median_s in medians.items():
        print(f"{name:<24} {median_s * 1000:6.1f} ms   ratio {median_s / base:.2f}   (goal {GOAL}, n {ROUNDS})")


if __name__ == "__main__":
    main()
