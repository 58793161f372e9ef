"""Exact one-sided bounds for a share, and the number of clean samples that a limit needs.

k and n may be real: effective numbers, that is counts divided by a design effect.
"""

import math

from hybridcheck.statistics.beta import (
    beta_quantile_of_lower_tail,
    beta_quantile_of_upper_tail,
    log_beta_kernel,
    regularised_incomplete_beta,
)

_LOG_OF_NOTHING = -745.0  # exp of it is the smallest float


def clopper_pearson_lower(k: float, n: float, confidence: float) -> float:
    """Return the one-sided lower bound of a share of which k of n were seen: Beta^-1(1 - confidence; k, n - k + 1).

    0 when k = 0 or n = 0. Source: Clopper & Pearson 1934 (Biometrika 26, 404). ValueError on impossible numbers.
    """
    _require_counts(k, n)
    _require_confidence(confidence)
    if k == 0.0 or math.log1p(-confidence) / k < _LOG_OF_NOTHING:  # the bound is at most (1 - confidence)^(1/k)
        return 0.0
    return beta_quantile_of_lower_tail(1.0 - confidence, k, n - k + 1.0)


def clopper_pearson_upper(k: float, n: float, confidence: float) -> float:
    """Return the one-sided upper bound of a share of which k of n were seen: Beta^-1(confidence; k + 1, n - k).

    1 when k = n or n = 0. Source: Clopper & Pearson 1934 (Biometrika 26, 404). ValueError on impossible numbers.
    """
    _require_counts(k, n)
    _require_confidence(confidence)
    if k == n or math.log1p(-confidence) / (n - k) < _LOG_OF_NOTHING:  # as above, for the good ones
        return 1.0
    if k == 0.0:
        return -math.expm1(math.log1p(-confidence) / n)
    return beta_quantile_of_upper_tail(1.0 - confidence, k + 1.0, n - k)


def min_clean_samples(limit: float, confidence: float) -> int:
    """Return how many samples without any failure show a share of at most `limit`: ceil(ln(1-confidence)/ln(1-limit)).

    299 for 1 % and 2,995 for 0.1 % at 95 %. ValueError unless 0 < limit < 1 and 0 < confidence < 1.
    """
    _require_confidence(confidence)
    if not 0.0 < limit < 1.0:
        raise ValueError(f"no number of samples shows a share of at most {limit!r}: the limit must lie in (0, 1)")
    exact = math.log1p(-confidence) / math.log1p(-limit)
    return max(1, math.ceil(exact * (1.0 - 1e-12)))  # the division may land a rounding error above a whole number


def binomial_cdf(k: int, n: int, share: float) -> float:
    """Return P(Bin(n, share) <= k) for 0 < share < 1, by the incomplete beta (DLMF 8.17.5)."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return regularised_incomplete_beta(1.0 - share, float(n - k), k + 1.0)


def log_binomial_pmf(k: int, n: int, share: float) -> float:
    """Return log P(Bin(n, share) = k) for 0 < share < 1 without cancellation (Loader 2000)."""
    log_odds_ratio = math.log(share) - math.log1p(-share) - math.log((k + 1.0) / (n - k + 1.0))
    kernel = log_beta_kernel(log_odds_ratio, k + 1.0, n - k + 1.0)
    return kernel - math.log(share) - math.log1p(-share) - math.log(n + 1.0)


def _require_counts(k: float, n: float) -> None:
    if not 0.0 <= k <= n < math.inf:
        raise ValueError(f"a count k of n needs 0 <= k <= n, finite; got k={k!r}, n={n!r}")


def _require_confidence(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie strictly between 0 and 1, got {confidence!r}")
