"""Judging while it is measured: certain only where it is, however often it is asked, and never by what is missing."""

import random

import pytest

from hybridcheck.statistics.sequential import PASS_BATCHES, certain
from hybridcheck.statistics.spread import Batch


def asked(batches: list[Batch], limit: float = 0.05, *, pass_alpha: float | None = None) -> str:
    """The answer at a fail risk of 1 %."""
    return certain(batches, limit, fail_alpha=0.01, pass_alpha=pass_alpha)


def test_a_limit_that_is_plainly_broken_is_certain_after_ten_seconds_and_not_before() -> None:
    """Nine seconds say nothing about how seconds differ."""
    broken = [Batch(bad=30, total=100) for _ in range(10)]
    assert asked(broken[:9]) == "open"
    assert asked(broken) == "fail"


def test_a_pass_is_certain_only_where_it_is_asked_for() -> None:
    """Clean answers show at most 5 %; who did not ask goes on."""
    clean = [Batch(bad=0, total=30) for _ in range(PASS_BATCHES)]
    assert asked(clean) == "open"
    assert asked(clean, pass_alpha=0.05) == "pass"


def test_a_pass_has_to_have_seen_more_than_a_few_seconds() -> None:
    """However many answers came: moods that last for seconds do not show in a short run. A fail needs no such patience."""
    short = [Batch(bad=0, total=10_000) for _ in range(PASS_BATCHES - 1)]
    assert asked(short, pass_alpha=0.05) == "open"
    assert asked([Batch(bad=5_000, total=10_000)] * 10, pass_alpha=0.05) == "fail"


def test_what_is_missing_counts_against_both() -> None:
    """Unknown arrivals are good ones for a fail and bad ones for a pass."""
    assert asked([Batch(bad=2, total=100, missing=50) for _ in range(20)], pass_alpha=0.05) == "open"


def test_what_was_kept_before_a_breakdown_is_not_kept() -> None:
    """Clean for 200 s and certain; then the target breaks down, and another limit ends the phase. Cut off at its end, it stays kept."""
    clean = [Batch(bad=0, total=100)] * 200

    def kept(after: list[Batch]) -> str:
        return certain([*clean, *after], 0.01, fail_alpha=0.01, pass_alpha=0.005, looks=30)

    assert kept([Batch(bad=100, total=100)] * 10) == "open"
    assert kept([Batch(bad=0, total=100, missing=100)] * 10) == "open"
    assert kept([Batch(bad=0, total=100, missing=20)]) == "pass"


def test_one_bad_stretch_is_less_evidence_than_the_same_count_spread_out() -> None:
    """200 late of 2,000: all in one second, they are one observation; ten in each, they are many."""
    stall = [Batch(bad=100 if second in (7, 8) else 0, total=100) for second in range(20)]
    spread = [Batch(bad=10, total=100) for _ in range(20)]
    assert (asked(stall), asked(spread)) == ("open", "fail")


@pytest.mark.parametrize("limit", [0.0, 1.0])
def test_a_limit_at_the_end_of_the_scale_is_never_certain(limit: float) -> None:
    """No number of answers shows a share of nothing; an always-kept limit needs none."""
    assert asked([Batch(bad=5, total=10)] * 20, limit, pass_alpha=0.05) == "open"


def test_healthy_runs_are_stopped_no_more_often_than_the_risk_says() -> None:
    """400 generated runs at the limit itself, asked after each of 40 seconds: at most 1 % + 3 standard errors stop."""
    source = random.Random(20261120)
    stopped = 0
    for _ in range(400):
        batches: list[Batch] = []
        for _ in range(40):
            batches.append(Batch(bad=sum(source.random() < 0.05 for _ in range(20)), total=20))
            if asked(batches) == "fail":
                stopped += 1
                break
    assert stopped <= 4 + 3 * 2
