"""What drives the load phases of a run, as the options say; imported when a load is driven."""

import asyncio
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from hybridcheck.cli import terminal
from hybridcheck.cli.generators import Generators
from hybridcheck.errors import ExitCode, ToolError, UsageError
from hybridcheck.load import fleet
from hybridcheck.load.distributed import Master, Meeting, work
from hybridcheck.load.fleet import refuse_unshared
from hybridcheck.load.foreseen import Refuse
from hybridcheck.load.phase import CarryOut, alone
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import Report
from hybridcheck.profile.consistency import url_fault


def carry_out_of(asked: Generators) -> AbstractAsyncContextManager[CarryOut]:
    """What carries out plans, for as long as the run lasts."""
    if asked.master:
        return _master(asked)
    if asked.processes is not None and asked.processes > 1:
        return nullcontext(_several(asked.processes))
    return nullcontext(alone)


def _several(processes: int) -> CarryOut:
    def carry_out(
        plan: LoadPlan, secrets: Mapping[str, str], stop: asyncio.Event | None
    ) -> AsyncGenerator[Report, None]:
        return fleet.drive(plan, secrets, processes=processes, stop=stop)

    return carry_out


def refusal_of(asked: Generators) -> Refuse:
    """What refuses, before the first byte, plans that those generators cannot carry out."""
    if asked.master:
        return _meeting(asked).refuse

    def refuse(plan: LoadPlan, *, secrets: bool) -> None:
        refuse_unshared(plan, asked.processes or 1, "--processes")

    return refuse


def _meeting(asked: Generators) -> Meeting:
    return Meeting(
        host=asked.master_bind_host,
        port=asked.master_bind_port,
        expect=asked.expect_workers,
        wait_s=asked.expect_workers_max_wait,
        trusted=asked.trusted_network,
    )


@asynccontextmanager
async def _master(asked: Generators) -> AsyncIterator[CarryOut]:
    async with Master(_meeting(asked), terminal.tell) as master:
        yield master.carry_out


def be_worker(asked: Generators, only_to: str | None) -> ExitCode:
    """Generate for a master until it ends; it judges, so there is no verdict here. A plan that was refused gives exit code 2.

    Raises:
        UsageError: what it may send to is no URL, or no master answered.
        ToolError: the process that generates died.
    """
    fault = "" if only_to is None else url_fault(only_to)
    if fault:
        raise UsageError(fault, where="--base-url", hint="a worker reads no profile: http(s)://host[:port][/path]")
    where = f"{asked.master_host}:{asked.master_port}"
    code = asyncio.run(_work(asked, only_to))
    if code == ExitCode.UNREACHABLE:
        hint = "start `hybridcheck load --master` there, or say where it is with --master-host and --master-port"
        raise UsageError("no master answered", where=where, hint=hint)
    if code not in {ExitCode.READY, ExitCode.USAGE}:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        hint = "start the worker again; a phase that it had a share in is undecided"
        raise ToolError(f"the process that generates {how}", where=f"worker of {where}", hint=hint)
    return ExitCode(code)


async def _work(asked: Generators, only_to: str | None) -> int:
    """SIGTERM ends the worker in order, as Ctrl-C does: it reports what it has and takes its leave of the master."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await work(asked.master_host, asked.master_port, asked.expect_workers_max_wait, only_to, terminal.tell)
    except asyncio.CancelledError:
        terminal.tell("worker: ended")
        return 0
