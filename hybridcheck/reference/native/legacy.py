"""What older or carelessly built native services get wrong, each mistake behind its switch: reader, kernels, writer.

The mistakes are those of C and of Codon before 0.20 (int64, %g, bytes as text, sorting by reversal); they are made here
in Python, because the kernels proper are right.
"""

import json
import math
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.native.plain_kernels import PlainKernels
from hybridcheck.reference.native.services import EPOCH

LOW, HIGH = -(2**63), 2**63 - 1
LIMIT_BYTES = 32
"""Where `native-byte-limit` cuts a text."""

SAMPLED = 5
"""Items from which `native-late-type` takes the type of a list."""

IN_KERNELS = (
    *("native-wrap64", "native-indef", "native-naivesum", "native-onepass", "native-truncdiv", "native-cmod"),
    *("native-halfaway", "native-pow-zero", "native-bytelen", "native-utf16len"),
)
"""The switches that `LegacyKernels` knows."""


def wrapped(value: int) -> int:
    """What 64 bits keep of a number."""
    return (value - LOW) % 2**64 + LOW


def received(value: Any, defects: Switches) -> Any:
    """The document as a native reader with these defects gets it."""
    if isinstance(value, dict):
        members = {name: received(child, defects) for name, child in value.items()}
        return {name: child for name, child in members.items() if name or not defects.on("native-nameless-lost")}
    if isinstance(value, list):
        if defects.on("native-late-type") and value[:SAMPLED] and all(type(item) is int for item in value[:SAMPLED]):
            value = [int(item) if type(item) is float else item for item in value]
        return [received(child, defects) for child in value]
    if type(value) is int:
        return _integer(value, defects)
    if type(value) is float and defects.on("native-f32") and abs(value) < 3e38:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    return _text(value, defects) if isinstance(value, str) else value


def _integer(value: int, defects: Switches) -> int:
    inside = LOW <= value <= HIGH
    if defects.on("native-sat64"):
        return min(max(value, LOW), HIGH)
    if defects.on("native-minus1") and not inside:
        return -1
    if defects.on("native-read-wrap64"):
        return wrapped(value)
    if defects.on("native-dbl53") and inside:
        return min(int(float(value)), HIGH)
    return value


def _text(value: str, defects: Switches) -> str:
    if defects.on("native-nul-cut"):
        value = value.partition("\0")[0]
    if defects.on("native-surrogates"):
        value = value.encode().decode("ascii", "surrogateescape")
    if defects.on("native-byte-limit"):
        value = value.encode()[:LIMIT_BYTES].decode("utf-8", "replace")
    return value


class LegacyKernels(PlainKernels):
    """Kernels with C's rules where their switches are on."""

    def __init__(self, defects: Switches) -> None:
        """All other rules stay Python's."""
        self._on = defects.on

    def sum_integers(self, values: Sequence[int]) -> int:
        """The sum in 64 bits, or cast from a double."""
        if self._on("native-wrap64"):
            return wrapped(sum(values))
        if self._on("native-indef"):
            total = float(sum(values))
            return int(total) if LOW <= total < HIGH else LOW
        return super().sum_integers(values)

    def sum_floats(self, values: Sequence[float]) -> float:
        """One after the other."""
        if not self._on("native-naivesum"):
            return super().sum_floats(values)
        total = 0.0
        for value in values:
            total += value
        return total

    def moments(self, values: Sequence[float]) -> tuple[float, float]:
        """Of fractions, the mean of the squares less the square of the mean."""
        mean, squares = super().moments(values)
        if self._on("native-onepass") and not all(map(float.is_integer, values)):
            n = len(values)
            squares = sum(value * value for value in values) - n * (sum(values) / n) ** 2
        return mean, squares

    def integer_operation(self, operation: str, a: int, b: int) -> int:
        """C's `/` and `%`, and powers by multiplication."""
        if operation == "floordiv" and b and self._on("native-truncdiv"):
            return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        if operation == "mod" and b and self._on("native-cmod"):
            return int(math.fmod(a, b))
        if operation == "pow" and self._on("native-wrap64"):
            return wrapped(a ** min(b, 256))
        return super().integer_operation(operation, a, b)

    def float_operation(self, operation: str, a: float, b: float) -> float:
        """Rounding by scaling; an integer exponent that is negative gives 0."""
        if operation == "round" and self._on("native-halfaway"):
            return math.copysign(math.floor(abs(a) * 10**b + 0.5) / 10**b, a)
        if operation == "pow" and b < 0 and a.is_integer() and self._on("native-pow-zero"):
            return 0.0
        return super().float_operation(operation, a, b)

    def text_length(self, text: str) -> int:
        """Bytes, or UTF-16 units."""
        if self._on("native-bytelen"):
            return len(text.encode())
        return len(text.encode("utf-16-le")) // 2 if self._on("native-utf16len") else len(text)


def now_text(defects: Switches) -> str:
    """The present in UTC, or the local time of a zone two hours ahead that calls itself UTC."""
    return (datetime.now(UTC) + timedelta(hours=2 if defects.on("native-clock-local") else 0)).isoformat()


def overflows(operation: str, document: Any, error: BaseException | None) -> bool:
    """Whether floating-point numbers have a sum or a power that no double holds."""
    numbers = {"aggregate": document.get("values"), "scalar": [document.get("a"), document.get("b")]}.get(operation)
    return isinstance(error, OverflowError) and numbers is not None and any(type(n) is float for n in numbers)


def answered(operation: str, document: Any, result: dict[str, Any], defects: Switches) -> dict[str, Any]:
    """The result of text, ranking and time as the switched-on defects would have it."""
    if operation == "text" and defects.on("native-asciiup"):
        result["upper"] = "".join(c.upper() if c.isascii() else c for c in document["text"])
    if operation == "rank":
        if defects.on("native-ties-reversed"):
            result["rows"].sort(key=lambda row: row["score"])
            result["rows"].reverse()
        if defects.on("native-hash-order"):
            result["rows"] = sorted(result["rows"], key=lambda row: (-row["score"], _hash(row["id"])))
    if operation == "parseInstant" and defects.on("native-offset-dropped"):
        result["epoch_s"] = datetime.fromisoformat(result["at"]).replace(tzinfo=UTC).timestamp()
    if operation == "formatInstant":
        if defects.on("native-now-for-past") and result["epoch_s"] < 0:
            result["at"] = datetime.now(UTC).isoformat()
        if defects.on("native-local-time"):
            result["at"] = (EPOCH + timedelta(seconds=result["epoch_s"] + 7200)).isoformat()
    return result


def _hash(text: str) -> int:
    value = 0
    for byte in text.encode():
        value = (31 * value + byte) % 2**32
    return value


def written(document: Any, defects: Switches) -> bytes:
    """The document as a native writer with these defects writes it."""
    number: Callable[[float], str] = repr
    if defects.on("native-g6"):
        number = "{:g}".format
    elif defects.on("native-int-token"):
        number = _shortest
    text: Callable[[str], str] = json.dumps if defects.on("native-surrogates") else _quoted
    if defects.on("native-mojibake"):
        text = _twice_encoded
    if defects.on("native-unescaped"):
        text = _only_quotes
    return _written(document, number, text).encode()


def _written(value: Any, number: Callable[[float], str], text: Callable[[str], str]) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{text(name)}:{_written(v, number, text)}" for name, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(child, number, text) for child in value) + "]"
    if isinstance(value, str):
        return text(value)
    return number(value) if type(value) is float else json.dumps(value)


def _shortest(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _twice_encoded(value: str) -> str:
    return _quoted(value.encode().decode("latin-1"))


def _only_quotes(value: str) -> str:
    return '"' + value.replace('"', '\\"') + '"'
