"""TLS handshakes and raw bytes against real servers on loopback."""

import asyncio
import time
from pathlib import Path

import pytest

from hybridcheck.errors import ProfileError
from hybridcheck.evidence import Failure, GapReason, Observation, TlsRecord
from hybridcheck.target import Ask, EvidenceLost
from tests.targets.hostile import authority_file, hostile
from tests.unit.transport.stage import Stage, profile_of, stage_of


def stage_at(folder: Path, base_url: str, *, ca_file: str | None = None, deadline_s: float = 60) -> Stage:
    """A session with a target that may have a CA file, and a small cap on bodies."""
    target = {"url": base_url, "environment": "local", "tls": {"ca_file": ca_file}}
    profile = profile_of(targets={"t": target}, limits={"max_body_bytes": 4096})
    return stage_of(folder, base_url=base_url, profile=profile, deadline_s=deadline_s)


HANDSHAKES = {
    "tls-sound": None,
    "tls-untrusted": Failure.TLS_UNTRUSTED,
    "tls-other-host": Failure.TLS_HOSTNAME,
    "tls-expired": Failure.TLS_EXPIRED,
    "tls-is-none": Failure.TLS_HANDSHAKE,
}


@pytest.mark.parametrize("name", HANDSHAKES)
async def test_a_handshake_shows_version_and_expiry_or_how_it_failed(tmp_path: Path, name: str) -> None:
    """The record is in the ledger either way."""
    ca_file = str(authority_file(tmp_path)) if name != "tls-untrusted" else None
    async with hostile(name) as base_url:
        stage = stage_at(tmp_path, base_url, ca_file=ca_file)
        record = await stage.read().handshake("tls")
    assert (name, record.failure) == (name, HANDSHAKES[name])
    assert [r.n for r in stage.records if isinstance(r, TlsRecord)] == [record.n]
    if record.failure is None:
        assert record.version in {"TLSv1.2", "TLSv1.3"}
        assert record.not_after_unix_s is not None
        assert record.not_after_unix_s - time.time() == pytest.approx(30 * 86400, abs=3600)
    else:
        assert (record.version, record.not_after_unix_s) == (None, None)
        assert record.failure_detail


async def test_a_handshake_with_plain_http_is_a_gap(tmp_path: Path) -> None:
    """There is nothing to shake hands about."""
    with pytest.raises(EvidenceLost) as lost:
        await stage_at(tmp_path, "http://127.0.0.1:9").read().handshake("tls")
    assert lost.value.reason is GapReason.NOT_SUPPORTED_HERE


def test_a_ca_file_that_cannot_be_used_is_a_profile_error(tmp_path: Path) -> None:
    """Said before anything is sent."""
    (tmp_path / "empty.pem").write_text("")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(ProfileError, match=name):
            stage_at(tmp_path, "https://127.0.0.1:9", ca_file=str(tmp_path / name))


def transcript(stage: Stage) -> Observation:
    """The one observation in the ledger."""
    (found,) = [record for record in stage.records if isinstance(record, Observation)]
    return found


REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_raw_bytes_go_out_and_what_comes_back_is_recorded(tmp_path: Path) -> None:
    """Until the target closes."""
    async with hostile("always-ok") as base_url:
        stage = stage_at(tmp_path, base_url)
        received = await stage.abuse().raw("raw", REQUEST, most_s=5)
    assert received.startswith(b"HTTP/1.1 200")
    values = transcript(stage).values
    assert (values["ended"], values["sent"], values["received_bytes"]) == ("by_target", REQUEST.decode(), len(received))


@pytest.mark.parametrize(
    "fault, ended",
    [("silent", "deadline"), ("endless-body", "cap"), ("drip-feed", "deadline"), ("not-http", "by_target")],
)
async def test_raw_conversations_end(tmp_path: Path, fault: str, ended: str) -> None:
    """By close, cap or deadline."""
    async with hostile(fault) as base_url:
        stage = stage_at(tmp_path, base_url)
        most_s = 1.0 if ended == "deadline" else 20.0
        received = await asyncio.wait_for(stage.abuse().raw("raw", REQUEST, most_s=most_s), 30)
    assert transcript(stage).values["ended"] == ended
    assert len(received) <= 4096


async def test_raw_may_close_right_after_sending(tmp_path: Path) -> None:
    """Half a request and away."""
    async with hostile("silent") as base_url:
        stage = stage_at(tmp_path, base_url)
        assert await stage.abuse().raw("raw", b"GET / HT", most_s=5, close_after_send=True) == b""
    assert transcript(stage).values["ended"] == "by_us"


async def test_raw_over_tls_is_verified(tmp_path: Path) -> None:
    """A certificate that is not trusted ends it before a byte is sent."""
    async with hostile("tls-sound") as base_url:
        trusting = stage_at(tmp_path, base_url, ca_file=str(authority_file(tmp_path)))
        assert (await trusting.abuse().raw("raw", REQUEST, most_s=5)).startswith(b"HTTP/1.1 200")
        other = stage_at(tmp_path, base_url)
        assert await other.abuse().raw("raw", REQUEST, most_s=5) == b""
    assert transcript(other).values["failure"] == "tls_untrusted"


async def test_raw_respects_denied_paths(tmp_path: Path) -> None:
    """Also where they stand in a second, pipelined request."""
    async with hostile("always-ok") as base_url:
        stage = stage_at(tmp_path, base_url)
        with pytest.raises(EvidenceLost) as lost:
            await stage.abuse().raw("raw", REQUEST + b"POST /db/reset HTTP/1.1\r\n\r\n", most_s=5)
    assert lost.value.reason is GapReason.OUT_OF_SCOPE


async def test_the_environment_has_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a proxy nor a netrc of the caller is used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with hostile("always-ok") as base_url:
        stage = stage_at(tmp_path, base_url)
        exchange = await stage.read().read("r", Ask("GET", "/"))
        stream = await stage.read().listen("s", Ask("GET", "/"), protocol="websocket", most_events=1, most_s=5)
    assert exchange.status == 200
    assert "authorization" not in {name.lower() for name, _ in exchange.request.headers}
    assert stream.response is not None
