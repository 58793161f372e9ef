"""What a check is: a promise, the cases that it makes of a profile, how it gathers, and how it judges.

One base class per safety class. `cases` is pure and runs before the first byte; `probe` talks to the target and
records; `judge` is pure and sees the sealed records. A judge that misses evidence it needs raises `Undecided` (the
`Evidence` methods do that for it); the engine turns a gap among the records of a case into `inconclusive` before the
judge is asked, unless the check says `judges_gaps`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from hybridcheck.cases import Budget, Case, CoreQuestion, Dimension, Phase, SafetyClass, Severity, Unmet
from hybridcheck.evidence import Evidence
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.target import AbuseTarget, DisruptTarget, LoadTarget, ReadTarget, WriteTarget
from hybridcheck.verdict import Finding


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known before the first byte: the profile, the target's address and environment, and the budget."""

    profile: Profile
    base_url: str
    environment: Environment
    budget: Budget = Budget.STANDARD


class Check(ABC):
    """The base of all checks. The first docstring line of a subclass is its title, the rest what it proves and how.

    `id` is `topic.promise`. `remedy` says what to do about a fail. `since` is the catalogue number that it came with.
    `formerly` keeps old ids alive in waivers and policies. `suite` is the leaf of requirement 004's integration tree
    that its cases belong to, by kind of service ("auth", "dashboard", "streaming", "analytics", "ai_detection",
    "monitoring", "boundary", "communication", "api"); empty where the case's params name it under "suite".
    Cases of a check that `waits` (for an expiry, on an idle connection) more than it asks begin before the others.
    """

    id: ClassVar[str]
    dimension: ClassVar[Dimension]
    severity: ClassVar[Severity]
    remedy: ClassVar[str]
    since: ClassVar[int] = 1
    refs: ClassVar[tuple[str, ...]] = ()
    formerly: ClassVar[tuple[str, ...]] = ()
    core: ClassVar[CoreQuestion | None] = None
    suite: ClassVar[str] = ""
    tags: ClassVar[tuple[str, ...]] = ()
    safety: ClassVar[SafetyClass]
    phase: ClassVar[Phase]
    judges_gaps: ClassVar[bool] = False
    waits: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """The promise in one sentence: the first line of the docstring."""
        return (type(self).__doc__ or "").strip().splitlines()[0]

    def expects(self, case: Case) -> str:
        """What a case expects, with its limit where it has one: told where its judge finds no evidence to judge. Pure."""
        return self.title

    @abstractmethod
    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """The cases that this profile gives, and what it would need for more. Pure."""

    @abstractmethod
    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """The finding of a case, from its sealed records alone. Pure."""


class ReadCheck(Check):
    """Sends only what changes nothing."""

    safety = SafetyClass.READ
    phase = Phase.READ

    @abstractmethod
    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Gather the facts of one case."""


class PassiveCheck(ReadCheck):
    """Sends nothing: judges every exchange of the run. Its cases declare `shared=("*",)`."""

    phase = Phase.AFTER

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Nothing to gather."""


class WriteCheck(Check):
    """Creates and changes only what this run created."""

    safety = SafetyClass.WRITE
    phase = Phase.WRITE

    @abstractmethod
    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Gather the facts of one case."""


class LoadCheck(Check):
    """Judges, and where it says so drives, sustained traffic within the profile's budgets."""

    safety = SafetyClass.LOAD
    phase = Phase.LOAD
    needs_whole_phase: ClassVar[bool] = True
    """Whether a load phase that is ended early leaves a case undecided that shares its stream, unless the case is a rate."""

    async def before_load(self, case: Case, target: LoadTarget) -> None:
        """Gather, into the case's own stream, what the target is like before the load phases begin; by default nothing."""

    @abstractmethod
    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Gather the facts of one case; the shared load streams exist already."""


class AbuseCheck(Check):
    """Sends what may hurt others; needs `--allow abuse`."""

    safety = SafetyClass.ABUSE
    phase = Phase.ABUSE

    @abstractmethod
    async def probe(self, case: Case, target: AbuseTarget) -> None:
        """Gather the facts of one case."""


class DisruptCheck(Check):
    """Applies hooks that others feel as well; needs `--allow disrupt`."""

    safety = SafetyClass.DISRUPT
    phase = Phase.FAULT

    @abstractmethod
    async def probe(self, case: Case, target: DisruptTarget) -> None:
        """Gather the facts of one case."""
