"""A run from the command line: logs and progress set up, the gate called, the verdict shown, the exit code given."""

import asyncio
import difflib
import gc
import os
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from hybridcheck import gate
from hybridcheck.bundled import data_file
from hybridcheck.cases import Budget, Json
from hybridcheck.cli import exits, logs, rendering, terminal
from hybridcheck.cli.generators import Generators
from hybridcheck.cli.options import Format, Load, LogFormat, Run, Showing, environment_of
from hybridcheck.cli.progress import PlainProgress, Progress
from hybridcheck.errors import ExitCode, OutputError, ToolError, UsageError
from hybridcheck.load.foreseen import Refuse
from hybridcheck.load.phase import CarryOut, alone
from hybridcheck.profile.environment import read_overrides
from hybridcheck.profile.load_override import LoadOverride
from hybridcheck.profile.lookup import find_profile
from hybridcheck.reference.defects import BY_NAME
from hybridcheck.transport.manifest import DONE, read_manifest
from hybridcheck.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which part of the catalogue a run is about, and what is planted in the demo system."""

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    demo: bool = False
    defects: tuple[str, ...] = ()
    load: Load | None = None
    generators: Generators = field(default_factory=Generators)


Group = Run | Chosen | Load | Generators


def request_of(asked: Run, chosen: Chosen) -> gate.Request:
    """What the gate is asked for; `command_line` records what was given and changes what is done.

    Raises:
        UsageError: options that cannot go together.
    """
    _refuse_contradictions(asked, chosen)
    load = {} if chosen.load is None else _given(chosen.load, Load())
    options = {**_given(asked, Run()), **_given(replace(chosen, load=None, generators=Generators()), Chosen())}
    options |= {**load, **_given(chosen.generators, Generators())}
    recorded = {name: value for name, value in options.items() if name not in {"output_dir", "base_url", "profile"}}
    return gate.Request(
        base_url=asked.base_url,
        profile_path=asked.profile,
        environment=environment_of(asked.environment),
        budget=asked.budget or (Budget.QUICK if chosen.demo else Budget.STANDARD),
        only=chosen.only,
        skip=chosen.skip,
        tags=chosen.tags,
        suites=chosen.suites,
        load=_load_of(chosen.load),
        allow=tuple(asked.allow or ()),
        fail_fast=asked.fail_fast,
        seed=asked.seed,
        timeout_s=asked.timeout,
        exit_zero=asked.exit_zero,
        output_dir=asked.output_dir,
        demo=chosen.demo,
        defects=chosen.defects,
        command_line=recorded,
    )


def _load_of(asked: Load | None) -> LoadOverride:
    """The options of the load as the profile's words; a gate drives what is declared, as it is declared."""
    if asked is None:
        return LoadOverride()
    return LoadOverride(
        phase=asked.phase,
        shape=asked.shape,
        rate_rps=asked.rate,
        users=asked.users,
        peak=asked.peak,
        duration_s=asked.duration,
        stop_early="fail" if asked.stop_early is None else asked.stop_early.value,
        stop_early_asked=asked.stop_early is not None,
    )


def _given(group: Group, untouched: Group) -> dict[str, Json]:
    """The options that differ from their default, as JSON."""
    values = {option.name: getattr(group, option.name) for option in fields(group)}
    given = {name: value for name, value in values.items() if value != getattr(untouched, name)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def _refuse_contradictions(asked: Run, chosen: Chosen) -> None:
    if chosen.defects and not chosen.demo:
        raise UsageError(
            "defects can be planted in the demo system only", where="--defect", hint="add --demo, or leave it out"
        )
    for name in chosen.defects:
        if name not in BY_NAME:
            near = difflib.get_close_matches(name, BY_NAME, n=1)
            hint = f"did you mean {near[0]}?" if near else "--list-defects lists them"
            raise UsageError(f"there is no defect '{name}'", where="--defect", hint=hint)
    unseen = [BY_NAME[name] for name in chosen.defects if name in BY_NAME and BY_NAME[name].demo_needs]
    if unseen:
        first = unseen[0]
        raise UsageError(f"the demo cannot show '{first.name}'", where="--defect", hint=f"it needs {first.demo_needs}")
    if chosen.demo and (asked.base_url or asked.profile):
        raise UsageError(
            "the demo brings its own system and profile",
            where="--demo",
            hint="leave out --base-url and --profile, or leave out --demo",
        )


def run(
    request: gate.Request,
    showing: Showing,
    generators: AbstractAsyncContextManager[CarryOut] | None = None,
    refuse: Refuse | None = None,
) -> ExitCode:
    """Do what was asked, print the report, and give the exit code of the verdict."""
    gc.freeze()  # what was imported stays: the collector need not go through it again while the run's records pile up
    level, log_file = _set_up_logs(showing)
    if showing.output_file is not None:
        rendering.check_writable(showing.output_file)
    with progress_for(showing, logs_on_stderr=log_file is None and level in {"debug", "info"}) as progress:
        result = asyncio.run(_gated(request, progress, generators or nullcontext(alone), refuse))
    tell_residue(result.folder / gate.MANIFEST_NAME)
    source = rendering.Source(str(result.folder), _profile_of(request))
    rendering.show(result.verdict, showing.format, source)
    if showing.output_file is not None:
        _save(result.verdict, showing.output_file, showing.format, source)
    return exits.of_verdict(
        result.verdict.verdict,
        result.verdict.exit_code,
        exit_zero=result.verdict.policy.exit_zero,
        stopped_by=result.stopped_by,
    )


async def _gated(
    request: gate.Request,
    progress: Progress,
    generators: AbstractAsyncContextManager[CarryOut],
    refuse: Refuse | None,
) -> gate.GateResult:
    async with generators as carry_out:
        return await gate.run(request, progress, carry_out, refuse)


def tell_residue(manifest: Path) -> None:
    """Say on stderr what the run created and could not remove, and the command that tries again; else nothing."""
    if not manifest.exists():
        return
    left = [entry for entry in read_manifest(manifest) if entry.step not in DONE]
    for entry in left:
        terminal.tell(f"left behind: {entry.operation} {entry.resource or '(no id known)'} at {entry.base_url}")
    if left:
        terminal.tell(f"  what to do: hybridcheck cleanup {manifest}")


def _profile_of(request: gate.Request) -> Path | None:
    """The profile that the run was held to."""
    if request.demo:
        return data_file("profiles", "reference.yaml")
    return find_profile(request.profile_path, Path.cwd(), Path.home())


def _save(verdict: Verdict, path: Path, chosen: Format, source: rendering.Source) -> None:
    """Write the report to the file that was asked for; requests have been sent, so that a failure is no usage error.

    Raises:
        ToolError: it cannot be written.
    """
    try:
        rendering.save(verdict, path, chosen, source)
    except OutputError as error:
        raise ToolError(f"the report could not be written: {error.message}", where=error.where) from error


def _set_up_logs(showing: Showing) -> tuple[str, Path | None]:
    """Command line before environment before default; a wrong variable is the profile reader's to report."""
    asked, _complaints = read_overrides(os.environ)
    log_file = showing.log_file or (Path(asked.log_file) if asked.log_file else None)
    default = "debug" if showing.verbose else "info" if log_file else "warning"
    level = showing.log_level.value if showing.log_level else (asked.log_level or default).lower()
    logs.configure(level=level, as_json=showing.log_format is LogFormat.JSON, file=log_file)
    return level, log_file


def progress_for(showing: Showing, *, logs_on_stderr: bool) -> Progress:
    """What shows the progress: nothing when quiet, when stdout is for a program, or when the log shows it already."""
    if showing.quiet or showing.format is Format.JSON or logs_on_stderr:
        return Progress()
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("CI"):
        from hybridcheck.cli.live import LiveProgress  # rich.live is only for terminals

        return LiveProgress()
    return PlainProgress(terminal.tell)
