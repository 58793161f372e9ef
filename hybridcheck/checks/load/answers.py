"""Are answers still right under load: a sample of the bodies, held against the declared schema and values."""

import math
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Undecided, Unmet
from hybridcheck.checks.check import Scene
from hybridcheck.checks.load.limits import RateCheck, subject
from hybridcheck.checks.load.phases import ALL, Phase
from hybridcheck.checks.load.rates import Rate, phase_of, rate_finding
from hybridcheck.evidence import Evidence, LoadSecond
from hybridcheck.profile.drives import scaled
from hybridcheck.profile.load_phases import check_every, looked_at, looked_into
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.statistics.binomial import min_clean_samples
from hybridcheck.statistics.spread import Batch
from hybridcheck.verdict import Finding, Price

KINDS = ("schema", "values")
"""The kinds of failure of an answer whose body is not as declared."""


class AnswersRightUnderLoad(RateCheck):
    """Under the declared load, answers keep the schema and the values that their operation declares.

    About one answer in `check_every`, chosen by the run's seed, is read as JSON and held against `expect.schema` and, where the
    request is the declared one, `expect.values`; of these at most `max_error_ratio` may be wrong. Each wrong one also counts as an
    error of the kind `schema` or `values`. The share is that of the
    sample: one wrong answer in a hundred that were looked at stands for one in a hundred of all.
    """

    id = "load.answers-valid"
    dimension = Dimension.RELIABILITY
    remedy = "Compare the failure example of the kind `schema` or `values` with a calm answer: what is cut, empty or of another type?"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase that sends an operation with a schema or values."""
        limit, made = scene.profile.thresholds.max_error_ratio, False
        for name, spec in scene.profile.load.items():
            driven, looked = scaled(spec, scene.budget, len(scene.profile.load)), list(looked_at(scene.profile, spec))
            if looked and limit is not None and _enough(scene, driven, limit):
                made = True
                params = {"operation": ALL, "operations": looked, "limit_ratio": limit}
                params |= self.params_over(scene, name, looked)
                shared = (str(params["stream"]),)
                yield Case(check=self.id, subject=subject(name, ALL), params=params, shared=shared, statistical=True)
        if not made:
            needs = (
                "thresholds: {max_error_ratio: 0.01} and a load phase that sends operations with expect: {schema: {…}} or {values: {…}}"
                " so often that a sample of them decides"
            )
            yield Unmet(subject="load", needs=needs)

    def rate(self, case: Case) -> Rate:
        """Sampled answers that are not as declared."""
        limit = float(case.params["limit_ratio"])
        expected = f"at most {limit:.2%} of the answers that were looked into are not as declared"
        return Rate(limit, _sampled, expected, "sampled answers not as declared")

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the share of wrong answers in the sample."""
        phase = phase_of(case, evidence)
        if phase.total("sampled") == 0:
            raise Undecided(
                Reason.TOO_FEW_SAMPLES, "no answer was held against what is declared: a lower check_every looks at more"
            )
        finding = rate_finding(case, phase, self.rate(case))
        if finding.price is None:
            return finding
        return finding.model_copy(update={"price": _in_requests(finding.price, phase)})


def _enough(scene: Scene, driven: LoadPhaseSpec, limit: float) -> bool:
    """Whether the sample can decide the limit; in the closed model the run shows."""
    every = check_every(scene.profile, driven)
    if every == 0 or limit == 0:
        return False
    return driven.model == "closed" or looked_into(scene.profile, driven) / every >= min_clean_samples(limit, 0.95)


def _in_requests(price: Price, phase: Phase) -> Price:
    """A price in answers that are looked into, as one in requests: not every answer is."""
    requests = math.ceil(price.requests * phase.total("planned") / phase.total("sampled"))
    return price.model_copy(update={"requests": requests})


def _sampled(records: tuple[LoadSecond, ...]) -> Batch:
    bad = sum(row.failed.get(kind, 0) for row in records for kind in KINDS)
    return Batch(bad=bad, total=sum(row.sampled for row in records))
