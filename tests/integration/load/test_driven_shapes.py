"""Declared shapes, driven at a real target: the load rises when the profile says so, and only what counts is judged."""

from collections import Counter
from pathlib import Path

from hybridcheck.cases import Budget
from hybridcheck.evidence import LoadEnd, LoadHistogram, LoadSecond, Record
from hybridcheck.ledger import Ledger
from hybridcheck.load.phase import Site, run_phase
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Credential
from tests.integration.load.conftest import Target, plan_for, run

SPIKE = {
    "shape": "spike", "rate_rps": 20, "peak_rps": 60, "peak_s": 2, "duration_s": 6, "warmup_s": 1, "judge": "hold",
}  # fmt: skip


async def nobody(identity: str) -> Credential:
    """No operation of these phases has an identity."""
    raise AssertionError(identity)


async def test_a_spike_is_driven_and_judged_beside_its_peak(target: Target, tmp_path: Path) -> None:
    """20 a second, 60 a second for two seconds, 20 again; to the last request; the peak and the warm-up do not count."""
    profile = Profile.model_validate({"version": 1, "operations": ["GET /ok"], "load": {"burst": SPIKE}})
    records: list[Record] = []
    ledger = Ledger(tmp_path / "ledger.ndjson", Redactor(b"k" * 32), records.append)
    site = Site(target.url, None, 1, max_connections=50, max_requests=10_000)
    await run_phase(drive_of(profile, "burst", Budget.FULL), site, ledger, nobody)
    ledger.close()
    seconds = {record.second: record for record in records if isinstance(record, LoadSecond)}
    assert {second: record.planned for second, record in seconds.items()} == {0: 20, 1: 20, 2: 60, 3: 60, 4: 20, 5: 20}
    assert {second for second, record in seconds.items() if record.counts} == {1, 4, 5}
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    assert end.cause == "completed"
    assert end.planned == target.counts()["/ok"] == 200
    counted: Counter[tuple[str, bool]] = Counter()
    for record in records:
        if isinstance(record, LoadHistogram):
            counted[record.measure, record.counts] += sum(count for _, count in record.pairs)
    for counts in (True, False):
        assert counted["response", counts] == sum(row.ok for row in seconds.values() if row.counts is counts)
    assert counted["lag", True] > 0


async def test_users_think_between_requests(target: Target) -> None:
    """Two users who think for half a second send about two requests a second each, not hundreds."""
    outcome = await run(plan_for(target.url, "/ok", model="closed", level=2, think_s=0.5, duration_s=4))
    assert outcome.total("ok") == outcome.total("planned") == target.counts()["/ok"]
    assert 8 <= outcome.total("ok") <= 16
    assert outcome.markers[0].connections_opened == 2


async def test_a_connection_that_closes_while_its_user_thinks_is_opened_anew(target: Target) -> None:
    """The next request goes out over a new connection and does not fail."""
    plan = plan_for(target.url, "/close", model="closed", level=1, think_s=0.2, duration_s=20, max_requests=6)
    outcome = await run(plan)
    assert outcome.total("ok") == outcome.total("planned") == target.counts()["/close"] == 6
    assert outcome.markers[0].connections_opened == outcome.total("ok")


async def test_users_are_held_to_max_rps_and_the_target_counts_so(target: Target) -> None:
    """Eight quick users send what one limit lets them; who waited is counted in the seconds of the generator."""
    outcome = await run(plan_for(target.url, "/ok", model="closed", level=8, max_rps=20.0, duration_s=2.0))
    assert outcome.total("ok") == outcome.total("planned") == target.counts()["/ok"] <= 43
    assert sum(second.held for second in outcome.health) > 0


async def test_users_keep_their_pace_and_late_turns_are_counted(target: Target) -> None:
    """Each of two begins every half second; a pace that answers cannot keep is counted as late."""
    outcome = await run(plan_for(target.url, "/ok", model="closed", level=2, pacing_s=0.5, duration_s=2.0))
    assert outcome.total("ok") == target.counts()["/ok"] <= 8
    late = await run(plan_for(target.url, "/ok", model="closed", level=1, pacing_s=1e-6, duration_s=1.0))
    assert sum(second.behind for second in late.health) > 0
