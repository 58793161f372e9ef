"""The limits that a load phase declares for operations, tags and windows: latency, errors, throughput, mean."""

from collections.abc import Iterator, Sequence

from hybridcheck.cases import Case, Json, Reason, Undecided, Unmet
from hybridcheck.checks.check import Scene
from hybridcheck.checks.load.limits import RateCheck
from hybridcheck.checks.load.own_share import TWICE, OwnShare, certainly_failed, own_share
from hybridcheck.checks.load.phases import ALL, NS_PER_MS, Phase
from hybridcheck.checks.load.rates import (
    PASS_ALPHA,
    Rate,
    error_rate,
    latency_rate,
    phase_of,
)
from hybridcheck.checks.load.throughput import throughput_finding, throughput_params, throughput_rate
from hybridcheck.evidence import Evidence
from hybridcheck.profile.drives import scaled
from hybridcheck.profile.load_limits import LoadLimit
from hybridcheck.profile.load_phases import covered
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.statistics.batch_means import mean_bounds
from hybridcheck.statistics.histogram import value_ns
from hybridcheck.statistics.sequential import MIN_BATCHES
from hybridcheck.verdict import Finding, failed, passed, undecided

Metric = tuple[str, dict[str, Json]]
"""The metric's words in a subject, and its parameters."""


class KeepsDeclaredLimits(RateCheck):
    """Under the declared load, every limit that a phase declares for an operation, a tag or a window is kept.

    Latency, errors and throughput are judged as `load.latency-limit`, `load.error-limit` and `load.throughput` are, over the
    arrivals that the limit is about. A mean is judged by the means of at least ten stretches of the phase (Student's t):
    a request without a right answer counts with the phase's deadline, since an error that comes at once must not improve it.
    """

    id = "load.declared-limit"
    remedy = "Look at the operations that the limit is about, in the seconds that it is about, in the load section."

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase, limit and metric."""
        made = False
        for phase, spec in scene.profile.load.items():
            driven = scaled(spec, scene.budget, len(scene.profile.load))
            for line, limit in enumerate(driven.limits):
                for words, metric in _metrics(scene, driven, limit):
                    name = " ".join(part for part in (phase, limit.scope(), words) if part)
                    made = True
                    yield self._case(scene, phase, limit, name, metric, line)
        if not made:
            yield Unmet(subject="load", needs="load: {steady: {limits: [{operation: ID, p99_ms: 400}]}}")

    def _case(self, scene: Scene, phase: str, limit: LoadLimit, name: str, metric: dict[str, Json], line: int) -> Case:
        operations = covered(scene.profile, scene.profile.load[phase], limit)
        params: dict[str, Json] = {
            **self.params_over(scene, phase, operations),
            "operation": ALL,
            "operations": list(operations),
            **metric,
        }
        window = limit.window()
        if window is not None:
            params["window"] = list(window)
        return self.weighed(scene, phase, operations, name, params, line)

    def rate(self, case: Case) -> Rate | None:
        """The rate of the case's metric; None for a mean."""
        params = case.params
        match params["metric"]:
            case "latency":
                return latency_rate(float(params["quantile"]), float(params["limit_ms"]))
            case "errors":
                return error_rate(float(params["limit_ratio"]))
            case "throughput":
                return throughput_rate(params)
            case _:
                return None

    def expects(self, case: Case) -> str:
        """The limit in words."""
        return super().expects(case) if self.rate(case) is not None else _mean_promise(case)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the rate, or the mean."""
        if case.params["metric"] == "throughput":
            return throughput_finding(case, evidence)
        if self.rate(case) is not None:
            return super().judge(case, evidence)
        phase = phase_of(case, evidence)
        if phase.stopped_early:
            raise Undecided(Reason.STOPPED_EARLY, f"the load phase was ended early: {phase.end.detail}")
        finding = _mean_finding(case, phase, _mean_batches(case, phase))
        return _demoted(case, phase, finding) if finding.outcome == "fail" else finding


def _metrics(scene: Scene, spec: LoadPhaseSpec, limit: LoadLimit) -> Iterator[Metric]:
    """Every metric that a limit line limits, of a phase as it will be driven."""
    thresholds = scene.profile.thresholds
    for quantile, limit_ms in limit.latencies_ms():
        yield f"p{quantile:g}", {"metric": "latency", "quantile": quantile, "limit_ms": limit_ms}
    if limit.mean_ms is not None:
        yield "mean", {"metric": "mean", "limit_ms": limit.mean_ms, "deadline_ms": spec.deadline_s * 1000}
    allowed = thresholds.max_error_ratio if limit.error_ratio is None else limit.error_ratio
    if limit.min_rps is not None and allowed is not None:
        yield "throughput", {"metric": "throughput", **throughput_params(scene.profile, spec, limit, allowed)}
    elif limit.error_ratio is not None:
        yield "errors", {"metric": "errors", "limit_ratio": limit.error_ratio}


def _mean_batches(case: Case, phase: Phase) -> list[tuple[float, int]]:
    """(mean in ms, arrivals) of each second, of those that are judged.

    Raises:
        Undecided: a window's histogram is missing, or arrivals in it have no outcome: nobody knows their time.
    """
    sums = _sums_ms(phase, "response")
    deadline_ms, found = float(case.params["deadline_ms"]), list[tuple[float, int]]()
    for second, rows in phase.seconds.items():
        planned, ok, cut = (sum(getattr(row, key) for row in rows) for key in ("planned", "ok", "cut"))
        total_ms, timed = sums.get(second, (0.0, 0))
        if cut or timed != ok:
            text = (
                f"of second {second}, {timed:g} of {planned} response times are recorded, {cut} arrivals were cut off"
            )
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, text)
        if planned:
            found.append(((total_ms + (planned - ok) * deadline_ms) / planned, planned))
    return found


def _sums_ms(phase: Phase, measure: str) -> dict[int, tuple[float, int]]:
    """Second → (sum of the times in ms, how many there are) of the judged operations."""
    wanted = {row.operation for rows in phase.seconds.values() for row in rows}
    sums: dict[int, tuple[float, int]] = {}
    for record in phase.seen.times:
        second = record.from_second
        if record.measure == measure and record.operation in wanted and second is not None and second in phase.seconds:
            total_ms, count = sums.get(second, (0.0, 0))
            total_ms += sum(value_ns(bucket) * number for bucket, number in record.pairs) / NS_PER_MS
            sums[second] = total_ms, count + sum(number for _, number in record.pairs)
    return sums


def _least_batches(case: Case, phase: Phase, own: OwnShare) -> list[tuple[float, int]]:
    """As `_mean_batches`, with all that the generator may have caused taken off.

    An answer counts without what the generator may have kept it (without the wait for a connection, where there were too
    few), a request that it may have kept from being answered counts with nothing.
    """
    sums = _sums_ms(phase, "service" if own.few else "response")
    deadline_ms, found = float(case.params["deadline_ms"]), list[tuple[float, int]]()
    for second, rows in phase.seconds.items():
        planned = sum(row.planned for row in rows)
        total_ms, timed = sums.get(second, (0.0, 0))
        least_ms = max(total_ms - TWICE * own.late_ms.get(second, 0.0) * timed, 0.0)
        if planned:
            found.append(((least_ms + certainly_failed(own, second, rows) * deadline_ms) / planned, planned))
    return found


def _mean_promise(case: Case) -> str:
    limit_ms = float(case.params["limit_ms"])
    return f"mean response time <= {limit_ms:g} ms, a request without a right answer counting with the deadline"


def _mean_finding(case: Case, phase: Phase, batches: Sequence[tuple[float, int]]) -> Finding:
    limit_ms = float(case.params["limit_ms"])
    expected = _mean_promise(case)
    bounds = mean_bounds(batches, pass_alpha=PASS_ALPHA, fail_alpha=float(case.params.get("fail_alpha", 0.01)))
    n = sum(size for _, size in batches)
    least_ms = 0.0 if bounds is None else max(bounds.lower, 0.0)  # no time is less, whatever Student says
    if bounds is None:
        observed = f"{len(batches)} judged seconds with arrivals, a mean needs {MIN_BATCHES}"
        return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, n=n)
    details: dict[str, object] = {
        "n": n,
        "value": bounds.mean,
        "lower": least_ms,
        "upper": bounds.upper,
        "limit": limit_ms,
        "unit": "ms",
        "method": "Student's t on batch means",
    }
    observed = f"mean {bounds.mean:.1f} ms over {len(phase.seconds)} s, between {least_ms:.1f} and {bounds.upper:.1f}"
    if bounds.upper <= limit_ms:
        return passed(expected, observed, **details)
    if bounds.lower > limit_ms:
        return failed(expected, observed, **details)
    return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, **details)


def _demoted(case: Case, phase: Phase, finding: Finding) -> Finding:
    """A fail of a mean stands only where generator and credentials can have had no part in it."""
    details = finding.model_dump(include={"n", "value", "lower", "upper", "limit", "unit", "method"})
    if phase.refused:
        text = f"{finding.observed}, but {phase.refused}"
        return undecided(Reason.AUTH_NOT_EFFECTIVE, finding.expected, text, **details)
    own = own_share(case, phase.seen, float(case.params["limit_ms"]))
    if own.unknown:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the generator's start lag is not recorded")
    if not phase.starved and _mean_finding(case, phase, _least_batches(case, phase, own)).outcome == "fail":
        return finding
    return undecided(own.reason, finding.expected, own.beside(finding.observed), **details)
