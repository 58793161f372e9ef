"""The web UI's process: Locust's own UI over a run that others drive.

Nothing is generated here, so that looking at a test does not disturb it. Our parent drives the phase that was chosen, with
one process, several, or workers on other machines, and sends us the reports; they are folded into Locust's statistics, and
Start and Stop are told to the parent. Run as a script.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import gevent
import locust
from locust import LoadTestShape, User, stats
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.runners import LocalRunner

sys.path.append(str(Path(__file__).resolve().parents[2]))  # run as a script, wherever the package lies

from hybridcheck.generator import live_statistics
from hybridcheck.generator.command_pipe import CommandPipe
from hybridcheck.generator.kept import die_with_parent
from hybridcheck.generator.report_pipe import ReportPipe
from hybridcheck.generator.screen_pages import IDLE, Pages, Shown


class Lanes(User):
    """Stands for the lanes of the generator: Locust's UI asks for a user class; none is ever started here."""


class Phase(LoadTestShape):
    """A load phase of the profile, as a shape that can be chosen."""

    abstract = True
    use_common_options = False

    def __init__(self, phase: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.phase = phase

    def tick(self) -> None:
        """Nothing to say: the parent drives the phase."""
        return


class WatchingRunner(LocalRunner):
    """What Locust's UI takes for its runner: it asks the parent to start and stop, and shows what the parent reports."""

    lanes_busy = 0
    ask: Any = None

    @property
    def user_count(self) -> int:
        """Requests under way, as of the last second: the users of a closed model, the busy connections of an open one."""
        return self.lanes_busy

    def start_shape(self) -> None:
        """Ask for the chosen phase; one at a time."""
        shape: Any = self.environment.shape_class
        if self.state in IDLE and shape is not None:
            self.stats.clear_all()
            self.exceptions = {}
            self.update_state("spawning")
            self.ask({"kind": "start", "phase": shape.phase})

    def start(self, *_: Any, **__: Any) -> None:
        """Users alone mean nothing here: phases are started."""

    def stop(self) -> None:
        """Ask the parent to end the phase; what has been reported stays, and is judged."""
        if self.state not in IDLE:
            self.update_state("stopping")
            self.ask({"kind": "stop"})


class Screen:
    """What the parent says becomes what the UI shows."""

    def __init__(self, environment: Environment, runner: WatchingRunner, shown: Shown) -> None:
        self._environment, self._runner, self._shown = environment, runner, shown
        self._fold: live_statistics.LiveFold | None = None
        self._methods: dict[str, str] = {}
        self._examples: dict[tuple[str, str], str] = {}

    def take(self, message: dict[str, Any]) -> None:
        """One message of the parent."""
        match message["kind"]:
            case "begin":
                self._fold = live_statistics.begin(self._environment)
                self._methods, self._examples = message["methods"], {}
                self._runner.update_state("running")
                self._shown.words = f"{message['phase']}: under load"
            case "second" | "times":
                self._count(message)
            case "failure_example":
                self._examples[message["operation"], message["failure"]] = message["detail"]
            case "generator":
                self._runner.lanes_busy = message["in_flight"]
                self._shown.health(message)
            case "limits":
                self._shown.limits = message["rows"]
            case "words":
                self._shown.words = message["words"]
            case "load_over":
                live_statistics.end()
                self._runner.update_state("cleanup")
                self._shown.words = "the load is over; the verdict is being made"
            case "verdict":
                self._shown.add_run(message)
                self._end()
            case "refused":
                self._shown.words = message["message"]
                self._end()
            case _:
                pass

    def _count(self, row: dict[str, Any]) -> None:
        if self._fold is not None:
            self._fold(_Named(row["operation"], self._methods.get(row["operation"], "")), row)
        for error in self._environment.stats.errors.values():
            example = self._examples.get((error.name, str(error.error)))
            if example:
                error.error = f"{error.error}, such as {example}"

    def _end(self) -> None:
        live_statistics.end()
        self._runner.lanes_busy = 0
        self._runner.update_state("stopped")


class _Named:
    """An operation as far as Locust's statistics know it."""

    def __init__(self, name: str, method: str) -> None:
        self.name, self.method = name, method


def main() -> None:
    """Serve the UI until the parent ends us."""
    die_with_parent()
    commands = CommandPipe(int(os.environ["HYBRIDCHECK_PLAN_FD"]))
    given = commands.first()
    pipe = ReportPipe(int(os.environ["HYBRIDCHECK_REPORT_FD"]))
    live_statistics.be_exact()
    sys.argv = ["locust"]  # Locust's UI reads the command line again with every page
    nobody: Any = {"Lanes": Lanes}
    shapes: Any = {phase["label"]: Phase(phase["name"]) for phase in given["phases"]}
    environment = Environment(
        user_classes=[Lanes],
        events=locust.events,
        host=given["target"],
        parsed_options=get_parser().parse_args([]),
        available_user_classes=nobody,
        available_shape_classes=shapes,
        available_user_tasks={"Lanes": []},
    )
    runner = WatchingRunner(environment)
    environment.runner = runner
    runner.ask = pipe.write
    ui: Any = environment.create_web_ui(
        given["host"],
        given["port"],
        web_login=given["password"] is not None,
        delayed_start=True,
        userclass_picker_is_active=True,
    )
    shown = Shown(given)
    Pages(ui, runner, shown, given).attach()
    screen = Screen(environment, runner, shown)
    _serve(ui, pipe)
    commands.listen(screen.take)
    gevent.spawn(stats.stats_history, runner)
    gevent.signal_handler(signal.SIGTERM, os._exit, 0)
    ui.greenlet.join()


def _serve(ui: Any, pipe: ReportPipe) -> None:
    """Open the server and tell the parent where it is; a port that is taken ends us with the reason on stderr."""
    ui.start()
    while ui.server is None or (not ui.server.started and not ui.greenlet.ready()):
        gevent.sleep(0.01)
    if ui.greenlet.ready():
        sys.exit(f"the port {ui.port} of {ui.host} cannot be opened")
    pipe.write({"kind": "serving", "port": ui.server.server_port})
    gevent.get_hub().loop.timer(0.05, repeat=0.05).start(pipe.push)


if __name__ == "__main__":
    main()
