"""Metrics: text that parses, counters that are true, counters that only go up; and what is not proved."""

from collections.abc import Callable
from typing import Any

import pytest

from hybridcheck.cases import Phase, Reason
from hybridcheck.checks.metrics.truth import SENT, CountersMonotone, CounterTrue, MetricsParse
from hybridcheck.target import Ask
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, finding_of, unmet_of

PROFILE: dict[str, Any] = {
    "operations": ["GET /items"],
    "observability": {
        "metrics": "/metrics",
        "counters": [{"metric": "hits_total", "labels": {"route": "/items"}, "operation": "GET /items"}],
    },
}
TEXT = {"Content-Type": "text/plain; version=0.0.4"}


class Counting:
    """A target that counts; `counted` says by how much a request moves the counter."""

    def __init__(self, counted: Callable[[int], float], *, background: float = 0, name: str = "hits_total") -> None:
        self.counted, self.background, self.name = counted, background, name
        self.hits, self.total = 0, 0.0

    def answer(self, ask: Ask) -> Answer:
        """Play the target."""
        if ask.path == "/metrics":
            self.total += self.background
            text = f'# TYPE {self.name} counter\n{self.name}{{route="/items"}} {self.total:g}\n'
            return 200, TEXT, text + f'{self.name}{{route="/other"}} 7\n'
        self.hits += 1
        self.total += self.counted(self.hits)
        return 200, {}, [1]


def counted(counting: Counting) -> Finding:
    """The finding over a target that counts like this."""
    return finding_of(CounterTrue(), PROFILE, FakeTarget(counting.answer))


def test_a_true_counter_passes_at_once() -> None:
    """One round that adds up is enough; nothing else of the run is beside it."""
    finding = counted(Counting(lambda _: 1))
    assert (finding.outcome, finding.value, finding.n) == (Outcome.PASS, SENT, SENT)
    assert CounterTrue.phase is Phase.WRITE


@pytest.mark.parametrize(
    ("step", "words"),
    [(lambda _: 2, f"moved by {2 * SENT}"), (lambda _: 0, "moved by 0"), (lambda n: n % 3 != 0, "moved by 20")],
    ids=["double", "none", "lossy"],
)
def test_an_untrue_counter_fails_twice(step: Callable[[int], float], words: str) -> None:
    """Counted twice, never, or not always."""
    finding = counted(Counting(step))
    assert finding.outcome is Outcome.FAIL
    assert words in finding.observed


def test_a_missing_counter_fails() -> None:
    """Another name is no such counter."""
    finding = counted(Counting(lambda _: 1, name="requests_total"))
    assert finding.outcome is Outcome.FAIL
    assert "no such counter" in finding.observed


def test_other_traffic_is_no_proof() -> None:
    """A counter that moves without us, and one that moves too far by chance, are undecided."""
    assert counted(Counting(lambda _: 1, background=1)).reason is Reason.SUSPECTED
    finding = counted(Counting(lambda n: 2 if n == 1 else 1 + (n == SENT + 1) * 2))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_once_is_flaky() -> None:
    """A second round that adds up leaves the first one unexplained."""
    finding = counted(Counting(lambda n: n > 1))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


def test_a_counter_may_lag_a_little() -> None:
    """Metrics that are gathered now and then are waited for."""
    counting = Counting(lambda _: 1)
    shown = [0.0]

    def answer(ask: Ask) -> Answer:
        found = counting.answer(ask)
        if ask.path != "/metrics":
            return found
        late, shown[0] = shown[0], counting.total
        return 200, TEXT, f'# TYPE hits_total counter\nhits_total{{route="/items"}} {late:g}\n'

    assert finding_of(CounterTrue(), PROFILE, FakeTarget(answer)).outcome is Outcome.PASS


def test_requests_that_fail_say_nothing_about_the_counter() -> None:
    """The marked requests have to be answered as declared, and the metrics to be there."""
    counting = Counting(lambda _: 1)
    broken = FakeTarget(lambda ask: counting.answer(ask) if ask.path == "/metrics" else (500, {}, {}))
    assert finding_of(CounterTrue(), PROFILE, broken).reason is Reason.NO_TEST_DATA
    page = FakeTarget(lambda ask: (200, {}, "<html>") if ask.path == "/metrics" else counting.answer(ask))
    assert finding_of(CounterTrue(), PROFILE, page).reason is Reason.NO_TEST_DATA
    hidden = FakeTarget(lambda ask: counting.answer(ask) if ask.path != "/metrics" else (404, {}, {}))
    assert finding_of(CounterTrue(), PROFILE, hidden).reason is Reason.NO_TEST_DATA


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((200, TEXT, "a 1\n"), Outcome.PASS),
        ((200, TEXT, "a one\n"), Outcome.FAIL),
        ((200, TEXT, ""), Outcome.FAIL),
        ((200, {"Content-Type": "text/html"}, "a 1\n"), Outcome.FAIL),
        ((404, {}, {}), Outcome.FAIL),
        ((429, {}, {}), Outcome.INCONCLUSIVE),
    ],
)
def test_metrics_are_valid_text(answer: Answer, outcome: Outcome) -> None:
    """Grammar, media type, and something in it."""
    assert finding_of(MetricsParse(), PROFILE, FakeTarget(lambda _: answer)).outcome is outcome


def scraped(values: Callable[[int], tuple[float, float | None]]) -> Finding:
    """The finding where scrape n shows this counter and start time."""
    count = [0]

    def answer(ask: Ask) -> Answer:
        count[0] += 1
        value, start = values(count[0])
        text = f"# TYPE hits_total counter\nhits_total {value:g}\n"
        return 200, TEXT, text + (f"process_start_time_seconds {start}\n" if start is not None else "")

    return finding_of(CountersMonotone(), PROFILE, FakeTarget(answer))


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        (lambda n: (n, 5.0), Outcome.PASS),
        (lambda n: (n, None), Outcome.PASS),
        (lambda n: (100 if n % 2 else 50, 5.0), Outcome.FAIL),
        (lambda n: (100 if n % 2 else 50, None), Outcome.FAIL),
        (lambda n: (100 if n % 2 else 50, 5.0 + n % 2), Outcome.FAIL),
        (lambda n: (50 if n % 2 else 100, 5.0 + n % 2), Outcome.FAIL),
        (lambda n: (n if n < 9 else n - 9, 5.0), Outcome.FAIL),
        (lambda n: (n if n < 9 else n - 9, 5.0 if n < 9 else 6.0), Outcome.PASS),
        (lambda n: (n if n < 9 else n - 9, None), Outcome.INCONCLUSIVE),
    ],
    ids=[
        "up",
        "up-unknown",
        "workers",
        "workers-unknown",
        "younger-ahead",
        "younger-behind",
        "back",
        "restart",
        "restart-or-back",
    ],
)
def test_counters_only_go_up(values: Callable[[int], tuple[float, float | None]], outcome: Outcome) -> None:
    """Decreases count unless a later start explains them; once, without a known start, decides nothing."""
    assert scraped(values).outcome is outcome


def test_without_counters_there_is_nothing_to_see() -> None:
    """Gauges may go down."""
    finding = finding_of(CountersMonotone(), PROFILE, FakeTarget(lambda _: (200, TEXT, "a 1\n")))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SHALLOW)


def test_what_is_not_declared_is_named() -> None:
    """Each check says which line would bring it in."""
    plain = {"operations": ["GET /"]}
    assert "metrics: /metrics" in unmet_of(MetricsParse(), plain)[0].needs
    assert "counters" in unmet_of(CounterTrue(), plain)[0].needs
    assert "metrics: /metrics" in unmet_of(CountersMonotone(), plain)[0].needs
