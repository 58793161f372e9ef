"""Takes back the hooks that the journal of a killed run names as applied, or about to be."""

import asyncio
import os
from pathlib import Path

from hybridcheck.cases import SafetyClass
from hybridcheck.cli import terminal
from hybridcheck.errors import UsageError
from hybridcheck.profile.lookup import WIDENED, choose_target, find_profile
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.profile.reading import read_profile
from hybridcheck.transport.handshake import tls_context
from hybridcheck.transport.hook_steps import HookRunner
from hybridcheck.transport.journal import HookEntry, Journal, read_journal
from hybridcheck.transport.network import real_transport
from hybridcheck.transport.pins import Pins


def revert(journal: Path, profile: Path | None, environment: Environment | None, *, dry_run: bool) -> int:
    """Revert everything that is not known to be clean, the last first; gives how many are left.

    Raises:
        UsageError: the journal cannot be read, or there is no profile or target that it may be reverted by.
    """
    open_ones = [entry for entry in read_journal(journal) if entry.stage != "clean"]
    for entry in reversed(open_ones):
        terminal.show(f"to revert: hook {entry.hook} of run {entry.run_id} at {entry.base_url}")
    if dry_run or not open_ones:
        return len(open_ones)
    declared, ca_file = _profile_for(journal, open_ones, profile, environment)
    complaints = asyncio.run(_revert(Journal(journal), declared, ca_file, open_ones))
    for complaint in complaints:
        terminal.tell(f"still applied: {complaint}")
    terminal.show(f"{len(open_ones) - len(complaints)} of {len(open_ones)} reverted")
    return len(complaints)


def _profile_for(
    journal: Path, entries: list[HookEntry], profile: Path | None, environment: Environment | None
) -> tuple[Profile, str | None]:
    """The profile that has the hooks, and the CA file by which the run asked its target and its hooks."""
    path = find_profile(profile, Path.cwd(), Path.home())
    if path is None:
        raise UsageError(
            "there is no profile to revert by", where=str(journal), hint="give --profile: it has the hooks"
        )
    loaded, ca_file = read_profile(path, os.environ), None
    for url in {entry.base_url for entry in entries}:
        target = choose_target(url, loaded.profile, environment, where=str(journal))
        if target.environment not in WIDENED:
            hint = "declare the target as local or staging, or give --environment"
            raise UsageError(
                f"no {SafetyClass.FAULT} hook runs on a target that is {target.environment}", where=url, hint=hint
            )
        ca_file = ca_file or target.tls.ca_file
    return loaded.profile, ca_file


async def _revert(journal: Journal, profile: Profile, ca_file: str | None, entries: list[HookEntry]) -> list[str]:
    transport = real_transport(tls_context(ca_file), Pins())
    runner, left = HookRunner(transport), []
    try:
        for entry in reversed(entries):
            hook = profile.hooks.get(entry.hook)
            result = await runner.reverted(hook) if hook is not None else None
            done = result is not None and result.done
            journal.stage(entry, "clean" if done else "left")
            if not done:
                left.append(f"{entry.hook}: {result.detail if result is not None else 'the profile declares it not'}")
    finally:
        await transport.aclose()
    return left
