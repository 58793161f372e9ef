"""Journeys: a workflow in one of its scenarios, with everything that its steps need resolved into them. Pure.

A case keeps its journey, so that it can be judged again from the ledger alone.
"""

from collections.abc import Iterator, Mapping

from pydantic import Field

from hybridcheck.cases import Frozen, Json
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Expect, Operation
from hybridcheck.profile.workflows import NOBODY, DataSet, Detects, Scenario, Step, StepChange, Until, Workflow

NEUTRAL = "api"
"""The kind of a service that says nothing about where a journey belongs."""


class JourneyStep(Frozen):
    """One step as it will be sent. Steps of one `group` go out together; `preparation` names what it is done for."""

    name: str
    group: int
    preparation: str = ""
    operation: Operation
    session: str | None = None
    identity: str | None = None
    max_ms: float | None = None
    extract: dict[str, str] = Field(default_factory=dict)
    each: dict[str, Json] = Field(default_factory=dict)
    until: Until | None = None
    detects: Detects | None = None
    created: bool = False
    cleanup: str | None = None
    id_from: str | None = None

    @property
    def reads(self) -> bool:
        """Whether it changes nothing: a read, or a session of its own."""
        return not self.created and (self.session is not None or self.operation.reads)


class Journey(Frozen):
    """A workflow in one scenario; `copies` are made at the same time, each with data of its own.

    `hooks` are applied for as long as it takes. `refreshed`: where the answer to a refresh has the new token and the new refresh token.
    """

    workflow: str
    scenario: str
    steps: tuple[JourneyStep, ...]
    variables: dict[str, Json] = Field(default_factory=dict)
    data: dict[str, DataSet] = Field(default_factory=dict)
    copies: int = 1
    max_s: float | None = None
    refreshed: tuple[str, str] = ("", "")
    hooks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The subject of its cases."""
        return f"{self.workflow} {self.scenario}"

    @property
    def reads(self) -> bool:
        """Whether no step changes anything."""
        return all(step.reads for step in self.steps)

    def groups(self) -> Iterator[tuple[JourneyStep, ...]]:
        """The steps, those of one group together."""
        for number in sorted({step.group for step in self.steps}):
            yield tuple(step for step in self.steps if step.group == number)


def journeys(profile: Profile) -> Iterator[Journey]:
    """Every workflow in each of its scenarios."""
    for name, workflow in profile.workflows.items():
        for scenario in workflow.variations():
            yield journey(profile, name, scenario)


def journey(profile: Profile, name: str, scenario: str) -> Journey:
    """A workflow in one scenario; what the profile does not know is left out (`consistency` has complained about it)."""
    workflow = profile.workflows[name]
    varied = workflow.variations()[scenario]
    before = tuple(_preparations(profile, workflow, (name,)))
    first = len(before)
    own = tuple(_steps(profile, name, workflow, varied))
    moved = tuple(step.model_copy(update={"group": step.group + first}) for step in own)
    session = profile.session
    layers: tuple[Workflow | Scenario, ...] = (
        *(profile.workflows[part] for part in _required(profile, workflow, (name,))),
        workflow,
        varied,
    )
    return Journey(
        workflow=name,
        scenario=scenario,
        steps=(*before, *moved),
        variables={key: value for layer in layers for key, value in layer.variables.items()},
        data={key: value for layer in layers for key, value in layer.data.items()},
        copies=varied.concurrency,
        hooks=tuple(dict.fromkeys((*(part.hook for part in workflow.requires if part.hook), *varied.hooks))),
        max_s=workflow.max_s,
        refreshed=(call.token or "", call.refresh_token or "")
        if session is not None and (call := session.refresh)
        else ("", ""),
    )


def _required(profile: Profile, workflow: Workflow, seen: tuple[str, ...]) -> Iterator[str]:
    """Every workflow that this one needs, the furthest first; each cycle is cut where it closes."""
    for needed in workflow.requires:
        name = needed.workflow
        if name is not None and name in profile.workflows and name not in seen:
            yield from _required(profile, profile.workflows[name], (*seen, name))
            yield name


def _preparations(profile: Profile, workflow: Workflow, seen: tuple[str, ...]) -> Iterator[JourneyStep]:
    """The steps of everything that a workflow requires, each in a group of its own, the furthest first."""
    found: list[JourneyStep] = []
    for part in dict.fromkeys((*_required(profile, workflow, seen), "")):
        needing = profile.workflows[part] if part else workflow
        for needed in needing.requires:
            operation = profile.operation(needed.operation or "")
            if operation is not None:
                step = _step(needing, Step(name="ready", operation=operation.id), operation)
                found.append(step.model_copy(update={"name": operation.id, "preparation": operation.id}))
        if part:
            steps = _steps(profile, part, needing, needing.scenarios.get("normal", Scenario()))
            found += [step.model_copy(update={"name": f"{part}/{step.name}", "preparation": part}) for step in steps]
    for number, step in enumerate(found):
        yield step.model_copy(update={"group": number})


def _steps(profile: Profile, name: str, workflow: Workflow, scenario: Scenario) -> Iterator[JourneyStep]:
    """The workflow's steps in a scenario, up to its last one."""
    last: int | None = None
    for _, group, step in workflow.placed_steps():
        if last is not None and group > last:
            return
        if step.called == scenario.last:
            last = group
        varied = changed(step, scenario.steps.get(step.called))
        operation = operation_of(profile, name, varied)
        if operation is not None:
            yield _step(workflow, varied, operation).model_copy(update={"group": group})


def changed(step: Step, change: StepChange | None) -> Step:
    """A step as a scenario has it: what the change says stands over what the step says."""
    if change is None:
        return step
    return step.model_copy(update={name: getattr(change, name) for name in change.model_fields_set})


def operation_of(profile: Profile, workflow: str, step: Step) -> Operation | None:
    """What a step sends: a declared operation, its own request, or a session call; None for what is not declared."""
    if step.operation is not None:
        return profile.operation(step.operation)
    if step.session is None:
        return step.inline(workflow)
    call = getattr(profile.session, step.session) if profile.session is not None else None
    if call is None:
        return None
    return Operation(
        id=f"session:{step.session}", method=call.method, path=call.path, expect=Expect(status=call.expect)
    )


def _step(workflow: Workflow, step: Step, operation: Operation) -> JourneyStep:
    """The step with its request, its expectations and its clean-up."""
    sent = operation.model_copy(
        update={
            "params": {**operation.params, **step.params},
            "query": {**operation.query, **step.query},
            "headers": {**operation.headers, **step.headers},
            "body": step.body if step.body is not None else operation.body,
            "expect": expected(operation.expect, step.expect),
            "examples": (),
            "refusals": (),
        }
    )
    return JourneyStep(
        name=step.called,
        group=0,
        operation=sent,
        session=step.session,
        identity=identity_of(workflow, step, operation),
        max_ms=step.max_ms,
        extract=step.extract,
        each=step.each,
        until=step.until,
        detects=step.detects,
        created=bool(operation.creates or step.cleanup or (operation.cleanup and operation.id_from)),
        cleanup=step.cleanup or operation.cleanup,
        id_from=step.id_from or operation.id_from,
    )


def identity_of(workflow: Workflow, step: Step, operation: Operation) -> str | None:
    """Who sends a step: the step's own word, the workflow's, the operation's; None for nobody."""
    if step.identity is not None:
        return None if step.identity == NOBODY else step.identity
    if operation.auth == "none" and step.session is None:
        return None
    return workflow.identity or operation.identity


def expected(declared: Expect, own: Expect | None) -> Expect:
    """What a step expects: its own words over the operation's; where they name a status nothing else is kept."""
    if own is None:
        return declared
    if "status" in own.model_fields_set:
        return own
    return declared.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


def suite_of(profile: Profile, made: Journey) -> str:
    """The leaf that a journey belongs to: its workflow's word, the one kind of service it touches, else communication."""
    declared = profile.workflows[made.workflow].suite
    if declared is not None:
        return declared
    kinds: Mapping[str, str] = {
        operation.id: service.kind.value for _, service, operation in profile.all_operations() if service is not None
    }
    own = [step for step in made.steps if not step.preparation]
    touched = {"auth" if step.session is not None else kinds.get(step.operation.id, NEUTRAL) for step in own}
    special = touched - {NEUTRAL}
    return "communication" if len(special) > 1 else next(iter(special), NEUTRAL)
