"""The conductor: what happens after what in one run, from the command's words to the verdict on disk.

Profile and plan (all errors before the first byte), output folder, ledger, target, executor, what is known of the run
itself, seal, judge the ledger read back, write. It decides nothing about the target and prints nothing.
"""

import asyncio
import logging
import os
import secrets
import signal
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from hybridcheck import __version__
from hybridcheck.binding import Bound, Request, bind, run_start, with_profile
from hybridcheck.bundled import data_file
from hybridcheck.cases import Budget, Json, Phase, Reason
from hybridcheck.checks.check import Scene
from hybridcheck.engine.decision import FOREIGN_RUN
from hybridcheck.engine.judging import WhatIf, judge
from hybridcheck.errors import LedgerError, OutputError, ToolError
from hybridcheck.evidence import RUN_STREAM, Observation, Record, RunCause, RunFault
from hybridcheck.integrators.discovery import discover
from hybridcheck.integrators.executor import Executor
from hybridcheck.integrators.preflight import PREFLIGHT, note_build, silence
from hybridcheck.integrators.roster import Roster
from hybridcheck.integrators.self_scan import secrets_in
from hybridcheck.ledger import Ledger, ReadLedger, peek, read
from hybridcheck.load.credentials import lasting_s
from hybridcheck.load.foreseen import Refuse, refuse_drives, refuse_no_load
from hybridcheck.load.listening import Overhear
from hybridcheck.load.phase import CarryOut, Site, alone, run_phase
from hybridcheck.load.watch import Watch
from hybridcheck.plan import Drive, Selection, make
from hybridcheck.plugins import installed
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.profile.reading import read_profile
from hybridcheck.redact import Redactor
from hybridcheck.reference.launcher import ReferenceSystem
from hybridcheck.samplers.beside_load import BesideLoad
from hybridcheck.transport.journal import JOURNAL_NAME
from hybridcheck.transport.session import CONNECT_ATTEMPTS, Session
from hybridcheck.verdict import Outcome, Verdict
from hybridcheck.writers import samples_csv
from hybridcheck.writers.json_document import to_bytes, write, write_whole

__all__ = ["Bound", "GateResult", "Request", "bind", "judge_ledger", "make_folder", "run"]

LOG = logging.getLogger(__name__)

LEDGER_NAME = "ledger.ndjson"
VERDICT_NAME = "verdict.json"
MANIFEST_NAME = "manifest.ndjson"
SAMPLES_NAME = "samples.csv"
DISCOVERY_NAME = "discovery.ndjson"

DISCOVERY_LIMIT_S = 60.0
"""How long the search for what a target shows of itself may take; never more than half of the run."""

TIME_LIMIT_S = {Budget.QUICK: 180.0, Budget.STANDARD: 600.0, Budget.FULL: 1800.0}
"""After this long a run stops by itself; product.md, Budgets (quick has room for slow machines)."""

Listener = Callable[[Record], None]


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a run leaves: the verdict, where its evidence is, and the signal that ended it, if one did."""

    verdict: Verdict
    folder: Path
    ledger_path: Path
    verdict_path: Path
    stopped_by: int | None = None


@dataclass(slots=True)
class _Ending:
    """How the run ended, filled in while it goes; when its time is up, on the monotonic clock."""

    limit_s: float
    ends_at: float
    cause: RunCause | None = None
    detail: str = ""
    signal: int | None = None
    unsealed: str = ""
    """Why the ledger could not be ended."""

    def left_s(self) -> float:
        """Seconds until the run stops by itself."""
        return max(0.0, self.ends_at - time.monotonic())


async def run(
    request: Request, listener: Listener | None = None, carry_out: CarryOut = alone, refuse: Refuse | None = None
) -> GateResult:
    """Do the whole run and leave its verdict on disk; `carry_out` says which generators drive its load phases.

    `refuse` is shown the load plans before anything is sent, and raises where those generators cannot carry them out.

    Raises:
        UsageError: the profile, the plan or the output folder is wrong; nothing was sent.
        ToolError: the verdict could not be written.
    """
    async with AsyncExitStack() as stack:
        variables = dict(os.environ if request.variables is None else request.variables)
        if request.demo:
            system = await stack.enter_async_context(ReferenceSystem(request.defects))
            variables |= system.environment()
            request = replace(request, base_url="demo", profile_path=data_file("profiles", "reference.yaml"))
        bound = bind(replace(request, variables=variables))
        redactor = Redactor(secrets.token_bytes(32))
        for secret in bound.loaded.secrets:
            redactor.learn(secret)
        if refuse is not None:
            refuse_no_load(bound.loaded)
            refuse_drives(bound.plan.drives, _site(bound), lambda text: bool(redactor.hits(text)), refuse)
        folder = make_folder(request.output_dir, bound.run_id)
        limit_s = request.timeout_s or bound.loaded.overrides.timeout_s or TIME_LIMIT_S[request.budget]
        ending = _Ending(limit_s, time.monotonic() + limit_s)
        with _signals(ending) if request.signals else nullcontext():
            if bound.loaded.path is None:
                bound = with_profile(bound, await _discover(bound, folder, redactor, ending))
            ledger = Ledger(folder / LEDGER_NAME, redactor, listener)
            await _gather(bound, folder, ledger, redactor, ending, carry_out)
    return _conclude(bound, folder, redactor, ending)


def make_folder(output_dir: Path, run_id: str) -> Path:
    """Make the run's own folder; said before any traffic where it cannot be written.

    Raises:
        OutputError: it cannot be made.
    """
    folder = output_dir / run_id
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        hint = "choose another folder with --output-dir"
        raise OutputError(f"cannot make the folder: {error.strerror}", where=str(folder), hint=hint) from error
    return folder


async def _gather(
    bound: Bound, folder: Path, ledger: Ledger, redactor: Redactor, ending: _Ending, carry_out: CarryOut
) -> None:
    """Talk to the target until the plan is done, the time is up, or a signal comes; then seal the run."""
    roster = Roster(bound.target.url, bound.run_id)
    try:
        async with _noted(ending, redactor):
            roster.enter()
            ledger.append(RUN_STREAM, run_start(bound))
            if ending.cause is None:
                ending.cause = await _execute(bound, folder, ledger, redactor, ending, carry_out)
    finally:
        _seal(folder, ledger, redactor, ending, roster.leave())


@asynccontextmanager
async def _noted(ending: _Ending, redactor: Redactor) -> AsyncIterator[None]:
    """Bounds what is done within by the run's time, and notes what ends it early; only a stranger's cancel goes on."""
    try:
        async with asyncio.timeout(ending.left_s()):
            yield
    except TimeoutError:
        ending.cause, ending.detail = RunCause.TIMED_OUT, f"stopped after {ending.limit_s:g} s"
    except asyncio.CancelledError:
        ending.cause, ending.detail = RunCause.INTERRUPTED, f"signal {ending.signal}" if ending.signal else "cancelled"
        if ending.signal is None:
            raise
        _still_running().uncancel()
    except Exception as error:  # noqa: BLE001 - whatever broke is our fault, and the run still ends with a verdict
        ending.cause = RunCause.TOOL_ERROR
        ending.detail = redactor.text("; ".join(f"{type(leaf).__name__}: {leaf}" for leaf in _leaves(error)))
        LOG.error("the run broke: %s", ending.detail)  # noqa: TRY400 - a traceback could quote a secret
        for line in redactor.text("".join(traceback.format_exception(error))).splitlines():
            LOG.debug("%s", line)


def _still_running() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise ToolError("the gate runs outside of a task")
    return task


def _seal(folder: Path, ledger: Ledger, redactor: Redactor, ending: _Ending, foreign_runs: tuple[str, ...]) -> None:
    """Write down what is known of the run itself, then its end: who judges the ledger later knows what we know now."""
    try:
        if foreign_runs:
            ledger.append(RUN_STREAM, Observation(label=FOREIGN_RUN, values={"run_ids": list(foreign_runs)}))
        for fault in (*_write_samples(ledger.path, folder / SAMPLES_NAME), *secrets_in(folder, redactor)):
            ledger.append(RUN_STREAM, fault)
        ledger.end(ending.cause or RunCause.TOOL_ERROR, ending.detail)
    except ToolError as error:
        ending.unsealed = error.message
    finally:
        ledger.close()


async def _discover(bound: Bound, folder: Path, redactor: Redactor, ending: _Ending) -> Profile:
    """Without a profile: look for what the target shows of itself; what was asked is kept in a ledger of its own."""
    found: dict[str, Json] = {"version": 1}
    ledger = Ledger(folder / DISCOVERY_NAME, redactor)
    cause = RunCause.COMPLETED
    async with _noted(ending, redactor):
        ledger.append(RUN_STREAM, run_start(bound).model_copy(update={"plan": ()}))
        async with _session(bound, folder, ledger, redactor, min(DISCOVERY_LIMIT_S, ending.left_s() / 2)) as session:
            view = session.view(PREFLIGHT)
            if await silence(view, bound.loaded.profile) is None:
                found = await discover(view)
            else:
                cause = RunCause.UNREACHABLE
    with suppress(ToolError):
        ledger.end(ending.cause or cause, ending.detail)
    return Profile.model_validate(found)


def _session(bound: Bound, folder: Path, ledger: Ledger, redactor: Redactor, limit_s: float) -> Session:
    retries = bound.loaded.overrides.retry_count
    return Session(
        base_url=bound.target.url,
        profile=bound.loaded.profile,
        environment=bound.target.environment,
        ledger=ledger,
        redactor=redactor,
        run_id=bound.run_id,
        seed=bound.seed,
        deadline_s=limit_s,
        started=time.monotonic(),
        manifest=folder / MANIFEST_NAME,
        journal=folder / JOURNAL_NAME,
        connect_attempts=CONNECT_ATTEMPTS if retries is None else retries + 1,
    )


async def _execute(
    bound: Bound, folder: Path, ledger: Ledger, redactor: Redactor, ending: _Ending, carry_out: CarryOut
) -> RunCause:
    session = _session(bound, folder, ledger, redactor, ending.left_s())
    async with session:
        preflight = session.view(PREFLIGHT)
        unheard = await silence(preflight, bound.loaded.profile)
        if unheard is not None:
            ending.detail = redactor.text(unheard)
            return RunCause.UNREACHABLE

        beside = BesideLoad(bound.loaded.profile, ledger, session.glance, preflight.now_s)

        site = replace(_site(bound, session.overhear), addresses=await session.addresses())

        async def drive(phase: Drive) -> None:
            await beside.drive(
                phase.stream.removeprefix("load/"),
                lambda begun: run_phase(
                    phase,
                    site,
                    ledger,
                    partial(preflight.credential, lasting_s=lasting_s(phase)),
                    on_start=begun,
                    carry_out=carry_out,
                    watch=Watch(phase, bound.plan.cases, bound.checks),
                ),
            )

        def stop_after(_: Phase) -> bool:
            return bound.request.fail_fast and _has_failed(bound, ledger)

        executor = Executor(bound.plan, bound.checks, session, ledger, drive=drive, stop_after=stop_after)
        await note_build(preflight, ledger, bound.loaded.profile, "before")
        async with beside:
            cause = await executor.run()
        await note_build(preflight, ledger, bound.loaded.profile, "after")
        session.seal_shared()
        ledger.seal(PREFLIGHT.case.id)
        return cause


def _site(bound: Bound, overhear: Overhear | None = None) -> Site:
    limits = bound.loaded.profile.limits
    tls = bound.target.tls
    url, most = bound.target.url, (limits.max_connections, limits.max_requests)
    return Site(url, tls.ca_file, bound.seed, *most, overhear, max_rps=limits.max_rps)


def _has_failed(bound: Bound, ledger: Ledger) -> bool:
    """Whether a required case has failed so far and is not waived (for `--fail-fast`), judged from what is on disk."""
    verdict = judge(read(ledger.path), bound.checks, ledger_name=LEDGER_NAME, tool_version=__version__)
    cases = (case for check in verdict.checks for case in check.cases)
    failed = (case for case in cases if case.finding.outcome is Outcome.FAIL and case.group == "required")
    return any(case.waived is None for case in failed)


@contextmanager
def _signals(ending: _Ending) -> Iterator[None]:
    """Let SIGINT and SIGTERM cancel the running task, once; a second one finds the default action again."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop(number: int) -> None:
        ending.signal = number
        loop.remove_signal_handler(number)
        if task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _conclude(bound: Bound, folder: Path, redactor: Redactor, ending: _Ending) -> GateResult:
    """Judge the ledger read back and write the verdict; what is known too late for the ledger leaves none at all.

    Raises:
        ToolError: the ledger could not be ended, the verdict could not be written, or there is a secret in what was
            written last.
    """
    ledger_path, verdict_path = folder / LEDGER_NAME, folder / VERDICT_NAME
    hint = "make room or choose another folder; `hybridcheck judge` says what the ledger shows so far"
    if ending.unsealed:
        message = f"the ledger could not be written to its end, so there is no verdict: {ending.unsealed}"
        raise ToolError(message, where=str(ledger_path), hint=hint)
    try:
        ledger = read(ledger_path)
    except LedgerError as error:
        message = f"the ledger could not be read back: {error.message}"
        raise ToolError(message, where=str(ledger_path), hint=hint) from error
    verdict = judge(ledger, bound.checks, ledger_name=LEDGER_NAME, tool_version=__version__)
    write(verdict, verdict_path)
    for name, written in (("end of the ledger", _last_line(ledger)), ("verdict", verdict_path.read_bytes())):
        if redactor.hits(written):
            verdict_path.unlink()
            message = f"a secret was in the {name}; the verdict is removed"
            raise ToolError(message, where=str(folder), hint="report this")
    return GateResult(verdict, folder, ledger_path, verdict_path, ending.signal)


def _write_samples(ledger: Path, path: Path) -> Iterator[RunFault]:
    """Write the samples as a table, where the run has any; gives what kept it from the disk."""
    try:
        table = samples_csv.render(peek(ledger, "run_start", "sample"))
        if table is not None:
            write_whole(to_bytes(table), path)
    except OutputError as error:
        yield RunFault(reason=Reason.TOOL_ERROR, detail=f"{path.name} could not be written: {error.message}")
    except OSError as error:
        yield RunFault(reason=Reason.TOOL_ERROR, detail=f"{ledger.name} cannot be read: {error.strerror}")


def _last_line(ledger: ReadLedger) -> bytes:
    """What was written after the self-scan: the run's end."""
    return ledger.records[-1].model_dump_json().encode()


def judge_ledger(ledger_path: Path, profile_path: Path | None = None) -> Verdict:
    """Judge a saved ledger again; with a profile, what it would have said under that one.

    Raises:
        LedgerError: the file is not a ledger that can be judged.
        ProfileError: the profile is wrong.
    """
    ledger, checks = read(ledger_path), installed().checks
    what_if = None
    if profile_path is not None:
        start = ledger.start
        loaded = read_profile(profile_path, dict(os.environ))
        scene = Scene(loaded.profile, start.base_url, Environment(start.environment), Budget(start.budget))
        plan = make(scene, checks, Selection(budget=Budget(start.budget)))
        dumped = loaded.profile.model_dump(mode="json", by_alias=True)
        what_if = WhatIf(dumped, plan.cases, loaded.profile.catalogue)
    return judge(ledger, checks, ledger_name=ledger_path.name, tool_version=__version__, what_if=what_if)
