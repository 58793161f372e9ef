"""Soak of the statistics: generated runs near their limit, judged by the very checks and watch that judge real ones."""

import math
import random
from collections import Counter
from collections.abc import Iterator
from statistics import NormalDist

from benchmarks.soak_load import FAIL_ALPHA, LIMIT_MS, latency_outcome
from hybridcheck.checks.load.rates import risks
from hybridcheck.evidence import GeneratorSecond, LoadEnd, LoadHistogram, LoadSecond, Record
from hybridcheck.statistics.binomial import clopper_pearson_lower, clopper_pearson_upper
from hybridcheck.statistics.sequential import certain
from hybridcheck.statistics.spread import Batch

REPLAYS = 1000
RATE_RPS, RUN_S = 200, 60
EARLY_RUN_S = 120
LIMIT_SHARE = 0.05
WANDERING = ((0.0, 0.0), (0.05, 0.5), (0.17, 0.7))
"""Independent answers, a service with some moods, and one with strong and slow ones."""

TOO_SLOW = (0.17, 0.9)
"""Moods of some twenty seconds: a minute holds three of them, and no judgement of a minute can know. No goal, but told."""

NEAR = ((1.05, "5 % above the limit", "pass"), (0.95, "5 % below the limit", "fail"))
FAR = ((1.5, "50 % above the limit", "pass"), (0.7, "30 % below the limit", "fail"))


def errors() -> Iterator[str]:
    """Generated runs whose true p95 is above or below the limit, judged by the very check that judges real ones.

    Log-normal latencies (sigma 0.6) around a level that wanders from second to second: a first-order autoregression with
    a share of the variance. Given the level, answers of a second are independent, so the number of late ones is binomial.
    """
    yield f"\n{REPLAYS:,} generated runs of {RATE_RPS} requests per second for {RUN_S} s in each row, seeds 0 to {REPLAYS - 1};"
    yield "the level wanders from second to second by a share of the variance, remembering so much of the second before.\n"
    yield "| true p95 | share, memory | pass | fail | inconclusive | wrong | 95 % bound | goal | |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---|"
    for share, memory in (*WANDERING, TOO_SLOW):
        for factor, name, wrong in (*NEAR, *FAR):
            found = Counter(
                latency_outcome(_records(_late_ones(factor, seed, share, memory))) for seed in range(REPLAYS)
            )
            bound = clopper_pearson_upper(found[wrong], REPLAYS, 0.95)
            counts = " | ".join(f"{found[outcome]}" for outcome in ("pass", "fail", "inconclusive"))
            met = "met" if found[wrong] <= 0.01 * REPLAYS else "NOT MET"
            cells = f"{share:.0%}, {memory:g} | {counts} | {found[wrong] / REPLAYS:.1%} | ≤ {bound:.2%}"
            yield f"| {name} | {cells} | {'none | |' if (share, memory) == TOO_SLOW else f'≤ 1 % | {met} |'}"
    yield "\nThe last rows have no goal: moods of some twenty seconds fit three times into a minute, and no judgement of that minute can know"
    yield "what the next one brings. Where a service has such moods, let the phase last for some hundred of them."


def early_stops() -> Iterator[str]:
    """The same runs, asked after each second whether the limit is certainly broken or kept, as a phase that may end early is."""
    _, _, fail, pass_ = risks(FAIL_ALPHA, may_pass_early=True)
    assert pass_ is not None
    yield f"\n{REPLAYS:,} generated runs of {EARLY_RUN_S} s in each row, asked after every second; alpha is the risk of all looks together."
    yield "A goal is met where the 95 % lower bound of the share does not exceed alpha.\n"
    yield "| true p95 | share, memory | ended as | runs | lower bound | alpha | | right ends | after (median) |"
    yield "|---|---:|---|---:|---:|---:|---|---:|---:|"
    for share, memory in WANDERING:
        for factor, name, wrong in NEAR:
            runs_late = (_late_ones(factor, seed, share, memory, EARLY_RUN_S) for seed in range(REPLAYS))
            ends = [_ended(late, fail, pass_) for late in runs_late]
            ended, alpha = sum(state == wrong for state, _ in ends), fail if wrong == "fail" else pass_
            right = sorted(second for state, second in ends if state not in {wrong, "open"})
            lower = clopper_pearson_lower(ended, REPLAYS, 0.95)
            met = "met" if lower <= alpha else "NOT MET"
            middle = f"{right[len(right) // 2]} s" if right else "—"
            cells = f"{ended} | {lower:.3%} | {alpha:.3%} | {met} | {len(right)} | {middle}"
            yield f"| {name} | {share:.0%}, {memory:g} | wrong {wrong} | {cells} |"


def _ended(late: list[int], fail: float, pass_: float) -> tuple[str, int]:
    batches: list[Batch] = []
    for second, count in enumerate(late, start=1):
        batches.append(Batch(count, RATE_RPS))
        state = certain(batches, LIMIT_SHARE, fail_alpha=fail, pass_alpha=pass_)
        if state != "open":
            return state, second
    return "open", len(late)


def _late_ones(factor: float, seed: int, share: float, memory: float, seconds: int = RUN_S) -> list[int]:
    """How many answers of each second are later than the limit."""
    source, normal, sigma = random.Random(seed), NormalDist(), 0.6
    between, within = sigma * math.sqrt(share), sigma * math.sqrt(1 - share)
    centre = math.log(LIMIT_MS * factor) - sigma * normal.inv_cdf(1 - LIMIT_SHARE)
    level, late = source.gauss(0, between), []
    for _ in range(seconds):
        late_share = 1 - normal.cdf((math.log(LIMIT_MS) - centre - level) / within)
        late.append(sum(source.random() < late_share for _ in range(RATE_RPS)))
        level = memory * level + source.gauss(0, between * math.sqrt(1 - memory**2))
    return late


def _records(late: list[int]) -> list[Record]:
    records: list[Record] = []
    for second, count in enumerate(late):
        counts = {"planned": RATE_RPS, "ok": RATE_RPS, "late": {f"{LIMIT_MS:g}": count}}
        records.append(LoadSecond.model_validate({"second": second, "operation": "get", **counts}))
        records.append(GeneratorSecond(second=second, cpu_ratio=0.3, offered=RATE_RPS, sent=RATE_RPS))
    planned = RATE_RPS * len(late)
    records.append(LoadHistogram(operation="*", measure="own_lag", pairs=((1000, planned),)))
    ended = {"cause": "completed", "seconds": len(late), "planned": planned, "ok": planned}
    records.append(LoadEnd.model_validate({**ended, "failed": 0, "unsent": 0, "cut": 0}))
    return records
