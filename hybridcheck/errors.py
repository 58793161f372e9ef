"""The error tree and the exit codes; every error says what happened, where, and what to do.

HybridcheckError
├── UsageError            exit 2: nothing was sent
│   ├── ProfileError      the profile, its environment overrides, or the plan made from it (all complaints at once)
│   ├── LedgerError       a ledger that cannot be judged
│   ├── OutputError       a result folder that cannot be written (said before any traffic)
│   └── PluginError       an entry point that does not load
└── ToolError             exit 5: our fault
"""

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells a pipeline; only 0 is green."""

    READY = 0
    NOT_READY = 1
    USAGE = 2
    INCONCLUSIVE = 3
    UNREACHABLE = 4
    TOOL_ERROR = 5
    SIGINT = 130
    SIGTERM = 143


class HybridcheckError(Exception):
    """The root of every error that this package raises on purpose.

    Args:
        message: what happened.
        where: file, line, option or address that it happened at; empty when the message says it.
        hint: what to do about it.
    """

    exit_code: ExitCode = ExitCode.TOOL_ERROR

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message}{advice}"


class UsageError(HybridcheckError):
    """The command was asked for something that cannot be done as written; nothing was sent."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong with an input: the place (`file:line key.path`), what, and what would be right."""

    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ProfileError(UsageError):
    """The profile or its plan has errors; all of them are listed at once in `complaints`."""

    def __init__(self, complaints: tuple[Complaint, ...]) -> None:
        super().__init__("\n".join(str(complaint) for complaint in complaints))
        self.complaints = complaints


class LedgerError(UsageError):
    """A ledger cannot be judged: not a ledger, without its first record, or of another major format."""


class OutputError(UsageError):
    """A result cannot be written where it was asked for."""


class PluginError(UsageError):
    """An entry point of another package does not load or does not fit."""


class ToolError(HybridcheckError):
    """Something broke that is our fault, not the target's."""
