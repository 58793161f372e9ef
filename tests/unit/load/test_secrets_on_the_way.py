"""Secrets leave the machine only over a network that was called trusted, wherever in a plan they stand."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from hybridcheck.cases import Budget
from hybridcheck.errors import UsageError
from hybridcheck.ledger import Ledger
from hybridcheck.load.distributed import Master, Meeting
from hybridcheck.load.phase import Site, run_phase
from hybridcheck.load.plan import LoadPlan
from hybridcheck.load.reports import Report
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Credential
from tests.unit.load.test_plan import plan


async def _nobody(identity: str) -> Credential:
    raise AssertionError(identity)


@pytest.mark.parametrize(
    ("operation", "holds"),
    [
        ({"request": "POST /a", "headers": {"X-Api-Key": "a known secret"}}, True),
        ({"request": "POST /a", "body": {"key": "a known secret"}}, True),
        ({"request": "POST /a", "body": {"key": "something else"}}, False),
    ],
)
async def test_a_plan_says_that_it_holds_a_secret(tmp_path: Path, operation: dict[str, object], holds: bool) -> None:
    """A secret may be referred to in a header or a body of an operation, beside the credentials of identities."""
    redactor = Redactor(b"k" * 32)
    redactor.learn("a known secret")
    declared = {"id": "a", "safe": True, "auth": "none", **operation}
    load = {"rate_rps": 10, "duration_s": 10}
    profile = Profile.model_validate({"version": 1, "operations": [declared], "load": {"some": load}})
    plans: list[LoadPlan] = []

    async def carry_out(plan: LoadPlan, *_: object) -> AsyncGenerator[Report, None]:
        plans.append(plan)
        for report in list[Report]():
            yield report

    ledger = Ledger(tmp_path / "ledger.ndjson", redactor)
    site = Site("http://127.0.0.1:1", None, 1, max_connections=50, max_requests=10_000)
    await run_phase(drive_of(profile, "some", Budget.FULL), site, ledger, _nobody, carry_out=carry_out)
    ledger.close()
    assert [found.holds_secrets for found in plans] == [holds]


async def test_a_plan_that_holds_a_secret_stays_where_the_network_is_not_trusted() -> None:
    """A master that others can reach refuses it before anything is said."""
    master = Master(Meeting(host="0.0.0.0"))
    with pytest.raises(UsageError, match="clear text"):
        await anext(master.carry_out(plan(holds_secrets=True), {}, None))
