"""Does the target keep its limits under the declared load: latency as a rate, errors, throughput.

All judge the shared stream of a load phase. They do so only where the generator's own health is recorded for every
second and good: a saturated generator proves nothing about the target.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterator

from hybridcheck.cases import Case, CoreQuestion, Dimension, Json, Severity, Unmet
from hybridcheck.checks.check import LoadCheck, Scene
from hybridcheck.checks.load.phases import ALL
from hybridcheck.checks.load.power import shortfall, too_short_to_settle
from hybridcheck.checks.load.rates import (
    Rate,
    error_rate,
    latency_rate,
    phase_of,
    rate_finding,
)
from hybridcheck.checks.load.throughput import throughput_finding, throughput_params, throughput_rate
from hybridcheck.checks.operations import ask_for, operation_in, params_of
from hybridcheck.evidence import Evidence
from hybridcheck.profile.drives import scaled
from hybridcheck.profile.load_foresight import offers
from hybridcheck.profile.load_limits import LoadLimit
from hybridcheck.profile.load_phases import (
    callable_in_load,
    connections,
    connections_needed,
    of_all_together,
    peak_level,
    promised_answer_s,
    requests_per_arrival,
    thinking_s,
    weights,
)
from hybridcheck.profile.load_spec import LoadPhaseSpec, Objective
from hybridcheck.target import LoadTarget
from hybridcheck.verdict import Finding


def objectives(scene: Scene) -> Iterator[tuple[str, LoadPhaseSpec, str, Objective]]:
    """Every (phase, spec, operation or `*`, limits) that the profile declares."""
    for name, spec in scene.profile.load.items():
        together = {ALL: of_all_together(scene.profile, spec)}
        for operation, objective in (together | spec.objectives | together).items():
            yield name, spec, operation, objective


def subject(phase: str, operation: str) -> str:
    """The subject of a load case."""
    return phase if operation == ALL else f"{phase} {operation}"


class LoadPhaseCheck(LoadCheck):
    """The base of checks that judge a load phase which the executor drives."""

    dimension = Dimension.PERFORMANCE
    severity = Severity.HIGH
    suite = "api"

    async def before_load(self, case: Case, target: LoadTarget) -> None:
        """Ask once for each operation of the phase that needs a credential: is the credential any good?"""
        for index, params in enumerate(case.params.get("with_credential", ()), 1):
            await target.read(f"before.{index}", ask_for(operation_in(params)))

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Nothing of its own: the phase is the shared stream."""

    def params_over(self, scene: Scene, phase: str, operations: Collection[str]) -> dict[str, Json]:
        """What every case over a phase needs: its stream, the credentials to try before, whether it may end early."""
        spec, profile = scene.profile.load[phase], scene.profile
        ids = weights(profile, spec)
        sent = [op for _, _, op in profile.all_operations() if op.id in ids and op.reads and callable_in_load(op)]
        controls = [
            params_of(op, self.suite)
            for op in sent
            if op.identity and op.auth != "none" and op.id in (operations or ids)
        ]
        params: dict[str, Json] = {
            "stream": f"load/{phase}",
            "with_credential": controls,
            "deadline_ms": spec.deadline_s * 1000,
            **_pool(scene, spec),
        }
        return params if spec.stop_early == "never" else {**params, "stop_early": spec.stop_early}


def _pool(scene: Scene, spec: LoadPhaseSpec) -> dict[str, Json]:
    """The connections that an open phase has, and how many its promises need; nothing for users, who have one each."""
    if spec.model == "closed":
        return {}
    needed = connections_needed(spec, promised_answer_s(scene.profile, spec))
    pool: dict[str, Json] = {
        "connections": min(connections(spec), scene.profile.limits.max_connections),
        "needed": needed,
        "requests_per_s": requests_per_arrival(spec) * peak_level(spec),
        "thinking": thinking_s(spec) * peak_level(spec),
    }
    return {"pool": pool}


class RateCheck(LoadPhaseCheck):
    """The base of checks whose limit is a rate: it can be watched while the phase runs."""

    @abstractmethod
    def rate(self, case: Case) -> Rate | None:
        """The rate that a case is about; None where its limit is no rate."""

    def case(self, scene: Scene, phase: str, operation: str, params: dict[str, Json]) -> Case:
        """A statistical case over the stream of a phase."""
        operations = () if operation == ALL else (operation,)
        params = {**self.params_over(scene, phase, operations), "operation": operation, **params}
        what = subject(phase, operation)
        quantile = params.get("quantile")
        name = f"{what} p{quantile}" if quantile not in (None, 95) else what
        return self.weighed(scene, phase, operations, name, params)

    def weighed(
        self,
        scene: Scene,
        phase: str,
        operations: Collection[str],
        name: str,
        params: dict[str, Json],
        line: int | None = None,
    ) -> Case:
        """The case, with what the plan knows before the start: whether it can be decided at all.

        `line`: which of the phase's `limits` it is, if any.
        """
        stream = str(params["stream"])
        case = Case(check=self.id, subject=name, params=params, shared=(stream,), statistical=True)
        rate, profile = self.rate(case), scene.profile
        spec, budget, phases = profile.load[phase], scene.budget, len(profile.load)
        chosen = weights(profile, spec)
        share = sum(chosen[name] for name in operations or chosen) / sum(chosen.values())
        limit, per_second = (None, None) if rate is None else (rate.limit, rate.per_second)
        short = shortfall(spec, limit, share=share, line=line, per_second=per_second, budget=budget, phases=phases)
        more = dict[str, Json]()
        if spec.find_warmup and params.get("window") is None and _spares_warm_up(rate):
            short, more = short or too_short_to_settle(spec, budget, phases), {"find_warmup": True}
        more |= {"cannot_decide": short} if short else {}
        return case.model_copy(update={"params": {**params, **more}}) if more else case

    def expects(self, case: Case) -> str:
        """The limit in words."""
        rate = self.rate(case)
        return self.title if rate is None else rate.expected

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the share of bad arrivals."""
        rate = self.rate(case)
        assert rate is not None
        return rate_finding(case, phase_of(case, evidence), rate)


def _spares_warm_up(rate: Rate | None) -> bool:
    """Whether what the rule finds to be warm-up is left out: it is slow there (a mean too), but no excuse for wrong answers."""
    return rate is None or rate.limit_ms is not None or rate.per_second is not None


class KeepsLatencyLimit(RateCheck):
    """Under the declared load, the declared share of requests is answered rightly and in time.

    `p95 <= 200 ms` says that at most 5 % of the arrivals that were planned are answered later than 200 ms after their
    intended start, wrongly, or not at all. That share is judged by Clopper-Pearson bounds on effective numbers (see
    docs/figures.md): pass where the upper bound meets it, fail where the lower bound breaks it.
    """

    id = "load.latency-limit"
    core = CoreQuestion.LOAD
    remedy = (
        "Look at the slowest operation in the load section and at what it waits for (CPU, database, another service)."
    )

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase and limit; the core question also asks for the error limit."""
        made = False
        for phase, _, operation, limits in objectives(scene):
            for quantile, limit in ((95, limits.p95_ms), (99, limits.p99_ms)):
                if limit is not None:
                    made = True
                    yield self.case(scene, phase, operation, {"limit_ms": limit, "quantile": quantile})
        if not made:
            needs = "load: {rate_rps: 50, duration_s: 20, operations: [ID]} and thresholds: {max_latency_ms: 200}"
            yield Unmet(subject="load", needs=needs)

    def rate(self, case: Case) -> Rate:
        """Late, wrong and unanswered arrivals."""
        return latency_rate(float(case.params["quantile"]), float(case.params["limit_ms"]))


class KeepsErrorLimit(RateCheck):
    """Under the declared load, at most the declared share of requests is answered wrongly or not at all.

    Judged like the latency limit, without the lateness, and over the warm-up that was found as well: the rule looks at
    times alone.
    """

    id = "load.error-limit"
    dimension = Dimension.RELIABILITY
    core = CoreQuestion.LOAD
    remedy = "Look at the error kinds in the load section; a status is the target's answer, a reset or timeout is not."

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase and declared error ratio."""
        made = False
        for phase, _, operation, limits in objectives(scene):
            if limits.error_ratio is not None:
                made = True
                yield self.case(scene, phase, operation, {"limit_ratio": limits.error_ratio})
        if not made:
            yield Unmet(subject="load", needs="load: {...} and thresholds: {max_error_ratio: 0.01}")

    def rate(self, case: Case) -> Rate:
        """Wrong and unanswered arrivals."""
        return error_rate(float(case.params["limit_ratio"]))


class SustainsThroughput(RateCheck):
    """The target answers at least the declared number of requests per second rightly.

    Every whole judged second has the declared number of places to fill (an open schedule that offers so many: no more than
    its arrivals); a place without a right answer is missed. The share of missed places is judged like the error limit, and by
    its number: `max_error_ratio` says how much of what is promised may go wrong. Users who rest leave places empty that nobody
    sent a request for: such are held against the target only where more is missing than that accounts for.
    """

    id = "load.throughput"
    remedy = "Find what saturates first (CPU, connections, locks) with the samples of the resources section."

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase that, as it will be driven, offers the declared throughput in each of its judged seconds."""
        profile, limits = scene.profile, scene.profile.thresholds
        wanted, allowed = limits.min_throughput_rps, limits.max_error_ratio
        limit, made = LoadLimit(min_rps=wanted or 1.0), False
        for name, spec in profile.load.items():
            driven = scaled(spec, scene.budget, len(profile.load))
            if wanted is not None and allowed is not None and offers(profile, driven, limit):
                made = True
                yield self.case(scene, name, ALL, throughput_params(profile, driven, limit, allowed))
        if not made:
            beside = "" if allowed is not None else ", max_error_ratio: 0.01"
            declared = wanted is not None and any(offers(profile, spec, limit) for spec in profile.load.values())
            longer = " (--budget full: a shortened phase is judged within its climb)" if declared and allowed else ""
            needs = (
                f"thresholds: {{min_throughput_rps: N{beside}}} and a load phase that offers N in every judged second"
            )
            yield Unmet(subject="load", needs=needs + longer)

    def rate(self, case: Case) -> Rate:
        """Places that no right answer filled."""
        return throughput_rate(case.params)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the share of missed places."""
        return throughput_finding(case, evidence)
