"""The smallest input that is still wrong: a wrong one is cut down while what is left of it is wrong in the same way.

What is sent next depends only on what came back, so a judge can follow the descent through the records.
"""

from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

from hybridcheck.cases import Json

MOST = 12
"""How many smaller inputs are sent at most; each costs a request, and only where something is wrong already."""

LABEL = "smaller"

Shorter = Callable[[Json], Iterator[Json]]
Whole = TypeVar("Whole", str, list[Json])


def descent(start: Json, shorter: Shorter) -> Generator[Json, bool, None]:
    """Inputs to try, each made from the last one that was still wrong; `send` says whether the one before was."""
    current = start
    while True:
        for candidate in shorter(current):
            if (yield candidate):
                current = candidate
                break
        else:
            return


def parts(whole: Whole, least: int = 1) -> Iterator[Whole]:
    """The halves of a text or list, and all of it but its first or last piece; of at least `least` pieces."""
    half, length = len(whole) // 2, len(whole)
    cuts = ((0, half), (half, length), (0, length - 1), (1, length))
    for low, high in dict.fromkeys(cuts):
        if least <= high - low < length:
            yield whole[low:high]
