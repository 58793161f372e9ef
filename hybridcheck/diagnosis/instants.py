"""Recognisers of wrong times."""

from hybridcheck.diagnosis.signatures import Signature

QUARTER_S = 900
LONGEST_OFFSET_S = 14 * 3600
"""No zone is further from UTC (Pacific/Kiritimati)."""

NEAR_NOW_S = 5.0
STEADY_S = 1.0


def of_instant(want_s: float, got_s: float, now_s: float, *, steady_s: float = STEADY_S) -> tuple[Signature, ...]:
    """What turns an instant (Unix seconds) into the one that came, while a clock shows `now_s`.

    `steady_s` is how far the two may be from a whole number of quarters for other reasons.
    """
    apart = got_s - want_s
    if abs(apart) <= steady_s:
        return ()
    found = []
    if abs(got_s - now_s) <= NEAR_NOW_S:
        found.append(Signature.NOWSUB)
    steps = round(apart / QUARTER_S)
    if steps and abs(apart) <= LONGEST_OFFSET_S + steady_s and abs(apart - steps * QUARTER_S) <= steady_s:
        found.append(Signature.TZK)
    return tuple(found)
