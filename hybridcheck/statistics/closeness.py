"""Whether two JSON values are the same, with numbers that may be a little apart. Pure."""

import math
from typing import Any


def same(got: Any, want: Any, tolerance: float) -> bool:
    """Whether two JSON values are equal, numbers within an absolute tolerance; True is not 1."""
    if isinstance(want, bool) or isinstance(got, bool):
        return got is want
    if isinstance(want, int | float) and isinstance(got, int | float):
        return got == want if tolerance == 0 else _close(got, want, tolerance)
    if isinstance(want, list) and isinstance(got, list):
        return len(got) == len(want) and all(same(a, b, tolerance) for a, b in zip(got, want, strict=True))
    if isinstance(want, dict) and isinstance(got, dict):
        return got.keys() == want.keys() and all(same(got[key], want[key], tolerance) for key in want)
    return bool(got == want)


def _close(got: float, want: float, tolerance: float) -> bool:
    try:
        return math.isclose(got, want, rel_tol=0, abs_tol=tolerance)
    except OverflowError:  # an integer that no double holds
        return False
