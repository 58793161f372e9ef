"""What users of a load phase do one after the other: steps with values from answers and from files, and think time."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from hybridcheck.cases import Json
from hybridcheck.profile.parts import Headers, Strict
from hybridcheck.profile.templates import names_in, unclosed_in

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)]
ScenarioName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=60)]
Think = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)]

USER = frozenset({"user", "iteration"})
"""Variables that are always there: the number of the virtual user, and how often it has begun a scenario; both from 0."""


class LoadStep(Strict):
    """One request of a scenario: a declared operation, with `{name}` filled in wherever it is written.

    `params` fill the `{name}` parts of the path, and variables of the same name the others; `query`, `headers` and `body`
    stand in the place of the operation's. `extract`: variables from the JSON answer (`$.items[0].id`). `think_s`: how long
    the user waits before the next step, or [least, most].
    """

    operation: str
    params: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] | None = None
    headers: Headers = Field(default_factory=dict)
    body: Json = None
    extract: dict[Variable, str] = Field(default_factory=dict)
    think_s: Think | tuple[Think, Think] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _operation_alone(cls, data: Json) -> Json:
        return {"operation": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _least_before_most(self) -> "LoadStep":
        if isinstance(self.think_s, tuple) and self.think_s[0] > self.think_s[1]:
            raise ValueError("think_s is [least, most]")
        return self

    @property
    def as_declared(self) -> bool:
        """Whether it asks what its operation asks, so that the answer is what the operation says of its own."""
        return not self.params and self.query is None and self.body is None

    def needs(self) -> Iterator[str]:
        """Every variable that the step's own words name."""
        yield from names_in(self._texts())

    def unclosed(self) -> Iterator[str]:
        """What looks like a variable that somebody began to name in the step's own words, without its end."""
        yield from unclosed_in(self._texts())

    def _texts(self) -> Json:
        return [self.params, self.query or {}, self.headers, self.body]


class LoadScenario(Strict):
    """A way through the system that one user takes; `weight` says how often it is begun beside the others."""

    weight: Annotated[int, Field(ge=1, le=10_000)] = 1
    steps: Annotated[tuple[LoadStep, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="before")
    @classmethod
    def _steps_alone(cls, data: Json) -> Json:
        return {"steps": data} if isinstance(data, list | tuple) else data


class FeederIdentities(Strict):
    """Virtual users who log in, through `session.login`, with the rows of a feeder: columns of the name and the password.

    Each row belongs to one user for good: `{FEEDER.column}` is that user's own in every step, of setup and teardown too.
    """

    feeder: Variable
    username: str
    password: str


class Feeder(Strict):
    """A file of data whose rows users take turns with: `{NAME.column}` in a step.

    `file`: CSV with a head line (`.csv`), or one JSON object per line (`.jsonl`, `.ndjson`), relative to the profile.
    `order`: `circular` begins anew at the end, `random` draws by the run's seed, `once` gives each row to one iteration.
    """

    file: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    order: Literal["circular", "random", "once"] = "circular"
    _rows: int | None = PrivateAttr(default=None)

    @property
    def rows(self) -> int | None:
        """How many rows the file had when the profile was read; None where it was not."""
        return self._rows

    def read(self, file: str, rows: int | None) -> "Feeder":
        """The feeder with the path of its file, and how many rows are in it."""
        found = self.model_copy(update={"file": file})
        found._rows = rows  # noqa: SLF001 - a copy of itself
        return found

    @model_validator(mode="before")
    @classmethod
    def _file_alone(cls, data: Json) -> Json:
        return {"file": data} if isinstance(data, str) else data
