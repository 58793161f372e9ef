"""From numbers to integers and from texts to parts of them: the same in every build, since it needs no kernel."""

from typing import Any

from hybridcheck.reference.native.plain_kernels import within_int64


def truncated(a: float) -> int:
    """The whole part of a number; OverflowError where 64 bits do not hold it."""
    return within_int64(int(a))


def shifted(a: int, b: int) -> int:
    """`a << b`; OverflowError where 64 bits do not hold it, ValueError for a negative count."""
    if b < 0:
        raise ValueError("negative shift count")
    within_int64(a)
    if b > 64 and a:
        raise OverflowError("outside 64 bits")
    return within_int64(a << min(b, 64))


def parts_of(text: str, limit: int | None) -> dict[str, Any]:
    """The first `limit` characters, the text without blanks around it, and whether it is all decimal digits."""
    return {"prefix": text if limit is None else text[:limit], "stripped": text.strip(), "decimal": text.isdecimal()}
