"""The kernels in pure Python: the CPython twin, and the last resort where no compiler is found."""

import math
import os
from collections.abc import Sequence
from itertools import pairwise

INT64 = range(-(2**63), 2**63)


def within_int64(value: int) -> int:
    """The value, if 64 bits hold it; OverflowError otherwise."""
    if value not in INT64:
        raise OverflowError("outside 64 bits")
    return value


class PlainKernels:
    """See `services.Kernels`."""

    def sum_integers(self, values: Sequence[int]) -> int:
        """The exact sum, if 64 bits hold it and every value."""
        return within_int64(sum(map(within_int64, values)))

    def sum_floats(self, values: Sequence[float]) -> float:
        """The correctly rounded sum."""
        return math.fsum(values)

    def moments(self, values: Sequence[float]) -> tuple[float, float]:
        """Mean and sum of squared deviations, in two passes."""
        mean = math.fsum(values) / len(values)
        return mean, math.fsum((value - mean) ** 2 for value in values)

    def sort_integers(self, values: Sequence[int]) -> list[int]:
        """Ascending order."""
        return sorted(map(within_int64, values))

    def sort_floats(self, values: Sequence[float]) -> list[float]:
        """Ascending order."""
        return sorted(values)

    def integer_operation(self, operation: str, a: int, b: int) -> int:
        """`floordiv`, `mod` or `pow` (with b ≥ 0) within 64 bits."""
        within_int64(a), within_int64(b)
        if operation == "floordiv":
            return within_int64(a // b)
        if operation == "mod":
            return a % b
        if b > 64 and abs(a) > 1:
            raise OverflowError("outside 64 bits")
        return within_int64(int(a**b))

    def float_operation(self, operation: str, a: float, b: float) -> float:
        """`floordiv`, `mod`, `pow` or `round` (b digits)."""
        if operation == "floordiv":
            return a // b
        if operation == "mod":
            return a % b
        if operation == "round":
            return round(a, int(b))
        return math.pow(a, b) if a or b >= 0 else 1.0 / a  # 0 ** -1 is a division by zero

    def raw_division(self, a: int, b: int) -> int:
        """Division as C does it: by 0, and of the smallest integer by -1, it ends the process."""
        if b == 0 or (a == INT64.start and b == -1):
            os.abort()
        return int(math.copysign(abs(a) // abs(b), a) * (1 if b > 0 else -1))

    def text_length(self, text: str) -> int:
        """Code points."""
        return len(text)

    def zscores(self, values: Sequence[float]) -> list[float]:
        """Distance from the mean in population standard deviations; zeros where nothing varies."""
        mean, squares = self.moments(values)
        deviation = math.sqrt(squares / len(values))
        return [(value - mean) / deviation if deviation else 0.0 for value in values]

    def ewma_scores(self, values: Sequence[float], alpha: float) -> list[float]:
        """Distance from the moving mean in moving deviations, each score before its value is taken in."""
        mean, variance = values[0], 0.0
        scores = []
        for value in values:
            distance = value - mean
            scores.append(distance / math.sqrt(variance) if variance > 0 else 0.0)
            step = alpha * distance
            mean += step
            variance = (1 - alpha) * (variance + distance * step)
        return scores

    def congruential_sum(self, count: int, seed: int) -> int:
        """Sum of the first `count` numbers of a linear congruential sequence modulo 2^31."""
        state, total = seed, 0
        for _ in range(count):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            total += state
        return total

    def percentile(self, ordered: Sequence[float], rank: float) -> float:
        """Nearest rank of an ascending sequence; `rank` in (0, 100]."""
        return ordered[max(math.ceil(rank / 100 * len(ordered)), 1) - 1]

    def counter_increase(self, values: Sequence[float]) -> float:
        """Sum of the rises; after a fall the counter started again from zero."""
        return math.fsum(later - earlier if later >= earlier else later for earlier, later in pairwise(values))
