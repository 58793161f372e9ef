"""Load shapes: how many requests per second, or how many users, at second t; and the arrivals that follow from it.

Every shape is one pure function that returns linear stages, and one row in `SHAPES`. A level is requests per second in
the open model and users in the closed model. Nothing here knows which, or what time it is.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

NS_PER_S = 1_000_000_000
_SAME_ARRIVAL = 1e-9
"""Two cumulated arrival counts closer than this are one arrival: the rounding of a float sum, not a measurement."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of `duration_s` in which the level moves linearly from `from_level` to `to_level`."""

    duration_s: float
    from_level: float
    to_level: float


Stages = tuple[Stage, ...]

Parameter = float | Sequence[Sequence[float]]
"""A number, or for `stages` the list of (duration_s, level)."""


def steady(*, level: float, duration_s: float) -> Stages:
    """One level for the whole time."""
    return (Stage(duration_s, level, level),)


def ramp(*, to_level: float, ramp_s: float, hold_s: float = 0.0, from_level: float = 0.0) -> Stages:
    """A linear climb (or descent) followed by a hold at the level that was reached."""
    return (Stage(ramp_s, from_level, to_level), Stage(hold_s, to_level, to_level))


def steps(*, from_level: float, step_level: float, step_s: float, steps: float) -> Stages:
    """A staircase: each of `steps` stairs holds for `step_s` and is `step_level` higher than the one before."""
    return tuple(
        Stage(step_s, from_level + index * step_level, from_level + index * step_level) for index in range(int(steps))
    )


def stress(*, normal_level: float, peak_level: float, hold_s: float, ramp_s: float) -> Stages:
    """Normal load, a climb to far beyond it, a hold there, and the way back to normal."""
    return (
        Stage(hold_s, normal_level, normal_level),
        Stage(ramp_s, normal_level, peak_level),
        Stage(hold_s, peak_level, peak_level),
        Stage(ramp_s, peak_level, normal_level),
        Stage(hold_s, normal_level, normal_level),
    )


def spike(*, normal_level: float, peak_level: float, before_s: float, peak_s: float, after_s: float) -> Stages:
    """A jump from normal to peak within no time, and a fall back after `peak_s`."""
    return (
        Stage(before_s, normal_level, normal_level),
        Stage(peak_s, peak_level, peak_level),
        Stage(after_s, normal_level, normal_level),
    )


def soak(*, level: float, duration_s: float, ramp_s: float = 0.0) -> Stages:
    """Endurance: one level for a long time after an optional climb."""
    return (Stage(ramp_s, 0.0, level), Stage(duration_s, level, level))


def breakpoint_search(*, from_level: float, to_level: float, duration_s: float) -> Stages:
    """A slow climb until something gives way."""
    return (Stage(duration_s, from_level, to_level),)


def listed(*, stages: Sequence[Sequence[float]], from_level: float = 0.0) -> Stages:
    """A list of (duration_s, level): the level moves linearly to each in turn; one that lasts no time is a jump."""
    levels = [from_level, *(level for _, level in stages)]
    return tuple(Stage(lasts, before, level) for (lasts, level), before in zip(stages, levels, strict=False))


SHAPES: Mapping[str, Callable[..., Stages]] = {
    "steady": steady,
    "ramp": ramp,
    "steps": steps,
    "stress": stress,
    "spike": spike,
    "soak": soak,
    "breakpoint": breakpoint_search,
    "stages": listed,
}


def stages_of(shape: str, parameters: Mapping[str, Parameter]) -> Stages:
    """The stages of a named shape, without empty ones.

    Raises:
        ValueError: unknown shape, missing or unknown parameter, or a duration or level that is negative or not finite.
    """
    if shape not in SHAPES:
        raise ValueError(f"unknown shape {shape!r}; known: {', '.join(SHAPES)}")
    try:
        stages = SHAPES[shape](**parameters)
    except (TypeError, ValueError) as wrong:
        raise ValueError(f"shape {shape!r}: {wrong}") from wrong
    for stage in stages:
        numbers = (stage.duration_s, stage.from_level, stage.to_level)
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            raise ValueError(f"shape {shape!r}: durations and levels are finite and not negative, not {numbers}")
    stages = tuple(stage for stage in stages if stage.duration_s > 0)
    if not stages:
        raise ValueError(f"shape {shape!r} lasts no time")
    return stages


def duration_s(stages: Stages) -> float:
    """How long the whole shape lasts."""
    return math.fsum(stage.duration_s for stage in stages)


def level_at(stages: Stages, at_s: float) -> float:
    """The level at second `at_s`; 0 before the start and from the end on. At a jump the later stage holds."""
    if at_s < 0:
        return 0.0
    begin = 0.0
    for stage in stages:
        if at_s < begin + stage.duration_s:
            return stage.from_level + (stage.to_level - stage.from_level) * (at_s - begin) / stage.duration_s
        begin += stage.duration_s
    return 0.0


def peak_level(stages: Stages) -> float:
    """The highest level that the shape reaches."""
    return max(max(stage.from_level, stage.to_level) for stage in stages)


def area_until(stages: Stages, at_s: float) -> float:
    """The integral of the level from 0 to `at_s`: in the open model the number of arrivals until then."""
    area, begin = 0.0, 0.0
    for stage in stages:
        if at_s <= begin:
            break
        within = min(at_s - begin, stage.duration_s)
        slope = (stage.to_level - stage.from_level) / stage.duration_s
        area += within * (stage.from_level + slope * within / 2)
        begin += stage.duration_s
    return area


def part_of(count: int, index: int, parts: int) -> int:
    """How many of the things 0, 1, …, count-1 fall to part `index` when they are dealt out in turn to so many parts."""
    return max(0, -(-(count - index) // parts))


def arrivals(
    stages: Stages, from_s: float = 0.0, to_s: float = math.inf, *, skip: int = 0, step: int = 1
) -> Iterator[int]:
    """Intended starts in nanoseconds since the start of the shape, within [from_s, to_s), evenly spread by the rate.

    Arrival k is due when the integral of the rate reaches k, so a steady rate r gives 0, 1/r, 2/r, …, a shape gives the
    same arrivals however it is cut into pieces, and their number is the integral rounded up. With `step`, every so-many-th
    of them after the first `skip`.
    """
    first = math.ceil(area_until(stages, from_s) - _SAME_ARRIVAL)
    last = area_until(stages, to_s) - _SAME_ARRIVAL
    yield from _due(stages, _whole_numbers(first + skip, last, step))


def poisson_arrivals(stages: Stages, seed: int, from_s: float = 0.0, to_s: float = math.inf) -> Iterator[int]:
    """Intended starts in nanoseconds of a Poisson process whose rate is the level; the same seed gives the same ones."""
    low, high = area_until(stages, from_s), area_until(stages, to_s)
    yield from _due(stages, _exponential_steps(random.Random(seed), low, high))


def _whole_numbers(first: int, last: float, step: int) -> Iterator[float]:
    position = first
    while position < last:
        yield float(position)
        position += step


def _exponential_steps(source: random.Random, low: float, high: float) -> Iterator[float]:
    position = source.expovariate(1.0)
    while position < high:
        if position >= low:
            yield position
        position += source.expovariate(1.0)


def _due(stages: Stages, positions: Iterator[float]) -> Iterator[int]:
    """When the integral of the rate reaches each position, in nanoseconds; positions ascend."""
    remaining = iter(stages)
    stage = next(remaining)
    begin_s, before, area = 0.0, 0.0, _area(stage)
    for position in positions:
        while position >= before + area - _SAME_ARRIVAL and (following := next(remaining, None)) is not None:
            begin_s, before = begin_s + stage.duration_s, before + area
            stage, area = following, _area(following)
        yield round((begin_s + _time_within(stage, max(position - before, 0.0))) * NS_PER_S)


def _area(stage: Stage) -> float:
    return stage.duration_s * (stage.from_level + stage.to_level) / 2


def _time_within(stage: Stage, area: float) -> float:
    """Seconds into the stage until the integral reaches `area`: the root of from·t + slope·t²/2 = area."""
    slope = (stage.to_level - stage.from_level) / stage.duration_s
    root = math.sqrt(max(stage.from_level * stage.from_level + 2 * slope * area, 0.0))
    return 2 * area / (stage.from_level + root) if area > 0 else 0.0


def operation_order(weights: Sequence[int], seed: int) -> tuple[int, ...]:
    """The cycle in which operations take turns: operation i occurs weights[i] times, shuffled by the seed.

    Arrival k is of operation `order[k % len(order)]`, whatever happened to the arrivals before it.
    """
    divisor = math.gcd(*weights)
    order = [index for index, weight in enumerate(weights) for _ in range(weight // divisor)]
    random.Random(seed).shuffle(order)
    return tuple(order)
