"""Several processes of plain Locust: the master shows its numbers when every worker has said its last.

Locust's master waits half a second after it has told its workers to quit, whatever they still have under way. Here each is
told to stop first; it waits for its last answers, sends its statistics, and then says so. Locust's connection keeps the order.
"""

import sys
import time
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

PATIENCE_S = 10.0
"""Beyond the deadline of a request, for a worker that does not say so."""

_STOP, _SAID = "hc_stop_and_tell", "hc_last_report"


def await_last_reports(environment: Environment) -> None:
    """Have the master wait for its workers, or the worker answer its master; nothing where there is one process."""
    runner: Any = environment.runner
    stopping: Any = environment.events.test_stopping
    if isinstance(runner, MasterRunner):
        awaited: set[str] = set()
        runner.register_message(_SAID, lambda msg, **_: awaited.discard(msg.node_id))
        stopping.add_listener(lambda **_: _wait(runner, awaited))
    elif isinstance(runner, WorkerRunner):
        runner.register_message(_STOP, lambda **_: _stop_and_tell(runner))


def _wait(runner: Any, awaited: set[str]) -> None:
    awaited.update(client.id for client in runner.clients.all)
    for client_id in tuple(awaited):
        runner.send_message(_STOP, client_id=client_id)
    until = time.monotonic() + runner.environment.parsed_options.request_deadline + PATIENCE_S
    while awaited & {client.id for client in runner.clients.all if client.state != "missing"}:
        if time.monotonic() > until:
            sys.stderr.write("hybridcheck: a worker sent no last report: the numbers are incomplete\n")
            return
        gevent.sleep(0.02)


def _stop_and_tell(runner: Any) -> None:
    runner.stop()
    runner._send_stats()  # noqa: SLF001 - as Locust's own quit does it
    runner.send_message(_SAID)
