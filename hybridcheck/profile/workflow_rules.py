"""What the workflows of a profile say about each other and about the rest: names, variables, cycles, dead ends."""

from collections.abc import Iterable, Iterator

from hybridcheck.cases import Json
from hybridcheck.paths import is_path
from hybridcheck.profile.consistency import schema_faults
from hybridcheck.profile.contradiction import Contradiction, near
from hybridcheck.profile.document import KeyPath
from hybridcheck.profile.journeys import changed, identity_of, operation_of
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.templates import filled, names_in, parts_of
from hybridcheck.profile.workflows import Scenario, Step, StepChange, Workflow

GIVEN = frozenset({"marker", "copy", "index"})
"""Variables that are always there: a text that nobody else has, the number of the copy, the number of the row."""

FIGURES = frozenset({"values", "count", "sum", "mean", "minimum", "maximum", "times", "pairs"})
"""What is known of a data set: `{readings.values}`. Its labels are not: those the tester keeps."""

KINDS = ("normal", "edge", "failure", "stress")
"""What a scenario's name begins with."""

HEADER = "header:"
STANDS_FOR: tuple[Json, ...] = (1, "x")
"""What a variable may be in a schema: such a one is wrong only where it is wrong with each of them."""


def workflow_contradictions(profile: Profile) -> Iterator[Contradiction]:
    """Everything that is wrong with the workflows beyond the form of each part."""
    for name, workflow in profile.workflows.items():
        place: KeyPath = ("workflows", name)
        yield from _requirements(profile, name, workflow)
        yield from _names(workflow, place)
        yield from _scenario_names(workflow, place)
        yield from _unreachable(workflow, place)
        for keys, _, step in workflow.placed_steps():
            yield from _step(profile, name, workflow, (*place, *keys), step)
        for scenario, varied in workflow.variations().items():
            yield from _Variables(profile, name, scenario, varied).faults()
            for index, hook in enumerate(varied.hooks):
                yield from _hook(profile, (*place, "scenarios", scenario, "hooks", index), hook)


def _requirements(profile: Profile, name: str, workflow: Workflow) -> Iterator[Contradiction]:
    for index, needed in enumerate(workflow.requires):
        place: KeyPath = ("workflows", name, "requires", index)
        if needed.operation is not None:
            operation = profile.operation(needed.operation)
            if operation is None:
                yield _no_operation(profile, (*place, "operation"), needed.operation)
            elif not (operation.reads and operation.sendable):
                message = f"'{operation.id}' is no operation that can be asked whether it is there"
                yield Contradiction((*place, "operation"), message, "one that reads and whose path is complete")
        elif needed.hook is not None:
            yield from _hook(profile, (*place, "hook"), needed.hook)
        elif needed.workflow not in profile.workflows:
            message = f"no workflow '{needed.workflow}'"
            yield Contradiction((*place, "workflow"), message, near(needed.workflow or "", profile.workflows))
        elif circle := _circle(profile, name, (needed.workflow or "",)):
            message = f"a circle: {' needs '.join((name, *circle))}"
            yield Contradiction((*place, "workflow"), message, "take one of these requirements away")


def _hook(profile: Profile, place: KeyPath, name: str) -> Iterator[Contradiction]:
    if name not in profile.hooks:
        yield Contradiction(place, f"no hook '{name}'", near(name, profile.hooks))


def _circle(profile: Profile, goal: str, way: tuple[str, ...]) -> tuple[str, ...]:
    """The way on which a workflow needs itself; empty where there is none."""
    if way[-1] == goal:
        return way
    workflow = profile.workflows.get(way[-1])
    for needed in workflow.requires if workflow is not None else ():
        if (
            needed.workflow is not None
            and needed.workflow not in way
            and (found := _circle(profile, goal, (*way, needed.workflow)))
        ):
            return found
    return ()


def _names(workflow: Workflow, place: KeyPath) -> Iterator[Contradiction]:
    seen: dict[str, KeyPath] = {}
    for keys, _, step in workflow.placed_steps():
        if step.called in seen:
            yield Contradiction((*place, *keys), f"there is a step '{step.called}' already", "give it a `name:`")
        seen.setdefault(step.called, keys)
    for name in (*workflow.variables, *workflow.data):
        if name in GIVEN:
            yield Contradiction(place, f"'{name}' is a variable of every workflow", "take another name")


def _scenario_names(workflow: Workflow, place: KeyPath) -> Iterator[Contradiction]:
    steps = [step.called for _, _, step in workflow.placed_steps()]
    for name, scenario in workflow.scenarios.items():
        here = (*place, "scenarios", name)
        if name.partition("-")[0] not in KINDS:
            message = f"'{name}' is no kind of scenario ({', '.join(KINDS)})"
            yield Contradiction(here, message, f"{KINDS[0]}, or with words of your own behind it: edge-{name}")
        for step in scenario.steps:
            if step not in steps:
                yield Contradiction((*here, "steps", step), f"no step '{step}'", near(step, steps))
        if scenario.last is not None and scenario.last not in steps:
            yield Contradiction((*here, "last"), f"no step '{scenario.last}'", near(scenario.last, steps))


def _unreachable(workflow: Workflow, place: KeyPath) -> Iterator[Contradiction]:
    """Steps behind the last one of every scenario."""
    groups = {step.called: group for _, group, step in workflow.placed_steps()}
    ends = [groups.get(scenario.last or "") for scenario in workflow.variations().values()]
    for keys, group, step in workflow.placed_steps():
        if all(end is not None and end < group for end in ends):
            message = f"no scenario reaches the step '{step.called}'"
            yield Contradiction((*place, *keys), message, "a scenario without `last`, or no such step")


def _step(profile: Profile, name: str, workflow: Workflow, place: KeyPath, step: Step) -> Iterator[Contradiction]:
    operation = operation_of(profile, name, step)
    if operation is None and step.operation is not None:
        yield _no_operation(profile, (*place, "operation"), step.operation)
    if operation is None and step.session is not None:
        message = f"`session.{step.session}` is not declared"
        yield Contradiction((*place, "session"), message, "session: {login: …, whoami: …, refresh: …, logout: …}")
    if operation is not None:
        yield from _caller(profile, workflow, place, step, operation)
        for param in step.params:
            if "{" + param + "}" not in operation.path:
                yield Contradiction((*place, "params", param), f"{operation.path} has no '{{{param}}}'")
    yield from _created(profile, place, step, operation)
    if step.detects is not None:
        yield from _detects(workflow, (*place, "detects"), step)


def _caller(
    profile: Profile, workflow: Workflow, place: KeyPath, step: Step, operation: Operation
) -> Iterator[Contradiction]:
    identity = identity_of(workflow, step, operation)
    if identity is not None and identity not in profile.identities:
        yield Contradiction((*place, "identity"), f"no identity '{identity}'", near(identity, profile.identities))
    if step.session is None:
        return
    if identity is None:
        yield Contradiction(place, "a session is somebody's", "identity: NAME at the step or its workflow")
    elif identity in profile.identities and profile.identities[identity].password is None:
        message = f"'{identity}' has no password to log in with"
        yield Contradiction((*place, "session"), message, "an identity with username and password")
    if step.session != "login" and not _logged_in_before(workflow, step):
        yield Contradiction((*place, "session"), f"{step.session} before `session: login`", "log in at an earlier step")
    if step.each or step.until is not None:
        yield Contradiction(place, "a session call is sent once: without `each` and `until`")


def _logged_in_before(workflow: Workflow, step: Step) -> bool:
    for _, _, earlier in workflow.placed_steps():
        if earlier is step:
            return False
        if earlier.session == "login":
            return True
    return False


def _created(profile: Profile, place: KeyPath, step: Step, operation: Operation | None) -> Iterator[Contradiction]:
    if step.cleanup is None:
        return
    remover = profile.operation(step.cleanup)
    if remover is None:
        yield _no_operation(profile, (*place, "cleanup"), step.cleanup)
    elif remover.url_path().count("{") != 1:
        message = f"{remover.path} does not have the one {{id}} part that says what to remove"
        yield Contradiction((*place, "cleanup"), message)
    if not (step.id_from or (operation is not None and operation.id_from)):
        yield Contradiction((*place, "cleanup"), "`cleanup` needs `id_from`", "id_from: $.id")


def _detects(workflow: Workflow, place: KeyPath, step: Step) -> Iterator[Contradiction]:
    wanted = step.detects
    assert wanted is not None
    varied = {key: made for scenario in workflow.scenarios.values() for key, made in scenario.data.items()}
    known = varied | dict(workflow.data)
    if wanted.data not in known:
        yield Contradiction((*place, "data"), f"no data set '{wanted.data}'", near(wanted.data, known))
    elif not known[wanted.data].ratio:
        yield Contradiction(
            (*place, "data"), f"'{wanted.data}' has no anomalies", "kind: anomalies, or anomaly_ratio: 0.1"
        )
    if wanted.min_accuracy is wanted.min_precision is wanted.min_recall is None:
        yield Contradiction(place, "no limit", "min_accuracy: 0.7, min_precision: 0.6, min_recall: 0.6")
    for key, text in (("labels", wanted.labels), ("label", wanted.label)):
        if text is not None and not is_path(text):
            yield Contradiction((*place, key), f"'{text}' is not a path into JSON", "write it like $.labels")
    if step.each or step.until is not None:
        yield Contradiction(place, "what is judged by its labels is asked once: without `each` and `until`")


class _Variables:
    """Follows a workflow in one scenario and notes every variable that has no value where it is needed."""

    def __init__(self, profile: Profile, name: str, scenario: str, varied: Scenario) -> None:
        self._profile, self._name, self._scenario, self._varied = profile, name, scenario, varied
        self._workflow = profile.workflows[name]

    def faults(self) -> Iterator[Contradiction]:
        """Unknown variables, and places and schemas that are none, in the order of the steps."""
        known = set(GIVEN)
        for part in (*self._needed(self._workflow, (self._name,)), self._workflow):
            known |= {*part.variables, *_figures(part)}
            if part is not self._workflow:
                known |= {name for _, _, step in part.placed_steps() for name in step.extract}
        known |= {*self._varied.variables, *_figures(self._varied)}
        current, fresh = -1, set[str]()
        for keys, group, step in self._workflow.placed_steps():
            if group != current:  # what a step of a parallel group learns is there after the group
                known, fresh, current = known | fresh, set(), group
            change = self._varied.steps.get(step.called)
            place: KeyPath = ("workflows", self._name, *keys)
            changed_at: KeyPath = ("workflows", self._name, "scenarios", self._scenario, "steps", step.called)
            yield from self._step(changed(step, change), change, known, (place, changed_at))
            fresh |= set(changed(step, change).extract)
            if step.called == self._varied.last:
                return

    def _needed(self, workflow: Workflow, seen: tuple[str, ...]) -> Iterator[Workflow]:
        for part in workflow.requires:
            needed = self._profile.workflows.get(part.workflow or "")
            if needed is not None and part.workflow is not None and part.workflow not in seen:
                yield from self._needed(needed, (*seen, part.workflow))
                yield needed

    def _step(
        self, step: Step, change: StepChange | None, known: set[str], places: tuple[KeyPath, KeyPath]
    ) -> Iterator[Contradiction]:
        given = change.model_fields_set if change is not None else set()

        def at(key: str) -> KeyPath:
            return (*places[1 if key in given else 0], key)

        here = known | set(step.each)
        for key in ("params", "query", "headers", "body", "expect", "until"):
            for name in names_in(_plain(getattr(step, key))):
                yield from _unknown(name, here, at(key))
        yield from (fault for name in names_in(step.each) for fault in _unknown(name, known, at("each")))
        yield from self._path(step, here, places[0])
        if step.each and next(iter(step.each.values())) in ([], ""):
            yield Contradiction(at("each"), "a loop over nothing: the step is never sent", "a list with rows")
        for key, text in _paths(step):
            if not is_path(text):
                yield Contradiction(at(key), f"'{text}' is not a path into JSON", "write it like $.items[0].id")
        schema = step.expect.json_schema if step.expect is not None else None
        if schema is not None:
            yield from (Contradiction((*at("expect"), "schema"), *fault) for fault in _schema_faults(schema))

    def _path(self, step: Step, known: set[str], place: KeyPath) -> Iterator[Contradiction]:
        operation = operation_of(self._profile, self._name, step)
        if operation is None or step.session is not None:
            return
        for name in parts_of(operation.path):
            if name not in operation.params and name not in step.params and _unknown_root(name, known):
                message = f"nothing fills '{{{name}}}' in {operation.path}"
                yield Contradiction(place, message, f"params: {{{name}: …}}, or a variable of that name")
        yield from (
            fault
            for name in names_in(operation.body if step.body is None else None)
            for fault in _unknown(name, known, place)
        )


def _figures(part: Workflow | Scenario) -> Iterator[str]:
    """The variables of its data sets."""
    for name in part.data:
        yield from (f"{name}.{figure}" for figure in FIGURES)


def _unknown_root(name: str, known: Iterable[str]) -> bool:
    """Whether neither the name nor the variable that it looks into is known."""
    roots = {found.partition(".")[0] for found in known if "." in found}
    first = name.partition(".")[0]
    return name not in known and (first in roots or first not in known)


def _unknown(name: str, known: set[str], place: KeyPath) -> Iterator[Contradiction]:
    if _unknown_root(name, known):
        yield Contradiction(place, f"no variable '{name}' is known here", near(name, known))


def _plain(value: Json) -> Json:
    """A part of a step as plain data."""
    return value.model_dump(by_alias=True) if hasattr(value, "model_dump") else value


def _paths(step: Step) -> Iterator[tuple[str, str]]:
    for place in step.extract.values():
        if not place.startswith(HEADER):
            yield "extract", place
    if step.expect is not None:
        yield from (("expect", place) for place in step.expect.values)
    if step.until is not None:
        yield from (("until", place) for place in (*step.until.values, *step.until.unless))
    if step.id_from is not None:
        yield "id_from", step.id_from


def _schema_faults(schema: Json) -> list[tuple[str, str]]:
    names = dict.fromkeys(names_in(schema))
    tries = [
        list(schema_faults(filled(schema, dict.fromkeys(names, value)))) for value in (STANDS_FOR if names else (1,))
    ]
    return [] if any(not faults for faults in tries) else tries[0]


def _no_operation(profile: Profile, place: KeyPath, name: str) -> Contradiction:
    known = [operation.id for _, _, operation in profile.all_operations()]
    return Contradiction(place, f"no operation has the id '{name}'", near(name, known))
