"""What holds for every shape that can be written down (Hypothesis)."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from hybridcheck import shapes

LEVELS = st.one_of(st.just(0.0), st.floats(0.01, 400))
STAGES = st.lists(st.builds(shapes.Stage, st.floats(0.05, 8), LEVELS, LEVELS), min_size=1, max_size=5).map(tuple)


@given(STAGES)
def test_arrivals_are_ordered_within_the_shape_and_as_many_as_the_integral(stages: shapes.Stages) -> None:
    """Ascending, inside of the shape, and their number is the integral rounded up."""
    starts = list(shapes.arrivals(stages))
    assert len(starts) == math.ceil(shapes.area_until(stages, math.inf) - 1e-9)
    assert all(before <= after for before, after in itertools.pairwise(starts))
    assert not starts or (starts[0] >= 0 and starts[-1] <= shapes.duration_s(stages) * 1e9 + 1)


@given(STAGES)
def test_each_arrival_is_due_when_the_integral_reaches_its_number(stages: shapes.Stages) -> None:
    """The k-th arrival comes where the integral is k: the definition, checked backwards."""
    for k, start in enumerate(itertools.islice(shapes.arrivals(stages), 500)):
        assert abs(shapes.area_until(stages, start / 1e9) - k) < 1e-4


@given(STAGES, st.lists(st.floats(0, 40), min_size=1, max_size=6))
def test_pieces_join_without_a_seam(stages: shapes.Stages, cuts: list[float]) -> None:
    """However the time line is cut, the pieces together are the whole."""
    edges = [0.0, *sorted(cuts), math.inf]
    pieces = [start for a, b in itertools.pairwise(edges) for start in shapes.arrivals(stages, a, b)]
    assert pieces == list(shapes.arrivals(stages))


@given(STAGES, st.integers(0, 2**32), st.lists(st.floats(0, 40), min_size=1, max_size=4))
def test_poisson_pieces_join_too(stages: shapes.Stages, seed: int, cuts: list[float]) -> None:
    """The same for the Poisson process of one seed."""
    edges = [0.0, *sorted(cuts), math.inf]
    pieces = [start for a, b in itertools.pairwise(edges) for start in shapes.poisson_arrivals(stages, seed, a, b)]
    assert pieces == list(shapes.poisson_arrivals(stages, seed))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 2**32))
def test_operations_occur_in_exact_proportion(weights: list[int], seed: int) -> None:
    """One cycle of the order holds each operation in proportion to its weight."""
    order = shapes.operation_order(weights, seed)
    counts = [order.count(index) for index in range(len(weights))]
    assert [count * sum(weights) for count in counts] == [weight * len(order) for weight in weights]
