"""The session of the web UI: what stays in order when a run breaks."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from hybridcheck import gate
from hybridcheck.cli import serving
from hybridcheck.cli.generating import refusal_of
from hybridcheck.cli.generators import Generators
from hybridcheck.cli.live_limits import LiveLimits
from hybridcheck.errors import ToolError
from hybridcheck.load.phase import alone


class _Screen:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def tell(self, kind: str, **_: Any) -> None:
        self.told.append(kind)


@pytest.mark.parametrize("error", [ToolError("no space"), RuntimeError("a fault of ours")])
async def test_a_run_that_breaks_gives_the_signals_back(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The gate takes the signal handlers and leaves none: Ctrl-C must still end the session in order."""

    async def broken(*_: Any) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        raise error

    monkeypatch.setattr(gate, "run", broken)
    screen: Any = _Screen()
    generators = alone, refusal_of(Generators())
    session = serving._Session(gate.Request(profile_path=Path("none.yaml")), screen, generators, LiveLimits({}))
    await session._one("rush", asyncio.Event())
    loop = asyncio.get_running_loop()
    assert screen.told == ["refused"]
    assert [loop.remove_signal_handler(number) for number in (signal.SIGINT, signal.SIGTERM)] == [True, True]
