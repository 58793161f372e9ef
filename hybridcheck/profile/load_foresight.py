"""What is known of a load before its start and is no mistake: worth saying all the same. Pure."""

import math
from collections.abc import Iterator

from hybridcheck import shapes
from hybridcheck.profile.load_limits import LoadLimit
from hybridcheck.profile.load_phases import (
    ROUNDING,
    connections_needed,
    covered,
    fewest_users,
    offered_rps,
    peak_level,
    promised_answer_s,
    requests_per_arrival,
    seconds_of,
    share_of,
    stages,
    thinking_s,
)
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Profile

NOBODY = 0.5
"""Users: a level below it is rounded to none."""


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


def rest_s(phase: LoadPhaseSpec) -> float:
    """How long it takes on average, at the least, from the beginning of a user's turn to that of its next one."""
    return max(phase.pacing_s, sum(phase.thinks_s) / 2 + phase.think_mean_s + thinking_s(phase))


def most_rps(profile: Profile, phase: LoadPhaseSpec, limit: LoadLimit) -> tuple[float, str]:
    """How many requests per second of what a limit is about users can send at the most, and what keeps them from more.

    In the second of the limit's with the fewest users, and however quick the target is.
    """
    users, rests_s = fewest_users(phase, seconds_of(phase, limit.window())), rest_s(phase)
    free = math.inf if users >= NOBODY else 0.0
    sent = users * requests_per_arrival(phase) / rests_s if rests_s else free
    share, most = share_of(profile, phase, covered(profile, phase, limit)), profile.limits.max_rps
    if most <= sent:
        return most * share, "limits.max_rps leaves"
    return sent * share, "users who rest leave" if rests_s else "seconds without a user leave"


def sent_rps(profile: Profile, phase: LoadPhaseSpec, limit: LoadLimit) -> float | None:
    """How many requests of what a limit is about are sent in each of its seconds, if the target lets them; None without a second."""
    if phase.model == "open":
        return offered_rps(profile, phase, limit)
    return most_rps(profile, phase, limit)[0] if seconds_of(phase, limit.window()) else None


def offers(profile: Profile, phase: LoadPhaseSpec, limit: LoadLimit) -> bool:
    """Whether that is as much as the limit's `min_rps`."""
    return (sent_rps(profile, phase, limit) or 0.0) >= (limit.min_rps or 0.0) * (1 - ROUNDING)
