"""The recorder by itself, without a network: what a record costs, how exact quantiles are, merging, and memory."""

import math
import random
import time
from collections.abc import Iterator

from hybridcheck.generator import health
from hybridcheck.generator.recording import Book, book_answer
from hybridcheck.statistics.histogram import Histogram, value_ns

SAMPLES = 200_000
WORKERS = 4
ROUNDS = 7  # of which the quickest counts: what neighbours take is not what recording costs
NAMES = 200
QUANTILES = (0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999)


def latencies_ns(count: int, seed: int = 1) -> list[int]:
    """Log-uniform from 50 µs to 60 s: every part of the range alike."""
    source = random.Random(seed)
    low, high = math.log(50_000), math.log(60_000_000_000)
    return [round(math.exp(source.uniform(low, high))) for _ in range(count)]


def usual_latencies_ns(count: int, seed: int = 1) -> list[int]:
    """Log-normal around 5 ms with sigma 0.6: p99 is 20 ms, as a healthy service has it."""
    source = random.Random(seed)
    return [round(5_000_000 * math.exp(source.gauss(0, 0.6))) for _ in range(count)]


def recording() -> Iterator[str]:
    """Cost, error and merging."""
    values, usual = latencies_ns(SAMPLES), usual_latencies_ns(SAMPLES)
    yield "\n| | measured | goal |"
    yield "|---|---:|---:|"
    yield f"| recording one answer: counts, lateness, two histograms | {_cost_us(usual):.2f} µs | ≤ 0.5 µs |"
    yield f"| `stats.log_request` of Locust | {_locust_cost_us(usual):.2f} µs | |"
    yield f"| worst error of a quantile over 50 µs to 60 s ({SAMPLES:,} log-uniform times) | {_worst_error(values):.3%} | ≤ 0.1 % |"
    yield f"| the same in Locust's statistics | {_locust_error():.2%} | |"
    same = "bit-identical" if _merged(values) == Histogram(_counts(values)).to_pairs() else "DIFFERENT"
    yield f"| {WORKERS} recorders merged, against one | {same} | bit-identical |"


def memory(records: int) -> Iterator[str]:
    """Resident memory while the generator's own books take in so many answers over 200 names, second after second."""
    books = [Book(f"operation {index}", (50_000_000,), 0, 5) for index in range(NAMES)]
    values = latencies_ns(20_000)
    per_second = 20_000
    before = peak = None
    written = 0
    for second in range(records // per_second):
        at = second * 1_000_000_000
        for index, value in enumerate(values):
            book = books[index % NAMES]
            cell = book.cell_at(at)
            cell.planned += 1
            book_answer(book, cell, value, value)
        for book in books:
            if second:
                written += len(str(book.close_second(second - 1)))
            written += sum(len(str(book.times(window))) for window in book.close_windows(second))
        if second == 10:
            before = health.resident_bytes()
    peak = health.resident_bytes()
    if before is None or peak is None:
        raise SystemExit("resident memory is read from /proc, which this system has not")
    yield f"\n| resident memory over {records / 1e6:g} million records, {NAMES} names | {(peak - before) / 1e6:+.1f} MB | ≤ 10 MB |"
    yield f"\n(from second 10 to second {records // per_second} of the books; {written / 1e6:,.0f} MB of reports were made meanwhile)"


def _cost_us(values: list[int]) -> float:
    costs = []
    for _ in range(ROUNDS):
        book = Book("get", (50_000_000,), 0, 5)
        cell = book.cell
        begun = time.perf_counter()
        for value in values:
            book_answer(book, cell, value, value)
        with_it = time.perf_counter() - begun
        begun = time.perf_counter()
        for value in values:  # noqa: B007  the loop by itself
            pass
        costs.append(with_it - (time.perf_counter() - begun))
    return min(costs) / len(values) * 1e6


def _locust_cost_us(values: list[int]) -> float:
    from locust.stats import RequestStats  # noqa: PLC0415  it patches sockets

    costs = []
    for _ in range(ROUNDS):
        stats = RequestStats()
        begun = time.perf_counter()
        for value in values:
            stats.log_request("GET", "get", value // 1_000_000, 30)
        costs.append(time.perf_counter() - begun)
    return min(costs) / len(values) * 1e6


def _locust_error() -> float:
    from locust.stats import bucket_response_time  # noqa: PLC0415  it patches sockets

    values = [value / 1e6 for value in latencies_ns(SAMPLES) if value >= 10e6]
    return max(abs(bucket_response_time(value) / value - 1) for value in values)


def _counts(values: list[int]) -> dict[int, int]:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram.counts


def _worst_error(values: list[int]) -> float:
    """Of single values (the middle of its bucket against each), and of quantiles against the sorted list."""
    histogram, ordered = Histogram(_counts(values)), sorted(values)
    exact = {q: ordered[max(0, math.ceil(q * len(ordered)) - 1)] for q in QUANTILES}
    quantiles = max(abs((histogram.quantile(q) or 0) / truth - 1) for q, truth in exact.items())
    one = Histogram()
    singles = 0.0
    for value in values[:20_000]:
        one.counts.clear()
        one.record(value)
        singles = max(singles, abs(value_ns(next(iter(one.counts))) / value - 1))
    return max(quantiles, singles)


def _merged(values: list[int]) -> list[tuple[int, int]]:
    total = Histogram()
    for worker in range(WORKERS):
        total.merge(Histogram.from_pairs(Histogram(_counts(values[worker::WORKERS])).to_pairs()))
    return total.to_pairs()
