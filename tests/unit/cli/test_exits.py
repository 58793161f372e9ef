"""Exit codes: the one place that turns verdicts and errors into numbers."""

import signal
from collections.abc import Callable

import pytest
import typer

from hybridcheck.cli import exits
from hybridcheck.errors import (
    Complaint,
    ExitCode,
    HybridcheckError,
    LedgerError,
    OutputError,
    ProfileError,
    ToolError,
    UsageError,
)


@pytest.mark.parametrize(
    "ruling,recorded",
    [
        ("READY", 0),
        ("PASSED", 0),
        ("NOT_READY", 1),
        ("FAILED", 1),
        ("INCONCLUSIVE", 3),
        ("INCONCLUSIVE", 4),
        ("INCONCLUSIVE", 5),
    ],
)
def test_a_verdict_gives_the_code_that_it_recorded(ruling: str, recorded: int) -> None:
    """The table of verdict.md."""
    assert exits.of_verdict(ruling, recorded, exit_zero=False) == recorded


@pytest.mark.parametrize("ruling", ["NOT_READY", "FAILED", "INCONCLUSIVE"])
def test_a_document_that_contradicts_itself_is_never_green(ruling: str) -> None:
    """A verdict that is not READY with code 0 is refused, unless the run was to report without blocking."""
    with pytest.raises(ToolError):
        exits.of_verdict(ruling, 0, exit_zero=False)
    assert exits.of_verdict(ruling, 0, exit_zero=True) == 0


def test_ready_with_a_red_code_is_refused() -> None:
    """The other way round is a contradiction too."""
    with pytest.raises(ToolError):
        exits.of_verdict("READY", 1, exit_zero=False)


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_wins_over_everything(number: int, code: int) -> None:
    """An interrupted run is never green, not even with --exit-zero."""
    assert exits.of_verdict("INCONCLUSIVE", 3, exit_zero=True, stopped_by=number) == code
    assert exits.of_verdict("READY", 0, exit_zero=False, stopped_by=number) == code


@pytest.mark.parametrize(
    "error,code",
    [
        (UsageError("m"), 2),
        (ProfileError((Complaint("w", "m"),)), 2),
        (LedgerError("m"), 2),
        (OutputError("m"), 2),
        (ToolError("m"), 5),
        (HybridcheckError("m"), 5),
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
        (typer.Exit(3), 3),
        (ValueError("m"), 5),
        (AssertionError(), 5),
        (RecursionError(), 5),
        (MemoryError(), 5),
        (OSError(28, "No space left on device"), 5),
        (SystemExit(1), 5),
        (SystemExit("text"), 5),
        (SystemExit(2), 2),
        (BaseExceptionGroup("g", [ValueError("m")]), 5),
    ],
)
def test_every_error_has_its_code_and_none_has_1(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 says that the target is not ready; no error of ours may say that."""

    def broken() -> None:
        raise error

    assert exits.of_call(broken) == code
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("result,code", [(None, 0), (ExitCode.NOT_READY, 1), (3, 3), (ExitCode.READY, 0)])
def test_a_command_that_returns_gives_its_number(result: object, code: int) -> None:
    """No number is 0."""
    assert exits.of_call(lambda: result) == code


def _raising(error: BaseException) -> Callable[[], None]:
    def broken() -> None:
        raise error

    return broken


def test_an_error_says_what_where_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Three lines on stderr."""
    exits.of_call(_raising(UsageError("no such file", where="a.yaml:3", hint="give another")))
    told = capsys.readouterr().err
    assert told == "hybridcheck: no such file\n  where: a.yaml:3\n  what to do: give another\n"


def test_a_profile_error_lists_every_complaint(capsys: pytest.CaptureFixture[str]) -> None:
    """All at once, each with its place and its advice."""
    complaints = (
        Complaint("a.yaml:1 x", "unknown key", "did you mean y?"),
        Complaint("a.yaml:9 z", "must be a number"),
    )
    exits.of_call(_raising(ProfileError(complaints)))
    told = capsys.readouterr().err
    assert "2 errors; nothing was sent" in told
    assert "a.yaml:1 x: unknown key" in told
    assert "did you mean y?" in told
    assert "a.yaml:9 z: must be a number" in told


def test_an_unforeseen_error_says_whose_fault_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Our own, where to report it, and no traceback unless asked."""
    exits.of_call(_raising(KeyError("x")))
    told = capsys.readouterr().err
    assert "internal error: KeyError" in told
    assert "report it" in told
    assert "Traceback" not in told


def test_a_traceback_comes_with_v(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """-v is looked for in the raw arguments, since parsing may not have come that far."""
    monkeypatch.setattr("sys.argv", ["hybridcheck", "validate", "-v"])
    exits.of_call(_raising(KeyError("x")))
    assert "Traceback" in capsys.readouterr().err


def test_an_error_with_hostile_text_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    """What a file or a target brought into a message does nothing on the terminal."""
    exits.of_call(_raising(UsageError("bad \x1b[2J\u202e", where="\x1b]0;x\x07")))
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "\\x1b[2J\\u202e" in told


def test_a_mistyped_option_is_told_without_the_words_of_a_library(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong and what is known, nothing else."""

    def call() -> None:
        raise typer.BadParameter("Value error, 'fast' is not one of 'quick', 'full'.", param_hint="'--budget'")

    assert exits.of_call(call) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "Invalid value for '--budget': 'fast' is not one of" in told
    assert "Value error" not in told
