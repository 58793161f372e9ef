"""Work that a cancelled run still finishes."""

import asyncio

import pytest

from hybridcheck.transport.uninterrupted import to_its_end


async def test_a_cancellation_waits_for_the_end_of_the_work() -> None:
    """The work is done and its result known; then the cancellation comes."""
    going, may_end = asyncio.Event(), asyncio.Event()
    results: list[str] = []

    async def work() -> str:
        going.set()
        await may_end.wait()
        return "the id"

    async def caller() -> None:
        results.append(await to_its_end(work()))
        await asyncio.sleep(0)
        results.append("went on")

    task = asyncio.ensure_future(caller())
    await going.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert results == ["the id"]


async def test_work_that_fails_after_a_cancellation_does_not_swallow_it() -> None:
    """Its error is told first; the next await is cancelled."""
    going, may_end = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        going.set()
        await may_end.wait()
        raise ValueError("broke")

    async def caller() -> None:
        with pytest.raises(ValueError, match="broke"):
            await to_its_end(work())
        await asyncio.sleep(0)

    task = asyncio.ensure_future(caller())
    await going.wait()
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_second_cancellation_ends_the_work() -> None:
    """Whoever insists is heard."""
    going = asyncio.Event()

    async def work() -> None:
        going.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(to_its_end(work()))
    await going.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_after_its_grace_the_work_is_cancelled() -> None:
    """A target that never answers does not hold up whoever pressed Ctrl-C."""
    going = asyncio.Event()

    async def work() -> None:
        going.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(to_its_end(work(), grace_s=0.01))
    await going.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
