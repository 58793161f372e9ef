"""Before and after the plan: does anything answer HTTP at all, and which build of the target is it."""

import json

from hybridcheck.cases import Case, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.evidence import Gap, GapReason, Observation
from hybridcheck.ledger import Ledger
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.models import Profile
from hybridcheck.target import Ask, EvidenceLost, ReadTarget

ATTEMPTS = 3
"""How often silence is asked again before the target counts as unreachable."""

PAUSE_S = 1.0
DEADLINE_S = 10.0
"""How long one question may take at most; the profile may give less."""

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
    deadline_s = min(DEADLINE_S, profile.limits.request_deadline_s)
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            await target.sleep(PAUSE_S)
        try:
            exchange = await target.read(f"reach.{attempt}", Ask("GET", path, fresh=True, deadline_s=deadline_s))
        except EvidenceLost:
            return False
        if exchange.response is not None:
            return True
    return False


async def note_build(target: ReadTarget, ledger: Ledger, profile: Profile, side: str) -> None:
    """Record which build the target says it is, where the profile declares how to ask; a gap where it does not say.

    Args:
        target: the preflight's view.
        ledger: gets the observation, in the stream `build`.
        profile: declares `observability.build`.
        side: "before" or "after" the plan.
    """
    route = profile.observability.build
    if route is None:
        return
    try:
        exchange = await target.read(f"build.{side}", Ask("GET", route.path, fresh=True, deadline_s=DEADLINE_S))
        body = exchange.response.body.content() if exchange.response else b""
        build = value_at(json.loads(body), route.value)
    except (EvidenceLost, ValueError, NoSuchPath) as silent:
        ledger.append("build", Gap(label=side, reason=GapReason.SOURCE_SILENT, detail=f"{route.path}: {silent}"))
        return
    ledger.append("build", Observation(label=side, values={"build": str(build)}))
