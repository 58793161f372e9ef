"""What the command line prints: reports on stdout, everything else on stderr; a closed pipe changes no exit code."""

import os
import shutil
import sys
from pathlib import Path

from hybridcheck.writers.hostile_text import visible

_VERBOSE_FLAGS = ("-v", "--verbose")


def prepare() -> None:
    """Make printing safe: a closed stream goes nowhere, and what a stream cannot show is shown as an escape sequence."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller, as in `2>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open until the process ends
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def verbose() -> bool:
    """Whether details were asked for; read from the raw arguments, since a usage error may come before parsing."""
    return any(flag in sys.argv[1:] for flag in _VERBOSE_FLAGS)


def tell(text: str, *, lines: bool = False) -> None:
    """Print to stderr, with control characters made visible (`lines` keeps line breaks)."""
    shown = "\n".join(visible(line) for line in text.splitlines()) if lines or "\n" in text else visible(text)
    try:
        sys.stderr.write(shown + "\n")
        sys.stderr.flush()
    except OSError:
        _abandon(sys.stderr.fileno())


def show(text: str) -> None:
    """Print a report to stdout as UTF-8 text; where the reader has gone, what is left is dropped."""
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon(sys.stdout.fileno())


def width_columns() -> int:
    """Columns of the terminal; 100 where there is none, as in a pipeline's log."""
    return shutil.get_terminal_size((100, 24)).columns


def has_colour() -> bool:
    """Whether stdout is a terminal that shows colours (NO_COLOR and TERM=dumb say no)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"


def _abandon(descriptor: int) -> None:
    """Let later writes and the flush at exit go nowhere instead of failing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
