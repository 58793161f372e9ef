"""A phase that is ended by its watch: the generator leaves in order, every arrival has its outcome, nothing is a gap."""

from pathlib import Path

from hybridcheck.cases import Budget
from hybridcheck.evidence import Gap, LoadEnd, LoadSecond, Record
from hybridcheck.ledger import Ledger
from hybridcheck.load.phase import Site, run_phase
from hybridcheck.load.watch import Watch
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Credential
from tests.integration.load.conftest import Target


async def nobody(identity: str) -> Credential:
    """No operation of this phase has an identity."""
    raise AssertionError(identity)


async def test_a_melting_target_is_spared_and_the_books_still_balance(target: Target, tmp_path: Path) -> None:
    """Every answer is a 500: after three seconds no more is sent, of sixty that were planned."""
    load = {"rate_rps": 40, "duration_s": 60, "warmup_s": 0, "abort_when": {"window_s": 3}}
    profile = Profile.model_validate({"version": 1, "operations": ["GET /fails"], "load": {"melt": load}})
    drive = drive_of(profile, "melt", Budget.FULL)
    records: list[Record] = []
    ledger = Ledger(tmp_path / "ledger.ndjson", Redactor(b"k" * 32), records.append)
    site = Site(target.url, None, 1, max_connections=50, max_requests=10_000)
    await run_phase(drive, site, ledger, nobody, watch=Watch(drive, (), {}))
    ledger.close()
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    assert end.cause == "safety_abort"
    assert "not answered rightly" in end.detail
    assert 3 <= end.seconds < 20
    rows = [record for record in records if isinstance(record, LoadSecond)]
    assert end.planned == sum(row.planned for row in rows) == end.failed + end.unsent + end.cut
    assert end.failed <= target.counts()["/fails"] <= end.planned
    assert not [record for record in records if isinstance(record, Gap)]
