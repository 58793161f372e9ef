"""The conductor: what happens after what in one run, from the command's words to the verdict on disk.

Profile and plan (all errors before the first byte), output folder, ledger, target, executor, seal, judge the ledger read
back, write. It decides nothing about the target and prints nothing.
"""

import asyncio
import logging
import os
import platform
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from hybridcheck import __version__
from hybridcheck.bundled import data_file
from hybridcheck.cases import Budget, Json, Phase, Reason, SafetyClass
from hybridcheck.checks.catalogue import CATALOGUE, by_id
from hybridcheck.checks.check import Check, Scene
from hybridcheck.engine.judging import WhatIf, judge
from hybridcheck.errors import OutputError, ProfileError, ToolError, UsageError
from hybridcheck.evidence import Record, RunCause, RunStart
from hybridcheck.integrators.executor import Executor
from hybridcheck.integrators.preflight import PREFLIGHT, reach
from hybridcheck.integrators.suites import leaves_of
from hybridcheck.ledger import Ledger, read
from hybridcheck.load.phase import Site, run_phase
from hybridcheck.plan import Drive, Plan, Selection, make
from hybridcheck.profile.lookup import ChosenTarget, choose_target, find_profile
from hybridcheck.profile.models import Environment
from hybridcheck.profile.reading import Loaded, read_profile, without_profile
from hybridcheck.redact import Redactor
from hybridcheck.reference.launcher import ReferenceSystem
from hybridcheck.transport.session import CONNECT_ATTEMPTS, Session
from hybridcheck.verdict import Outcome, Verdict
from hybridcheck.writers.json_document import write

LOG = logging.getLogger(__name__)

LEDGER_NAME = "ledger.ndjson"
VERDICT_NAME = "verdict.json"
MANIFEST_NAME = "manifest.ndjson"

TIME_LIMIT_S = {Budget.QUICK: 120.0, Budget.STANDARD: 600.0, Budget.FULL: 1800.0}
"""After this long a run stops by itself; product.md, Budgets (quick has room for slow machines)."""

Listener = Callable[[Record], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: the command line, or the arguments of the Python API.

    `command_line` are the options to record in the verdict. `variables` is the environment that references, overrides
    and secrets come from; None for the process's own. `signals`: whether SIGINT and SIGTERM end the run in order (not
    where the gate runs inside somebody else's program).
    """

    base_url: str | None = None
    profile_path: Path | None = None
    environment: Environment | None = None
    budget: Budget = Budget.STANDARD
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    allow: tuple[SafetyClass, ...] = ()
    fail_fast: bool = False
    seed: int | None = None
    timeout_s: float | None = None
    exit_zero: bool = False
    output_dir: Path = Path("hybridcheck-results")
    demo: bool = False
    defects: tuple[str, ...] = ()
    command_line: Mapping[str, Json] = field(default_factory=dict)
    variables: Mapping[str, str] | None = None
    signals: bool = True


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a run leaves: the verdict, where its evidence is, and the signal that ended it, if one did."""

    verdict: Verdict
    folder: Path
    ledger_path: Path
    verdict_path: Path
    stopped_by: int | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A request bound to a profile, a target and a plan: everything that is known before the first byte."""

    request: Request
    loaded: Loaded
    target: ChosenTarget
    scene: Scene
    plan: Plan
    checks: Mapping[str, Check]
    seed: int
    run_id: str
    started: datetime


@dataclass(slots=True)
class _Ending:
    """How the run ended, filled in while it goes."""

    cause: RunCause = RunCause.TOOL_ERROR
    detail: str = ""
    signal: int | None = None
    faults: list[tuple[Reason, str]] = field(default_factory=list)


async def run(request: Request, listener: Listener | None = None) -> GateResult:
    """Do the whole run and leave its verdict on disk.

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
        folder = make_folder(request.output_dir, bound.run_id)
        redactor = Redactor(secrets.token_bytes(32))
        for secret in bound.loaded.secrets:
            redactor.learn(secret)
        ledger = Ledger(folder / LEDGER_NAME, redactor, listener)
        ending = _Ending()
        await _gather(bound, folder, ledger, redactor, ending)
    return _conclude(bound, folder, redactor, ending)


def bind(request: Request) -> Bound:
    """Read the profile, choose the target, and plan; every complaint at once.

    Raises:
        UsageError: and its subclasses, for whatever is wrong with what was asked for.
    """
    variables = request.variables or {}
    started = datetime.now(UTC)
    path = find_profile(request.profile_path, Path.cwd(), Path.home())
    loaded = read_profile(path, variables, today=started.date()) if path else without_profile(variables)
    asked = request.base_url or loaded.overrides.base_url
    variable = next((name for name in loaded.overrides.used if name.endswith("BASE_URL")), "")
    source = "--base-url" if request.base_url or not variable else f"environment {variable}"
    target = choose_target(asked, loaded.profile, request.environment, where=source)
    checks = by_id()
    selection = Selection(
        only=request.only,
        skip=request.skip,
        tags=request.tags,
        suites=leaves_of(request.suites),
        allow=frozenset(request.allow),
        budget=request.budget,
    )
    scene = Scene(loaded.profile, target.url, target.environment, request.budget)
    plan = make(scene, checks, selection, today=started.date(), place=loaded.place)
    if plan.complaints:
        raise ProfileError(plan.complaints)
    if selection.scoped and not plan.cases:
        raise UsageError("the selection leaves nothing to do", hint="`hybridcheck checks` lists the checks")
    seed = request.seed if request.seed is not None else secrets.randbelow(2**32)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    return Bound(request, loaded, target, scene, plan, checks, seed, run_id, started)


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


def run_start(bound: Bound) -> RunStart:
    """The first record of the ledger: everything that judging needs beside the records that follow."""
    request, profile = bound.request, bound.loaded.profile
    memory = psutil.virtual_memory().total
    return RunStart(
        tool_version=__version__,
        run_id=bound.run_id,
        started_utc=bound.started.isoformat(timespec="milliseconds"),
        seed=bound.seed,
        budget=request.budget.value,
        scoped=bound.plan.scoped,
        target=bound.target.name,
        base_url=bound.target.url,
        environment=bound.target.environment.value,
        profile=profile.model_dump(mode="json", by_alias=True),
        flags={**request.command_line, "exit_zero": request.exit_zero},
        overrides=dict(bound.loaded.overrides.used),
        catalogue=CATALOGUE,
        host={"cores": os.cpu_count(), "memory_bytes": memory, "python": platform.python_version()},
        plan=bound.plan.cases,
    )


async def _gather(bound: Bound, folder: Path, ledger: Ledger, redactor: Redactor, ending: _Ending) -> None:
    """Talk to the target until the plan is done, the time is up, or a signal comes; then seal the run."""
    limit_s = bound.request.timeout_s or bound.loaded.overrides.timeout_s or TIME_LIMIT_S[bound.request.budget]
    try:
        ledger.append("run", run_start(bound))
        with _signals(ending) if bound.request.signals else nullcontext():
            async with asyncio.timeout(limit_s):
                ending.cause = await _execute(bound, folder, ledger, redactor, limit_s)
    except TimeoutError:
        ending.cause, ending.detail = RunCause.TIMED_OUT, f"stopped after {limit_s:g} s"
    except asyncio.CancelledError:
        ending.cause, ending.detail = RunCause.INTERRUPTED, f"signal {ending.signal}" if ending.signal else "cancelled"
        if ending.signal is None:
            raise
        _still_running().uncancel()
    except Exception as error:
        ending.detail = "; ".join(f"{type(leaf).__name__}: {leaf}" for leaf in _leaves(error))
        ending.faults.append((Reason.TOOL_ERROR, ending.detail))
        LOG.exception("the run broke")
    finally:
        _seal(ledger, ending)


def _still_running() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise ToolError("the gate runs outside of a task")
    return task


def _seal(ledger: Ledger, ending: _Ending) -> None:
    try:
        ledger.end(ending.cause, ending.detail)
    except ToolError as error:
        ending.faults.append((Reason.TOOL_ERROR, str(error)))
        ledger.close()


async def _execute(bound: Bound, folder: Path, ledger: Ledger, redactor: Redactor, limit_s: float) -> RunCause:
    overrides = bound.loaded.overrides
    session = Session(
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
        connect_attempts=CONNECT_ATTEMPTS if overrides.retry_count is None else overrides.retry_count + 1,
    )
    async with session:
        preflight = session.view(PREFLIGHT)
        if not await reach(preflight, bound.loaded.profile):
            return RunCause.UNREACHABLE

        async def drive(phase: Drive) -> None:
            await run_phase(phase, _site(bound), ledger, preflight.credential)

        def stop_after(_: Phase) -> bool:
            return bound.request.fail_fast and _has_failed(bound, ledger)

        executor = Executor(bound.plan, bound.checks, session, ledger, drive=drive, stop_after=stop_after)
        cause = await executor.run()
        session.seal_shared()
        ledger.seal(PREFLIGHT.case.id)
        return cause


def _site(bound: Bound) -> Site:
    limits = bound.loaded.profile.limits
    tls = bound.target.tls
    return Site(bound.target.url, tls.ca_file, bound.seed, limits.max_connections, limits.max_requests)


def _has_failed(bound: Bound, ledger: Ledger) -> bool:
    """Whether a required case has failed so far (for `--fail-fast`), judged from what is on disk."""
    verdict = judge(read(ledger.path), bound.checks, ledger_name=LEDGER_NAME, tool_version=__version__)
    cases = (case for check in verdict.checks for case in check.cases)
    return any(case.finding.outcome is Outcome.FAIL and case.group == "required" for case in cases)


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
    """Judge the ledger read back, look for secrets in what was written, and write the verdict."""
    ledger_path, verdict_path = folder / LEDGER_NAME, folder / VERDICT_NAME
    faults = [*ending.faults, *_secrets_in(folder, redactor)]
    verdict = judge(
        read(ledger_path), bound.checks, ledger_name=LEDGER_NAME, tool_version=__version__, run_faults=tuple(faults)
    )
    write(verdict, verdict_path)
    if list(_secrets_in(folder, redactor)) and not faults:
        raise ToolError("a secret is in the verdict", where=str(verdict_path), hint="delete the folder and report this")
    return GateResult(verdict, folder, ledger_path, verdict_path, ending.signal)


def _secrets_in(folder: Path, redactor: Redactor) -> Iterator[tuple[Reason, str]]:
    """The self-scan: a known secret in an artefact is a fault of ours."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and redactor.hits(path.read_bytes()):
            yield Reason.SECRET_IN_ARTEFACT, f"a known secret is in {path.name}"


def judge_ledger(ledger_path: Path, profile_path: Path | None = None) -> Verdict:
    """Judge a saved ledger again; with a profile, what it would have said under that one.

    Raises:
        LedgerError: the file is not a ledger that can be judged.
        ProfileError: the profile is wrong.
    """
    ledger, checks = read(ledger_path), by_id()
    what_if = None
    if profile_path is not None:
        start = ledger.start
        loaded = read_profile(profile_path, dict(os.environ))
        scene = Scene(loaded.profile, start.base_url, Environment(start.environment), Budget(start.budget))
        plan = make(scene, checks, Selection(budget=Budget(start.budget)))
        dumped = loaded.profile.model_dump(mode="json", by_alias=True)
        what_if = WhatIf(dumped, plan.cases, loaded.profile.catalogue)
    return judge(ledger, checks, ledger_name=ledger_path.name, tool_version=__version__, what_if=what_if)
