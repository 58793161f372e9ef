"""Whatever a path or an address says, only origins in scope are ever asked, and no denied path in any spelling."""

from urllib.parse import unquote

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from hybridcheck.profile.models import Profile
from hybridcheck.target import Ask
from hybridcheck.transport.exchange import as_sent, draft_of
from hybridcheck.transport.scope import OutOfScope, ScopeGuard

BASE_URL = "http://target.test:8000"
LISTED = "http://listed.test:9000"
PROFILE = Profile.model_validate({"version": 1, "scope": {"hosts": ["listed.test:9000"], "deny_paths": ["*/reset*"]}})
GUARD = ScopeGuard(BASE_URL, PROFILE)
ALLOWED = {("http", "target.test", 8000), ("http", "listed.test", 9000), ("https", "listed.test", 9000)}

PATHS = st.text(alphabet="/\\@:.?#%25[]&; \t\n\rreset2fFE5cevil1\x00é。", max_size=40)
ADDRESSES = st.sampled_from(
    [None, BASE_URL, LISTED, "https://listed.test:9000", "http://evil.test", "http://target.test"]
)


@given(path=PATHS, service_url=ADDRESSES)
@example(path="@evil.test/", service_url=None)
@example(path="\\@evil.test/", service_url=None)
@example(path=".evil.test:9/", service_url=BASE_URL)
@example(path="/%2e%2e/reset", service_url=None)
@example(path="/x/..%2freset", service_url=None)
def test_what_is_let_through_goes_where_it_may(path: str, service_url: str | None) -> None:
    """The guard judges the form that httpx sends: same host, same port, and no denied path once decoded."""
    draft = draft_of(Ask("GET", path, service_url=service_url), BASE_URL)
    try:
        GUARD.allow(as_sent(draft.url))
    except OutOfScope:
        return
    url = httpx.Request(draft.method, draft.url).url
    assert (url.scheme, url.host, url.port) in ALLOWED
    assert not url.userinfo
    sent = url.raw_path.decode("ascii").partition("?")[0]
    for form in (sent, unquote(sent), unquote(unquote(sent))):
        assert "/reset" not in form.lower()
