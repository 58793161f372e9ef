"""Sequential evidence that a rate exceeds its limit, valid however often one looks."""

import math

from hybridcheck.statistics.beta import log_beta_kernel, log_lower_tail


def log_e_value(k: float, n: float, p0: float) -> float:
    """Return the natural log of Robbins' mixture e-value for H0: the bad share is at most p0; k bad of n so far.

    Prior uniform on (p0, 1): e = B(k+1, n-k+1) (1 - I_p0(k+1, n-k+1)) / ((1-p0) p0^k (1-p0)^(n-k)).
    By Ville's inequality the chance of ever reaching log(1/alpha) under H0 is at most alpha (Robbins 1970; Howard et
    al. 2021). That holds for independent requests; give effective numbers (k and n over the design effect) for
    correlated ones. k and n may be real. ValueError unless 0 <= k <= n and 0 < p0 < 1.
    """
    if not 0.0 <= k <= n < math.inf:
        raise ValueError(f"a count k of n needs 0 <= k <= n, finite; got k={k!r}, n={n!r}")
    if not 0.0 < p0 < 1.0:
        raise ValueError(f"p0 must lie strictly between 0 and 1, got {p0!r}")
    a, b = k + 1.0, n - k + 1.0
    log_odds_ratio = math.log(p0) - math.log1p(-p0) - math.log(a / b)
    return log_lower_tail(-log_odds_ratio, b, a) - log_beta_kernel(log_odds_ratio, a, b) + math.log(p0)
