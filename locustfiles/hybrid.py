"""Plain Locust with the lean user: `locust -f hybrid.py -H http://127.0.0.1:8000 --paths /,/items`.

Each of Locust's users keeps one connection and sends the next request when the answer is there (after `--think-time`).
Locust's own statistics and web UI show the numbers, exact once the test has stopped: the master of several processes waits
for the last report of each worker. TLS certificates are verified.

`--shape spike` drives a shape, and with `--class-picker` one can be chosen in the UI: `-u` is then the highest number of
users and `-t` the length of the whole shape; a spike and a stress phase begin at a fifth of the users.
"""

import os
import sys
from pathlib import Path
from typing import Any

import gevent
from locust import LoadTestShape, User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner
from pydantic import ValidationError

from hybridcheck import shapes
from hybridcheck.generator.last_reports import await_last_reports
from hybridcheck.generator.plain_locust import FOREVER_S, PlainRun
from hybridcheck.generator.plain_options import asked_of, named_before_parsing, refuse
from hybridcheck.load.plan import LoadPlan, Operation, Shape
from hybridcheck.profile.load_phases import stages
from hybridcheck.profile.load_spec import LoadPhaseSpec

DEFAULT_LENGTH_S = 60.0
SHAPES = ("steady", "ramp", "steps", "soak", "breakpoint", "stress", "spike")
SHAPE = named_before_parsing("--shape", "LOCUST_SHAPE")
PICKER = "--class-picker" in sys.argv or bool(os.environ.get("LOCUST_USERCLASS_PICKER"))
"""Locust uses the first shape that it finds, so there are none but the one that is named, or all where one can be chosen."""

_runs: list[PlainRun] = []


@events.init_command_line_parser.add_listener
def _options(parser: LocustArgumentParser) -> None:
    """What is sent, and how it is verified."""
    parser.add_argument("--paths", default="/", help="paths that are requested in turn, separated by commas")
    parser.add_argument("--statuses", default="200", help="statuses that are right, separated by commas")
    parser.add_argument("--think-time", type=float, default=0.0, help="seconds that a user waits after an answer")
    parser.add_argument("--request-deadline", type=float, default=10.0, help="seconds after which a request has failed")
    parser.add_argument(
        "--ca-file", default="", help="certificate authority of the target, where the system's is not it"
    )
    parser.add_argument("--shape", choices=SHAPES, env_var="LOCUST_SHAPE", help="load shape, scaled to -u and -t")
    asked = asked_of(parser)
    if asked is not None and asked.headless and not (asked.host or asked.worker):
        refuse("nobody said where the target is", "-H URL, such as -H http://127.0.0.1:8000")
    if asked is not None and asked.host:
        try:
            _plan(asked.host, asked)
        except ValueError as error:
            refuse(
                f"this cannot be sent: {_said(error)}", "see --paths, --statuses, --think-time and --request-deadline"
            )


def _said(error: ValueError) -> str:
    """What is wrong with the options, in one line."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return ": ".join([*map(str, first["loc"]), first["msg"]])


@events.init.add_listener
def _distributed(environment: Environment, **_: Any) -> None:
    """The numbers of several processes are complete before the master shows them."""
    await_last_reports(environment)


@events.test_start.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    """A run of its own for each test, so that a second start begins at zero; the master of others has none."""
    if isinstance(environment.runner, MasterRunner):
        return
    if not environment.host:
        raise ValueError("the target is given with -H, such as -H http://127.0.0.1:8000")
    plan = _plan(environment.host, environment.parsed_options)
    bodies = {operation.name: operation.body for operation in plan.operations}
    _runs.append(PlainRun(environment, plan.model_dump(mode="json"), {}, bodies, following=True))


def _plan(host: str, given: Any) -> LoadPlan:
    """What each process sends, as the options say.

    Raises:
        ValueError: they say what cannot be sent.
    """
    statuses = tuple(int(status) for status in given.statuses.split(","))
    return LoadPlan(
        base_url=host,
        operations=tuple(
            Operation(name=path, path=path, expected_statuses=statuses) for path in given.paths.split(",")
        ),
        model="closed",
        shape=Shape(name="steady", parameters={"level": 1, "duration_s": FOREVER_S}),
        connections=1,
        deadline_s=given.request_deadline,
        think_s=(given.think_time, given.think_time),
        ca_file=str(Path(given.ca_file).resolve()) if given.ca_file else None,
        window_s=1,
    )


@events.test_stop.add_listener
def _end(**_: Any) -> None:
    """Wait for the last answers, so that the statistics are complete."""
    while _runs:
        _runs.pop().stop()


class HybridUser(User):
    """One user of the lean client; its requests are counted by Locust like any others."""

    def on_start(self) -> None:
        """Open for business."""
        _runs[-1].user_came()

    def on_stop(self) -> None:
        """Send no further request."""
        if _runs:
            _runs[-1].user_left()

    @task
    def be_there(self) -> None:
        """The lane of the run sends; this greenlet is only there to be stopped."""
        gevent.sleep(FOREVER_S)


class _Picked(LoadTestShape):
    """A shape of the profile's vocabulary, scaled to `-u` and `-t`."""

    abstract = True
    use_common_options = True
    spec: dict[str, Any]

    def tick(self) -> tuple[int, float] | None:
        """The users of this second; None at the end."""
        runner: Any = self.runner
        given = runner.environment.parsed_options
        users, length_s = given.num_users or 1, float(given.run_time or DEFAULT_LENGTH_S)
        levels = {"users": users}
        if "peak" in self.spec:
            levels = {"users": max(1, round(users / 5)), "peak_users": users}
        fields = {"shape": self.spec["shape"], "duration_s": length_s, "warmup_s": 0, **levels}
        parts = stages(LoadPhaseSpec.model_validate(fields))
        at_s = self.get_run_time()  # type: ignore[no-untyped-call]
        if at_s >= shapes.duration_s(parts):
            return None
        return max(round(shapes.level_at(parts, at_s)), 0), float(users)


def _picked(name: str) -> type[_Picked]:
    spec = {"shape": name, **({"peak": True} if name in {"stress", "spike"} else {})}
    wanted = name == SHAPE if SHAPE else PICKER
    return type(name.capitalize(), (_Picked,), {"abstract": not wanted, "spec": spec, "__doc__": name})


for _name in SHAPES:
    globals()[_name.capitalize()] = _picked(_name)
