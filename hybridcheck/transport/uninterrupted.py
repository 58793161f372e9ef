"""Work that a cancelled run still finishes: creating a thing (its id is needed to remove it) and removing it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


GRACE_S = 3.0
"""How long a cancelled run waits for the answer to a creation; a target that is silent does not keep it longer."""


async def to_its_end(work: Coroutine[Any, Any, T], *, grace_s: float | None = None) -> T:
    """Finish the work, also when the task is cancelled meanwhile: that then comes at the next await.

    After `grace_s` from the cancellation, and at a second cancellation, the work is cancelled too.
    """
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        if working.cancelled():
            raise
        try:
            await asyncio.wait({working}, timeout=grace_s)
        finally:
            if working.cancel():
                await asyncio.wait({working})
        if working.cancelled():
            raise
        if (task := asyncio.current_task()) is not None:
            task.cancel()
        return working.result()


async def whatever_comes(work: Coroutine[Any, Any, T]) -> T:
    """Finish the work however often the task is cancelled meanwhile; the cancellation then comes at the next await.

    For what must not be left half done and ends by itself: taking a fault back.
    """
    working = asyncio.ensure_future(work)
    cancelled = False
    while not working.done():
        try:
            await asyncio.wait({working})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled and (task := asyncio.current_task()) is not None:
        task.cancel()
    return working.result()
