"""Do the declared workflows arrive at their end, each in its scenarios."""

from collections.abc import Iterator
from dataclasses import dataclass

from hybridcheck.cases import Case, Dimension, Phase, Reason, Severity, Unmet
from hybridcheck.checks.check import Check, ReadCheck, Scene, WriteCheck
from hybridcheck.checks.workflows import afterwards
from hybridcheck.checks.workflows.travelling import (
    Sending,
    journey_in,
    journey_params,
    left_behind,
    reading,
    rounds_of,
    travel,
    writing,
)
from hybridcheck.checks.workflows.walking import Trouble, Walked
from hybridcheck.evidence import Evidence
from hybridcheck.profile.journeys import Journey, journeys, suite_of
from hybridcheck.target import ReadTarget, WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS = 2
"""A journey that does not arrive is made again, with new data, before it counts as a fail."""

PAUSE_S = 0.3

TAGS = ("workflow", "end_to_end")
NEEDS = "workflows: {browse: {steps: [{name: list, request: GET /items}]}}"
NEEDS_WRITES = (
    "workflows: {order: {steps: [{name: make, request: POST /orders -> 201, cleanup: deleteOrder, id_from: $.id}]}}"
)


def cases_of(check: Check, scene: Scene, *, reads: bool, needs: str) -> Iterator[Case | Unmet]:
    """One case per journey that only reads, or does not; one unmet where there is none."""
    found = [journey for journey in journeys(scene.profile) if journey.reads is reads and not journey.hooks]
    for journey in found:
        params = journey_params(journey, suite_of(scene.profile, journey))
        params["beside"] = afterwards.beside(scene.profile, journey)
        yield Case(check=check.id, subject=journey.name, params=params)
    if not found:
        yield Unmet(subject="workflows", needs=needs)


async def probe_rounds(case: Case, target: ReadTarget, send: Sending) -> None:
    """Make the journey, and again where it did not arrive; ask beside a step that broke."""
    journey = journey_in(case.params)
    for number in range(1, ROUNDS + 1):
        walks = await travel(journey, target, send, f"round{number}")
        if arrived(walks):
            return
        await afterwards.look(case.params, target, walks)
        await target.sleep(PAUSE_S)


def arrived(walks: tuple[Walked, ...]) -> bool:
    """Whether every copy came to its end."""
    return not any(walked.trouble for walked in walks)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of all copies: which of them met trouble."""

    walks: tuple[Walked, ...]

    @property
    def troubles(self) -> dict[str, tuple[Trouble, ...]]:
        """By step, what went wrong in which copies."""
        found: dict[str, tuple[Trouble, ...]] = {}
        for walked in self.walks:
            if walked.trouble is not None:
                name = walked.trouble.step.name
                found[name] = (*found.get(name, ()), walked.trouble)
        return found

    @property
    def lines(self) -> tuple[int, ...]:
        """The ledger lines of all its exchanges."""
        return tuple(line for walked in self.walks for line in walked.lines)

    @property
    def throttled(self) -> bool:
        """Whether a copy was told to come more slowly."""
        return any(walked.trouble is not None and walked.trouble.throttled for walked in self.walks)


def judge_rounds(case: Case, evidence: Evidence) -> Finding:
    """Pass where every copy arrives in the first round and leaves nothing; fail where the same step stops one in both."""
    journey = journey_in(case.params)
    expected = f"{journey.name}: {len(journey.steps)} steps as declared{_copies(journey)}"
    rounds = [Round(walks) for walks in rounds_of(journey, evidence, ROUNDS)]
    left = "".join(f"; left behind: {thing}" for thing in left_behind(evidence))
    details = {"exchanges": tuple(line for made in rounds for line in made.lines), "n": len(rounds)}
    if not rounds:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "the first round is not recorded")
    first = rounds[0].troubles
    if not first:
        if left:
            return undecided(Reason.SUSPECTED, expected, f"it arrives, and cannot be undone{left}", **details)
        steps = len(rounds[0].walks[0].answers)
        return passed(expected, f"{steps} steps as declared, {len(rounds[0].lines)} answers", **details)
    if any(made.throttled for made in rounds):
        return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", **details)
    words = in_words(next(iter(first.values())), journey)
    if len(rounds) < ROUNDS:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{words}; not repeated{left}", **details)
    again = [name for name in rounds[1].troubles if name in first]
    if not again:
        return undecided(Reason.FLAKY, expected, f"not every time: {words}{left}", **details)
    if any(afterwards.outage(case.params, evidence, made.walks) for made in rounds):
        text = f"{words}, and its service did not answer afterwards either{left}"
        return undecided(Reason.SUSPECTED, expected, text, **details)
    return _stopped(journey, rounds[1].troubles[again[0]], left, details)


def _stopped(journey: Journey, troubles: tuple[Trouble, ...], left: str, details: dict[str, object]) -> Finding:
    """The finding about the step that stopped a journey in both rounds; undecided where it was only preparation."""
    trouble = troubles[0]
    wanted = f"{journey.name}, step '{trouble.step.name}': {trouble.expected}"
    words = f"{in_words(troubles, journey)}; in {ROUNDS} of {ROUNDS} rounds{left}"
    if trouble.step.preparation:
        text = f"'{trouble.step.preparation}', which it requires, is not there: {words}"
        return undecided(Reason.NO_TEST_DATA, wanted, text, **details)
    if trouble.line >= 0:
        details = {**details, "exchanges": tuple(t.line for t in troubles if t.line >= 0)}
    return failed(wanted, words, **details)


def in_words(troubles: tuple[Trouble, ...], journey: Journey) -> str:
    """Which step went wrong, as what and for whom, with what came instead of what was expected."""
    trouble = troubles[0]
    step = trouble.step
    who = f" as {step.identity}" if step.identity else ""
    some = f" in {len(troubles)} of {journey.copies} copies" if journey.copies > 1 else ""
    return f"step '{step.name}' ({step.operation.method} {step.operation.path}{who}){some}: {trouble.observed}"


def _copies(journey: Journey) -> str:
    return f", {journey.copies} copies at once" if journey.copies > 1 else ""


class WorkflowCompletes(WriteCheck):
    """A declared workflow arrives at its end: every step is answered as declared, with what earlier steps gave.

    Sends the steps of each workflow in each of its scenarios, with variables taken from earlier answers and data made
    from the run's seed; a stress scenario makes several copies at once. A journey that stops is made again with new
    data: the same step in both is a fail, which names the step, what was expected and what came; a step that broke
    counts only where its service answered something else right after. What a step created is removed in reverse order
    when the case has ended, however it ended; what could not be removed is named, and leaves the case undecided, as a
    requirement does that is not met.
    """

    id = "workflow.completes"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    tags = TAGS
    remedy = "Follow the journey up to the named step by its recorded exchanges: which answer was the first to differ?"
    refs = ("ISO/IEC 25010 functional completeness",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per workflow that changes something, and scenario."""
        yield from cases_of(self, scene, reads=False, needs=NEEDS_WRITES)

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Make the journey, and again where it did not arrive."""
        await probe_rounds(case, target, writing(target))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on one whole journey; fail on two that stopped at the same step."""
        return judge_rounds(case, evidence)


class ReadingWorkflowCompletes(ReadCheck):
    """A declared workflow that changes nothing arrives at its end: every step is answered as declared.

    As `workflow.completes`, for workflows whose steps only read: these are also sent to production.
    """

    id = "workflow.reading-completes"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    phase = Phase.WRITE
    tags = TAGS
    remedy = WorkflowCompletes.remedy
    refs = WorkflowCompletes.refs

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per workflow that only reads, and scenario."""
        yield from cases_of(self, scene, reads=True, needs=NEEDS)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Make the journey, and again where it did not arrive."""
        await probe_rounds(case, target, reading(target))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on one whole journey; fail on two that stopped at the same step."""
        return judge_rounds(case, evidence)
