"""Two ways to the same answer, timed in turns: pairs are sampled until their difference is decided, or the bound comes.

Both ways are asked alternately and in alternating order, so that whatever else the machine does hits both alike; what
is judged is one number per pair. The sample is looked at a few times at the most, and the risks are divided by that.
"""

from collections.abc import Callable, Sequence

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.repeats import describe, numbered
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.models import Service
from hybridcheck.statistics.medians import Decision, decide_at_most
from hybridcheck.target import Ask, ReadTarget

LOOKS = (12, 24, 48, 96)
"""How many pairs there are when the sample is looked at."""

STOP_RISK = 1e-5
"""While sampling, a fail has to be this certain: surer than any share of the plan's risk that judges it later."""

Pair = tuple[Exchange, Exchange]
Good = Callable[[Exchange, Exchange], bool]
Settled = Callable[[Sequence[Pair]], bool]


async def sample(
    target: ReadTarget, label: str, asks: tuple[Ask, Ask], *, good: Good, settled: Settled, looks: Sequence[int] = LOOKS
) -> None:
    """Take a pair to warm up, then pairs until `settled` at a look; a pair that is not `good` ends it at once."""
    warm = await _pair(target, f"{label}.warm", asks, 1)
    if not good(*warm):
        return
    pairs: list[Pair] = []
    for look in looks:
        while len(pairs) < look:
            pairs.append(await _pair(target, label, asks, len(pairs) + 1))
            if not good(*pairs[-1]):
                return
        if settled(pairs):
            return


async def _pair(target: ReadTarget, label: str, asks: tuple[Ask, Ask], number: int) -> Pair:
    one, other = asks
    if number % 2:
        first = await target.read(f"{label}.one.{number}", one)
        return first, await target.read(f"{label}.other.{number}", other)
    second = await target.read(f"{label}.other.{number}", other)
    return await target.read(f"{label}.one.{number}", one), second


def sampled(evidence: Evidence, label: str, good: Good, looks: Sequence[int] = LOOKS) -> list[Pair]:
    """The pairs of a sample, whole and good.

    Raises:
        Undecided: where answers are throttled, wrong or missing.
    """
    every = evidence.exchanges(label)
    if any(exchange.status == 429 for exchange in every):
        raise Undecided(Reason.THROTTLED, "the target throttled the tester (429)")
    ones, others = evidence.exchanges(f"{label}.one"), evidence.exchanges(f"{label}.other")
    warm = evidence.exchange(f"{label}.warm.one.1"), evidence.exchange(f"{label}.warm.other.1")
    pairs = [warm, *zip(ones, others, strict=False)]
    bad = next((pair for pair in pairs if not good(*pair)), None)
    if bad is not None:
        text = f"not both gave the answer that is timed: {describe(bad[0])} and {describe(bad[1])}"
        raise Undecided(Reason.NO_TEST_DATA, text)
    whole = len(ones) == len(others) and numbered(ones, f"{label}.one") and numbered(others, f"{label}.other")
    if not whole or len(ones) not in looks:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{len(ones)} and {len(others)} answers are recorded")
    return pairs[1:]


def duration_ms(exchange: Exchange) -> float:
    """How long an exchange took.

    Raises:
        Undecided: where that is not recorded.
    """
    if exchange.total_ms is None:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "an exchange has no duration")
    return exchange.total_ms


def settle(values: Sequence[float], limit: float, fail_risk: float = STOP_RISK, looks: int = len(LOOKS)) -> Decision:
    """What the pairs' values say about the limit of their median."""
    return decide_at_most(values, limit, looks=looks, fail_risk=fail_risk)


def emulated(name: str, service: Service | None) -> str:
    """The profile line that would bring in what says nothing about an emulation; empty for other runtimes."""
    if service is None or service.runtime != "emulation":
        return ""
    return f"services: {{{name}: {{runtime: codon}}}}   # times of an emulation say nothing of the compiled service"
