"""What happens to slow calls beyond what the system can take, and to everybody else meanwhile."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from statistics import median

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import asking, is_good, numbers_of, operation_of, probed
from hybridcheck.checks.check import LoadCheck, Scene
from hybridcheck.checks.operations import ask_for, params_of, suite_of
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import LoadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

TIMES_CAPACITY = 2.5
SLOW_MS = 250
GIVE_UP_S = 4.0
"""A call that is neither answered nor refused after so long is held without a bound."""

BESIDE, BESIDE_EVERY_S = 5, 0.04
REFUSED_WITHIN_MS, BESIDE_WITHIN_MS = 1000, 250
TIMES_CALM = 10
"""Bounds on medians: so long, and so many times what a call takes that needs no time."""

BUSY = frozenset({429, 503})
CALM_WITHIN_MS = 400
"""As many calls as there is room for, which need no time, at once: where the slowest takes longer, tester or machine
have no time to spare."""

ROUNDS, MOST_ROUNDS, RECOVERIES, PAUSE_S = 2, 4, 4, 0.5


class OverloadBounded(LoadCheck):
    """Beyond capacity calls are refused fast, everybody else is served, and afterwards all is as before.

    Starts two and a half times as many slow calls as `probes.slow.capacity` at once, and asks another operation
    meanwhile. In two rounds of two a fail is: an answer that is neither a success nor 429 or 503, a call that is
    held for seconds, slow refusals, an other operation that fails or waits with them, or no recovery. Before each round
    as many calls as there is room for are sent that need no time: a round in which those were slow decides nothing.
    """

    id = "resilience.overload-bounded"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    phase = Phase.ABUSE  # one at a time, after the load phases
    suite = "boundary"
    remedy = (
        "Limit what is under way per kind of call, refuse the rest at once with 503 and Retry-After, queue nothing."
    )
    refs = ("sre.google/sre-book/handling-overload", "CWE-400", "CWE-770")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where the capacity of a slow operation is declared."""
        slow = scene.profile.probes.slow
        params, beside = probed(scene, slow), _other(scene)
        if slow is None or params is None or slow.capacity is None or beside is None:
            needs = "probes: {slow: {operation: ID, in: $.ms, capacity: 16}}, and an operation of another service"
            yield Unmet(subject="capacity", needs=needs)
        elif int(slow.capacity * TIMES_CAPACITY) + BESIDE > scene.profile.limits.max_connections:
            yield Unmet(subject="capacity", needs=f"limits: {{max_connections: {int(slow.capacity * 3) + BESIDE}}}")
        else:
            params |= {"in": slow.into, "calls": int(slow.capacity * TIMES_CAPACITY), "suite": self.suite}
            yield Case(check=self.id, subject=slow.operation, params={**params, "beside": beside})

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Overload, look beside, and see whether it recovers; once more where something is wrong."""
        wrong = 0
        for number in range(1, MOST_ROUNDS + 1):
            found = await self._round(case, target, f"round.{number}")
            seen = _wrong(found, case.params["calls"])
            wrong += bool(seen)
            if seen == "" or wrong == ROUNDS:
                return
            if seen is None:
                await target.sleep(PAUSE_S)

    async def _round(self, case: Case, target: LoadTarget, label: str) -> "_Round":
        slow = replace(asking(operation_of(case.params), case.params["in"], SLOW_MS), deadline_s=GIVE_UP_S)
        quick = asking(operation_of(case.params), case.params["in"], 1)
        other = replace(ask_for(operation_of(case.params["beside"])), deadline_s=GIVE_UP_S)
        after: list[Exchange] = []

        async def look_beside(index: int) -> Exchange:
            await target.sleep(BESIDE_EVERY_S * index)
            return await target.read(f"{label}.beside.{index}", other)

        control = await target.read(f"{label}.control", quick)
        calm = await target.together(
            [target.read(f"{label}.calm.{index}", quick) for index in range(_room(case.params["calls"]))]
        )
        calls = [target.read(f"{label}.call.{index}", slow) for index in range(case.params["calls"])]
        done = await target.together([*calls, *(look_beside(index) for index in range(1, BESIDE + 1))])
        for attempt in range(1, RECOVERIES + 1):
            after.append(await target.read(f"{label}.after.{attempt}", quick))
            if is_good(after[-1]):
                break
            await target.sleep(PAUSE_S)
        return _Round((control,), tuple(calm), tuple(done[: len(calls)]), tuple(done[len(calls) :]), tuple(after))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look at who was answered how, and when."""
        calls: int = case.params["calls"]
        expected = f"of {calls} slow calls at once those beyond capacity are refused fast, and nobody else notices"
        numbers = numbers_of(evidence.exchanges("round"))
        rounds = _rounds_in(evidence)
        if not rounds or not all(found.is_whole(calls) for found in rounds):
            text = "not all was recorded, or the operation did not answer to begin with"
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, text, exchanges=numbers)
        decided = [(found, wrong) for found in rounds if (wrong := _wrong(found, calls)) is not None]
        complaints = [wrong for _, wrong in decided if wrong]
        if len(complaints) >= ROUNDS:
            return failed(expected, complaints[-1], exchanges=numbers, n=2 * calls)
        if not decided:
            slowest = max(found.calm_ms() for found in rounds)
            text = f"calls that need no time took {slowest:.0f} ms in each of {len(rounds)} rounds: there was no time to spare"
            return undecided(Reason.GENERATOR_SATURATED, expected, text, exchanges=numbers)
        if complaints:
            reason = Reason.FLAKY if len(decided) > 1 else Reason.EVIDENCE_INCOMPLETE
            return undecided(reason, expected, f"once: {complaints[0]}", exchanges=numbers)
        refused = [exchange for exchange in decided[-1][0].calls if exchange.status in BUSY]
        figures = {"calls": calls, "refused": len(refused), "refused_ms": _typical_ms(refused)}
        text = f"{calls - len(refused)} answered, {len(refused)} refused"
        return passed(expected, text, exchanges=numbers, n=calls, figures=figures)


@dataclass(frozen=True, slots=True)
class _Round:
    """What was asked in one round."""

    control: tuple[Exchange, ...]
    calm: tuple[Exchange, ...]
    calls: tuple[Exchange, ...]
    beside: tuple[Exchange, ...]
    after: tuple[Exchange, ...]

    def is_whole(self, calls: int) -> bool:
        """Whether all of it was recorded, and the operation answered to begin with."""
        counts = (len(self.control), len(self.calm), len(self.calls), len(self.beside), min(len(self.after), 1))
        return counts == (1, _room(calls), calls, BESIDE, 1) and is_good(self.control[0])

    def calm_ms(self) -> float:
        """The slowest of the calls that need no time; without end where one was not answered."""
        times = [
            inf if exchange.total_ms is None or exchange.status is None else exchange.total_ms for exchange in self.calm
        ]
        return max(times)


PARTS = ("control", "calm", "call", "beside", "after")


def _rounds_in(evidence: Evidence) -> list[_Round]:
    """Every round up to the last of which anything is recorded."""
    found = [
        _Round(*(evidence.exchanges(f"round.{number}.{part}") for part in PARTS))
        for number in range(1, MOST_ROUNDS + 1)
    ]
    last = max((index for index, each in enumerate(found, 1) if any((each.control, each.calm, each.calls))), default=0)
    return found[:last]


def _wrong(found: _Round, calls: int) -> str | None:
    """What is wrong in a round, empty where nothing is; None where it decides nothing."""
    if not found.is_whole(calls) or found.calm_ms() > CALM_WITHIN_MS:
        return None
    odd = [exchange for exchange in found.calls if not is_good(exchange) and exchange.status not in BUSY]
    if odd:
        return f"{len(odd)} of {calls} calls got neither an answer nor a refusal: {describe(odd[0])}"
    refused = [exchange for exchange in found.calls if exchange.status in BUSY]
    calm_ms = TIMES_CALM * _typical_ms(found.calm)
    if refused and _typical_ms(refused) > max(REFUSED_WITHIN_MS, calm_ms):
        return f"refusals take {_typical_ms(refused):.0f} ms"
    failing = [exchange for exchange in found.beside if not is_good(exchange)]
    if failing:
        return f"meanwhile another operation fails: {describe(failing[0])}"
    if _typical_ms(found.beside) > max(BESIDE_WITHIN_MS, calm_ms):
        return f"meanwhile another operation takes {_typical_ms(found.beside):.0f} ms"
    if not is_good(found.after[-1]):
        waited_s = RECOVERIES * PAUSE_S
        return f"{waited_s:g} s later it does not answer again: {describe(found.after[-1])}"
    return ""


def _room(calls: int) -> int:
    """How many calls there is room for, of those that are too many."""
    return int(calls / TIMES_CAPACITY)


def _typical_ms(exchanges: Sequence[Exchange]) -> float:
    """The median time of answers; 0 without any."""
    times = [exchange.total_ms for exchange in exchanges if exchange.total_ms is not None]
    return median(times) if times else 0.0


def _other(scene: Scene) -> dict[str, Json] | None:
    """The first operation of the read class that crosses no boundary, of a service that nothing crosses to."""
    callees = {boundary.callee for boundary in scene.profile.boundaries.values()}
    for name, service, operation in scene.profile.all_operations():
        if operation.reads and operation.sendable and operation.method == "GET" and name not in callees:
            return params_of(operation, suite_of(service))
    return None
