"""The kernels of a compiled library, through its C ABI. The interpreter lock is released during each call."""

import ctypes
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_STATUS = {
    1: OverflowError("the result is out of range"),
    2: ZeroDivisionError("division by zero"),
    3: ArithmeticError("outside the domain"),
}
_INTEGER_OPERATIONS = ("floordiv", "mod", "pow")
_FLOAT_OPERATIONS = ("floordiv", "mod", "pow", "round")


class CompiledKernels:
    """See `services.Kernels`."""

    def __init__(self, library: Path) -> None:
        """Loads the library; OSError or AttributeError if it is not one of ours."""
        self._library = ctypes.CDLL(str(library))
        array_in, count = ctypes.c_void_p, ctypes.c_int64
        i64, f64 = ctypes.c_int64, ctypes.c_double
        pi64, pf64 = ctypes.POINTER(i64), ctypes.POINTER(f64)
        signatures: dict[str, list[Any]] = {
            "sum_i64": [array_in, count, pi64],
            "sum_f64": [array_in, count, pf64],
            "moments": [array_in, count, pf64, pf64],
            "sort_i64": [array_in, count],
            "sort_f64": [array_in, count],
            "text_length": [ctypes.c_char_p, count, pi64],
            "zscores": [array_in, count, array_in],
            "ewma_scores": [array_in, count, f64, array_in],
            "lcg_sum": [count, i64, pi64],
            "percentile": [array_in, count, f64, pf64],
            "counter_increase": [array_in, count, pf64],
            "raw_division": [i64, i64, pi64],
        }
        signatures |= {f"{name}_i64": [i64, i64, pi64] for name in _INTEGER_OPERATIONS}
        signatures |= {f"{name}_f64": [f64, f64, pf64] for name in _FLOAT_OPERATIONS}
        self._functions = {name: self._function(name, arguments) for name, arguments in signatures.items()}

    def _function(self, name: str, arguments: list[Any]) -> Any:
        function = getattr(self._library, f"hk_{name}")
        function.argtypes, function.restype = arguments, ctypes.c_int32
        return function

    def _call(self, name: str, *arguments: Any) -> None:
        status = self._functions[name](*arguments)
        if status:
            raise _STATUS.get(status, ArithmeticError("unknown status"))

    def sum_integers(self, values: Sequence[int]) -> int:
        """The exact sum, if 64 bits hold it and every value."""
        numbers, out = array("q", values), ctypes.c_int64()
        self._call("sum_i64", _address(numbers), len(numbers), out)
        return out.value

    def sum_floats(self, values: Sequence[float]) -> float:
        """The compensated sum."""
        return self._float("sum_f64", values)

    def moments(self, values: Sequence[float]) -> tuple[float, float]:
        """Mean and sum of squared deviations."""
        numbers, mean, squares = array("d", values), ctypes.c_double(), ctypes.c_double()
        self._call("moments", _address(numbers), len(numbers), mean, squares)
        return mean.value, squares.value

    def sort_integers(self, values: Sequence[int]) -> list[int]:
        """Ascending order."""
        numbers = array("q", values)
        self._call("sort_i64", _address(numbers), len(numbers))
        return numbers.tolist()

    def sort_floats(self, values: Sequence[float]) -> list[float]:
        """Ascending order."""
        numbers = array("d", values)
        self._call("sort_f64", _address(numbers), len(numbers))
        return numbers.tolist()

    def integer_operation(self, operation: str, a: int, b: int) -> int:
        """`floordiv`, `mod` or `pow` (with b ≥ 0) within 64 bits."""
        array("q", (a, b))  # OverflowError where ctypes would cut the number off
        out = ctypes.c_int64()
        self._call(f"{operation}_i64", a, b, out)
        return out.value

    def float_operation(self, operation: str, a: float, b: float) -> float:
        """`floordiv`, `mod`, `pow` or `round` (b digits)."""
        out = ctypes.c_double()
        self._call(f"{operation}_f64", a, b, out)
        return out.value

    def raw_division(self, a: int, b: int) -> int:
        """The processor's own division: by 0 it raises SIGFPE on x86-64, which ends the process."""
        out = ctypes.c_int64()
        self._call("raw_division", a, b, out)
        return out.value

    def text_length(self, text: str) -> int:
        """Code points."""
        encoded, out = text.encode(), ctypes.c_int64()
        self._call("text_length", encoded, len(encoded), out)
        return out.value

    def zscores(self, values: Sequence[float]) -> list[float]:
        """Distance from the mean in population standard deviations."""
        numbers, scores = array("d", values), array("d", bytes(8 * len(values)))
        self._call("zscores", _address(numbers), len(numbers), _address(scores))
        return scores.tolist()

    def ewma_scores(self, values: Sequence[float], alpha: float) -> list[float]:
        """Distance from the moving mean in moving deviations."""
        numbers, scores = array("d", values), array("d", bytes(8 * len(values)))
        self._call("ewma_scores", _address(numbers), len(numbers), alpha, _address(scores))
        return scores.tolist()

    def congruential_sum(self, count: int, seed: int) -> int:
        """Sum of the first `count` numbers of a linear congruential sequence modulo 2^31."""
        out = ctypes.c_int64()
        self._call("lcg_sum", count, seed, out)
        return out.value

    def percentile(self, ordered: Sequence[float], rank: float) -> float:
        """Nearest rank of an ascending sequence."""
        numbers, out = array("d", ordered), ctypes.c_double()
        self._call("percentile", _address(numbers), len(numbers), rank, out)
        return out.value

    def counter_increase(self, values: Sequence[float]) -> float:
        """Sum of the rises; a fall is a restart from zero."""
        return self._float("counter_increase", values)

    def _float(self, name: str, values: Sequence[float]) -> float:
        numbers, out = array("d", values), ctypes.c_double()
        self._call(name, _address(numbers), len(numbers), out)
        return out.value


def _address(numbers: "array[Any]") -> int:
    return numbers.buffer_info()[0]
