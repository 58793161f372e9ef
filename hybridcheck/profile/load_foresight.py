"""What is known of a load before its start and is no mistake: worth saying all the same. Pure."""

import math
from collections.abc import Iterator

from hybridcheck import shapes
from hybridcheck.profile.load_phases import (
    ROUNDING,
    connections_needed,
    peak_level,
    promised_answer_s,
    requests_per_arrival,
    stages,
    thinking_s,
)
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile


def few_connections(profile: Profile) -> Iterator[tuple[str, str]]:
    """Each open phase whose connections would all be busy though every answer came within its limit (phase, in words).

    Where something has no latency limit, nobody knows how long its answers may take, and nothing is said.
    """
    for name, phase in profile.load.items():
        there = min(phase.max_connections, profile.limits.max_connections)
        answer_s = promised_answer_s(profile, phase.model_copy(update={"deadline_s": math.inf}))
        if phase.model == "closed" or math.isinf(answer_s):
            continue
        needed = connections_needed(phase, min(answer_s, phase.deadline_s))
        if needed > there:
            busy = f"{peak_level(phase):g} per second take {needed} connections where answers use up their limits"
            late = f"there are {there}: arrivals would wait for one, and be late by it"
            yield name, f"{busy}, {late}; max_connections: {needed} would do"


def thinking_at_once(phase: LoadPhaseSpec) -> int:
    """How many users of an open phase think at the same time, at the least, where every answer is there at once."""
    think_s, parts, end = thinking_s(phase), stages(phase), 0.0
    moments = {0.0}
    for part in parts:
        end += part.duration_s
        moments |= {end, end + think_s}
    begun = (
        shapes.area_until(parts, at_s) - shapes.area_until(parts, at_s - think_s) for at_s in moments if at_s <= end
    )
    return math.floor(max(begun) + ROUNDING)


def most_rps(profile: Profile, phase: LoadPhaseSpec) -> tuple[float, str]:
    """How many requests per second users send at the most, however quick the target is, and what keeps them from more."""
    rest_s = max(phase.pacing_s, sum(phase.thinks_s) / 2 + phase.think_mean_s + thinking_s(phase))
    rested = peak_level(phase) * requests_per_arrival(phase) / rest_s if rest_s else math.inf
    most = profile.limits.max_rps
    return (most, "limits.max_rps leaves") if most <= rested else (rested, "users who rest leave")
