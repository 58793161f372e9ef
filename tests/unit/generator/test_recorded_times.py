"""What the hot path books: the buckets of `statistics.histogram`, to 32 ns where its own would be finer."""

from hypothesis import given
from hypothesis import strategies as st

from hybridcheck.generator.recording import FINE_NS, GRAIN_NS, Book, book_answer
from hybridcheck.statistics.histogram import bucket_of, lower_edge_ns


@given(st.integers(0, 10**11), st.integers(0, 10**11))
def test_times_go_into_the_histograms_buckets(response_ns: int, service_ns: int) -> None:
    """From FINE_NS on exactly; below, rounded down by less than the grain."""
    book = Book("a", (), 0, 1)
    book_answer(book, book.cell, response_ns, service_ns)
    for time_ns, booked in ((response_ns, book.cell.response), (service_ns, book.cell.service)):
        ((bucket, count),) = booked.items()
        assert count == 1
        if time_ns >= FINE_NS:
            assert bucket == bucket_of(time_ns)
        else:
            assert 0 <= time_ns - lower_edge_ns(bucket) < GRAIN_NS


def test_fast_answers_share_a_thousand_buckets() -> None:
    """A second's report stays small however many different times there are."""
    book = Book("a", (), 0, 1)
    for time_ns in range(0, FINE_NS, 3):
        book_answer(book, book.cell, time_ns, time_ns)
    assert len(book.cell.response) == FINE_NS // GRAIN_NS
