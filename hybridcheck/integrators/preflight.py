"""Before the plan: does anything answer HTTP at the target's address at all."""

from hybridcheck.cases import Case, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.profile.models import Profile
from hybridcheck.target import Ask, EvidenceLost, ReadTarget

ATTEMPTS = 3
"""How often silence is asked again before the target counts as unreachable."""

PAUSE_S = 1.0
DEADLINE_S = 10.0

PREFLIGHT = PlannedCase(
    case=Case(check="preflight", subject="target"),
    group=Group.ADVISORY,
    phase=Phase.PREFLIGHT,
    safety=SafetyClass.READ,
    dimension=Dimension.RELIABILITY,
    severity=Severity.LOW,
)
"""The stream of what belongs to no check: whether the target answers, and logins for the load."""


async def reach(target: ReadTarget, profile: Profile) -> bool:
    """Whether any HTTP answer comes, whatever it says; False after `ATTEMPTS` silences.

    Asks the declared readiness or health, else the first operation that reads, else the root.
    """
    declared = [reference.path for reference in (profile.ready, profile.health) if reference]
    reading = [op.url_path() for _, _, op in profile.all_operations() if op.method == "GET" and op.sendable]
    path = next(iter([*declared, *reading]), "/")
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            await target.sleep(PAUSE_S)
        try:
            exchange = await target.read(f"reach.{attempt}", Ask("GET", path, fresh=True, deadline_s=DEADLINE_S))
        except EvidenceLost:
            return False
        if exchange.response is not None:
            return True
    return False
