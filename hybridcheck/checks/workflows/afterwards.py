"""What is asked after a journey that broke off, so that an outage is not taken for what is wrong with a workflow.

A step without an answer, or with a 5xx, may have met an outage. After each the step's service is asked for something
else that it can answer. Only where it answers that each time is the workflow to blame.
"""

from hybridcheck.cases import Json
from hybridcheck.checks.availability import is_broken, look_afterwards, was_there
from hybridcheck.checks.operations import ask_for, params_of
from hybridcheck.checks.workflows.walking import Walked
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.journeys import Journey
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.target import ReadTarget


def beside(profile: Profile, journey: Journey) -> dict[str, Json]:
    """For each operation of a journey another one of its service that reads, or the readiness; for a case's params."""
    found = {step.operation.id: _other(profile, step.operation.id) for step in journey.steps}
    return {name: params_of(other, "") for name, other in found.items() if other is not None}


async def look(params: dict[str, Json], target: ReadTarget, walks: tuple[Walked, ...]) -> None:
    """Ask beside every step that broke."""
    for broken in broke(walks):
        other = params["beside"].get(broken.operation)
        if other is not None:
            await look_afterwards(target, broken.label, broken, ask_for(Operation.model_validate(other["operation"])))


def outage(params: dict[str, Json], evidence: Evidence, walks: tuple[Walked, ...]) -> bool:
    """Whether a step broke whose service did not answer right after either."""
    asked = params.get("beside", {})
    return any(broken.operation in asked and not was_there(evidence, broken) for broken in broke(walks))


def broke(walks: tuple[Walked, ...]) -> tuple[Exchange, ...]:
    """The exchanges at which copies ended, where they are missing an answer or have a 5xx."""
    ends = {walked.trouble.line for walked in walks if walked.trouble is not None}
    return tuple(e for walked in walks for e in walked.exchanges if e.n in ends and is_broken(e))


def _other(profile: Profile, operation: str) -> Operation | None:
    """What its service is asked for instead: another operation, with GET where there is one; else the readiness."""
    service = next((name for name, _, op in profile.all_operations() if op.id == operation), None)
    found = [
        op
        for name, _, op in profile.all_operations()
        if name == service and op.id != operation and op.reads and op.sendable and (op.method == "GET" or op.body)
    ]
    ready = profile.ready or profile.health
    alive = Operation(id="ready", path=ready.path) if ready is not None else None
    return next(iter(sorted(found, key=lambda op: op.method != "GET")), alive)
