"""The options that commands share, each declared once."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hybridcheck.cases import Budget, SafetyClass
from hybridcheck.profile.models import Environment


class Format(StrEnum):
    """What a report looks like; the names are those of `writers.formats`."""

    CONSOLE = "console"
    JSON = "json"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    OPENMETRICS = "openmetrics"
    HTML = "html"


class DeclaredEnvironment(StrEnum):
    """What somebody may say that a target is; nobody can say that it is unknown."""

    LOCAL = "local"
    STAGING = "staging"
    PRODUCTION = "production"


class EarlyStop(StrEnum):
    """When a load phase may end before its time."""

    NEVER = "never"
    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - an outcome, not a password


class LogFormat(StrEnum):
    """What a log line looks like: for people, or one JSON object."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on something is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


BaseUrl = Annotated[
    str | None, typer.Option("--base-url", help="URL of the system, or the name of a target in the profile.")
]
ProfilePath = Annotated[
    Path | None, typer.Option("--profile", help="The profile; else hybridcheck.yaml in this folder or above.")
]
EnvironmentOption = Annotated[
    DeclaredEnvironment | None,
    typer.Option("--environment", help="What the target is, where the profile does not say."),
]
BudgetOption = Annotated[
    Budget | None, typer.Option("--budget", help="How long: half a minute, 10 minutes (the default), or 30.")
]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="Only this check or case (repeatable); a scoped verdict.")
]
Skip = Annotated[
    list[str] | None, typer.Option("--skip", help="Not this check or case (repeatable); a scoped verdict.")
]
Tag = Annotated[
    list[str] | None, typer.Option("--tag", help="Only checks with this tag (repeatable); a scoped verdict.")
]
Suite = Annotated[
    list[str] | None, typer.Option("--suite", help="Only this suite, such as auth (repeatable); a scoped verdict.")
]
Allow = Annotated[
    list[SafetyClass] | None, typer.Option("--allow", help="Also allow this class of checks (repeatable).")
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failed required case.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of everything random, to repeat a run.")]
Timeout = Annotated[float | None, typer.Option("--timeout", min=1, help="Seconds after which the whole run stops.")]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Report without blocking: exit 0 in the place of 1 and 3.")]
Defects = Annotated[
    list[str] | None, typer.Option("--defect", help="Plant this defect in the demo system (repeatable).")
]
Demo = Annotated[bool, typer.Option("--demo", help="Run against an embedded reference system.")]
ListDefects = Annotated[bool, typer.Option("--list-defects", help="List the defects of the demo system and exit.")]

Shape = Annotated[
    str | None,
    typer.Option(
        "--shape", help="steady, ramp, steps, stress, spike, soak or breakpoint, in the place of the declared one."
    ),
]
Rate = Annotated[
    float | None, typer.Option("--rate", help="Requests per second, whatever the target does (open model).")
]
Users = Annotated[int | None, typer.Option("--users", help="Users who wait for their answers (closed model).")]
Peak = Annotated[float | None, typer.Option("--peak", help="The peak of a spike or stress, per second or in users.")]
Duration = Annotated[float | None, typer.Option("--duration", help="Seconds that the load lasts, warm-up included.")]
StopEarlyOption = Annotated[
    EarlyStop | None,
    typer.Option(
        "--stop-early", help="End a phase once a limit is certainly broken (default), or also once all are kept."
    ),
]
LoadPhaseName = Annotated[str | None, typer.Option("--phase", help="The declared load phase to drive, or sweep.")]

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens, and tracebacks of our own errors.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the report.")]
FormatOption = Annotated[Format, typer.Option("--format", help="What is printed on stdout.")]
OutputDir = Annotated[
    Path, typer.Option("--output-dir", help="Folder that gets RUN_ID/ with verdict.json and ledger.ndjson.")
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output-file",
        help="Also write the report here: its ending says how (.json .md .xml .html .sarif .prom .txt).",
    ),
]
SaveResults = Annotated[bool, typer.Option("--save-results", help="Accepted; results are always saved.")]
LogFormatOption = Annotated[LogFormat, typer.Option("--log-format", help="What a log line looks like.")]
LogLevelOption = Annotated[LogLevel | None, typer.Option("--log-level", help="From which level on to log.")]
LogFile = Annotated[Path | None, typer.Option("--log-file", help="Log to this file instead of stderr.")]

RESULTS = Path("hybridcheck-results")
"""The folder of results where no other is asked for."""


def environment_of(word: DeclaredEnvironment | None) -> Environment | None:
    """The environment that a word names; None where nothing was said, so that the profile decides."""
    return None if word is None else Environment(word.value)


@dataclass(frozen=True, slots=True)
class Run:
    """What is run against what; the option group of every command that sends requests."""

    base_url: BaseUrl = None
    profile: ProfilePath = None
    environment: EnvironmentOption = None
    budget: BudgetOption = None
    allow: Allow = None
    fail_fast: FailFast = False
    seed: Seed = None
    timeout: Timeout = None
    exit_zero: ExitZero = False
    output_dir: OutputDir = RESULTS


@dataclass(frozen=True, slots=True)
class Load:
    """What the load is to be, in the place of what the profile declares."""

    phase: LoadPhaseName = None
    shape: Shape = None
    rate: Rate = None
    users: Users = None
    peak: Peak = None
    duration: Duration = None
    stop_early: StopEarlyOption = None


@dataclass(frozen=True, slots=True)
class Showing:
    """How a run is shown: nothing of it changes what is done or decided."""

    verbose: Verbose = False
    quiet: Quiet = False
    format: FormatOption = Format.CONSOLE
    output_file: OutputFile = None
    save_results: SaveResults = False
    log_format: LogFormatOption = LogFormat.CONSOLE
    log_level: LogLevelOption = None
    log_file: LogFile = None
