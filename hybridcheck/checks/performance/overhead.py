"""What the way over a boundary costs: the same answer through the gateway and beside it, timed in turns."""

from collections.abc import Iterator, Sequence

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, params_of
from hybridcheck.checks.paired import LOOKS, STOP_RISK, Good, Pair, duration_ms, emulated, sample, sampled, settle
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.boundaries import Boundary, Overhead
from hybridcheck.profile.operations import Operation
from hybridcheck.statistics.medians import Decision, median
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.tokens.document import placed, write
from hybridcheck.verdict import Finding, Price, failed, passed, undecided

MOST_ROUTES = 4
"""How many routes of a boundary are timed; the others cross it the same way."""

LARGE_CHARACTERS = 131_072
LARGE_LOOKS = (6,)
"""Pairs with a large payload: for the slope per MiB, which is reported and decides nothing."""

NEEDS = (
    "boundaries: {NAME: {caller: GATEWAY, callee: SERVICE, routes: [{public: ID, native: /path}], "
    "overhead: {max_ms: 5, max_ratio: 0.25}}} and services: {SERVICE: {direct_url: URL}}"
)


class BoundaryOverhead(ReadCheck):
    """The way over the boundary adds at most the declared time to the callee's own.

    Asks for the same answer at the service itself and through its gateway, in turns and in alternating order, each over
    a fresh connection. The median of the differences of the pairs is judged by order-statistic bounds, against
    `max_ms`, and as a share of the whole against `max_ratio`: 12 pairs, and up to 96 until it is decided. Where the
    route is the round trip, six pairs with a large text give the slope per MiB.
    """

    id = "performance.boundary-overhead"
    dimension = Dimension.PERFORMANCE
    severity = Severity.MEDIUM
    suite = "boundary"
    phase = Phase.WRITE  # runs alone: nobody else's traffic is timed
    remedy = "Look for new connections per call, serialising twice, waits and retries between gateway and service."
    refs = ("ISO/IEC 25010 time behaviour",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per route that both sides answer, up to four of each boundary that declares its overhead."""
        found = False
        for name, boundary in scene.profile.boundaries.items():
            service = scene.profile.services.get(boundary.callee)
            needs = emulated(boundary.callee, service)
            if boundary.overhead is None or service is None or service.direct_url is None:
                continue
            for case in self._of_boundary(scene, name, boundary, boundary.overhead):
                found = True
                yield Unmet(subject=case.subject, needs=needs) if needs else case
        if not found:
            yield Unmet(subject="boundaries", needs=NEEDS)

    def _of_boundary(self, scene: Scene, name: str, boundary: Boundary, limits: Overhead) -> Iterator[Case]:
        roundtrip = scene.profile.probes.roundtrip
        crossing = [(scene.profile.operation(route.public), route.native) for route in boundary.routes]
        routes = [(op, native) for op, native in crossing if op is not None and native and op.reads and op.sendable]
        for operation, native in routes[:MOST_ROUTES]:
            params = params_of(operation, self.suite) | {"callee": boundary.callee, "native": native}
            params |= {"limits": limits.model_dump(mode="json")}
            if (
                roundtrip is not None
                and roundtrip.operation == operation.id
                and {"text", "json"} & set(roundtrip.types)
            ):
                params["large"] = roundtrip.into
            yield Case(check=self.id, subject=f"{name}: {operation.id}", params=params, statistical=True)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Sample pairs until both limits are decided."""
        operation = operation_in(case.params)

        def settled(pairs: Sequence[Pair]) -> bool:
            return _outcome(_decisions(case, pairs, STOP_RISK)) != "open"

        await sample(target, "small", _asks(operation, case), good=_both(operation), settled=settled)
        if "large" in case.params:
            large = _asks(_with_large(operation, str(case.params["large"])), case)
            await sample(target, "large", large, good=_both(operation), settled=lambda _: True, looks=LARGE_LOOKS)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the bounds of the median difference with both limits."""
        operation, limits = operation_in(case.params), Overhead.model_validate(case.params["limits"])
        pairs = sampled(evidence, "small", _both(operation))
        decisions = _decisions(case, pairs, float(case.params.get("fail_alpha", 0.01)) / 2)
        in_ms, ratio = (decision.bounds for decision in decisions)
        expected = (
            f"the way over the boundary adds at most {limits.max_ms:g} ms, and {limits.max_ratio:.0%} of the whole"
        )
        observed = f"{in_ms.median:.2f} ms ({ratio.median:.0%}), in the median of {len(pairs)} pairs"
        details = _details(pairs, decisions[0], limits) | {"figures": _figures(case, pairs, evidence, operation)}
        outcome = _outcome(decisions)
        if outcome == "open":
            price = Price(requests=4 * len(pairs))
            return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, price=price, **details)
        return (passed if outcome == "pass" else failed)(expected, observed, **details)


def _asks(operation: Operation, case: Case) -> tuple[Ask, Ask]:
    """The request to the service itself, and the one through its gateway."""
    public = ask_for(operation)
    headers = tuple((name, value) for name, value in public.headers if name.lower() != "authorization")
    direct = Ask(
        operation.method,
        str(case.params["native"]),
        query=public.query,
        headers=headers,
        body=public.body,
        operation=operation.id,
        via=str(case.params["callee"]),
    )
    return direct, public


def _with_large(operation: Operation, place: str) -> Operation:
    """The operation with a text in its body that weighs."""
    body = placed(operation.body if isinstance(operation.body, dict) else {}, place, "x" * LARGE_CHARACTERS)
    return operation.model_copy(update={"body": write(body)})


def _both(operation: Operation) -> Good:
    def good(one: Exchange, other: Exchange) -> bool:
        return one.status in operation.expect.status and other.status in operation.expect.status

    return good


def _decisions(case: Case, pairs: Sequence[Pair], fail_risk: float) -> tuple[Decision, Decision]:
    limits = Overhead.model_validate(case.params["limits"])
    direct = [duration_ms(one) for one, _ in pairs]
    public = [duration_ms(other) for _, other in pairs]
    in_ms = [whole - own for own, whole in zip(direct, public, strict=True)]
    ratios = [(whole - own) / whole for own, whole in zip(direct, public, strict=True)]
    return settle(in_ms, limits.max_ms, fail_risk), settle(ratios, limits.max_ratio, fail_risk)


def _outcome(decisions: Sequence[Decision]) -> str:
    outcomes = {decision.outcome for decision in decisions}
    return "fail" if "fail" in outcomes else "open" if "open" in outcomes else "pass"


def _details(pairs: Sequence[Pair], decision: Decision, limits: Overhead) -> dict[str, object]:
    return {
        "n": len(pairs),
        "value": decision.bounds.median,
        "lower": decision.bounds.lower,
        "upper": decision.bounds.upper,
        "limit": limits.max_ms,
        "unit": "ms",
        "method": f"order-statistic bounds of the median difference of pairs, at most {len(LOOKS)} looks",
        "exchanges": tuple(exchange.n for exchange in (*pairs[0], *pairs[-1])),
    }


def _figures(case: Case, pairs: Sequence[Pair], evidence: Evidence, operation: Operation) -> dict[str, Json]:
    own = median([duration_ms(one) for one, _ in pairs])
    whole = median([duration_ms(other) for _, other in pairs])
    figures: dict[str, Json] = {"direct_ms": own, "through_gateway_ms": whole, "slope_ms_per_mib": None}
    if "large" in case.params:
        try:
            large = sampled(evidence, "large", _both(operation), LARGE_LOOKS)
        except Undecided:
            return figures
        added = median([duration_ms(other) - duration_ms(one) for one, other in large])
        small = median([duration_ms(other) - duration_ms(one) for one, other in pairs])
        figures["slope_ms_per_mib"] = (added - small) / (LARGE_CHARACTERS / 2**20)
    return figures
