"""Who a load phase is sent as: the credentials that its generators need, by name, and nothing of how they were come by."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hybridcheck.profile.drives import Drive
from hybridcheck.profile.row_identities import own_rows
from hybridcheck.target import Credential


def users_of(drive: Drive) -> tuple[str, ...]:
    """The identities that virtual users have in turn.

    Raises:
        FeederError: the file that they log in from cannot be read.
    """
    of_rows = tuple(name for name, _ in own_rows(drive.stream.removeprefix("load/"), drive.spec))
    return of_rows or drive.spec.named_identities


def senders(drive: Drive) -> set[str]:
    """The identities whose credentials a drive sends.

    Raises:
        FeederError: see `users_of`.
    """
    named = {operation.identity for operation in (*drive.operations, *drive.beside) if operation.identity}
    return named | set(users_of(drive))


def lasting_s(drive: Drive) -> float:
    """How long the credentials of a drive have to be good, from when they are got: until its last request may be sent."""
    return drive.spec.duration_s + drive.spec.deadline_s * (1 + len(drive.setup))


@dataclass(frozen=True, slots=True)
class Known:
    """Per identity the headers by the names of their secrets, the secrets by name, and the token that expires first.

    `expires`: of the tokens that say so themselves, in UNIX seconds, and whose it is.
    """

    headers: dict[str, tuple[tuple[str, str], ...]]
    secrets: dict[str, str]
    expires: tuple[float, str] | None


async def credentials(drive: Drive, credential: Callable[[str], Awaitable[Credential]]) -> Known:
    """What the identities of a drive are known by.

    The first logs in alone: where nobody can, not everybody tries.

    Raises:
        EvidenceLost: one of them cannot be had.
        FeederError: see `users_of`.
    """
    names = sorted(senders(drive))
    found = {name: await credential(name) for name in names[:1]}
    found |= await _together(names[1:], credential)
    sent = set(users_of(drive)) or found.keys()
    expiries = [(known.facts.get("exp"), name) for name, known in found.items() if name in sent]
    return Known(
        headers={
            name: tuple((header, f"{name}/{header}") for header, _ in known.headers) for name, known in found.items()
        },
        secrets={f"{name}/{header}": value for name, known in found.items() for header, value in known.headers},
        expires=min(((float(at), name) for at, name in expiries if isinstance(at, int | float)), default=None),
    )


async def _together(names: list[str], credential: Callable[[str], Awaitable[Credential]]) -> dict[str, Credential]:
    """Everybody's at the same time, paced by whoever sends; the first that cannot be had ends the others' attempts."""
    attempts = [asyncio.ensure_future(credential(name)) for name in names]
    try:
        return dict(zip(names, await asyncio.gather(*attempts), strict=True))
    finally:
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
