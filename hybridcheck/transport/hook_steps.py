"""Runs the steps of hooks: HTTP requests to where the profile says, and commands without a shell."""

import asyncio
import contextlib
import json
import os
import signal
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlencode

import httpcore
import httpx

from hybridcheck.cases import Json
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.hooks import Hook, HookCommand, HookRequest, HookStep
from hybridcheck.transport.failures import detail_of
from hybridcheck.transport.pins import OutOfScope

LOOK_EVERY_S = 0.1
"""Pause between two looks whether a fault is there, or gone."""

REVERT_ATTEMPTS = 3
MOST_ANSWER_BYTES = 1024 * 1024
MOST_SAID_CHARACTERS = 300
MOST_LOOKED_THROUGH_BYTES = 64 * 1024
NOT_ASKED = (
    OSError,
    OutOfScope,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)
"""What a request ends with that got no answer."""

SHORTEST_MASKED = 4
"""Characters; a shorter value of a variable stands in what a program says by chance."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """Whether a step did what it is for, and what came of it in words."""

    done: bool
    detail: str

    def values(self, hook: str) -> dict[str, Json]:
        """As the values of an observation."""
        return {"hook": hook, "done": self.done, "detail": self.detail}


class HookRunner:
    """Runs steps, each within its hook's timeout; nothing is raised for what they come to."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def run(self, hook: Hook, step: HookStep) -> StepResult:
        """Run a step once."""
        try:
            async with asyncio.timeout(hook.timeout_s):
                if isinstance(step, HookRequest):
                    return await self._ask(hook, step)
                return await _command(step)
        except TimeoutError:
            return StepResult(False, f"not done after {hook.timeout_s:g} s")
        except NOT_ASKED as error:
            return StepResult(False, detail_of(error))

    async def until_done(self, hook: Hook, step: HookStep) -> StepResult:
        """Run a step until it is done, for at most the time that the hook has to settle."""
        until = time.monotonic() + hook.settle_s
        while True:
            result = await self.run(hook, step)
            if result.done or time.monotonic() >= until:
                return result
            await asyncio.sleep(LOOK_EVERY_S)

    async def reverted(self, hook: Hook) -> StepResult:
        """Revert a hook and prove that it is gone; tried again where it is not."""
        result = StepResult(False, "not tried")
        for _ in range(REVERT_ATTEMPTS):
            result = await self.run(hook, hook.revert)
            if result.done:
                result = await self.until_done(hook, hook.verify_clean)
            if result.done:
                break
        return result

    async def _ask(self, hook: Hook, step: HookRequest) -> StepResult:
        query = "?" + urlencode(step.query) if step.query else ""
        headers = {name: value.get_secret_value() for name, value in hook.headers.items()}
        url = (hook.url or "").rstrip("/") + step.path + query
        request = httpx.Request(step.method, url, headers=headers, json=step.body)
        response = await self._transport.handle_async_request(request)
        try:
            body = await _read(response)
        finally:
            await response.aclose()
        if response.status_code not in step.expect:
            return StepResult(False, f"{step.method} {step.path} was answered with {response.status_code}")
        return _compared(step, response.status_code, body)


async def _read(response: httpx.Response) -> bytes:
    body = b""
    if isinstance(response.stream, httpx.AsyncByteStream):
        async for piece in response.stream:
            body += piece
            if len(body) > MOST_ANSWER_BYTES:
                break
    return body


def _compared(step: HookRequest, status: int, body: bytes) -> StepResult:
    for place, wanted in step.values.items():
        try:
            found = value_at(json.loads(body), place)
        except (ValueError, NoSuchPath, RecursionError) as error:
            return StepResult(False, f"{step.method} {step.path}: {error}"[:MOST_SAID_CHARACTERS])
        if found != wanted:
            return StepResult(False, f"{step.method} {step.path}: {place} is {json.dumps(found)[:80]}")
    return StepResult(True, f"{step.method} {step.path} was answered with {status}")


async def _command(step: HookCommand) -> StepResult:
    """Run a program; a session of its own keeps Ctrl-C away from it, so that a revert is not cut.

    A program that does not end in time is killed with all that it has started; what one that ends leaves running is the
    service that it was to start. What it says goes to a file: such a service keeps a pipe open, and would never let it end.
    """
    variables = {name: os.environ[name] for name in ("PATH", *step.env) if name in os.environ}
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            *step.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=asyncio.subprocess.STDOUT,
            env=variables,
            start_new_session=True,
        )
        try:
            await process.wait()
        except BaseException:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # its session begins with a group of its own
                await process.wait()
            raise
        text = _last_words(said, {name: variables[name] for name in step.env if name in variables})
    return StepResult(process.returncode == step.exit_code, f"exit {process.returncode}: {text}")


def _last_words(said: IO[bytes], given: Mapping[str, str]) -> str:
    """The end of what a program said, without the values of the variables that it was given: they may be secrets."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - MOST_LOOKED_THROUGH_BYTES))
    text = said.read().decode("utf-8", "replace")
    for name, value in given.items():
        if len(value) >= SHORTEST_MASKED:
            text = text.replace(value, f"${name}")
    return text.strip()[-MOST_SAID_CHARACTERS:]
