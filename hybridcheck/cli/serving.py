"""`hybridcheck load --ui`: Locust's web UI, in which the phases of the profile are started, watched and judged.

Each start is a run of the gate with a folder of its own; the UI shows what the generators report, and in the end the
verdict. Ctrl-C ends everything in order, and the evidence stays.
"""

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from hybridcheck import gate
from hybridcheck.bundled import data_file
from hybridcheck.cli import rendering, terminal
from hybridcheck.cli.generators import Ui
from hybridcheck.cli.live_limits import LiveLimits
from hybridcheck.cli.options import Format
from hybridcheck.errors import ExitCode, HybridcheckError, UsageError
from hybridcheck.load.distributed import is_loopback
from hybridcheck.load.foreseen import Refuse
from hybridcheck.load.phase import CarryOut
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import Report, Started
from hybridcheck.load.screen import Screen
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.load_phases import peak_level
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.reference.launcher import ReferenceSystem

LOOK_S = 0.5
"""How often the state of the limits is told to the UI."""

PAGE_NAME = "verdict.html"
USER = "hybridcheck"


def serve(request: gate.Request, ui: Ui, generators: AbstractAsyncContextManager[CarryOut], refuse: Refuse) -> ExitCode:
    """Open the UI and carry out what is clicked, until Ctrl-C or SIGTERM."""
    return asyncio.run(_serve(request, ui, generators, refuse))


async def _serve(
    request: gate.Request, ui: Ui, generators: AbstractAsyncContextManager[CarryOut], refuse: Refuse
) -> ExitCode:
    async with contextlib.AsyncExitStack() as stack:
        request = await stack.enter_async_context(_with_system(request))
        bound = gate.bind(request)
        profile = bound.loaded.profile
        phases = {name: label(name, drive_of(profile, name, request.budget).spec) for name in profile.load}
        password = _password(ui)
        carry_out = await stack.enter_async_context(generators)
        screen = Screen(ui.ui_host, ui.ui_port, phases, bound.target.url, password)
        await stack.enter_async_context(screen)
        terminal.tell(f"web UI: http://{_shown(ui.ui_host)}:{screen.port} (Ctrl-C ends it)")
        if password is not None:
            told = "that of --ui-password" if ui.ui_password else password
            terminal.tell(f"  login: {USER}, password: {told}")
        return await _Session(request, screen, (carry_out, refuse), LiveLimits(bound.checks)).run()


@contextlib.asynccontextmanager
async def _with_system(request: gate.Request) -> AsyncIterator[gate.Request]:
    """The demo system lives as long as the UI, not as long as a run."""
    variables = dict(os.environ if request.variables is None else request.variables)
    if not request.demo:
        yield replace(request, variables=variables)
        return
    async with ReferenceSystem(request.defects) as system:
        variables |= system.environment()
        profile = data_file("profiles", "reference.yaml")
        yield replace(request, demo=False, base_url="demo", profile_path=profile, variables=variables)


def label(name: str, spec: LoadPhaseSpec) -> str:
    """What a phase is called where one is chosen: its name, shape, height and length."""
    unit = "req/s" if spec.model == "open" else "users"
    return f"{name} ({spec.shape}, up to {peak_level(spec):g} {unit}, {spec.duration_s:g} s)"


def _password(ui: Ui) -> str | None:
    """The password that the UI asks for: none on loopback, unless one was given; elsewhere a new one.

    Raises:
        UsageError: the variable that should hold it is not set.
    """
    if ui.ui_password is None:
        return None if is_loopback(ui.ui_host) else secrets.token_urlsafe(12)
    name = ui.ui_password.removeprefix("env:")
    if name == ui.ui_password or not os.environ.get(name):
        raise UsageError("the password comes from a variable that is set", where="--ui-password", hint="env:NAME")
    return os.environ[name]


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@dataclass(slots=True)
class _Stop:
    """The stop button of the run at hand."""

    pressed: asyncio.Event


class _Session:
    """One run after the other, as they are clicked."""

    def __init__(
        self, request: gate.Request, screen: Screen, generators: tuple[CarryOut, Refuse], limits: LiveLimits
    ) -> None:
        self._request, self._screen, self._limits = request, screen, limits
        self._carry_out, self._refuse = generators
        self._run: asyncio.Task[None] | None = None
        self._stop = _Stop(asyncio.Event())
        self._ended_by: int | None = None
        self._task: asyncio.Task[object] | None = None

    async def run(self) -> ExitCode:
        """Until a signal ends the session, or the UI is gone."""
        self._task = asyncio.current_task()
        self._on_signals()
        try:
            async for click in self._screen.clicks():
                if click.kind == "stop":
                    self._stop.pressed.set()
                elif self._run is None or self._run.done():
                    self._stop = _Stop(asyncio.Event())
                    self._run = asyncio.create_task(self._one(click.phase, self._stop.pressed))
            terminal.tell("the web UI has ended")
        except asyncio.CancelledError:
            if self._ended_by is None:
                raise
        finally:
            await self._end_run()
        return ExitCode.TOOL_ERROR if self._ended_by is None else ExitCode(128 + self._ended_by)

    async def _end_run(self) -> None:
        """A run that is under way is interrupted: it seals its evidence and writes its verdict."""
        if self._run is not None and not self._run.done():
            os.kill(os.getpid(), signal.SIGTERM if self._ended_by is None else self._ended_by)
            await asyncio.gather(self._run, return_exceptions=True)

    def _on_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._end, number)

    def _end(self, number: int) -> None:
        self._ended_by = number
        if self._task is not None:
            self._task.cancel()

    async def _one(self, phase: str, stop: asyncio.Event) -> None:
        """One run of the gate about one phase, and what the UI is told of it."""
        request = replace(self._request, load=replace(self._request.load, phase=phase))
        shower = asyncio.create_task(self._show_limits())
        try:
            result = await gate.run(request, self._limits.take, self._watched(phase, stop), self._refuse)
        except HybridcheckError as error:
            terminal.tell(f"{phase}: {error.message}" + f" ({error.hint})" * bool(error.hint))
            await self._screen.tell("refused", message=f"{phase}: {error.message}")
            return
        except Exception as error:  # noqa: BLE001  a fault of ours ends this run, not the session
            terminal.tell(f"{phase}: internal error: {type(error).__name__}: {error}")
            await self._screen.tell("refused", message=f"{phase}: an error of hybridcheck itself, see the terminal")
            return
        finally:
            self._on_signals()  # the gate had them while it ran
            shower.cancel()
            await asyncio.gather(shower, return_exceptions=True)
        await self._show(phase, result)
        if result.stopped_by is not None:
            self._end(result.stopped_by)

    async def _show(self, phase: str, result: gate.GateResult) -> None:
        verdict = result.verdict
        source = rendering.Source(str(result.folder), self._request.profile_path)
        rendering.save(verdict, result.folder / PAGE_NAME, Format.HTML, source)
        await self._screen.tell("limits", rows=self._limits.rows())
        folder = str(result.folder.resolve())
        about = {"run_id": verdict.run.run_id, "phase": phase, "verdict": verdict.verdict.value, "folder": folder}
        await self._screen.tell("verdict", **about)
        terminal.tell(f"{phase}: {verdict.verdict.value} · {result.verdict_path}")

    async def _show_limits(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self._limits.changed:
                await self._screen.tell("limits", rows=self._limits.rows())

    def _watched(self, phase: str, stop: asyncio.Event) -> CarryOut:
        """The generators, with the stop button beside the gate's own wish to stop, and the UI told of what they report."""

        async def carry_out(
            plan: LoadPlan, given: Mapping[str, str], ending: asyncio.Event | None
        ) -> AsyncGenerator[Report, None]:
            either = asyncio.Event()
            waiting = [asyncio.create_task(_forward(one, either)) for one in (stop, ending) if one is not None]
            lively = plan.model_copy(update={"window_s": 1})  # histograms every second, so that the charts move
            methods = {operation.name: operation.method for operation in plan.operations}
            try:
                async with contextlib.aclosing(self._carry_out(lively, given, either)) as driven:
                    async for report in driven:
                        if isinstance(report, Started):
                            await self._screen.tell("begin", phase=phase, methods=methods)
                        await self._screen.show(report)
                        yield report
            finally:
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            await self._screen.tell("load_over")

        return carry_out


async def _forward(one: asyncio.Event, other: asyncio.Event) -> None:
    await one.wait()
    other.set()
