"""The judgement of a rate: decisions, prices, and that missing evidence can only withdraw a decision."""

import itertools
import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridcheck.statistics.binomial import clopper_pearson_lower, clopper_pearson_upper
from hybridcheck.statistics.rates import RateDecision, judge_rate
from hybridcheck.statistics.spread import Batch, design_effect, join_small_batches, largest_correlation


def _judge(batches: list[Batch], limit: float = 0.01) -> RateDecision:
    return judge_rate(batches, limit, fail_alpha=0.01)


def test_clean_samples_pass_from_the_smallest_number_on() -> None:
    """299 clean requests show at most 1 %; 298 do not, and one more is the price."""
    enough = _judge([Batch(0, 30)] * 9 + [Batch(0, 29)])
    assert (enough.outcome, enough.reason, enough.needed_requests) == ("pass", None, 0)
    assert enough.effective_n == 299.0
    short = _judge([Batch(0, 30)] * 9 + [Batch(0, 28)])
    assert (short.outcome, short.reason, short.needed_requests) == ("undecided", "TOO_FEW_SAMPLES", 1)


def test_too_few_batches_decide_nothing() -> None:
    """Nine seconds decide neither way, however many requests they hold; the price is the tenth second."""
    clean, broken = _judge([Batch(0, 1000)] * 9), _judge([Batch(1000, 1000)] * 9)
    assert (clean.outcome, clean.reason, clean.needed_requests) == ("undecided", "TOO_FEW_SAMPLES", 1000)
    assert (broken.outcome, broken.reason) == ("undecided", "TOO_FEW_SAMPLES")
    assert _judge([Batch(1000, 1000)] * 10).outcome == "fail"


def test_no_request_at_all_is_undecided_with_vacuous_bounds() -> None:
    """Without a planned arrival nothing is known and no price can be given."""
    for batches in ([], [Batch(0, 0)] * 20):
        decision = _judge(batches)
        assert (decision.outcome, decision.reason) == ("undecided", "TOO_FEW_SAMPLES")
        assert (decision.lower, decision.upper, decision.needed_requests) == (0.0, 1.0, None)


def test_all_missing_is_undecided_without_a_price() -> None:
    """Where nothing was answered there is no share that could persist."""
    decision = _judge([Batch(0, 100, 100)] * 60)
    assert (decision.outcome, decision.upper, decision.needed_requests) == ("undecided", 1.0, None)
    assert decision.lower == 0.0


def test_a_share_beyond_the_limit_fails_and_one_at_it_is_undecided_without_a_price() -> None:
    """Evenly spread: 3 % fails a limit of 1 %; exactly 1 % would never be decided."""
    assert _judge([Batch(3, 100)] * 30).outcome == "fail"
    at_limit = _judge([Batch(1, 100)] * 30)
    assert (at_limit.outcome, at_limit.reason, at_limit.needed_requests) == ("undecided", None, None)


def test_a_lost_second_is_one_cluster_and_prevents_a_pass() -> None:
    """One wholly missing second of sixty may have been all bad: 1.7 % in one lump."""
    decision = _judge([Batch(0, 100)] * 59 + [Batch(0, 100, 100)], limit=0.05)
    assert decision.outcome == "undecided"
    assert decision.design_effect > 100
    assert _judge([Batch(0, 100)] * 59 + [Batch(0, 100, 1)], limit=0.05).outcome == "pass"


def test_a_zero_limit_is_broken_by_evidence_and_never_shown() -> None:
    """No sample shows a share of zero; a bad request refutes it."""
    assert _judge([Batch(0, 1000)] * 20, limit=0.0).outcome == "undecided"
    assert _judge([Batch(1, 100)] * 20, limit=0.0).outcome == "fail"


def test_bounds_without_missing_are_clopper_pearson_on_effective_numbers() -> None:
    """With even batches the bounds are the plain ones."""
    decision = _judge([Batch(2, 100)] * 20, limit=0.05)
    assert decision.design_effect == 1.0
    assert decision.upper == pytest.approx(clopper_pearson_upper(40, 2000, 0.95))
    assert decision.lower == pytest.approx(clopper_pearson_lower(40, 2000, 0.99))


def test_needed_requests_decide_when_added_at_the_same_share() -> None:
    """The price is the smallest number of clean requests that turns undecided into pass."""
    batches = [Batch(0, 20)] * 10
    price = _judge(batches).needed_requests
    assert price == 99
    assert _judge([*batches, *[Batch(0, 11)] * 9]).outcome == "pass"
    assert _judge([*batches, *[Batch(0, 14)] * 7]).outcome == "undecided"


def test_design_effect_of_equal_batches_is_variance_over_binomial_variance() -> None:
    """Against the textbook formula: sample variance of the shares over p(1-p)/n."""
    bad = [0, 3, 9, 1, 0, 0, 14, 2, 0, 1]
    shares = [value / 50 for value in bad]
    mean = sum(shares) / 10
    variance = sum((share - mean) ** 2 for share in shares) / 9
    expected = variance / (mean * (1 - mean) / 50)
    assert design_effect([Batch(value, 50) for value in bad]) == pytest.approx(expected, rel=1e-12)


def test_design_effect_is_never_below_one_and_all_of_n_for_one_batch() -> None:
    """Shares that are more even than chance earn nothing; one batch is one observation."""
    assert design_effect([Batch(5, 100)] * 20) == 1.0
    assert design_effect([Batch(5, 100)]) == 100.0
    assert design_effect([]) == 1.0


def test_one_bad_request_in_a_tiny_last_second_does_not_look_like_a_cluster() -> None:
    """Batches under half the mean size are joined, so a partial second cannot blow the design effect up."""
    batches = [Batch(0, 100)] * 20 + [Batch(1, 1)]
    assert len(join_small_batches(batches)) == 20
    assert design_effect(batches) < 1.1


def test_joining_keeps_every_request() -> None:
    """A ramp from one request on keeps its sums and has no batch under half the mean."""
    batches = [Batch(size % 2, size, 0) for size in range(1, 60)]
    joined = join_small_batches(batches)
    assert sum(batch.total for batch in joined) == sum(batch.total for batch in batches)
    assert sum(batch.bad for batch in joined) == sum(batch.bad for batch in batches)
    assert min(batch.total for batch in joined) >= 0.5 * sum(batch.total for batch in batches) / len(batches)


@pytest.mark.parametrize(("bad", "total", "missing"), [(-1, 5, 0), (1, 5, -1), (3, 5, 3), (6, 5, 0)])
def test_batches_that_do_not_balance_are_refused(bad: int, total: int, missing: int) -> None:
    """A batch cannot hold more bad and missing requests than were planned."""
    with pytest.raises(ValueError, match="batch needs"):
        Batch(bad, total, missing)


def test_impossible_arguments_are_refused() -> None:
    """Limits and risks outside their ranges are errors, not decisions."""
    for limit, alpha, confidence, least in ((1.0, 0.01, 0.95, 10), (-0.1, 0.01, 0.95, 10), (math.nan, 0.01, 0.95, 10)):
        with pytest.raises(ValueError, match="limit"):
            judge_rate([], limit, fail_alpha=alpha, pass_confidence=confidence, min_batches=least)
    with pytest.raises(ValueError, match="fail_alpha"):
        judge_rate([], 0.1, fail_alpha=0.0)
    with pytest.raises(ValueError, match="pass_confidence"):
        judge_rate([], 0.1, fail_alpha=0.01, pass_confidence=1.0)
    with pytest.raises(ValueError, match="two batches"):
        judge_rate([], 0.1, fail_alpha=0.01, min_batches=1)


@st.composite
def _evidence_and_less(draw: st.DrawFn) -> tuple[list[Batch], list[Batch]]:
    """Draw batches and the same batches with a random subset of the answered requests missing."""
    style = draw(st.sampled_from(["rare", "any", "lumps"]))
    size = draw(st.integers(1, 120))
    before, after = [], []
    for _ in range(draw(st.integers(8, 26))):
        total = size if draw(st.booleans()) else draw(st.integers(0, size))
        highest = {"rare": min(2, total), "any": total, "lumps": total if draw(st.integers(0, 9)) == 0 else 0}[style]
        bad = draw(st.integers(0, highest))
        missing = draw(st.integers(0, total - bad)) if draw(st.integers(0, 4)) == 0 else 0
        lost_bad = draw(st.integers(0, bad)) if draw(st.booleans()) else 0
        lost_good = draw(st.integers(0, total - bad - missing)) if draw(st.booleans()) else 0
        before.append(Batch(bad, total, missing))
        after.append(Batch(bad - lost_bad, total, missing + lost_bad + lost_good))
    return before, after


@settings(max_examples=400, deadline=None, derandomize=True)
@given(_evidence_and_less(), st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.5, 0.9]), st.sampled_from([0.01, 0.2]))
def test_losing_evidence_only_widens_the_bounds(
    pair: tuple[list[Batch], list[Batch]], limit: float, fail_alpha: float
) -> None:
    """Any subset of answers turned into missing: never pass to fail, fail to pass or undecided to decided."""
    before, after = (judge_rate(batches, limit, fail_alpha=fail_alpha) for batches in pair)
    assert after.outcome in {before.outcome, "undecided"}
    assert after.upper >= before.upper - 1e-9
    assert after.lower <= before.lower + 1e-9
    assert after.design_effect >= before.design_effect * (1 - 1e-9)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=5))
def test_design_effect_bounds_every_completion(rows: list[tuple[int, int, int]]) -> None:
    """By brute force: no way in which the missing requests may have gone has a larger design effect."""
    batches = [Batch(bad, bad + good + missing, missing) for bad, good, missing in rows]
    bound = design_effect(batches)
    for extra in itertools.product(*(range(batch.missing + 1) for batch in batches)):
        completed = [Batch(batch.bad + more, batch.total) for batch, more in zip(batches, extra, strict=True)]
        assert design_effect(completed) <= bound * (1 + 1e-9)


def test_correlation_of_whole_batches_is_the_textbooks() -> None:
    """Without missing requests: the sum of neighbours' products over the sum of squares, about the mean."""
    bad = [0, 3, 9, 8, 0, 0, 14, 12, 0, 1]
    about = [value - sum(bad) / 10 for value in bad]
    expected = sum(one * other for one, other in itertools.pairwise(about)) / sum(value**2 for value in about)
    assert largest_correlation([Batch(value, 50) for value in bad]) == pytest.approx(expected)
    assert largest_correlation([Batch(2, 50)] * 10) == 0.0


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=8),
    st.integers(0, 7),
    st.integers(1, 4),
)
def test_correlation_bounds_every_completion(rows: list[tuple[int, int]], place: int, missing: int) -> None:
    """By brute force, for one batch with missing requests; with two of them nothing is known."""
    batches = [Batch(bad, bad + good + 1) for bad, good in rows]
    place %= len(batches)
    whole = batches[place]
    for more in range(missing + 1):
        completed = batches.copy()
        completed[place] = Batch(whole.bad + more, whole.total + missing)
        batches[place] = Batch(whole.bad, whole.total + missing, missing)
        assert largest_correlation(completed) <= largest_correlation(batches) + 1e-9
    batches[place - 1] = Batch(0, 5, 1)
    assert largest_correlation(batches) == 1.0


def test_evening_out_by_lost_answers_does_not_decide() -> None:
    """The trap: losing good answers of quiet seconds makes one bad second look ordinary, and must not help."""
    before = [Batch(50, 100)] + [Batch(0, 100)] * 9
    after = [Batch(50, 100)] + [Batch(0, 100, 5)] * 9
    lost_lump = [Batch(0, 100, 50)] + [Batch(0, 100, 5)] * 9
    assert [_judge(batches, limit=0.2).outcome for batches in (before, after, lost_lump)] == ["undecided"] * 3
    assert design_effect(after) >= design_effect(before) > 50
    assert design_effect(lost_lump) >= design_effect(before)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0, 1), st.floats(1, 1e5), st.floats(1, 50), st.sampled_from([0.75, 0.95, 0.9999]))
def test_bounds_widen_with_the_design_effect(share: float, n: float, effect: float, confidence: float) -> None:
    """At the same share, fewer effective requests never tighten a bound (the monotonicity proof rests on it)."""
    fewer = n / effect
    upper, wider = (
        clopper_pearson_upper(share * n, n, confidence),
        clopper_pearson_upper(share * fewer, fewer, confidence),
    )
    assert wider >= upper - 1e-9
    lower, looser = (
        clopper_pearson_lower(share * n, n, confidence),
        clopper_pearson_lower(share * fewer, fewer, confidence),
    )
    assert looser <= lower + 1e-9


def _correlated_run(
    generator: random.Random, seconds: int, per_second: int, share: float, correlation: float
) -> list[Batch]:
    """Each second draws its own share from a beta distribution: requests within it have that correlation."""
    scale = 1 / correlation - 1
    batches = []
    for _ in range(seconds):
        own = generator.betavariate(share * scale, (1 - share) * scale)
        batches.append(Batch(sum(generator.random() < own for _ in range(per_second)), per_second))
    return batches


def test_errors_under_correlation_stay_near_the_promised_risk() -> None:
    """At exactly the limit, correlated seconds: false pass about 5 % and false fail about 1 %, where raw counts err far more."""
    generator = random.Random(20)
    runs = [_correlated_run(generator, seconds=40, per_second=40, share=0.05, correlation=0.1) for _ in range(300)]
    decisions = [judge_rate(run, 0.05, fail_alpha=0.01) for run in runs]
    false_pass = sum(decision.outcome == "pass" for decision in decisions) / 300
    false_fail = sum(decision.outcome == "fail" for decision in decisions) / 300
    naive_pass = sum(clopper_pearson_upper(decision.k, decision.n, 0.95) <= 0.05 for decision in decisions) / 300
    assert false_pass <= 0.09
    assert false_fail <= 0.02
    assert naive_pass >= 0.15


def test_disturbances_longer_than_a_second_are_seen() -> None:
    """Bad spells of eight seconds: joining batches keeps false decisions far below what single seconds would give."""
    generator = random.Random(5)
    runs = []
    for _ in range(150):
        shares = [generator.betavariate(1.0, 19.0) for _ in range(30)]
        runs.append(
            [Batch(sum(generator.random() < share for _ in range(10)), 10) for share in shares for _ in range(8)]
        )
    decisions = [judge_rate(run, 0.05, fail_alpha=0.01) for run in runs]
    assert sum(decision.outcome == "pass" for decision in decisions) / 150 <= 0.12
    assert sum(decision.outcome == "fail" for decision in decisions) / 150 <= 0.03


def test_a_level_that_wanders_slowly_does_not_pass_beyond_its_limit() -> None:
    """A sixth of the variance outlives several seconds (p95 5 % over its limit): few of such minutes pass, half the limit does."""
    generator, normal = random.Random(11), NormalDist()
    passed = {}
    for factor in (1.05, 0.5):
        outcomes = []
        for _ in range(150):
            level, batches = generator.gauss(0, 0.41), []
            for _ in range(60):
                late = 1 - normal.cdf(1.805 - math.log(factor) / 0.547 - level / 0.911)
                batches.append(Batch(sum(generator.random() < late for _ in range(200)), 200))
                level = 0.7 * level + generator.gauss(0, 0.41 * math.sqrt(1 - 0.49))
            outcomes.append(judge_rate(batches, 0.05, fail_alpha=0.0025).outcome)
        passed[factor] = outcomes.count("pass")
    assert passed[1.05] <= 5
    assert passed[0.5] >= 140


def test_healthy_and_broken_services_are_decided() -> None:
    """Power: half the limit passes and twice the limit fails in nearly all runs of 2,000 independent requests."""
    generator = random.Random(9)
    for share, expected in ((0.025, "pass"), (0.1, "fail")):
        outcomes: list[str] = []
        for _ in range(60):
            batches = [Batch(sum(generator.random() < share for _ in range(50)), 50) for _ in range(40)]
            outcomes.append(judge_rate(batches, 0.05, fail_alpha=0.01).outcome)
        assert outcomes.count(expected) >= 57
