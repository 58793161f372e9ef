"""Recognisers of wrong times."""

from hybridcheck.diagnosis.signatures import Signature

QUARTER_S = 900
LONGEST_OFFSET_S = 14 * 3600
"""No zone is further from UTC (Pacific/Kiritimati)."""

NEAR_NOW_S = 5.0
STEADY_S = 1.0


def of_instant(want_s: float, got_s: float, now_s: float) -> tuple[Signature, ...]:
    """What turns an instant (Unix seconds) into the one that came, while the tester's clock shows `now_s`."""
    apart = got_s - want_s
    if abs(apart) <= STEADY_S:
        return ()
    found = []
    if abs(got_s - now_s) <= NEAR_NOW_S:
        found.append(Signature.NOWSUB)
    steps = round(apart / QUARTER_S)
    if steps and abs(apart) <= LONGEST_OFFSET_S + STEADY_S and abs(apart - steps * QUARTER_S) <= STEADY_S:
        found.append(Signature.TZK)
    return tuple(found)
