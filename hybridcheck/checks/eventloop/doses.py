"""Do light requests wait for computations: their latency beside work of growing size, as a share of what was left of it."""

from collections.abc import Iterator, Sequence

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.computing import compute_in, compute_params, computed, sized
from hybridcheck.checks.eventloop.stalls import light_path
from hybridcheck.checks.operations import ask_for, params_of, suite_of
from hybridcheck.checks.paired import STOP_RISK, duration_ms, emulated
from hybridcheck.checks.repeats import describe, numbered
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.statistics.medians import Decision, MedianBounds, decide_at_most, median
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, Price, failed, passed, undecided

LONG_DOSES = (0.4, 0.7, 1.0)
"""Shares of the probe's long size, for the native side."""

TWIN_DOSES = (2, 4, 8)
"""Multiples of the probe's largest size, for the CPython twin: long beside a few turns of the interpreter (5 ms each)."""

DOSES = 3

ROUNDS = (3, 7, 12)
"""How many times each dose is given when the sample is looked at."""

LIGHTS = 3
"""Light requests beside each computation: at fixed parts of the time that it took to warm up."""

SHARE_LIMIT = 0.75
"""A light request that waits for the interpreter or the loop waits for all that is left (1); a free one for nothing (0)."""

SHORTEST_LEFT_MS = 25.0
"""With less left of the computation there is nothing to wait for."""

BASES = 7
"""Light requests alone, for comparison."""

Dose = tuple[Exchange, ...]
"""A computation, and the light requests beside it."""

NEEDS = (
    "probes: {compute: {operation: ID, in: $.size, out: $.result, sizes: [10000, 20000, 40000], long: 50000000, "
    "light: LIGHT_ID}}   # long: busy for some 100 ms; light: what the same service answers at once"
)

NEEDS_TWIN = (
    "health: /health, probes: {compute: {operation: ID, in: $.size, out: $.result, sizes: [10000, 20000, 40000]}}, and "
    "at that operation: twin: ID_OF_THE_SAME_IN_CPYTHON"
)


class DoseCheck(ReadCheck):
    """The base: computations of three sizes, and light requests to the same host beside each of them."""

    dimension = Dimension.PERFORMANCE
    severity = Severity.MEDIUM
    phase = Phase.WRITE  # runs alone: nobody else's traffic is timed
    refs = ("docs.python.org/3/glossary.html#term-global-interpreter-lock",)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Give doses until the share is decided."""
        operation, probe = compute_in(case)
        light = ask_for(Operation.model_validate(case.params["light"]))
        asks = [sized(operation, probe, size) for size in case.params["doses"]]
        base = [await target.read(f"base.{number + 1}", light) for number in range(BASES)]
        usual = [await target.read(f"warm.{index}", ask) for index, ask in enumerate(asks)]
        doses: list[Dose] = []
        for number in range(1, ROUNDS[-1] + 1):
            for index, ask in enumerate(asks):
                doses.append(await _dose(target, f"{index}.{number}", (ask, light), usual[index].total_ms or 0.0))
                if any(exchange.status is None or exchange.status >= 400 for exchange in doses[-1]):
                    return
            if number in ROUNDS and _decision(_shares(base, doses), STOP_RISK).outcome != "open":
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the bounds of the median share with the limit."""
        base, doses = _recorded(case, evidence)
        shares = _shares(base, doses)
        if len(shares) < len(doses) / 2:
            text = f"the computations are over in {median([duration_ms(dose[0]) for dose in doses]):.0f} ms: too soon"
            raise Undecided(Reason.NO_TEST_DATA, text)
        decision = _decision(shares, float(case.params.get("fail_alpha", 0.01)))
        bounds, figures = decision.bounds, _figures(base, doses)
        expected = "light requests wait for less than three quarters of what is left of a computation beside them"
        grown = f"{figures['base_ms']:.1f} ms alone, {figures['light_ms_at_largest']:.1f} ms beside the largest"
        observed = f"they wait for {bounds.median:.0%} of it, in the median of {bounds.n} computations ({grown})"
        details: dict[str, object] = {"n": bounds.n, "value": bounds.median, "lower": bounds.lower}
        details |= {"upper": bounds.upper, "limit": SHARE_LIMIT, "unit": "ratio", "figures": figures}
        details |= {
            "method": "order-statistic bounds of the median share",
            "exchanges": (doses[0][0].n, doses[-1][0].n),
        }
        if decision.outcome == "open":
            price = Price(requests=4 * len(doses) * (LIGHTS + 1))
            return undecided(Reason.TOO_FEW_SAMPLES, expected, observed, price=price, **details)
        return (passed if decision.outcome == "pass" else failed)(expected, observed, **details)


class FlatBesideCompute(DoseCheck):
    """Light requests to a native service do not wait for its computations.

    Sends computations of three sizes, and beside each of them light requests to the same service. A host that computes
    under its interpreter's lock, or in its event loop, lets them wait for the rest of the computation, and their latency
    grows with the dose; a native one that gives the lock back stays flat. The share of the remaining computation that a
    light request waited for is judged by its median: below three quarters it is not held (what other work on the
    machine costs both of them is part of the share).
    """

    id = "eventloop.flat-beside-compute"
    suite = "boundary"
    remedy = "Release the interpreter lock around native calls (ctypes does, pyext does not), and leave the event loop."

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the compute probe, where it has a long size and a light operation."""
        params, probe = compute_params(scene, self.suite), scene.profile.probes.compute
        if params is None or probe is None or probe.long is None or params["light"] is None:
            yield Unmet(subject="compute", needs=NEEDS)
            return
        name = str(params["service"])
        subject, needs = f"{name}: {params['operation']['id']}", emulated(name, scene.profile.services.get(name))
        params["doses"] = [max(int(probe.long * dose), 1) for dose in LONG_DOSES]
        case = Case(check=self.id, subject=subject, params=params, statistical=True)
        yield Unmet(subject=subject, needs=needs) if needs else case


class AnswersBesideCompute(DoseCheck):
    """A CPython service answers light requests while it computes.

    As for the native service: computations of the CPython twin at one, two and four times its largest size, and requests
    to the health route beside them. Under the interpreter's lock a thread that computes slows the others down, which the
    figures show by dose; in the event loop it stops them, which is a fail.
    """

    id = "eventloop.answers-beside-compute"
    remedy = "Move computations out of the event loop: to a thread, better to a process, best to the native service."

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the compute probe's twin in a CPython service."""
        params, probe, light = compute_params(scene, ""), scene.profile.probes.compute, light_path(scene.profile)
        twin = scene.profile.operation(str(params["twin"]["id"])) if params is not None and params["twin"] else None
        place = next(((n, s) for n, s, op in scene.profile.all_operations() if op is twin and s is not None), None)
        if params is None or probe is None or twin is None or light is None or place is None:
            yield Unmet(subject="compute", needs=NEEDS_TWIN)
            return
        name, service = place
        if service.runtime != "cpython":
            yield Unmet(subject=f"{name}: {twin.id}", needs=f"services: {{{name}: {{runtime: cpython}}}}")
            return
        params |= params_of(twin, suite_of(service))
        params |= {"doses": [max(probe.sizes) * factor for factor in TWIN_DOSES]}
        params["light"] = params_of(Operation(id="light", path=light), "")["operation"]
        yield Case(check=self.id, subject=f"{name}: {twin.id}", params=params, statistical=True)


async def _dose(target: ReadTarget, label: str, asks: tuple[Ask, Ask], usual_ms: float) -> Dose:
    """A computation, and light requests at equal parts of the time that it usually takes."""
    compute, light = asks

    async def beside(number: int) -> Exchange:
        await target.sleep(usual_ms / 1000 * number / (LIGHTS + 2))
        return await target.read(f"light.{label}.{number}", light)

    calls = [target.read(f"dose.{label}", compute), *(beside(number + 1) for number in range(LIGHTS))]
    return tuple(await target.together(calls))


def _recorded(case: Case, evidence: Evidence) -> tuple[tuple[Exchange, ...], list[Dose]]:
    """The light requests alone, and every computation with those beside it.

    Raises:
        Undecided: where any of them is missing or was not answered.
    """
    _, probe = compute_in(case)
    base, every = evidence.exchanges("base"), evidence.exchanges()
    if any(exchange.status == 429 for exchange in every):
        raise Undecided(Reason.THROTTLED, "the target throttled the tester (429)")
    bad = next((e for e in every if e.status is None or e.status >= 400), None)
    if bad is not None:
        raise Undecided(Reason.NO_TEST_DATA, f"not everything was answered: {describe(bad)}")
    rounds = len(evidence.exchanges("dose.0"))
    doses = []
    for number in range(1, rounds + 1):
        for index in range(DOSES):
            call = evidence.exchange(f"dose.{index}.{number}")
            lights = evidence.exchanges(f"light.{index}.{number}")
            if len(lights) != LIGHTS or computed(call, probe) is None:
                raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"round {number} is not whole")
            doses.append((call, *lights))
    if rounds not in ROUNDS or len(base) != BASES or not numbered(base, "base"):
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{rounds} rounds are recorded")
    return base, doses


def _shares(base: Sequence[Exchange], doses: Sequence[Dose]) -> list[float]:
    """For each computation the median share of its rest that light requests waited for; those that ended too soon are not counted."""
    usual_ms = median([duration_ms(exchange) for exchange in base])
    shares = []
    for call, *lights in doses:
        ends_ms = call.at_s * 1000 + duration_ms(call)
        left = [(light, ends_ms - light.at_s * 1000) for light in lights]
        found = [
            min(max((duration_ms(light) - usual_ms) / left_ms, 0.0), 1.0)
            for light, left_ms in left
            if left_ms >= SHORTEST_LEFT_MS
        ]
        if found:
            shares.append(median(found))
    return shares


def _decision(shares: Sequence[float], fail_risk: float) -> Decision:
    if not shares:
        return Decision("open", MedianBounds(0, 0.0, None, None))
    return decide_at_most(shares, SHARE_LIMIT, looks=len(ROUNDS), fail_risk=fail_risk)


def _figures(base: Sequence[Exchange], doses: Sequence[Dose]) -> dict[str, Json]:
    """Medians per dose: the response of light requests to it."""
    figures: dict[str, Json] = {"base_ms": median([duration_ms(exchange) for exchange in base])}
    for index, name in enumerate(("smallest", "middle", "largest")):
        of_dose = doses[index::DOSES]
        figures[f"compute_ms_at_{name}"] = median([duration_ms(dose[0]) for dose in of_dose])
        figures[f"light_ms_at_{name}"] = median([duration_ms(light) for dose in of_dose for light in dose[1:]])
    return figures
