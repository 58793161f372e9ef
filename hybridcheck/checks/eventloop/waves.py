"""Release waves: requests that began one after the other and ended all together, as when a stalled loop goes on.

Pure. A tester that stalls itself makes no wave: it would not have begun requests in the meantime.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hybridcheck.evidence import Exchange

FEWEST = 3
"""Two requests that end together are a coincidence."""

BUNCHED_SHARE, BUNCHED_S = 0.2, 0.025
"""A wave ends within a fifth of the stall, or 25 ms where that is more."""

SPREAD_SHARE = 0.4
"""Its requests began over at least so much of the stall."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A release wave: how long its oldest request was held, when it ended, and how many requests it let go."""

    held_s: float
    ended_s: float
    size: int


def release_wave(lights: Sequence[Exchange], least_s: float) -> Wave | None:
    """The largest wave among light requests that held its oldest one for at least `least_s`; None without any."""
    spans = sorted((light.at_s, light.at_s + (light.total_ms or 0.0) / 1000) for light in lights)
    waves = [wave for index in range(len(spans)) if (wave := _from(spans[index:], least_s)) is not None]
    return max(waves, key=lambda wave: wave.held_s, default=None)


def _from(spans: Sequence[tuple[float, float]], least_s: float) -> Wave | None:
    """The wave whose oldest request is the first of the spans."""
    start, end = spans[0]
    held = end - start
    if held < least_s:
        return None
    reach = max(BUNCHED_SHARE * held, BUNCHED_S)
    members = [(begun, ended) for begun, ended in spans if begun < end and abs(ended - end) <= reach]
    spread = max(begun for begun, _ in members) - start
    if len(members) < FEWEST or spread < SPREAD_SHARE * held:
        return None
    return Wave(held_s=held, ended_s=max(ended for _, ended in members), size=len(members))
