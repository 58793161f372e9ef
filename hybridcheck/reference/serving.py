"""A child process serves an ASGI application on the socket that it inherited."""

import json
import os
import socket
from collections.abc import Callable

import uvicorn

from hybridcheck.reference.settings import VARIABLE, VARIABLE_SOCKET, Settings, from_json
from hybridcheck.reference.web import Application

Layer = Callable[[socket.socket], socket.socket]


def child_settings() -> Settings:
    """The settings that the launcher put into the environment; removed from it, since nobody else needs them."""
    return from_json(os.environ.pop(VARIABLE))


class _ReportingServer(uvicorn.Server):
    """Tells the launcher, through standard output, that requests are taken."""

    def __init__(self, config: uvicorn.Config, facts: dict[str, str]) -> None:
        super().__init__(config)
        self._facts = facts

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        os.write(1, (json.dumps({"pid": os.getpid(), **self._facts}) + "\n").encode())


def serve(application: Application, behind: Layer | None = None, **facts: str) -> None:
    """Serve until told to end, `behind` a layer that takes the socket and gives another; the launcher is told the facts."""
    listening = socket.socket(fileno=int(os.environ.pop(VARIABLE_SOCKET)))
    if behind is not None:
        listening = behind(listening)
    config = uvicorn.Config(
        application,
        http="httptools",
        ws="websockets-sansio",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    _ReportingServer(config, facts).run(sockets=[listening])
