"""Recognisers of wrong numbers: each is given what was expected and what came, and names what would explain it."""

import math
import struct
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from hybridcheck.diagnosis.signatures import Signature
from hybridcheck.tokens.document import Number

TWO63 = 2**63
TWO64 = 2**64
REORDERED_ULPS = 64
"""How far sums of the same terms in another order may be apart here, in units in the last place."""


def of_integer(want: int, got: Number) -> tuple[Signature, ...]:
    """What turns an expected integer into the one that came."""
    found = got.whole()
    return tuple(_of_integer(want, found)) if found is not None and found != want else ()


def of_shift(a: int, b: int, got: Number) -> tuple[Signature, ...]:
    """What turns `a << b` into what came."""
    kept = ((a << (b & 63)) + TWO63) % TWO64 - TWO63
    return (Signature.SHIFT64,) if b >= 64 and got.whole() == kept != a << b else of_integer(a << b, got)


def _of_integer(want: int, got: int) -> Iterator[Signature]:
    outside = not -TWO63 <= want < TWO63
    if outside and got == (want + TWO63) % TWO64 - TWO63:
        yield Signature.WRAP64
    if outside and got == (TWO63 - 1 if want > 0 else -TWO63):
        yield Signature.SAT64
    if outside and got == -TWO63:
        yield Signature.INDEF
    if want >= TWO63 and got == -1:
        yield Signature.MINUS1
    if got in _through_double(want):
        yield Signature.DBL53


def _through_double(want: int) -> tuple[int, ...]:
    """The double nearest to an integer: in full, and in the fewest digits that mean it, as JavaScript writes it."""
    try:
        double = float(want)
    except OverflowError:
        return ()
    return int(double), int(Decimal(repr(double)))


def of_float(want: Number, got: Number) -> tuple[Signature, ...]:
    """What turns an expected float, as it was written, into the token that came."""
    value, found = want.double(), got.double()
    if found == value:
        return (Signature.INTTOKEN,) if got.integral and not want.integral else ()
    names = []
    if found == float(f"{value:.6g}"):
        names.append(Signature.G6)
    if found == _through_float32(value):
        names.append(Signature.F32)
    return tuple(names)


def _through_float32(value: float) -> float | None:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return None


def of_quotient(a: Fraction, b: Fraction, got: Number) -> tuple[Signature, ...]:
    """What turns floored division into the quotient that came."""
    exact = got.exact()
    return (Signature.TRUNCDIV,) if exact is not None and exact == math.trunc(a / b) != a // b else ()


def of_remainder(a: Fraction, b: Fraction, got: Number) -> tuple[Signature, ...]:
    """What turns the remainder of floored division into the one that came."""
    theirs = math.fmod(float(a), float(b))
    return (Signature.CMOD,) if got.double() == theirs != float(a % b) else ()


def of_rounding(value: float, digits: int, got: Number) -> tuple[Signature, ...]:
    """What turns half-even rounding into what came."""
    away = half_away(value, digits)
    return (Signature.HALFAWAY,) if away is not None and got.double() == away != round(value, digits) else ()


def half_away(value: float, digits: int) -> float | None:
    """Rounding as C does it by scaling: ties, also those that only the scaling makes, away from zero."""
    scaled = abs(value) * 10.0**digits
    return math.copysign(math.floor(scaled + 0.5) / 10.0**digits, value) if math.isfinite(scaled) else None


def of_repeats(values: Sequence[float]) -> tuple[Signature, ...]:
    """What lets equal requests get these numbers, where they differ: sums in another order, a few last digits apart."""
    if len(set(values)) < 2 or not all(map(math.isfinite, values)):
        return ()
    apart, size = max(values) - min(values), max(map(abs, values))
    return (Signature.REORDER,) if apart <= REORDERED_ULPS * math.ulp(size) else ()


def of_sum(values: Sequence[float], got: Number) -> tuple[Signature, ...]:
    """What turns the exact sum of doubles into what came."""
    total = 0.0
    for value in values:
        total += value
    return (Signature.NAIVESUM,) if got.double() == total != math.fsum(values) else ()
