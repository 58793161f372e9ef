"""How well does a detection service detect, on data whose anomalies only the tester knows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene, WriteCheck
from hybridcheck.checks.operations import json_body
from hybridcheck.checks.workflows.completes import TAGS
from hybridcheck.checks.workflows.travelling import (
    BEGIN,
    Sending,
    journey_in,
    journey_params,
    reading,
    retraced,
    travel,
    writing,
)
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.journeys import Journey, JourneyStep, journeys, suite_of
from hybridcheck.profile.workflows import Detects
from hybridcheck.statistics.binomial import clopper_pearson_lower, clopper_pearson_upper
from hybridcheck.statistics.closeness import same
from hybridcheck.target import ReadTarget, WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

BASE = "round1"
PASS_CONFIDENCE = 0.95
NEEDS = "detects: {data: NAME, labels: $.labels, min_accuracy: 0.7, min_precision: 0.6, min_recall: 0.6}"
METHOD = "Clopper-Pearson, one-sided, each row a trial"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of quality: so many right of so many, and the limit it is held to."""

    name: str
    right: int
    of: int
    limit: float

    @property
    def share(self) -> float | None:
        """What was seen; None of nothing."""
        return self.right / self.of if self.of else None

    @property
    def lower(self) -> float:
        """What it is at least, at 95 %."""
        return clopper_pearson_lower(self.right, self.of, PASS_CONFIDENCE)

    def upper(self, alpha: float) -> float:
        """What it is at most, at the risk `alpha`."""
        return clopper_pearson_upper(self.right, self.of, 1.0 - alpha)

    def in_words(self, alpha: float) -> str:
        """The figure with its bounds and its limit."""
        if self.share is None:
            return f"{self.name} of nothing"
        return f"{self.name} {self.share:.3f} ({self.right} of {self.of}; {self.lower:.3f} to {self.upper(alpha):.3f}; limit {self.limit:g})"


def figures(told: Sequence[bool], truth: frozenset[int], limits: Detects) -> tuple[Figure, ...]:
    """Accuracy, precision and recall, as far as there are limits for them.

    Accuracy: right labels of all rows. Precision: true anomalies of those told. Recall: told anomalies of the true ones.
    """
    both = sum(said for index, said in enumerate(told) if index in truth)
    right = sum(said is (index in truth) for index, said in enumerate(told))
    counted = (
        ("accuracy", right, len(told), limits.min_accuracy),
        ("precision", both, sum(told), limits.min_precision),
        ("recall", both, len(truth), limits.min_recall),
    )
    return tuple(Figure(name, hits, of, limit) for name, hits, of, limit in counted if limit is not None)


def told_anomalies(exchange: Exchange, wanted: Detects) -> tuple[bool, ...]:
    """For each row of the answer whether it is called an anomaly.

    Raises:
        Undecided: where the answer has no such list.
    """
    try:
        entries = value_at(json_body(exchange), wanted.labels)
        labels = [value_at(entry, wanted.label) if wanted.label else entry for entry in entries]
    except (ValueError, TypeError, NoSuchPath) as missing:
        raise Undecided(Reason.SUSPECTED, f"no labels at {wanted.labels}: {missing}") from missing
    return tuple(same(label, wanted.anomaly, 0.0) for label in labels)


def quality_cases(check: str, scene: Scene, *, reads: bool) -> Iterator[Case | Unmet]:
    """One case per workflow step that detects, in the normal scenario; one unmet where there is none."""
    found = [
        (journey, step)
        for journey in journeys(scene.profile)
        for step in journey.steps
        if step.detects is not None and not step.preparation
        if journey.scenario == "normal" and journey.reads is reads and not journey.hooks
    ]
    for journey, step in found:
        params: dict[str, Json] = {**journey_params(journey, suite_of(scene.profile, journey)), "step": step.name}
        yield Case(check=check, subject=f"{journey.workflow} {step.name}", params=params, statistical=True)
    if not found:
        kind = "only reads" if reads else "changes something"
        yield Unmet(subject="detection", needs=f"{NEEDS}   # at a step of a workflow that {kind}")


async def probe_once(journey: Journey, target: ReadTarget, send: Sending) -> None:
    """Make the journey once: its data set is the sample."""
    await travel(journey, target, send, BASE)


def judge_quality(case: Case, evidence: Evidence) -> Finding:
    """Pass where every lower bound is above its limit; fail where an upper bound is below one; else too few rows."""
    journey = journey_in(case.params)
    step = next(step for step in journey.steps if step.name == case.params["step"])
    wanted = step.detects
    assert wanted is not None
    expected = f"{journey.workflow}, step '{step.name}': {_limits(wanted)}"
    exchange = _answer(journey, step, evidence)
    told = told_anomalies(exchange, wanted)
    truth, rows = _truth(evidence, wanted.data)
    if len(told) != rows:
        text = f"{len(told)} labels for {rows} rows"
        return undecided(Reason.SUSPECTED, expected, text, exchanges=(exchange.n,), n=rows)
    found = figures(told, truth, wanted)
    alpha = float(case.params.get("fail_alpha", 0.01)) / len(found)
    words = ", ".join(figure.in_words(alpha) for figure in found)
    below = [figure for figure in found if figure.of and figure.upper(alpha) < figure.limit]
    open_ = [figure for figure in found if not figure.of or figure.lower < figure.limit]
    shown = (below or open_ or sorted(found, key=lambda figure: figure.lower - figure.limit))[0]
    details: dict[str, object] = {
        "exchanges": (exchange.n,),
        "n": rows,
        "value": shown.share,
        "lower": shown.lower,
        "upper": shown.upper(alpha),
        "limit": shown.limit,
        "unit": "ratio",
        "method": METHOD,
        "figures": {figure.name: figure.share for figure in found},
    }
    if below:
        return failed(expected, words, **details)
    if open_:
        hint = f"more rows than {rows} in the data set '{wanted.data}' would decide"
        return undecided(Reason.TOO_FEW_SAMPLES, expected, f"{words}; {hint}", **details)
    return passed(expected, words, **details)


def _answer(journey: Journey, step: JourneyStep, evidence: Evidence) -> Exchange:
    """The answer that has the labels.

    Raises:
        Undecided: where the journey was not recorded or did not get there.
    """
    walks = retraced(journey, evidence, BASE)
    if not walks:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the journey is not recorded")
    trouble = walks[0].trouble
    if trouble is not None and trouble.throttled:
        raise Undecided(Reason.THROTTLED, "the target throttled the tester (429)")
    if trouble is not None:
        raise Undecided(Reason.NO_TEST_DATA, f"the journey ended at step '{trouble.step.name}': {trouble.observed}")
    return walks[0].answers[step.name]


def _truth(evidence: Evidence, data: str) -> tuple[frozenset[int], int]:
    """Which rows are anomalies, and how many rows there are."""
    begun = evidence.one(Observation, f"{BASE}.copy1.{BEGIN}").values
    return frozenset(begun["anomalies"][data]), int(begun["variables"][data]["count"])


def _limits(wanted: Detects) -> str:
    limits = (("accuracy", wanted.min_accuracy), ("precision", wanted.min_precision), ("recall", wanted.min_recall))
    return ", ".join(f"{name} of at least {limit:g}" for name, limit in limits if limit is not None)


class DetectionQuality(WriteCheck):
    """A detection service finds the anomalies of a data set as well as declared: accuracy, precision and recall.

    Makes the workflow's data set from the run's seed and keeps the labels; a step of the workflow gives those of the
    service. A figure passes where its lower 95 % bound is above the declared limit, and fails where its upper bound, at
    this case's share of the plan's risk, is below; in between the data set has too few rows. Rows count as
    independent trials.
    """

    id = "detection.quality"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    tags = TAGS
    remedy = (
        "Compare the service's scores of the named data set with its threshold: which side do the wrong ones lie on?"
    )
    refs = ("ISO/IEC TS 4213", "ISO/IEC 25059")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per step that detects, of a workflow that changes something."""
        yield from quality_cases(self.id, scene, reads=False)

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Make the journey once."""
        await probe_once(journey_in(case.params), target, writing(target))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Hold accuracy, precision and recall to their limits."""
        return judge_quality(case, evidence)


class ReadingDetectionQuality(ReadCheck):
    """A detection service that is only asked finds the anomalies of a data set as well as declared.

    As `detection.quality`, for workflows whose steps only read.
    """

    id = "detection.reading-quality"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    phase = Phase.WRITE
    tags = TAGS
    remedy = DetectionQuality.remedy
    refs = DetectionQuality.refs

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per step that detects, of a workflow that only reads."""
        yield from quality_cases(self.id, scene, reads=True)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Make the journey once."""
        await probe_once(journey_in(case.params), target, reading(target))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Hold accuracy, precision and recall to their limits."""
        return judge_quality(case, evidence)
