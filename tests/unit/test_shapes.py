"""Shapes are pure: levels, integrals and the arrivals that follow from them."""

import itertools
import math

import pytest

from hybridcheck import shapes

RAMP = shapes.stages_of("ramp", {"from_level": 0, "to_level": 100, "ramp_s": 10, "hold_s": 5})


def test_steady_arrivals_are_evenly_spaced_and_exact() -> None:
    """200 per second for 3 s are 600 arrivals, 5 ms apart, the first at 0."""
    starts = list(shapes.arrivals(shapes.stages_of("steady", {"level": 200, "duration_s": 3})))
    assert starts == [5_000_000 * index for index in range(600)]


@pytest.mark.parametrize("level", [0.1, 1 / 3, 7, 333.3, 9_999])
def test_number_of_arrivals_is_the_integral_rounded_up(level: float) -> None:
    """However odd the rate is, no arrival is lost or doubled."""
    stages = shapes.stages_of("steady", {"level": level, "duration_s": 3})
    assert len(list(shapes.arrivals(stages))) == math.ceil(level * 3 - 1e-9)


def test_ramp_arrivals_follow_the_square_root() -> None:
    """With a rate of 10 t, arrival k comes at sqrt(2 k / 10)."""
    starts = list(shapes.arrivals(RAMP))
    assert len(starts) == 1000
    for k in (0, 1, 49, 250, 499):
        assert starts[k] == pytest.approx(math.sqrt(k / 5) * 1e9, abs=1)
    assert starts[500] == 10_000_000_000
    assert starts == sorted(starts)


def test_pieces_of_a_shape_join_without_a_seam() -> None:
    """Cutting the time line anywhere changes no arrival."""
    cuts = [0.0, 0.7, 3.0, 3.1, 9.99, 10.0, 14.2, 20.0]
    pieces = [list(shapes.arrivals(RAMP, a, b)) for a, b in itertools.pairwise(cuts)]
    assert [start for piece in pieces for start in piece] == list(shapes.arrivals(RAMP))


def test_level_and_area_agree() -> None:
    """The level is what the shape says, and the area its integral."""
    assert [shapes.level_at(RAMP, at) for at in (-1, 0, 5, 10, 14.9, 15)] == [0, 0, 50, 100, 100, 0]
    assert shapes.area_until(RAMP, 10) == pytest.approx(500)
    assert shapes.area_until(RAMP, math.inf) == pytest.approx(1000)
    assert shapes.peak_level(RAMP) == 100
    assert shapes.duration_s(RAMP) == 15


def test_a_pause_has_no_arrivals() -> None:
    """A stage of level 0 in the middle stays empty, and what follows begins at its own start."""
    stages = (shapes.Stage(1, 10, 10), shapes.Stage(5, 0, 0), shapes.Stage(1, 10, 10))
    starts = [start / 1e9 for start in shapes.arrivals(stages)]
    assert starts == pytest.approx([k / 10 for k in range(10)] + [6 + k / 10 for k in range(10)])


def test_poisson_is_reproducible_and_has_the_rate() -> None:
    """The same seed gives the same arrivals, another one others; their number is near the integral."""
    stages = shapes.stages_of("steady", {"level": 1000, "duration_s": 10})
    first = list(shapes.poisson_arrivals(stages, 7))
    assert first == list(shapes.poisson_arrivals(stages, 7)) != list(shapes.poisson_arrivals(stages, 8))
    assert abs(len(first) - 10_000) < 500  # five standard deviations
    assert first == sorted(first)
    gaps = [after - before for before, after in itertools.pairwise(first)]
    mean = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert spread / mean == pytest.approx(1, abs=0.1)  # exponential gaps


@pytest.mark.parametrize(
    "name,parameters,duration_s,peak",
    [
        ("steps", {"from_level": 10, "step_level": 5, "step_s": 2, "steps": 4}, 8, 25),
        ("stress", {"normal_level": 10, "peak_level": 90, "hold_s": 3, "ramp_s": 1}, 11, 90),
        ("spike", {"normal_level": 5, "peak_level": 50, "before_s": 1, "peak_s": 2, "after_s": 3}, 6, 50),
        ("soak", {"level": 30, "duration_s": 100, "ramp_s": 5}, 105, 30),
        ("breakpoint", {"from_level": 1, "to_level": 300, "duration_s": 60}, 60, 300),
    ],
)
def test_shapes_last_and_peak_as_said(name: str, parameters: dict[str, float], duration_s: float, peak: float) -> None:
    """Each shape lasts as long and reaches as high as its parameters say."""
    stages = shapes.stages_of(name, parameters)
    assert shapes.duration_s(stages) == pytest.approx(duration_s)
    assert shapes.peak_level(stages) == peak


@pytest.mark.parametrize(
    "name,parameters",
    [
        ("zigzag", {}),
        ("steady", {"level": 1}),
        ("steady", {"level": 1, "duration_s": 1, "colour": 3}),
        ("steady", {"level": -1, "duration_s": 1}),
        ("steady", {"level": math.nan, "duration_s": 1}),
        ("steady", {"level": 1, "duration_s": 0}),
    ],
)
def test_wrong_shapes_are_refused(name: str, parameters: dict[str, float]) -> None:
    """Unknown names, missing, unknown or impossible parameters are errors."""
    with pytest.raises(ValueError):
        shapes.stages_of(name, parameters)


def test_operations_take_turns_by_weight() -> None:
    """Each occurs in proportion, in an order that the seed decides."""
    order = shapes.operation_order([60, 30, 10], seed=1)
    assert sorted(order) == [0] * 6 + [1] * 3 + [2]
    assert order == shapes.operation_order([6, 3, 1], seed=1)
