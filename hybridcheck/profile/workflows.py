"""Workflows: journeys of a user or a system through several operations, and the scenarios that vary them.

A step sends a declared operation, a request of its own, or a session call; `{name}` in what it sends and expects is
a variable (see `profile.templates`). What a step creates is removed when the journey has ended, however it ended.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import parse_qsl

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from hybridcheck.cases import Json
from hybridcheck.profile.operations import SHORT, Expect, Operation
from hybridcheck.profile.parts import Name, Positive, Ratio, Strict

NOBODY = "none"
"""As the identity of a step: it is sent without credentials."""

StepName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=100)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
Suite = Literal[
    "auth", "dashboard", "streaming", "analytics", "ai_detection", "monitoring", "boundary", "communication", "api"
]


class Flexible(Strict):
    """Parts of requests: `page: 1` is text as it is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, coerce_numbers_to_str=True)


class DataSet(Strict):
    """A data set that the tester makes from the run's seed; which rows are anomalies it keeps to itself.

    `normal`: numbers around `center` with the deviation `spread`. `anomalies`: the same, with `anomaly_ratio` of the
    rows `distance` deviations away on either side. `series`: a wave of `period` rows on a trend, with noise, one row each `step_s`
    seconds, and `anomaly_ratio` of the rows away from it. With more than one column each row is a list.
    """

    kind: Literal["normal", "anomalies", "series"] = "normal"
    rows: Annotated[int, Field(ge=1, le=10_000)] = 100
    columns: Annotated[int, Field(ge=1, le=100)] = 1
    center: float = 0.0
    spread: Positive = 1.0
    anomaly_ratio: Annotated[float, Field(ge=0, le=0.5)] | None = None
    distance: Annotated[float, Field(ge=3, le=1000)] = 8.0
    period: Annotated[int, Field(ge=2)] = 24
    step_s: Positive = 60.0

    @property
    def ratio(self) -> float:
        """The share of rows that are anomalies: a tenth of a set of that kind unless it says otherwise."""
        if self.anomaly_ratio is not None:
            return self.anomaly_ratio
        return 0.1 if self.kind == "anomalies" else 0.0


class Until(Strict):
    """Ask again every `every_ms` until the answer has these values, at the latest `within_s` after the first answer.

    `unless`: values at places of the answer that say that it will never come; the step fails at once.
    """

    values: Annotated[dict[str, Json], Field(min_length=1)]
    unless: dict[str, Json] = Field(default_factory=dict)
    within_s: Annotated[float, Field(gt=0, le=3600)]
    every_ms: Annotated[float, Field(ge=10, le=60_000)] = 200


class Detects(Strict):
    """The answer says which rows of a data set are anomalies; the tester knows, and holds it to these limits.

    `labels`: the place of a list with one entry per row. `label`: where in an entry its label stands, if it is not the
    label itself. `anomaly`: the label that means an anomaly.
    """

    data: Variable
    labels: str = "$.labels"
    label: str | None = None
    anomaly: Json = "anomaly"
    min_accuracy: Ratio | None = None
    min_precision: Ratio | None = None
    min_recall: Ratio | None = None


class StepChange(Flexible):
    """What a scenario may say otherwise about a step."""

    identity: str | None = None
    params: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Json = None
    expect: Expect | None = None
    max_ms: Positive | None = None
    extract: dict[Variable, str] = Field(default_factory=dict)
    each: Annotated[dict[Variable, Json], Field(max_length=1)] = Field(default_factory=dict)
    until: Until | None = None

    @model_serializer(mode="wrap")
    def _as_written(self, written: SerializerFunctionWrapHandler) -> dict[str, Json]:
        """Only what was said: a scenario's change stands over a step, and defaults that nobody wrote must not."""
        found: dict[str, Json] = written(self)
        if self.expect is not None:
            found["expect"] = self.expect.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {key: value for key, value in found.items() if key in self.model_fields_set}


class Step(StepChange):
    """One step: a declared `operation`, a `request` of its own (`POST /path -> 201`), or a `session` call.

    `params` fill the `{name}` parts of the path, variables of the same name the others. `expect` stands over what the
    operation declares; one that names a status replaces all of it. `max_ms`: how long the answer may take. `extract`:
    variables from the answer (`$.id`, `header:ETag`); of a loop they are lists. `each`: one variable and the list that
    it runs over. `cleanup` is the operation that removes what the step created, `id_from` where its id stands;
    declared operations bring their own.
    """

    name: StepName | Literal[""] = ""
    operation: str | None = None
    request: Annotated[str, StringConstraints(max_length=2000)] | None = None
    safe: bool = False
    session: Literal["login", "whoami", "refresh", "logout"] | None = None
    cleanup: str | None = None
    id_from: str | None = None
    detects: Detects | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> "Step":
        beside = bool(getattr(self, "parallel", ()))
        if beside and self.model_fields_set - {"parallel"}:
            raise ValueError("`parallel` stands alone: what a step sends and expects is said at the steps in it")
        ways = [self.operation, self.request, self.session]
        if sum(way is not None for way in ways) + beside != 1:
            raise ValueError(
                "a step is exactly one of `operation`, `request`, `session` or, beside each other, `parallel`"
            )
        if self.request is not None and SHORT.match(self.request) is None:
            raise ValueError(f"'{self.request[:80]}' is not of the form 'GET /path' or 'POST /path -> 201'")
        if not beside and not self.called:
            raise ValueError("a step needs a `name` of letters, digits, - and _")
        return self

    @property
    def called(self) -> str:
        """The step's name: its own, else that of its operation or session call; empty where none will do."""
        return self.name or (
            found if re.fullmatch(r"[A-Za-z0-9_-]+", found := self.operation or self.session or "") else ""
        )

    def inline(self, workflow: str) -> Operation | None:
        """The operation that a `request` stands for, with an id of its own; None for any other step."""
        match = SHORT.match(self.request) if self.request is not None else None
        if match is None:
            return None
        path, _, query = match["path"].partition("?")
        return Operation(
            id=f"{workflow}/{self.called}",
            method=match["method"] or "GET",  # type: ignore[arg-type]  # any other word is an error of the models
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            auth="optional",
            safe=self.safe,
            expect=Expect(status=(int(match["status"] or 200),)),
        )


class Stage(Step):
    """A step, or several in `parallel`, which go out together."""

    parallel: tuple[Step, ...] = ()


class Requirement(Strict):
    """What has to be there before the first step.

    An `operation` that answers as declared, a `workflow` gone through (in its normal scenario; its variables are there
    for this one), or a `hook` that is applied for as long as the journey takes.
    """

    operation: str | None = None
    workflow: Name | None = None
    hook: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> "Requirement":
        if sum(way is not None for way in (self.operation, self.workflow, self.hook)) != 1:
            raise ValueError("a requirement is one of `operation`, `workflow` and `hook`")
        return self


class Scenario(Strict):
    """A variation of a workflow: other values, data, steps.

    `last` is the step that it ends with, `concurrency` how many copies are made at once, `hooks` are applied for as long as
    it takes (`--allow disrupt`).
    """

    variables: dict[Variable, Json] = Field(default_factory=dict)
    data: dict[Variable, DataSet] = Field(default_factory=dict)
    steps: dict[StepName, StepChange] = Field(default_factory=dict)
    last: str | None = None
    hooks: tuple[Name, ...] = ()
    concurrency: Annotated[int, Field(ge=1, le=50)] = 1


class Workflow(Strict):
    """A journey: its steps in order, and the scenarios in which it is made (`normal` where none is declared).

    `identity` is who makes it, unless a step says otherwise. `max_s`: how long all of it may take. `suite` is the leaf
    of the integration tree; by default the kind of the services that it touches.
    """

    title: Annotated[str, StringConstraints(max_length=200)] = ""
    suite: Suite | None = None
    identity: str | None = None
    requires: tuple[Requirement, ...] = ()
    variables: dict[Variable, Json] = Field(default_factory=dict)
    data: dict[Variable, DataSet] = Field(default_factory=dict)
    steps: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=200)]
    scenarios: dict[Name, Scenario] = Field(default_factory=dict)
    max_s: Positive | None = None

    def placed_steps(self) -> Iterator[tuple[tuple[str | int, ...], int, Step]]:
        """Every step with its keys below the workflow and the number of its group: steps of one group run together."""
        for index, step in enumerate(self.steps):
            if not step.parallel:
                yield ("steps", index), index, step
            for inner, beside in enumerate(step.parallel):
                yield ("steps", index, "parallel", inner), index, beside

    def variations(self) -> dict[str, Scenario]:
        """Its scenarios by name; one normal one where none is declared."""
        return dict(self.scenarios) or {"normal": Scenario()}

    def operation_ids(self) -> Iterator[str]:
        """The declared operations that its steps, clean-up and requirements send."""
        for _, _, step in self.placed_steps():
            yield from (name for name in (step.operation, step.cleanup) if name is not None)
        yield from (needed.operation for needed in self.requires if needed.operation is not None)
