"""Sequential evidence against a limit."""

import math
import random

import pytest
from scipy import integrate, stats

from hybridcheck.statistics.eprocess import log_e_value
from hybridcheck.statistics.spread import Batch, design_effect


@pytest.mark.parametrize(
    ("k", "n", "p0"), [(0, 10, 0.1), (3, 10, 0.1), (10, 10, 0.5), (7, 200, 0.02), (2.5, 40.5, 0.05)]
)
def test_the_value_is_the_mixture_of_likelihood_ratios(k: float, n: float, p0: float) -> None:
    """Against numerical integration of the likelihood ratio over the uniform prior on (p0, 1)."""

    def ratio(p: float) -> float:
        return float((p / p0) ** k * ((1 - p) / (1 - p0)) ** (n - k))

    expected = integrate.quad(ratio, p0, 1, epsabs=0, epsrel=1e-11)[0] / (1 - p0)
    assert log_e_value(k, n, p0) == pytest.approx(math.log(expected), rel=1e-9, abs=1e-9)


def test_no_evidence_is_one_and_extremes_stay_finite() -> None:
    """Nothing seen gives e = 1; a million clean or a million bad requests neither underflow nor overflow."""
    assert log_e_value(0, 0, 0.01) == pytest.approx(0.0, abs=1e-12)
    assert -20 < log_e_value(0, 1_000_000, 0.1) < -13
    assert log_e_value(1_000_000, 1_000_000, 0.1) == pytest.approx(1e6 * math.log(10), rel=1e-4)


def test_the_expected_value_under_the_limit_is_at_most_one() -> None:
    """At p = p0 the expectation over all outcomes of 60 requests is exactly 1; below the limit it is less."""
    for p, highest in ((0.05, 1.0), (0.02, 0.5)):
        mean = sum(stats.binom.pmf(k, 60, p) * math.exp(log_e_value(k, 60, 0.05)) for k in range(61))
        assert mean <= highest + 1e-9
        assert p < 0.05 or mean == pytest.approx(1.0)


def test_looking_every_second_stays_within_the_risk_and_finds_defects() -> None:
    """200 runs at the limit, a look each second: about 1 % stops; at three times the limit nearly all stop."""
    generator = random.Random(12)

    def stops(share: float) -> bool:
        bad = 0
        for second in range(1, 61):
            bad += sum(generator.random() < share for _ in range(25))
            if log_e_value(bad, 25 * second, 0.02) >= math.log(100):
                return True
        return False

    assert sum(stops(0.02) for _ in range(200)) <= 4
    assert sum(stops(0.06) for _ in range(60)) >= 55


def test_effective_numbers_keep_the_risk_under_correlation() -> None:
    """100 correlated runs at the limit: raw counts stop far above 1 %, counts over the design effect do not."""
    generator = random.Random(1)
    raw = effective = 0
    for _ in range(100):
        batches: list[Batch] = []
        raw_stop = effective_stop = False
        for second in range(1, 61):
            share = generator.betavariate(0.02 * 9, 0.98 * 9)  # correlation 0.1 within a second
            batches.append(Batch(sum(generator.random() < share for _ in range(25)), 25))
            bad = sum(batch.bad for batch in batches)
            raw_stop |= log_e_value(bad, 25 * second, 0.02) >= math.log(100)
            effect = design_effect(batches)
            effective_stop |= second >= 10 and log_e_value(bad / effect, 25 * second / effect, 0.02) >= math.log(100)
        raw += raw_stop
        effective += effective_stop
    assert raw >= 5
    assert effective <= 1


@pytest.mark.parametrize(("k", "n", "p0"), [(-1, 2, 0.5), (3, 2, 0.5), (1, 2, 0.0), (1, 2, 1.0), (1, math.inf, 0.5)])
def test_impossible_input_is_refused(k: float, n: float, p0: float) -> None:
    """Counts that do not fit and limits outside (0, 1) are errors."""
    with pytest.raises(ValueError, match="got"):
        log_e_value(k, n, p0)
