"""The one place that turns a verdict or an error into the number that a pipeline reads."""

import sys
import traceback
from collections.abc import Callable

import typer

from hybridcheck.cli import terminal
from hybridcheck.errors import ExitCode, HybridcheckError, ProfileError, ToolError

REPORT_TO = "report it to the maintainers with the output of the same command and -v, and `hybridcheck --version`"

_CODES_OF_RULINGS = {
    "READY": {ExitCode.READY},
    "PASSED": {ExitCode.READY},
    "NOT_READY": {ExitCode.NOT_READY},
    "FAILED": {ExitCode.NOT_READY},
    "INCONCLUSIVE": {ExitCode.INCONCLUSIVE, ExitCode.UNREACHABLE, ExitCode.TOOL_ERROR},
}


def of_verdict(ruling: str, recorded: int, *, exit_zero: bool, stopped_by: int | None = None) -> ExitCode:
    """The exit code of a judged run.

    Args:
        ruling: the verdict's one word.
        recorded: the code that the document holds.
        exit_zero: whether the run was asked to report without blocking.
        stopped_by: number of the signal that ended the run, if one did; it wins over everything.

    Raises:
        ToolError: the document contradicts itself, so its code cannot be trusted.
    """
    if stopped_by is not None:
        return ExitCode(128 + stopped_by)
    allowed = _CODES_OF_RULINGS[ruling] | ({ExitCode.READY} if exit_zero else set())
    if recorded not in allowed:
        raise ToolError(f"the verdict {ruling} comes with exit code {recorded}", where="verdict.json", hint=REPORT_TO)
    return ExitCode(recorded)


def of_call(call: Callable[[], object]) -> int:
    """Run a command and give its exit code; whatever it raises is told on stderr and never leaves with 1.

    A command that returns no number ends with 0.
    """
    try:
        result = call()
        sys.stdout.flush()
    except KeyboardInterrupt:
        terminal.tell("interrupted")
        return ExitCode.SIGINT
    except typer.Abort:
        terminal.tell("aborted")
        return ExitCode.SIGINT
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.TyperException as error:
        # the words that pydantic puts before a message say nothing to whoever mistyped an option
        terminal.tell(f"hybridcheck: usage: {error.format_message().replace(': Value error, ', ': ')}")
        terminal.tell("  what to do: see the options with `hybridcheck --help` or `hybridcheck COMMAND --help`")
        return ExitCode.USAGE
    except HybridcheckError as error:
        _tell_known(error)
        return error.exit_code
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) and leaving.code != 1 else ExitCode.TOOL_ERROR
    except BaseException as error:  # noqa: BLE001 - the whole point: nothing else may choose the exit code
        _tell_unknown(error)
        return ExitCode.TOOL_ERROR
    return int(result) if isinstance(result, int) else ExitCode.READY


def _tell_known(error: HybridcheckError) -> None:
    """What, where, what to do; all complaints of a profile at once."""
    if isinstance(error, ProfileError):
        count = len(error.complaints)
        terminal.tell(f"hybridcheck: the profile or its plan has {count} error{'s' * (count != 1)}; nothing was sent")
        for complaint in error.complaints:
            terminal.tell(f"  {complaint.where}: {complaint.message}" if complaint.where else f"  {complaint.message}")
            if complaint.hint:
                terminal.tell(f"    what to do: {complaint.hint}")
        return
    terminal.tell(f"hybridcheck: {error.message}")
    if error.where:
        terminal.tell(f"  where: {error.where}")
    hint = error.hint or (REPORT_TO if isinstance(error, ToolError) else "")
    if hint:
        terminal.tell(f"  what to do: {hint}")
    if terminal.verbose():
        terminal.tell(traceback.format_exc(), lines=True)


def _tell_unknown(error: BaseException) -> None:
    """Something that nobody foresaw is our fault, and says so."""
    terminal.tell(f"hybridcheck: internal error: {type(error).__name__}: {error}")
    terminal.tell(f"  what to do: {REPORT_TO}")
    if terminal.verbose():
        terminal.tell(traceback.format_exc(), lines=True)
