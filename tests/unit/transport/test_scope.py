"""The scope guard: what may be requested at all."""

from asyncio.base_events import BaseEventLoop
from pathlib import Path

import httpx
import pytest

from hybridcheck.evidence import GapReason
from hybridcheck.target import Ask, EvidenceLost
from hybridcheck.transport.scope import Origin, OutOfScope, ScopeGuard
from tests.unit.transport.stage import BASE_URL, profile_of, stage_of

PROFILE = profile_of(
    scope={"hosts": ["other.test:9000", "plain.test", "[::1]:7000"], "deny_paths": ["*reset*", "/admin/*"]},
    services={"native": {"direct_url": "http://native.test:9100"}},
    observability={"metrics_url": "http://metrics.test:9200/metrics"},
)
GUARD = ScopeGuard(BASE_URL, PROFILE)


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE_URL}/a",
        "http://TARGET.test:8000/a",
        "http://target.test.:8000/a",
        "ws://target.test:8000/ws",
        "http://other.test:9000/",
        "https://other.test:9000/",
        "http://plain.test/",
        "https://plain.test/",
        "http://native.test:9100/x",
        "http://metrics.test:9200/metrics",
        "http://[::1]:7000/",
        f"{BASE_URL}/administration",
    ],
)
def test_what_is_declared_is_in_scope(url: str) -> None:
    """The target's own origin, listed hosts, and declared addresses."""
    GUARD.allow(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://target.test/a",
        "https://target.test:8000/a",
        "http://target.test:8001/a",
        "http://target.test.evil.test:8000/a",
        "http://evil.test/",
        "http://other.test/",
        "http://plain.test:8080/",
        "http://native.test:9101/",
        "ftp://target.test:8000/",
        "file:///etc/passwd",
        "http://target.test:8000@evil.test/",
        "http://user:secret@target.test:8000/",
        "http://target.test:99999/",
        "http:///nowhere",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://100.100.100.200/",
    ],
)
def test_everything_else_is_not(url: str) -> None:
    """Another port, scheme or host, credentials in a URL, and metadata addresses."""
    with pytest.raises(OutOfScope):
        GUARD.allow(url)


def test_metadata_addresses_are_refused_even_where_they_are_listed() -> None:
    """No profile can allow them."""
    guard = ScopeGuard(BASE_URL, profile_of(scope={"hosts": ["169.254.169.254"]}))
    with pytest.raises(OutOfScope, match="metadata"):
        guard.allow("http://169.254.169.254/")


@pytest.mark.parametrize(
    "path",
    [
        "/reset",
        "/a/RESET-all",
        "/a/%72eset",
        "/a/%2572eset",
        "/re/../x/reset",
        "/admin/users",
        "/x/../admin/users",
        "/x/%2e%2e/admin/users",
        "//admin//users",
        "/x\\..\\admin\\users",
        "/ADMIN/users",
    ],
)
def test_denied_paths_are_denied_in_every_spelling(path: str) -> None:
    """Decoded up to three times, without dot segments, in any case."""
    with pytest.raises(OutOfScope, match="deny_paths"):
        GUARD.allow(BASE_URL + path)


def test_a_listed_host_does_not_open_plain_http_beside_a_tls_target() -> None:
    """Where the target itself is https, listed hosts are https as well."""
    guard = ScopeGuard("https://target.test", PROFILE)
    guard.allow("https://plain.test/")
    with pytest.raises(OutOfScope):
        guard.allow("http://plain.test/")


@pytest.mark.parametrize(
    "url, may",
    [
        (BASE_URL, True),
        ("https://other.test:9000", True),
        ("http://127.0.0.1:9000", True),
        ("http://[::1]:7000", True),
        ("http://localhost:1", True),
        ("http://other.test:9000", False),
        ("http://native.test:9100", False),
    ],
)
def test_credentials_go_over_tls_to_loopback_or_to_the_target_itself(url: str, may: bool) -> None:
    """Plain http elsewhere carries none."""
    assert GUARD.may_carry_credentials(Origin.of(url)) is may


@pytest.mark.parametrize(
    "ask",
    [
        Ask("GET", "/", service_url="http://evil.test"),
        Ask("GET", "@evil.test/"),
        Ask("GET", ".evil.test/"),
        Ask("GET", "/a/reset"),
        Ask("POST", "/a"),
        Ask("DELETE", "/a", operation="DELETE /a"),
        Ask("POST", "/a", operation="POST /unsafe"),
    ],
)
async def test_what_is_out_of_scope_is_a_gap_and_never_sent(tmp_path: Path, ask: Ask) -> None:
    """Foreign hosts, denied paths, and mutating methods in the read class."""
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    profile = profile_of(operations=["DELETE /a", "POST /unsafe"])
    stage = stage_of(tmp_path, handler, profile=profile)
    with pytest.raises(EvidenceLost) as lost:
        await stage.read().read("r", ask)
    assert lost.value.reason is GapReason.OUT_OF_SCOPE
    assert [(gap.label, gap.reason) for gap in stage.gaps()] == [("r", GapReason.OUT_OF_SCOPE)]
    assert sent == []


async def test_a_declared_safe_operation_may_be_read(tmp_path: Path) -> None:
    """With its own method and path, and with no other."""
    safe = {"id": "search", "method": "POST", "path": "/search/{index}", "params": {"index": "books"}, "safe": True}
    stage = stage_of(tmp_path, lambda _: httpx.Response(200), profile=profile_of(operations=[safe]))
    exchange = await stage.read().read("r", Ask("POST", "/search/books?q=1", body=b"{}", operation="search"))
    assert exchange.status == 200
    for wrong in (Ask("PUT", "/search/books", operation="search"), Ask("POST", "/search", operation="search")):
        with pytest.raises(EvidenceLost):
            await stage.read().read("r", wrong)


async def test_a_name_that_resolves_to_a_metadata_address_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is where a request would really go."""

    async def resolve(self: object, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("169.254.169.254", port))]

    monkeypatch.setattr(BaseEventLoop, "getaddrinfo", resolve)
    stage = stage_of(tmp_path, lambda _: httpx.Response(200))
    with pytest.raises(EvidenceLost, match="never requested"):
        await stage.read().read("r", Ask("GET", "/"))
