"""A verified TLS handshake with the target: what certificate and version it showed, or how it failed."""

import asyncio
import ssl
import time
from urllib.parse import urlsplit

import httpx

from hybridcheck.evidence import GapReason, TlsRecord
from hybridcheck.transport.exchange import Draft, Place, Sender, lost, opened
from hybridcheck.transport.failures import classify, detail_of
from hybridcheck.transport.scope import Origin

HANDSHAKE_S = 10.0
"""Deadline of connecting and shaking hands."""


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A verifying context: certifi's and the system's authorities, and those of `ca_file`.

    Raises:
        OSError: where the file cannot be read or holds no certificate (ssl.SSLError is one).
    """
    context = httpx.create_ssl_context(verify=True, trust_env=False)
    context.load_default_certs()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


async def shake(sender: Sender, place: Place, base_url: str, tls: ssl.SSLContext) -> TlsRecord:
    """Make a handshake on a connection of its own; what the target does wrong is in the record.

    Raises:
        EvidenceLost: where the target is not https, or nothing may be sent; the gap is recorded.
    """
    if urlsplit(base_url).scheme != "https":
        raise lost(sender.ledger, place, GapReason.NOT_SUPPORTED_HERE, "the target is not https")
    draft = Draft("HEAD", base_url, deadline_s=HANDSHAKE_S)
    async with sender.permission(place, draft):
        origin = Origin.of(base_url)
        record = TlsRecord(label=place.label, host=origin.host, port=origin.port, checked_unix_s=time.time())
        deadline_s, _ = sender.deadline(draft)
        try:
            async with asyncio.timeout(deadline_s):
                version, not_after = await _handshake(sender, base_url, tls)
        except (OSError, EOFError) as error:
            changes = {"failure": classify(error), "failure_detail": detail_of(error)}
            return record.model_copy(update=changes)
        return record.model_copy(update={"version": version, "not_after_unix_s": not_after})


async def _handshake(sender: Sender, base_url: str, tls: ssl.SSLContext) -> tuple[str | None, float | None]:
    _, writer = await opened(sender, base_url, tls)
    try:
        connection = writer.get_extra_info("ssl_object")
        certificate = connection.getpeercert() or {}
        not_after = certificate.get("notAfter")
        return connection.version(), ssl.cert_time_to_seconds(not_after) if not_after else None
    finally:
        writer.transport.abort()
