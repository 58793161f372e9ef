"""Load goes to where the run's name led when it was judged, and to no address at which credentials are handed out."""

from urllib.parse import urlsplit

import pytest

from hybridcheck.load.reports import EndCause
from tests.integration.load.conftest import Target, plan_for, run

METADATA = "http://169.254.169.254:9"


async def test_load_goes_to_the_pinned_address(target: Target) -> None:
    """No resolver knows the name, and every request arrives: the generator looks nothing up."""
    port = urlsplit(target.url).port
    plan = plan_for(f"http://pinned.invalid:{port}", "/ok", level=10, duration_s=2)
    outcome = await run(plan.model_copy(update={"addresses": ("127.0.0.1",)}))
    assert outcome.total("ok") == outcome.total("planned") == target.counts()["/ok"] > 0
    assert outcome.started[0].addresses == (f"127.0.0.1:{port}",)


@pytest.mark.parametrize(("url", "addresses"), [(METADATA, ()), ("http://pinned.invalid:9", ("169.254.169.254",))])
async def test_no_load_where_credentials_are_handed_out(url: str, addresses: tuple[str, ...]) -> None:
    """Whoever says so; the run's evidence is missing, and says why."""
    outcome = await run(plan_for(url, "/ok", level=10, duration_s=2).model_copy(update={"addresses": addresses}))
    assert outcome.total("planned") == 0
    assert outcome.markers == []
    assert outcome.end.cause is EndCause.START_FAILED
    assert "never requested" in outcome.end.model_dump_json()
