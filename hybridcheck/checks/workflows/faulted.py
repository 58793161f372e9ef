"""Do workflows end as declared while a part of the system is down, silent or slow."""

from collections.abc import Iterator
from contextlib import AsyncExitStack

from hybridcheck.cases import Case, Dimension, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import DisruptCheck, Scene
from hybridcheck.checks.workflows.completes import PAUSE_S, ROUNDS, TAGS, arrived, judge_rounds
from hybridcheck.checks.workflows.travelling import journey_in, journey_params, rounds_of, travel, writing
from hybridcheck.evidence import Evidence, Observation
from hybridcheck.profile.journeys import Journey, journeys, suite_of
from hybridcheck.target import DisruptTarget
from hybridcheck.verdict import Finding

NEEDS = "scenarios: {failure: {hooks: [NAME], steps: {STEP: {expect: 503}}, last: STEP}} at a workflow, and hooks: {NAME: …}"


class WorkflowUnderFaults(DisruptCheck):
    """A declared workflow ends as declared while its scenario's hooks are applied.

    Makes each scenario that names hooks, or whose workflow requires one, while they are applied and proved to work; they
    are taken back after each journey. As in `workflow.completes` the same step has to go wrong in two of two. What the
    journey created is removed when the hooks are gone.
    """

    id = "workflow.under-faults"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    tags = TAGS
    remedy = "Follow the journey up to the named step: what waits for ever, or goes on as if nothing had happened?"
    refs = ("CWE-636", "CWE-755")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per journey with hooks."""
        found = [journey for journey in journeys(scene.profile) if journey.hooks]
        for journey in found:
            params = journey_params(journey, suite_of(scene.profile, journey))
            yield Case(check=self.id, subject=journey.name, params=params)
        if not found:
            yield Unmet(subject="workflows", needs=NEEDS)

    async def probe(self, case: Case, target: DisruptTarget) -> None:
        """Make the journey under its hooks, and again where it did not end as declared."""
        journey = journey_in(case.params)
        for number in range(1, ROUNDS + 1):
            async with AsyncExitStack() as applied:
                for label, hook in _labelled(journey, number):
                    await applied.enter_async_context(target.disturbed(label, hook))
                walks = await travel(journey, target, writing(target), f"round{number}")
            if arrived(walks):
                return
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """As `workflow.completes`, where every hook is proved to have worked in every round."""
        journey = journey_in(case.params)
        for number, _ in enumerate(rounds_of(journey, evidence, ROUNDS), start=1):
            for label, hook in _labelled(journey, number):
                if not evidence.one(Observation, f"{label}.active").values.get("done"):
                    raise Undecided(Reason.FAULT_NOT_DELIVERED, f"the hook '{hook}' did not work")
        return judge_rounds(case, evidence)


def _labelled(journey: Journey, number: int) -> list[tuple[str, str]]:
    """Each hook with its label in a round."""
    return [(f"hook{index}.round{number}", hook) for index, hook in enumerate(journey.hooks, start=1)]
