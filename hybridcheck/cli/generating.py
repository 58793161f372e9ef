"""What drives the load phases of a run, as the options say; imported when a load is driven."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext

from hybridcheck.cli.generators import Generators
from hybridcheck.load import fleet
from hybridcheck.load.phase import CarryOut, alone
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import Report


def carry_out_of(asked: Generators) -> AbstractAsyncContextManager[CarryOut]:
    """What carries out plans, for as long as the run lasts."""
    if asked.processes is not None and asked.processes > 1:
        return nullcontext(_several(asked.processes))
    return nullcontext(alone)


def _several(processes: int) -> CarryOut:
    def carry_out(
        plan: LoadPlan, secrets: Mapping[str, str], stop: asyncio.Event | None
    ) -> AsyncGenerator[Report, None]:
        return fleet.drive(plan, secrets, processes=processes, stop=stop)

    return carry_out
