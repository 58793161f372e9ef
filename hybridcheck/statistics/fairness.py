"""How evenly work is spread over replicas: Jain's index to read, the chi-square test to decide."""

import math
from collections.abc import Sequence

_STEPS_MAX = 100_000


def jain_index(shares: Sequence[float]) -> float | None:
    """Return Jain's fairness index (sum x)^2 / (n sum x^2), from 1/n to 1; None when nothing was counted.

    Source: Jain, Chiu & Hawe 1984. ValueError on negative shares.
    """
    if any(not 0.0 <= share < math.inf for share in shares):
        raise ValueError(f"shares must be finite and not negative, got {list(shares)!r}")
    squares = math.fsum(share * share for share in shares)
    return math.fsum(shares) ** 2 / (len(shares) * squares) if squares > 0.0 else None


def chi_square_p_value(observed: Sequence[int], expected_shares: Sequence[float] | None = None) -> float | None:
    """Return the p-value of Pearson's goodness-of-fit test; None when some expected count is below 5 (Cochran 1954).

    `expected_shares` are relative weights, equal by default. ValueError on fewer than two cells, negative counts or
    weights that are not positive.
    """
    weights = [1.0] * len(observed) if expected_shares is None else list(expected_shares)
    if len(observed) < 2 or len(weights) != len(observed):
        raise ValueError(
            f"the test needs at least two cells with a weight each, got {len(observed)} and {len(weights)}"
        )
    if min(observed) < 0 or not all(0.0 < weight < math.inf for weight in weights):
        raise ValueError("counts must not be negative and weights must be positive and finite")
    total, scale = sum(observed), math.fsum(weights)
    expected = [total * weight / scale for weight in weights]
    if min(expected) < 5.0:
        return None
    statistic = math.fsum((seen - due) ** 2 / due for seen, due in zip(observed, expected, strict=True))
    return regularised_upper_gamma(0.5 * (len(observed) - 1), 0.5 * statistic)


def regularised_upper_gamma(a: float, x: float) -> float:
    """Return Q(a, x), the upper incomplete gamma over gamma(a), for a > 0 and x >= 0.

    Series DLMF 8.11.4 below a + 1, continued fraction DLMF 8.9.2 (modified Lentz) above.
    """
    if not 0.0 < a < math.inf or not 0.0 <= x < math.inf:
        raise ValueError(f"the incomplete gamma needs a > 0 and x >= 0, finite; got a={a!r}, x={x!r}")
    if x == 0.0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    return 1.0 - scale * _lower_series(a, x) if x < a + 1.0 else scale * _upper_fraction(a, x)


def _lower_series(a: float, x: float) -> float:
    term = total = 1.0 / a
    for step in range(1, _STEPS_MAX):
        term *= x / (a + step)
        total += term
        if term < total * 1e-17:
            return total
    raise ArithmeticError(f"the series of the incomplete gamma did not converge for a={a!r}, x={x!r}")


def _upper_fraction(a: float, x: float) -> float:
    b = x + 1.0 - a
    c = 1e300
    d = 1.0 / b
    value = d
    for step in range(1, _STEPS_MAX):
        above = -step * (step - a)
        b += 2.0
        d = 1.0 / (above * d + b)
        c = b + above / c
        value *= d * c
        if abs(d * c - 1.0) < 3e-16:
            return value
    raise ArithmeticError(f"the fraction of the incomplete gamma did not converge for a={a!r}, x={x!r}")
