"""Stalls of an event loop and of an interpreter lock: the operation that holds it is named, and slow ones are not."""

import asyncio
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.eventloop.doses import AnswersBesideCompute, FlatBesideCompute
from hybridcheck.checks.eventloop.stalls import NoStalls
from hybridcheck.checks.eventloop.waves import release_wave
from hybridcheck.evidence import Evidence, Exchange, SentRequest
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, cases_of, unmet_of
from tests.unit.checks.timed_target import TWINS, found_in_time, probed_in_time

SERVICE: dict[str, Any] = {
    "health": "/health",
    "services": {
        "web": {
            "runtime": "cpython",
            "operations": [{"id": "quick", "path": "/quick"}, {"id": "report", "path": "/report"}],
        },
        "native": {"runtime": "codon", "operations": [{"id": "other", "path": "/other"}]},
    },
}
COMPUTING: dict[str, Any] = {
    "services": {
        "native": {
            "runtime": "codon",
            "operations": [
                {"id": "compute", "method": "POST", "path": "/compute", "safe": True, "body": {"size": 1}},
                {"id": "light", "path": "/light"},
            ],
        }
    },
    "probes": {"compute": {"operation": "compute", "sizes": [1, 2, 3], "long": 100, "light": "light"}},
}


def light(start_s: float, end_s: float) -> Exchange:
    """A light request."""
    request = SentRequest(method="GET", url="http://target.test/health")
    return Exchange(label="light", request=request, at_s=start_s, total_ms=(end_s - start_s) * 1000)


class Loop:
    """A single event loop: whoever blocks it lets all others wait."""

    def __init__(self, *, blocking_s: float = 0.0, waiting_s: float = 0.0) -> None:
        self.blocking_s, self.waiting_s = blocking_s, waiting_s
        self.free = asyncio.Lock()

    async def serve(self, ask: Ask) -> Answer:
        """`report` blocks the loop, or waits outside of it; all else takes a millisecond of it."""
        if ask.path == "/report":
            await asyncio.sleep(self.waiting_s)
        async with self.free:
            await asyncio.sleep(self.blocking_s if ask.path == "/report" and self.blocking_s else 0.001)
        return 200, {}, {}


def test_the_operation_that_blocks_the_loop_is_named() -> None:
    """A wave each time that `report` is called, and none alone."""
    finding = found_in_time(NoStalls(), SERVICE, Loop(blocking_s=0.4).serve)
    assert finding.outcome is Outcome.FAIL
    assert "report (GET /report) held up" in finding.observed
    assert "quick" not in finding.observed


def test_a_slow_operation_that_leaves_the_loop_free_passes() -> None:
    """It takes just as long, and nobody waits."""
    finding = found_in_time(NoStalls(), SERVICE, Loop(waiting_s=0.4).serve)
    assert (finding.outcome, finding.figures["longest_ms"]) == (Outcome.PASS, 0.0)


def test_a_stall_that_comes_once_passes() -> None:
    """A machine's hiccup beside the first call does not come again."""
    loop, reports = Loop(), 0

    async def serve(ask: Ask) -> Answer:
        nonlocal reports
        reports += ask.path == "/report"
        loop.blocking_s = 0.4 if reports == 1 else 0.0
        return await loop.serve(ask)

    finding = found_in_time(NoStalls(), SERVICE, serve)
    assert finding.outcome is Outcome.PASS
    assert float(finding.figures["longest_ms"] or 0) > 300


def test_stalls_without_any_call_blame_nobody() -> None:
    """A target that stalls every half second by itself: SUSPECTED."""
    free = asyncio.Lock()

    async def serve(ask: Ask) -> Answer:
        async with free:
            now_s = asyncio.get_running_loop().time()
            await asyncio.sleep(0.001 if int(now_s / 0.25) % 2 else 0.25 - now_s % 0.25 + 0.001)
        return 200, {}, {}

    finding = found_in_time(NoStalls(), SERVICE, serve)
    assert finding.outcome is not Outcome.FAIL


def test_calls_that_are_refused_show_nothing() -> None:
    """An operation that answers 500 was not examined; 429 is the tester's own doing."""
    for status, reason in ((500, Reason.NO_TEST_DATA), (429, Reason.THROTTLED)):

        async def serve(ask: Ask, status: int = status) -> Answer:
            return (200, {}, {}) if ask.path == "/health" else (status, {}, {})

        with pytest.raises(Undecided) as caught:
            found_in_time(NoStalls(), SERVICE, serve)
        assert caught.value.reason is reason


def test_a_wave_needs_the_control_without_calls() -> None:
    """Without the light requests alone the operation is not blamed."""
    check = NoStalls()
    finding, records = probed_in_time(check, SERVICE, Loop(blocking_s=0.4).serve)
    assert finding.outcome is Outcome.FAIL
    kept = tuple(record for record in records if not getattr(record, "label", "").startswith("alone"))
    with pytest.raises(Undecided):
        check.judge(cases_of(check, SERVICE)[0], Evidence(kept, {}))


def test_only_cpython_services_with_a_light_path_are_asked() -> None:
    """The native service is none, and without a health route there is nothing light to ask."""
    assert [case.subject for case in cases_of(NoStalls(), SERVICE)] == ["web"]
    (unmet,) = unmet_of(NoStalls(), {"services": SERVICE["services"]})
    assert "health: /health" in unmet.needs


@pytest.mark.parametrize(
    ("spans", "size"),
    [
        ([(0.02 * i, 0.4) for i in range(15)], 15),
        ([(0.02 * i, 0.02 * i + 0.4) for i in range(15)], None),  # all slow, none held
        ([(0.02 * i, 0.02 * i + 0.002) for i in range(15)], None),
        ([(0.0, 0.4), (0.38, 0.4)], None),  # two are a coincidence
        ([(0.0, 0.4), (0.001, 0.4), (0.002, 0.4), (0.003, 0.4)], None),  # begun together: the tester's own stall
    ],
)
def test_a_wave_begins_apart_and_ends_together(spans: list[tuple[float, float]], size: int | None) -> None:
    """Only requests that began over time and ended at once were let go by something."""
    wave = release_wave([light(*span) for span in spans], 0.15)
    assert (wave.size if wave is not None else None) == size


class Host:
    """Computes for 80 ms at the largest dose; `holding`: nobody else is answered meanwhile."""

    def __init__(self, *, holding: float = 0.0) -> None:
        self.holding = holding
        self.free = asyncio.Lock()

    async def serve(self, ask: Ask) -> Answer:
        """Compute or answer at once."""
        if ask.path == "/light":
            async with self.free:
                await asyncio.sleep(0.002)
            return 200, {}, {}
        long_s = 0.0008 * int((ask.body or b"").partition(b":")[2].rstrip(b"}"))
        async with self.free:
            await asyncio.sleep(long_s * self.holding)
        await asyncio.sleep(long_s * (1 - self.holding))
        return 200, {}, {"result": 1}


def test_light_requests_that_wait_for_the_rest_of_a_computation_fail() -> None:
    """The lock is held throughout: they wait for all of it, and longer beside more."""
    finding = found_in_time(FlatBesideCompute(), COMPUTING, Host(holding=1.0).serve)
    assert finding.outcome is Outcome.FAIL
    figures = finding.figures
    assert float(figures["light_ms_at_largest"] or 0) > 2 * float(figures["light_ms_at_smallest"] or 0)


def test_light_requests_beside_a_free_computation_stay_flat() -> None:
    """They wait for nothing, at any dose."""
    finding = found_in_time(FlatBesideCompute(), COMPUTING, Host().serve)
    assert finding.outcome is Outcome.PASS
    assert finding.value == pytest.approx(0.0, abs=1e-9)


TWINNED: dict[str, Any] = {
    "health": "/light",
    "services": TWINS,
    "probes": {"compute": {"operation": "compute", "sizes": [10, 20, 40]}},
}


@pytest.mark.parametrize(("holding", "outcome"), [(1.0, Outcome.FAIL), (0.4, Outcome.PASS), (0.0, Outcome.PASS)])
def test_a_cpython_service_has_to_answer_while_it_computes(holding: float, outcome: Outcome) -> None:
    """A loop that is held all the time fails; a lock that is held now and then slows others down, and passes."""
    finding = found_in_time(AnswersBesideCompute(), TWINNED, Host(holding=holding).serve)
    assert finding.outcome is outcome
    assert float(finding.figures["light_ms_at_largest"] or 0) > (50 if holding == 1.0 else 0)


def test_only_a_twin_in_cpython_is_asked() -> None:
    """Of another runtime, without a twin, or without a health route it stays unexamined."""
    other = {**TWINS, "web": {**TWINS["web"], "runtime": "other"}}
    assert "runtime: cpython" in unmet_of(AnswersBesideCompute(), {**TWINNED, "services": other})[0].needs
    assert "twin:" in unmet_of(AnswersBesideCompute(), COMPUTING)[0].needs
    assert "health: /health" in unmet_of(AnswersBesideCompute(), {**TWINNED, "health": None})[0].needs


def test_computations_that_are_over_at_once_show_nothing() -> None:
    """There is nothing to wait for."""

    async def serve(_: Ask) -> Answer:
        await asyncio.sleep(0.001)
        return 200, {}, {"result": 1}

    with pytest.raises(Undecided) as caught:
        found_in_time(FlatBesideCompute(), COMPUTING, serve)
    assert caught.value.reason is Reason.NO_TEST_DATA


def test_an_emulation_and_a_probe_without_a_long_size_are_unexamined() -> None:
    """What would bring them in is said."""
    emulated = {**COMPUTING, "services": {"native": {**COMPUTING["services"]["native"], "runtime": "emulation"}}}
    (unmet,) = unmet_of(FlatBesideCompute(), emulated)
    assert "emulation" in unmet.needs
    (unmet,) = unmet_of(FlatBesideCompute(), {**COMPUTING, "probes": {}})
    assert "long: 50000000" in unmet.needs
    assert cases_of(FlatBesideCompute(), emulated) == []
