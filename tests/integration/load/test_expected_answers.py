"""What a profile expects of an answer is looked at under load: each promise with a target that keeps it and one that does not."""

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hybridcheck.cases import Budget
from hybridcheck.evidence import LoadEnd, LoadSecond, Record
from hybridcheck.ledger import Ledger
from hybridcheck.load.phase import Site, run_phase
from hybridcheck.profile.drives import drive_of
from hybridcheck.profile.models import Profile
from hybridcheck.redact import Redactor
from tests.integration.load.conftest import Target
from tests.integration.load.test_early_ends import nobody

NUMBERS = itertools.count()
"""Of ledgers: each load has one of its own."""


async def failed(target: Target, folder: Path, operation: dict[str, Any], phase: dict[str, Any]) -> dict[str, float]:
    """Failures by kind of a short load of an operation, as shares of its answers.

    Every arrival was answered, unless this machine stood still at the end: then some were not sent any more.
    """
    load = {"rate_rps": 20, "duration_s": 1, "warmup_s": 0, "check_every": 1, **phase}
    profile = Profile.model_validate({"version": 1, "operations": [{"id": "a", **operation}], "load": {"day": load}})
    records: list[Record] = []
    ledger = Ledger(folder / f"ledger-{next(NUMBERS)}.ndjson", Redactor(b"k" * 32), records.append)
    site = Site(target.url, None, 1, max_connections=50, max_requests=10_000)
    await run_phase(drive_of(profile, "day", Budget.FULL), site, ledger, nobody)
    ledger.close()
    (end,) = [record for record in records if isinstance(record, LoadEnd)]
    found = Counter[str]()
    for row in records:
        if isinstance(row, LoadSecond):
            found.update(row.failed)
    answered = end.ok + found.total()
    assert (end.cause, end.planned, answered + end.unsent) == ("completed", 20, 20)
    assert answered
    return {kind: count / answered for kind, count in found.items()}


@pytest.mark.parametrize(
    ("kept", "broken", "kind"),
    [
        ({"headers": {"content-type": "application/json; charset=utf-8"}}, {"headers": {"X-Need": "yes"}}, "header"),
        ({"contains": '"ok"'}, {"contains": "nowhere"}, "body_check"),
        ({"values": {"$.status": "ok"}}, {"values": {"$.status": "no"}}, "values"),
        ({"schema": {"required": ["status"]}}, {"schema": {"required": ["id"]}}, "schema"),
    ],
)
@pytest.mark.parametrize("path", ["/ok", "/gzip"])
async def test_each_promise_is_kept_or_seen_broken(
    target: Target, tmp_path: Path, path: str, kept: dict[str, Any], broken: dict[str, Any], kind: str
) -> None:
    """Also of answers that are packed."""
    assert await failed(target, tmp_path, {"path": path, "expect": kept}, {}) == {}
    assert await failed(target, tmp_path, {"path": path, "expect": broken}, {}) == {kind: 1}


async def test_a_step_that_asks_something_else_is_held_to_what_holds_for_every_answer(
    target: Target, tmp_path: Path
) -> None:
    """Values and texts are of the declared request alone; the schema is of all."""
    expect = {"values": {"$.status": "no"}, "contains": "nowhere", "schema": {"required": ["status"]}}
    operation = {"path": "/{kind}", "params": {"kind": "ok"}, "expect": expect}
    other = {"scenarios": {"s": [{"operation": "a", "params": {"kind": "chunked"}}]}}
    assert await failed(target, tmp_path, operation, other) == {}
    assert await failed(target, tmp_path, operation, {"scenarios": {"s": ["a"]}}) == {"body_check": 1}
    expect["schema"] = {"required": ["id"]}
    assert await failed(target, tmp_path, operation, other) == {"schema": 1}
