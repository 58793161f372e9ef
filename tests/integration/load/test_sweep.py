"""A sweep, driven at a real server: each size is sent as declared, and the items per second are those that were served."""

import json
from pathlib import Path

from hybridcheck.cases import Budget
from hybridcheck.engine.load_report import load_phase
from hybridcheck.evidence import Record
from hybridcheck.ledger import Ledger
from hybridcheck.load.phase import Site, run_phase
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.load_phases import with_load_operations
from hybridcheck.profile.models import Profile
from hybridcheck.redact import Redactor
from hybridcheck.target import Credential
from tests.integration.load.test_scenarios import seen, shop  # noqa: F401  the server and what it saw

SIZES, SECONDS = (1, 7), 2
OPERATION = {"id": "put", "method": "POST", "path": "/carts", "body": {"values": [1, 2, 3]}, "expect": 201}
LOAD = {
    "users": 2,
    "think_s": 0.05,
    "duration_s": SECONDS,
    "warmup_s": 0,
    "sweep": {"operation": "put", "field": "$.values", "sizes": list(SIZES)},
}


async def nobody(identity: str) -> Credential:
    """No operation of this phase has an identity."""
    raise AssertionError(identity)


async def test_each_size_is_sent_and_its_items_per_second_are_counted(shop: str, tmp_path: Path) -> None:  # noqa: F811
    """One phase after the other: the server saw as many bodies of each size as the phase has right answers."""
    profile = with_load_operations(
        Profile.model_validate({"version": 1, "operations": [OPERATION], "load": {"batch": LOAD}})
    )
    records: list[Record] = []
    ledger = Ledger(tmp_path / "ledger.ndjson", Redactor(b"k" * 32), records.append)
    site = Site(shop, None, 1, max_connections=50, max_requests=10_000)
    for name in profile.load:
        await run_phase(drive_of(profile, name, Budget.FULL), site, ledger, nobody)
    ledger.close()
    bodies = [json.loads(one["body"])["values"] for one in seen(shop)]
    for size in SIZES:
        stream = f"load/batch-{size}"
        phase = load_phase(stream, tuple(record for record in records if record.stream == stream))
        assert (phase.cause, phase.items, phase.failed) == ("completed", size, {})
        assert phase.ok > 0
        assert phase.items_per_s == phase.ok * size / SECONDS
        assert phase.ok <= sum(len(body) == size for body in bodies) <= phase.ok + phase.cut
    assert [1, 2, 3, 1, 2, 3, 1] in bodies
    assert {len(body) for body in bodies} == set(SIZES)
