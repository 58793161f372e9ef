"""Binding: what was asked for becomes a profile, a target and a plan, with every complaint before the first byte."""

import os
import platform
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from hybridcheck import __version__
from hybridcheck.cases import Budget, Json, SafetyClass
from hybridcheck.checks.catalogue import CATALOGUE
from hybridcheck.checks.check import Check, Scene
from hybridcheck.errors import Complaint, ProfileError, UsageError
from hybridcheck.evidence import RunStart
from hybridcheck.integrators.suites import leaves_of
from hybridcheck.plan import Plan, Selection, make
from hybridcheck.plugins import Installed, installed
from hybridcheck.profile.environment import apply
from hybridcheck.profile.load_override import NOTHING_ASKED, LoadOverride, overridden
from hybridcheck.profile.lookup import ChosenTarget, choose_target, find_profile
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.profile.reading import Loaded, read_profile, without_profile
from hybridcheck.redact import SHORT_SECRET

DEMO_ALLOWS = frozenset({SafetyClass.ABUSE, SafetyClass.FAULT, SafetyClass.DISRUPT})
"""Needs no flag with `--demo`: the target is the run's own system, and nobody else uses it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: the command line, or the arguments of the Python API.

    `command_line` are the options to record in the verdict. `variables` is the environment that references, overrides
    and secrets come from; None for the process's own. `signals`: whether SIGINT and SIGTERM end the run in order (not
    where the gate runs inside somebody else's program).
    """

    base_url: str | None = None
    profile_path: Path | None = None
    environment: Environment | None = None
    budget: Budget = Budget.STANDARD
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    load: LoadOverride = NOTHING_ASKED
    allow: tuple[SafetyClass, ...] = ()
    fail_fast: bool = False
    seed: int | None = None
    timeout_s: float | None = None
    exit_zero: bool = False
    output_dir: Path = Path("hybridcheck-results")
    demo: bool = False
    defects: tuple[str, ...] = ()
    command_line: Mapping[str, Json] = field(default_factory=dict)
    variables: Mapping[str, str] | None = None
    signals: bool = True


@dataclass(frozen=True, slots=True)
class Bound:
    """A request bound to a profile, a target and a plan: everything that is known before the first byte."""

    request: Request
    loaded: Loaded
    target: ChosenTarget
    scene: Scene
    plan: Plan
    installed: Installed
    seed: int
    run_id: str
    started: datetime

    @property
    def checks(self) -> Mapping[str, Check]:
        """Every check under its id and its former ids."""
        return self.installed.checks


def bind(request: Request) -> Bound:
    """Read the profile, choose the target, and plan; every complaint at once.

    Raises:
        UsageError: and its subclasses, for whatever is wrong with what was asked for.
    """
    variables = request.variables or {}
    started = datetime.now(UTC)
    path = find_profile(request.profile_path, Path.cwd(), Path.home())
    loaded = read_profile(path, variables, today=started.date()) if path else without_profile(variables)
    refuse_bare_secrets(loaded)
    loaded = with_load(request, loaded, started)
    asked = request.base_url or loaded.overrides.base_url
    variable = next((name for name in loaded.overrides.used if name.endswith("BASE_URL")), "")
    source = "--base-url" if request.base_url or not variable else f"environment {variable}"
    target = choose_target(asked, loaded.profile, request.environment, where=source)
    seed = request.seed if request.seed is not None else secrets.randbelow(2**32)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    return planned(request, loaded, target, seed=seed, run_id=run_id, started=started)


def with_load(request: Request, loaded: Loaded, started: datetime) -> Loaded:
    """What was read, with the load that the command line asks for in the place of the declared one.

    Raises:
        UsageError: what is asked for is wrong, or no profile says which requests to send.
    """
    if request.load.asks and loaded.path is None:
        hint = "hybridcheck.yaml: {version: 1, operations: [GET /], thresholds: {max_latency_ms: 200}}"
        raise UsageError("no profile says which requests make up the load", where="hybridcheck load", hint=hint)
    profile = overridden(loaded.profile, request.load, request.budget, started.date())
    return replace(loaded, profile=profile)


def refuse_bare_secrets(loaded: Loaded) -> None:
    """A secret that also stands in plain text, in a path or a body, would reach every artefact.

    Raises:
        ProfileError: where one does.
    """
    text = loaded.profile.model_dump_json()
    bare = [secret for secret in loaded.secrets if len(secret) >= SHORT_SECRET and secret in text]
    if bare:
        where = loaded.path.name if loaded.path else "profile"
        message = f"the value of {len(bare)} secret(s) also stands in plain text (in a path, a body or a name)"
        hint = "take it out of the profile; a test account may have a password of fewer than 8 characters"
        raise ProfileError((Complaint(where, message, hint),))


def with_profile(bound: Bound, profile: Profile) -> Bound:
    """The same run with what was discovered in the place of a profile."""
    loaded = replace(bound.loaded, profile=apply(profile, bound.loaded.overrides))
    run_id, started = bound.run_id, bound.started
    return planned(bound.request, loaded, bound.target, seed=bound.seed, run_id=run_id, started=started)


def planned(
    request: Request, loaded: Loaded, target: ChosenTarget, *, seed: int, run_id: str, started: datetime
) -> Bound:
    """The plan of a request over a profile and a target.

    Raises:
        UsageError: where the selection or the policy names what does not exist, or leaves nothing to do.
    """
    everything = installed()
    checks = everything.checks
    selection = Selection(
        only=request.only,
        skip=request.skip,
        tags=request.tags,
        suites=leaves_of(request.suites),
        allow=frozenset(request.allow) | (DEMO_ALLOWS if request.demo else frozenset()),
        budget=request.budget,
    )
    scene = Scene(loaded.profile, target.url, target.environment, request.budget)
    plan = make(scene, checks, selection, today=started.date(), place=loaded.place)
    if plan.complaints:
        raise ProfileError(plan.complaints)
    if selection.scoped and not plan.cases:
        raise UsageError("the selection leaves nothing to do", hint="`hybridcheck checks` lists the checks")
    return Bound(request, loaded, target, scene, plan, everything, seed, run_id, started)


def run_start(bound: Bound) -> RunStart:
    """The first record of the ledger: everything that judging needs beside the records that follow."""
    request, profile = bound.request, bound.loaded.profile
    memory = psutil.virtual_memory().total
    return RunStart(
        tool_version=__version__,
        run_id=bound.run_id,
        started_utc=bound.started.isoformat(timespec="milliseconds"),
        seed=bound.seed,
        budget=request.budget.value,
        scoped=bound.plan.scoped,
        target=bound.target.name,
        base_url=bound.target.url,
        environment=bound.target.environment.value,
        profile=profile.model_dump(mode="json", by_alias=True),
        flags={
            **request.command_line,
            "exit_zero": request.exit_zero,
            "without_profile": bound.loaded.path is None,
        },
        overrides=dict(bound.loaded.overrides.used),
        catalogue=CATALOGUE,
        plugins=bound.installed.plugins,
        host={"cores": os.cpu_count(), "memory_bytes": memory, "python": platform.python_version()},
        plan=bound.plan.cases,
    )
