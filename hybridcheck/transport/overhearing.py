"""Listening for a load phase: what a stream delivers is given to the caller and not recorded, its counts are."""

from dataclasses import replace

from hybridcheck.evidence import GapReason, StreamRecord
from hybridcheck.target import Ask
from hybridcheck.transport import streams
from hybridcheck.transport.exchange import Place, draft_of, lost
from hybridcheck.transport.identities import LoginFailed
from hybridcheck.transport.read_view import Means


async def overhear(means: Means, place: Place, ask: Ask, protocol: str, bounds: streams.Bounds) -> StreamRecord:
    """Open a stream with the ask's identity and take events until one of the bounds.

    Raises:
        EvidenceLost: where it could not be asked for; the gap is recorded at `place`.
    """
    draft = draft_of(ask, means.base_url)
    if ask.identity is not None:
        try:
            credential = await means.identities.credential(ask.identity)
        except LoginFailed as error:
            raise lost(means.ledger, place, GapReason.LOGIN_FAILED, str(error)) from error
        draft = replace(draft, credentials=credential.headers, identity=ask.identity)
    if protocol == "sse":
        return await streams.listen_sse(means.sender, place, draft, bounds)
    return await streams.listen_websocket(means.sender, place, draft, bounds, means.tls)
