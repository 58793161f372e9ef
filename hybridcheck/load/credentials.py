"""Who a load phase is sent as: the credentials that its generators need, by name, and nothing of how they were come by."""

from collections.abc import Awaitable, Callable

from hybridcheck.profile.drives import Drive
from hybridcheck.target import Credential


def senders(drive: Drive) -> set[str]:
    """The identities whose credentials a drive sends."""
    named = {operation.identity for operation in (*drive.operations, *drive.beside) if operation.identity}
    return named | set(drive.spec.identities)


async def credentials(
    drive: Drive, credential: Callable[[str], Awaitable[Credential]]
) -> tuple[dict[str, tuple[tuple[str, str], ...]], dict[str, str]]:
    """Per identity the headers by the names of their secrets, and the secrets by name."""
    headers: dict[str, tuple[tuple[str, str], ...]] = {}
    secrets: dict[str, str] = {}
    for identity in sorted(senders(drive)):
        pairs = (await credential(identity)).headers
        headers[identity] = tuple((name, f"{identity}/{name}") for name, _ in pairs)
        secrets.update({f"{identity}/{name}": value for name, value in pairs})
    return headers, secrets
