"""Two shares beside each other: an interval for their difference and an exact test for sparse counts."""

import math
from dataclasses import dataclass

from hybridcheck.statistics.beta import normal_quantile
from hybridcheck.statistics.binomial import log_binomial_pmf


@dataclass(frozen=True, slots=True)
class DifferenceInterval:
    """Estimate and two-sided bounds of first share minus second share."""

    estimate: float
    lower: float
    upper: float


def newcombe_difference(k1: int, n1: int, k2: int, n2: int, confidence: float) -> DifferenceInterval:
    """Return the two-sided interval for k1/n1 - k2/n2 from the two Wilson intervals.

    Newcombe 1998 (Statistics in Medicine 17, 873), method 10. ValueError on impossible counts or an empty sample.
    """
    _require_two_samples(k1, n1, k2, n2)
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie strictly between 0 and 1, got {confidence!r}")
    first, second = k1 / n1, k2 / n2
    z = normal_quantile(0.5 + 0.5 * confidence)
    first_lower, first_upper = _wilson_interval(first, n1, z)
    second_lower, second_upper = _wilson_interval(second, n2, z)
    estimate = first - second
    return DifferenceInterval(
        estimate=estimate,
        lower=estimate - math.hypot(first - first_lower, second_upper - second),
        upper=estimate + math.hypot(first_upper - first, second - second_lower),
    )


def fisher_exact_greater(k1: int, n1: int, k2: int, n2: int) -> float:
    """Return Fisher's one-sided p-value for "the first share is not larger": P(X >= k1) given k1 + k2.

    X is hypergeometric: its mass is Bin(x; n1, p) Bin(k - x; n2, p) / Bin(k; n1 + n2, p) for any p; p = k/n keeps every
    factor of ordinary size (Loader 2000). ValueError on impossible counts or an empty sample.
    """
    _require_two_samples(k1, n1, k2, n2)
    if k1 * n2 >= k2 * n1:
        return _hypergeometric_tail(k1, n1, k2, n2)
    return 1.0 - _hypergeometric_tail(k2 + 1, n2, k1 - 1, n1)


def _hypergeometric_tail(k1: int, n1: int, k2: int, n2: int) -> float:
    """Sum the mass at k1 and above, for k1 at or above the mean: the terms fall."""
    total_bad, total = k1 + k2, n1 + n2
    if k2 < 0 or k1 > n1:
        return 0.0
    if total_bad in (0, total):
        return 1.0
    share = total_bad / total
    whole = log_binomial_pmf(total_bad, total, share)
    first = math.exp(log_binomial_pmf(k1, n1, share) + log_binomial_pmf(k2, n2, share) - whole)
    term = tail = 1.0
    for x in range(k1, min(n1, total_bad)):
        term *= (n1 - x) * (total_bad - x) / ((x + 1) * (n2 - total_bad + x + 1))
        tail += term
        if term < tail * 1e-18:
            break
    return min(1.0, first * tail)


def _wilson_interval(share: float, n: int, z: float) -> tuple[float, float]:
    """Return Wilson's score interval (1927)."""
    centre = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n))
    scale = 1.0 + z * z / n
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def _require_two_samples(k1: int, n1: int, k2: int, n2: int) -> None:
    for k, n in ((k1, n1), (k2, n2)):
        if not 0 <= k <= n or n == 0:
            raise ValueError(f"each sample needs 0 <= k <= n and n > 0, got k={k!r}, n={n!r}")
