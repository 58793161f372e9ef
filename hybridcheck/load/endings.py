"""Why a load phase was over before its time, in words, where neither the target nor a limit of its own ended it."""

from hybridcheck.load.plan import LoadPlan

ROOM = 1.2
"""What is asked for above a straight line: users that are quicker later on need more than that."""


def by_hand(seconds: int) -> str:
    """Somebody pressed Stop."""
    return f"stopped by hand after {seconds} s" if seconds else "stopped by hand before the load began"


def spent(plan: LoadPlan, planned: int, seconds: int) -> str:
    """The users had sent all that the profile allows before their time was over; empty where that is not so.

    Only the closed model gets there: how much an open one sends is known before it starts, and refused.
    """
    most = plan.max_requests
    if plan.model == "open" or most is None or planned < most or seconds >= plan.seconds:
        return ""
    enough = round(planned * plan.duration_s / max(seconds, 1) * ROOM)
    return (
        f"limits.max_requests ({most:,}) was reached after {seconds} s of {plan.duration_s:g} s; "
        f"limits: {{max_requests: {enough}}} allows the whole load at this pace"
    )
