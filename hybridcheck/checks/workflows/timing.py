"""Do the steps of a workflow, and the whole of it, keep their declared times."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Phase, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene, WriteCheck
from hybridcheck.checks.workflows.completes import PAUSE_S, TAGS
from hybridcheck.checks.workflows.travelling import (
    Sending,
    journey_in,
    journey_params,
    reading,
    rounds_of,
    travel,
    writing,
)
from hybridcheck.checks.workflows.walking import Walked
from hybridcheck.evidence import Evidence
from hybridcheck.profile.journeys import Journey, journeys, suite_of
from hybridcheck.target import ReadTarget, WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS = 3
"""Three of three that are late are a fail; a journey that is late once shares its machine with others."""

WHOLE = "the whole journey"
NEEDS = "max_ms at a step of a workflow, or max_s at a workflow"


def timed(scene: Scene, *, reads: bool) -> Iterator[Journey]:
    """The normal scenario, or else the first, of each workflow that declares times."""
    seen: set[str] = set()
    found = sorted(journeys(scene.profile), key=lambda journey: journey.scenario != "normal")
    for journey in found:
        has_limits = journey.max_s is not None or any(step.max_ms is not None for step in journey.steps)
        suits = journey.reads is reads and journey.copies == 1 and not journey.hooks
        if has_limits and suits and journey.workflow not in seen:
            seen.add(journey.workflow)
            yield journey


def timed_cases(check: str, scene: Scene, *, reads: bool) -> Iterator[Case | Unmet]:
    """One case per workflow that declares times; one unmet where none does."""
    found = list(timed(scene, reads=reads))
    for journey in found:
        params = journey_params(journey, suite_of(scene.profile, journey))
        yield Case(check=check, subject=journey.name, params=params)
    if not found:
        yield Unmet(subject="workflows", needs=f"{NEEDS} that {'only reads' if reads else 'changes something'}")


async def probe_times(journey: Journey, target: ReadTarget, send: Sending) -> None:
    """Make the journey, and again while a step of it is late."""
    for number in range(1, ROUNDS + 1):
        walks = await travel(journey, target, send, f"round{number}")
        if walks[0].trouble is not None or not late(journey, walks[0]):
            return
        await target.sleep(PAUSE_S)


def late(journey: Journey, walked: Walked) -> dict[str, tuple[float, float]]:
    """By step (and the whole), the slowest answer and its limit, in ms, where that was over it."""
    found: dict[str, tuple[float, float]] = {}
    for step in journey.steps:
        own = [e for e in walked.exchanges if _is_of(e.label, step.name) and e.total_ms is not None]
        slowest = max((exchange.total_ms or 0.0 for exchange in own), default=0.0)
        if step.max_ms is not None and slowest > step.max_ms:
            found[step.name] = (slowest, step.max_ms)
    if journey.max_s is not None and (taken_ms := duration_ms(walked)) > journey.max_s * 1000:
        found[WHOLE] = (taken_ms, journey.max_s * 1000)
    return found


def duration_ms(walked: Walked) -> float:
    """From the first request to the last answer."""
    begin = min((exchange.at_s for exchange in walked.exchanges), default=0.0)
    return max((e.at_s * 1000 + (e.total_ms or 0.0) for e in walked.exchanges), default=0.0) - begin * 1000


def _is_of(label: str, step: str) -> bool:
    """Whether a label (`round1.copy1.STEP`, with `.row2` or `.poll3` behind it) is of the step."""
    return label.split(".", 2)[-1].partition(".")[0] == step


def judge_times(case: Case, evidence: Evidence) -> Finding:
    """Pass where the first round keeps every time; fail where the same step is late in all of them."""
    journey = journey_in(case.params)
    expected = f"{journey.name}: every step within its max_ms" + (
        f", all within {journey.max_s:g} s" if journey.max_s else ""
    )
    rounds = [walks[0] for walks in rounds_of(journey, evidence, ROUNDS)]
    if not rounds:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "the first round is not recorded")
    details: dict[str, object] = {"exchanges": tuple(line for made in rounds for line in made.lines), "n": len(rounds)}
    broken = next((made.trouble for made in rounds if made.trouble is not None), None)
    if broken is not None:
        text = f"the journey ended at step '{broken.step.name}': {broken.observed}"
        return undecided(Reason.NO_TEST_DATA, expected, text, **details)
    found = [late(journey, made) for made in rounds]
    if not found[0]:
        taken = f"{duration_ms(rounds[0]) / 1000:.2f} s in all"
        return passed(expected, taken, value=duration_ms(rounds[0]), unit="ms", **details)
    name, (took_ms, limit_ms) = next(iter(found[0].items()))
    words = f"{_named(name)} took {took_ms:.0f} ms"
    if len(rounds) < ROUNDS:
        complete = not found[-1]
        reason = Reason.FLAKY if complete else Reason.EVIDENCE_INCOMPLETE
        return undecided(reason, expected, f"{words}; {'not every time' if complete else 'not repeated'}", **details)
    always = [name for name in found[0] if all(name in each for each in found)]
    if not always:
        return undecided(Reason.FLAKY, expected, f"not every time: {words}", **details)
    fastest, limit_ms = min(each[always[0]] for each in found)
    text = f"{_named(always[0])} took {fastest:.0f} ms or more, {ROUNDS} times of {ROUNDS}"
    figures = {"value": fastest, "limit": limit_ms, "unit": "ms"}
    return failed(f"{journey.name}: {_named(always[0])} within {limit_ms:.0f} ms", text, **figures, **details)


def _named(step: str) -> str:
    return step if step == WHOLE else f"step '{step}'"


class WorkflowInTime(WriteCheck):
    """The steps of a declared workflow are answered within their time, and all of it within its own.

    Makes the normal scenario of each workflow that declares `max_ms` at a step or `max_s`, alone. A step that is late
    is made again with the whole journey; late three times of three is a fail. A journey that does not arrive says
    nothing about times.
    """

    id = "workflow.in-time"
    dimension = Dimension.PERFORMANCE
    severity = Severity.HIGH
    tags = TAGS
    remedy = "Look at the slow step's own time in the service (a trace) before that of the way to it."
    refs = ("ISO/IEC 25010 time behaviour",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per workflow that changes something and declares times."""
        yield from timed_cases(self.id, scene, reads=False)

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Make the journey, and again while a step of it is late."""
        await probe_times(journey_in(case.params), target, writing(target))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on one journey in time; fail on three in which the same step was late."""
        return judge_times(case, evidence)


class ReadingWorkflowInTime(ReadCheck):
    """The steps of a declared workflow that changes nothing are answered within their time.

    As `workflow.in-time`, for workflows whose steps only read.
    """

    id = "workflow.reading-in-time"
    dimension = Dimension.PERFORMANCE
    severity = Severity.HIGH
    phase = Phase.WRITE
    tags = TAGS
    remedy = WorkflowInTime.remedy
    refs = WorkflowInTime.refs

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per workflow that only reads and declares times."""
        yield from timed_cases(self.id, scene, reads=True)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Make the journey, and again while a step of it is late."""
        await probe_times(journey_in(case.params), target, reading(target))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on one journey in time; fail on three in which the same step was late."""
        return judge_times(case, evidence)
