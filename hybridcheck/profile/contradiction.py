"""One thing in a profile that does not fit the rest of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hybridcheck.profile.document import KeyPath
from hybridcheck.profile.wording import nearest


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One thing that does not fit: where, what, and what would."""

    path: KeyPath
    message: str
    hint: str = ""


def near(word: str, known: Iterable[str] | Mapping[str, object]) -> str:
    """A hint that names the nearest known word."""
    return nearest(word, known) or "none is declared"
