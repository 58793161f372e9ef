"""Before and after the plan: does anything answer HTTP at all, and which build of the target is it."""

import json
from collections.abc import Mapping

from hybridcheck.cases import Case, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.evidence import Gap, GapReason, Observation
from hybridcheck.ledger import Ledger
from hybridcheck.messages import Failure
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


UNHEARD: Mapping[Failure, str] = {
    Failure.DNS: "no address is known for the host's name",
    Failure.REFUSED: "the connection was refused: nothing listens there",
    Failure.TLS_HANDSHAKE: "no TLS was agreed on: is it http:// there?",
    Failure.TLS_UNTRUSTED: "the certificate is not trusted: `tls: {ca_file: FILE}` at the target names another authority",
    Failure.TLS_HOSTNAME: "the certificate is for another host name",
    Failure.TLS_EXPIRED: "the certificate is not valid any more",
    Failure.NOT_HTTP: "what came is not HTTP: is it https:// there?",
}
"""What a failure says to somebody who expected an answer; the others' names say enough."""


async def silence(target: ReadTarget, profile: Profile) -> str | None:
    """None where any HTTP answer comes, whatever it says; after `ATTEMPTS` failures what was asked and what came of it.

    Asks the declared readiness or health, else the first operation that reads, else the root.
    """
    declared = [reference.path for reference in (profile.ready, profile.health) if reference]
    reading = [op.url_path() for _, _, op in profile.all_operations() if op.method == "GET" and op.sendable]
    path = next(iter([*declared, *reading]), "/")
    deadline_s = min(DEADLINE_S, profile.limits.request_deadline_s)
    last = ""
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            await target.sleep(PAUSE_S)
        try:
            exchange = await target.read(f"reach.{attempt}", Ask("GET", path, fresh=True, deadline_s=deadline_s))
        except EvidenceLost as lost:
            return f"GET {path}: {lost}"
        if exchange.response is not None:
            return None
        if exchange.failure is not None:
            last = f"GET {exchange.request.url}: {UNHEARD.get(exchange.failure, exchange.failure.replace('_', ' '))}"
    return last


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
