"""Is the native side worth its boundary: the same computation natively and in CPython, timed in turns."""

import math
from collections.abc import Iterator, Sequence

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.computing import compute_in, compute_params, computed, sized
from hybridcheck.checks.paired import LOOKS, STOP_RISK, Good, Pair, duration_ms, emulated, sample, sampled, settle
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.statistics.medians import Decision
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, Price, failed, passed, undecided

NEEDS = (
    "probes: {compute: {operation: ID, in: $.size, out: $.result, sizes: [10000, 20000, 40000], "
    "expect: {speedup_min: 1}}} and at that operation: twin: ID_OF_THE_SAME_IN_CPYTHON"
)


class NativeSpeedup(ReadCheck):
    """The native computation is as much faster than its CPython twin as declared, and never slower.

    Asks both for the same work of three declared sizes, in turns and in alternating order, and compares what they
    answer. The median ratio of the pairs is judged by order-statistic bounds against `expect.speedup_min` (1 where
    nothing is declared): no ratio is taken for granted. Both are timed from outside, boundary included: that is what a
    caller gets.
    """

    id = "performance.native-speedup"
    dimension = Dimension.PERFORMANCE
    severity = Severity.MEDIUM
    suite = "boundary"
    phase = Phase.WRITE  # runs alone: nobody else's traffic is timed
    remedy = "Is it an unoptimised build (codon build -release)? Is most of the time spent crossing the boundary?"
    refs = ("ISO/IEC 25010 time behaviour",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per size of the compute probe."""
        params = compute_params(scene, self.suite)
        if params is None or params["twin"] is None:
            yield Unmet(subject="compute", needs=NEEDS)
            return
        name = str(params["service"])
        needs = emulated(name, scene.profile.services.get(name))
        for size in params["probe"]["sizes"]:
            subject = f"{params['operation']['id']}: size {size}"
            case = Case(check=self.id, subject=subject, params={**params, "size": size}, statistical=True)
            yield Unmet(subject=subject, needs=needs) if needs else case

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Sample pairs until the ratio is decided."""
        operation, probe = compute_in(case)
        twin = Operation.model_validate(case.params["twin"])
        size = int(case.params["size"])
        asks = sized(operation, probe, size), sized(twin, probe, size)

        def settled(pairs: Sequence[Pair]) -> bool:
            return _decision(case, pairs, STOP_RISK).outcome != "open"

        await sample(target, "pair", asks, good=_equal(case), settled=settled)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the bounds of the median ratio with the declared one."""
        _, probe = compute_in(case)
        wanted = probe.expect.speedup_min
        pairs = sampled(evidence, "pair", _equal(case))
        decision = _decision(case, pairs, float(case.params.get("fail_alpha", 0.01)))
        bounds = decision.bounds
        expected = f"natively at least {wanted:g} times as fast as in CPython, with the same result"
        observed = f"{math.exp(-bounds.median):.2f} times as fast, in the median of {len(pairs)} pairs"
        details: dict[str, object] = {
            "n": len(pairs),
            "value": math.exp(-bounds.median),
            "lower": None if bounds.upper is None else math.exp(-bounds.upper),
            "upper": None if bounds.lower is None else math.exp(-bounds.lower),
            "limit": wanted,
            "unit": "ratio",
            "method": f"order-statistic bounds of the median ratio of pairs, at most {len(LOOKS)} looks",
            "exchanges": tuple(exchange.n for exchange in (*pairs[0], *pairs[-1])),
            "figures": _figures(pairs),
        }
        if decision.outcome == "open":
            price = Price(requests=4 * len(pairs))
            return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, price=price, **details)
        return (passed if decision.outcome == "pass" else failed)(expected, observed, **details)


def _equal(case: Case) -> Good:
    """Both answered, and alike: a result that differs is the twins' matter, and its time is none."""
    _, probe = compute_in(case)

    def good(one: Exchange, other: Exchange) -> bool:
        result = computed(one, probe)
        return result is not None and result == computed(other, probe)

    return good


def _decision(case: Case, pairs: Sequence[Pair], fail_risk: float) -> Decision:
    _, probe = compute_in(case)
    ratios = [math.log(duration_ms(one) / duration_ms(other)) for one, other in pairs]
    return settle(ratios, -math.log(probe.expect.speedup_min), fail_risk)


def _figures(pairs: Sequence[Pair]) -> dict[str, Json]:
    ordered = [sorted(duration_ms(pair[side]) for pair in pairs) for side in (0, 1)]
    return {"native_ms": ordered[0][len(pairs) // 2], "cpython_ms": ordered[1][len(pairs) // 2]}
