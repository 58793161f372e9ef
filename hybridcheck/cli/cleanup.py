"""`hybridcheck cleanup`: takes back the faults, and removes the things, that a killed run left."""

import asyncio
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hybridcheck.cases import Case, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.cli import options as given
from hybridcheck.cli import terminal
from hybridcheck.cli.reverting import revert
from hybridcheck.errors import ExitCode, UsageError
from hybridcheck.ledger import Ledger
from hybridcheck.profile.lookup import ChosenTarget, allowed, choose_target, find_profile
from hybridcheck.profile.models import Environment
from hybridcheck.profile.reading import Loaded, read_profile
from hybridcheck.redact import Redactor
from hybridcheck.transport.journal import JOURNAL_NAME
from hybridcheck.transport.manifest import DONE, Entry, Manifest, read_manifest
from hybridcheck.transport.session import Session
from hybridcheck.transport.views import WriteView

CASE = PlannedCase(
    case=Case(check="cleanup", subject="manifest"),
    group=Group.ADVISORY,
    phase=Phase.AFTER,
    safety=SafetyClass.WRITE,
    dimension=Dimension.RELIABILITY,
    severity=Severity.LOW,
)
"""The stream of what is sent; no check and no verdict."""

MANIFEST_NAME = "manifest.ndjson"
LEDGER_NAME = "ledger.ndjson"

DEADLINE_S = 300.0


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be removed where, and by which profile."""

    manifest: Path
    entries: tuple[Entry, ...]
    loaded: Loaded
    target: ChosenTarget


def command(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A run's folder, or its manifest.ndjson or hooks.ndjson.")
    ],
    *,
    profile: given.ProfilePath = None,
    environment: given.EnvironmentOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> ExitCode:
    """Take back the faults that a run left applied, and remove what it created and could not remove itself.

    Runs the `revert` of each hook that the journal does not say is clean. Then sends the clean-up operation that the
    profile declares for each thing, in reverse order of creation, to the address in the manifest. Exits 0 when nothing
    is left, 3 when something is.
    """
    journal, things = _files(path)
    chosen, left = given.environment_of(environment), 0
    if journal is not None:
        left += revert(journal, profile, chosen, dry_run=dry_run)
    if things is not None:
        left += _clean(things, profile, chosen, dry_run=dry_run)
    if not left:
        terminal.show(f"{path}: nothing is left")
    return ExitCode.INCONCLUSIVE if left else ExitCode.READY


def _files(path: Path) -> tuple[Path | None, Path | None]:
    """The journal of hooks and the manifest that a path means; of a run's folder those that it has.

    Raises:
        UsageError: the folder is not that of a run, so that nothing in it says what is left.
    """
    if not path.is_dir():
        return (path, None) if path.name == JOURNAL_NAME else (None, path)
    journal, things = path / JOURNAL_NAME, path / MANIFEST_NAME
    if not any(file.exists() for file in (journal, things, path / LEDGER_NAME)):
        hint = "give the folder with the run's ledger.ndjson, or its manifest.ndjson or hooks.ndjson"
        raise UsageError("this is no folder of a run", where=str(path), hint=hint)
    return journal if journal.exists() else None, things if things.exists() else None


def _clean(manifest: Path, profile: Path | None, environment: Environment | None, *, dry_run: bool) -> int:
    """Remove what a manifest names; gives how many are left."""
    left = tuple(entry for entry in read_manifest(manifest) if entry.step not in DONE)
    if not left:
        return 0
    for entry in reversed(left):
        terminal.show(f"to remove: {_name(entry)} of run {entry.run_id} at {entry.base_url}")
    if dry_run:
        return len(left)
    job = _job(manifest, left, profile, environment)
    complaints = asyncio.run(remove(job))
    for complaint in complaints:
        terminal.tell(f"left behind: {complaint}")
    terminal.show(f"{len(left) - len(complaints)} of {len(left)} removed")
    return len(complaints)


def _name(entry: Entry) -> str:
    return f"{entry.operation} {entry.resource or '(no id known)'}"


def _job(manifest: Path, left: tuple[Entry, ...], profile: Path | None, environment: Environment | None) -> Job:
    """Bind the manifest to a profile and a target that may be written to.

    Raises:
        UsageError: there is no profile, the manifest is about several addresses, or the target refuses writes.
    """
    path = find_profile(profile, Path.cwd(), Path.home())
    if path is None:
        hint = "give --profile: it declares the clean-up operations"
        raise UsageError("there is no profile to clean up by", where=str(manifest), hint=hint)
    addresses = {entry.base_url for entry in left}
    if len(addresses) > 1:
        raise UsageError(
            f"the manifest is about several addresses: {', '.join(sorted(addresses))}", where=str(manifest)
        )
    loaded = read_profile(path, os.environ)
    target = choose_target(addresses.pop(), loaded.profile, environment, where=str(manifest))
    if SafetyClass.WRITE not in allowed(target.environment, frozenset()):
        hint = "declare the target as local or staging, or give --environment"
        raise UsageError(
            f"nothing may be written to a target that is {target.environment}", where=target.url, hint=hint
        )
    return Job(manifest, left, loaded, target)


async def remove(job: Job) -> tuple[str, ...]:
    """Remove everything in reverse; gives what is left, in words. What is sent is recorded beside the manifest."""
    redactor = Redactor(secrets.token_bytes(32))
    for secret in job.loaded.secrets:
        redactor.learn(secret)
    run_id = f"cleanup-{secrets.token_hex(4)}"
    steps = Manifest(job.manifest)
    session = Session(
        base_url=job.target.url,
        profile=job.loaded.profile,
        environment=job.target.environment,
        ledger=Ledger(job.manifest.parent / f"{run_id}.ndjson", redactor),
        redactor=redactor,
        run_id=run_id,
        seed=0,
        deadline_s=DEADLINE_S,
        started=time.monotonic(),
    )
    left = []
    async with session:
        view = session.view(CASE)
        assert isinstance(view, WriteView)
        for entry in reversed(job.entries):
            complaint = await view.remove(entry)
            steps.step(entry, "left" if complaint else "removed")
            if complaint:
                left.append(f"{_name(entry)}: {complaint}")
    return tuple(left)
