"""Who generates the load: one process, several, or workers on other machines; the options that say so."""

from dataclasses import dataclass, fields
from typing import Annotated

import typer

from hybridcheck.cli.options import Load, Run, Showing
from hybridcheck.errors import UsageError

MASTER_PORT = 5557
"""Locust's own."""

Processes = Annotated[int | None, typer.Option("--processes", min=1, max=64, help="Generate with so many processes.")]
Master = Annotated[bool, typer.Option("--master", help="Let workers on other machines generate, through Locust.")]
ExpectWorkers = Annotated[
    int, typer.Option("--expect-workers", min=1, max=1000, help="With --master: begin when so many are there.")
]
MaxWait = Annotated[
    float,
    typer.Option(
        "--expect-workers-max-wait",
        min=1,
        max=3600,
        help="Wait at most so many seconds for workers, or for the master.",
    ),
]
BindHost = Annotated[str, typer.Option("--master-bind-host", help="With --master: the address to listen on.")]
BindPort = Annotated[int, typer.Option("--master-bind-port", min=0, max=65535, help="With --master: its port.")]
TrustedNetwork = Annotated[
    bool, typer.Option("--trusted-network", help="With --master: secrets may travel to workers unencrypted.")
]
Worker = Annotated[bool, typer.Option("--worker", help="Generate for a master; only to --base-url, or to loopback.")]
MasterHost = Annotated[str, typer.Option("--master-host", help="With --worker: where the master is.")]
MasterPort = Annotated[int, typer.Option("--master-port", min=1, max=65535, help="With --worker: its port.")]


@dataclass(frozen=True, slots=True)
class Generators:
    """How many processes on which machines generate; part of what the verdict records."""

    processes: Processes = None
    master: Master = False
    expect_workers: ExpectWorkers = 1
    expect_workers_max_wait: MaxWait = 60.0
    master_bind_host: BindHost = "127.0.0.1"
    master_bind_port: BindPort = MASTER_PORT
    trusted_network: TrustedNetwork = False
    worker: Worker = False
    master_host: MasterHost = "127.0.0.1"
    master_port: MasterPort = MASTER_PORT


OpenUi = Annotated[bool, typer.Option("--ui", help="Open a web UI to start, watch and judge the profile's phases.")]
UiHost = Annotated[
    str, typer.Option("--ui-host", help="With --ui: the address to serve on; not loopback needs a login.")
]
UiPort = Annotated[int, typer.Option("--ui-port", min=0, max=65535, help="With --ui: its port.")]
UiPassword = Annotated[
    str | None, typer.Option("--ui-password", help="With --ui: env:NAME holds the password; else one is made up.")
]


@dataclass(frozen=True, slots=True)
class Ui:
    """Whether and where a web UI is opened; it changes nothing of what is judged."""

    ui: OpenUi = False
    ui_host: UiHost = "127.0.0.1"
    ui_port: UiPort = 8089
    ui_password: UiPassword = None


ONLY_WITH = {
    "--master": ("expect_workers", "master_bind_host", "master_bind_port", "trusted_network"),
    "--worker": ("master_host", "master_port"),
    "--ui": ("ui_host", "ui_port", "ui_password"),
}
"""Option → those that mean nothing without it."""


def refuse_contradictions(asked: Generators, ui: Ui | None = None) -> None:
    """Refuse options that cannot go together, and those that would do nothing.

    Raises:
        UsageError: where there are such.
    """
    ways = {"--processes": asked.processes is not None, "--master": asked.master, "--worker": asked.worker}
    given = [name for name, chosen in ways.items() if chosen]
    if len(given) > 1:
        hint = "several processes of one machine can be as many workers of a master"
        raise UsageError("choose one of --processes, --master and --worker", where=" ".join(given), hint=hint)
    ui = ui or Ui()
    if asked.worker and ui.ui:
        hint = "open the UI where the master is: hybridcheck load --master --ui"
        raise UsageError("a worker has nothing to show", where="--worker --ui", hint=hint)
    chosen = {"--master": asked.master, "--worker": asked.worker, "--ui": ui.ui}
    for needed, names in ONLY_WITH.items():
        group, untouched = (ui, Ui()) if needed == "--ui" else (asked, Generators())
        idle = [name for name in names if getattr(group, name) != getattr(untouched, name)]
        if idle and not chosen[needed]:
            where = "--" + idle[0].replace("_", "-")
            raise UsageError(f"it does nothing without {needed}", where=where, hint=f"add {needed}, or leave it out")
    if asked.expect_workers_max_wait != Generators().expect_workers_max_wait and not (asked.master or asked.worker):
        hint = "add one of them, or leave it out"
        raise UsageError("it does nothing without --master or --worker", where="--expect-workers-max-wait", hint=hint)


def refuse_what_the_master_says(*groups: Run | Load | Showing, demo: bool = False) -> None:
    """Refuse options of a worker that would do nothing: what is sent, for how long and what is judged comes from the master.

    Raises:
        UsageError: where there are such.
    """
    if demo:
        raise UsageError("it does nothing with --worker", where="--demo", hint="say it where the master is")
    for group in groups:
        for option in fields(group):
            if option.name != "base_url" and getattr(group, option.name) != option.default:
                where = "--" + option.name.replace("_", "-")
                hint = "say it where the master is; a worker takes --base-url, --master-host and --master-port"
                raise UsageError("it does nothing with --worker", where=where, hint=hint)
