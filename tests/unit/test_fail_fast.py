"""`--fail-fast`: which failed case ends a run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridcheck.cases import Group
from hybridcheck.gate import _has_failed
from tests.property.fake_checks import CHECKS
from tests.property.ledgers import exchange, lines_of, planned, start

WAIVER = {"case": "fake.repeated", "reason": "r", "owner": "o", "ticket": "T-1", "expires": "2026-03-10"}


@pytest.mark.parametrize(
    ("group", "waivers", "status", "ends"),
    [
        (Group.REQUIRED, [], 500, True),
        (Group.REQUIRED, [], 200, False),
        (Group.ADVISORY, [], 500, False),
        (Group.REQUIRED, [WAIVER], 500, False),
    ],
)
def test_a_required_fail_that_is_not_waived_ends_the_run(
    tmp_path: Path, group: Group, waivers: list[dict[str, str]], status: int, *, ends: bool
) -> None:
    """Judged while the run goes on, from cases that have ended; what decides nothing ends nothing."""
    first = start([planned("fake.repeated", group=group)], profile={"version": 1, "name": "p", "waivers": waivers})
    records = [exchange(f"probe.{number}", status) for number in (1, 2, 3)]
    path = tmp_path / "ledger.ndjson"
    path.write_bytes(b"".join(lines_of(first, {"fake.repeated[x]": records})[:-1]))
    bound: Any = SimpleNamespace(checks=CHECKS)
    ledger: Any = SimpleNamespace(path=path)
    assert _has_failed(bound, ledger) is ends
