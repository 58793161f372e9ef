"""Does native computation scale with cores: how many long computations end per second, one at a time and beside others."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from hybridcheck.cases import Case, Dimension, Phase, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import LoadCheck, Scene
from hybridcheck.checks.computing import compute_in, compute_params, computed, sized
from hybridcheck.checks.overlaps import at_once, require_unthrottled
from hybridcheck.checks.paired import STOP_RISK, duration_ms, emulated
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.statistics.medians import Decision, decide_at_most
from hybridcheck.target import LoadTarget
from hybridcheck.verdict import Finding, Price, failed, passed, undecided

FEWEST_FREE = 2
"""Scaling from one core to one core says nothing."""

MOST_AT_ONCE = 8
SHARE_OF_IDEAL = 0.6
"""X(c)/X(1) has to reach 0.6 min(c, cores): a lock gives 1, an ideal service c."""

STEADY_RATIO = 1.5
"""Where computations alone take so much longer now and then, others use the cores: what is missing may be theirs."""

ROUNDS = (8, 16)
"""How many rounds there are when the sample is looked at."""

NEEDS_SIZE = (
    "probes: {compute: {operation: ID, in: $.size, out: $.result, sizes: [10000, 20000, 40000], long: 50000000}}"
    "   # long: a size that keeps the native side busy for some 100 ms"
)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ScalesWithCores(LoadCheck):
    """Native computations beside each other use the declared cores.

    Sends long computations one at a time and c at a time, in turns (c: the free cores, at most 8), and compares how many
    end per second. The median over the rounds of X(c)/X(1) has to reach 0.6 c. On loopback the tester takes one of the
    declared cores. With fewer than two free ones nothing is said (TOO_FEW_CORES): it is never guessed.
    """

    id = "performance.scales-with-cores"
    dimension = Dimension.SCALABILITY
    severity = Severity.MEDIUM
    suite = "boundary"
    phase = Phase.WRITE  # runs alone: nobody else's traffic is timed
    remedy = "Look for a global lock, the interpreter lock held during native work, a serial accept loop, or OpenMP."
    refs = ("Gunther, Universal Scalability Law",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the compute probe, where its service declares cores enough."""
        params = compute_params(scene, self.suite)
        probe = scene.profile.probes.compute
        if params is None or probe is None or probe.long is None:
            yield Unmet(subject="compute", needs=NEEDS_SIZE)
            return
        name = str(params["service"])
        service = scene.profile.services.get(name)
        subject = f"{name}: {params['operation']['id']}"
        needs = emulated(name, service) or too_few_cores(name, service.cores if service else None, scene.base_url)
        if needs or service is None or service.cores is None:
            yield Unmet(subject=subject, needs=needs)
            return
        at_once = min(free_cores(service.cores, scene.base_url), MOST_AT_ONCE)
        yield Case(check=self.id, subject=subject, params={**params, "at_once": at_once}, statistical=True)

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Rounds of c computations one after the other, and c beside each other."""
        operation, probe = compute_in(case)
        ask, count = sized(operation, probe, probe.long or 1), int(case.params["at_once"])
        await target.read("warm", ask)
        gains: list[float] = []
        for number in range(1, ROUNDS[-1] + 1):
            alone = [await target.read(f"alone.{number}.{call}", ask) for call in range(count)]
            beside = await at_once(target, [target.read(f"beside.{number}.{call}", ask) for call in range(count)])
            if any(computed(exchange, probe) is None for exchange in (*alone, *beside)):
                return
            gains.append(_gain_of(alone, beside))
            if number in ROUNDS and _decision(gains, SHARE_OF_IDEAL * count, STOP_RISK).outcome != "open":
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the rates."""
        count = int(case.params["at_once"])
        wanted = SHARE_OF_IDEAL * count
        gains = [_gain(case, evidence, number) for number in range(1, _rounds(evidence) + 1)]
        decision = _decision(gains, wanted, float(case.params.get("fail_alpha", 0.01)))
        bounds = decision.bounds
        expected = f"{count} computations beside each other end at {wanted:g} times the rate of one at a time, or more"
        observed = f"X({count})/X(1) = {-bounds.median:.2f}, in the median of {len(gains)} rounds"
        details: dict[str, object] = {"n": len(gains), "value": -bounds.median, "limit": wanted, "unit": "ratio"}
        details |= {"lower": None if bounds.upper is None else -bounds.upper}
        details |= {"upper": None if bounds.lower is None else -bounds.lower, "method": "order-statistic bounds"}
        details |= {"figures": {"resource_efficiency": -bounds.median / count}}
        if decision.outcome == "open":
            price = Price(requests=8 * len(gains) * count)
            return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, price=price, **details)
        steadiness = _spread(evidence)
        if decision.outcome == "fail" and steadiness > STEADY_RATIO:
            text = f"{observed}, but one alone takes up to {steadiness:.1f} times as long as at its best: the cores are in use"
            return undecided(Reason.TOO_FEW_CORES, expected, text, **details)
        return (passed if decision.outcome == "pass" else failed)(expected, observed, **details)


def free_cores(cores: int, base_url: str) -> int:
    """The declared cores without the one that the tester itself takes on loopback."""
    return cores - 1 if urlsplit(base_url).hostname in LOOPBACK else cores


def too_few_cores(service: str, cores: int | None, base_url: str) -> str:
    """Why the declared cores cannot show scaling; empty where they can."""
    if cores is not None and free_cores(cores, base_url) >= FEWEST_FREE:
        return ""
    known = "unknown" if cores is None else f"{cores}, of which {free_cores(cores, base_url)} are free"
    fewest = FEWEST_FREE + 1 if free_cores(1, base_url) == 0 else FEWEST_FREE
    return f"services: {{{service}: {{cores: {fewest}}}}}   # or more: {Reason.TOO_FEW_CORES}, its cores are {known}"


def _spread(evidence: Evidence) -> float:
    """How much longer than the shortest the longest but a tenth of the computations alone take, as a factor."""
    durations = sorted(duration_ms(exchange) for exchange in evidence.exchanges("alone"))
    return durations[int(0.9 * (len(durations) - 1))] / durations[0]


def _gain(case: Case, evidence: Evidence, number: int) -> float:
    """By how much a round's computations beside each other were done sooner than one after the other, as a factor."""
    count = int(case.params["at_once"])
    alone, beside = evidence.exchanges(f"alone.{number}"), evidence.exchanges(f"beside.{number}")
    require_unthrottled((*alone, *beside))
    if len(alone) != count or len(beside) != count:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"round {number} is not whole")
    _, probe = compute_in(case)
    bad = next((exchange for exchange in (*alone, *beside) if computed(exchange, probe) is None), None)
    if bad is not None:
        raise Undecided(Reason.NO_TEST_DATA, f"a computation was not answered: {describe(bad)}")
    return _gain_of(alone, beside)


def _rounds(evidence: Evidence) -> int:
    """How many rounds are recorded.

    Raises:
        Undecided: where it is not the number at a look.
    """
    found = {exchange.label.split(".")[1] for exchange in evidence.exchanges("alone")}
    if len(found) not in ROUNDS:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{len(found)} rounds are recorded")
    return len(found)


def _gain_of(alone: Sequence[Exchange], beside: Sequence[Exchange]) -> float:
    return sum(duration_ms(exchange) for exchange in alone) / _span_ms(beside)


def _span_ms(exchanges: Sequence[Exchange]) -> float:
    starts = [exchange.at_s * 1000 for exchange in exchanges]
    return max(start + duration_ms(e) for start, e in zip(starts, exchanges, strict=True)) - min(starts)


def _decision(gains: list[float], wanted: float, fail_risk: float) -> Decision:
    """At least `wanted` is at most its negative."""
    return decide_at_most([-gain for gain in gains], -wanted, looks=len(ROUNDS), fail_risk=fail_risk)
