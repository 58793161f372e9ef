"""What a boundary costs and what native code gains, in virtual time: limits decide only where the bounds clear them."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from hybridcheck.cases import Case, Reason, Undecided, Unmet
from hybridcheck.checks.check import Check
from hybridcheck.checks.paired import LOOKS
from hybridcheck.checks.performance.overhead import BoundaryOverhead
from hybridcheck.checks.performance.scaling import ScalesWithCores
from hybridcheck.checks.performance.shapes import FlatFirstCall
from hybridcheck.checks.performance.speedup import NativeSpeedup
from hybridcheck.evidence import Evidence
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, cases_of, scene, unmet_of
from tests.unit.checks.timed_target import TWINS, Serving, found_in_time, probed_in_time

DECLARED: dict[str, Any] = {"id": "echo", "method": "POST", "path": "/echo", "safe": True, "body": {"value": 1}}
CROSSING: dict[str, Any] = {
    "services": {
        "native": {"runtime": "codon", "direct_url": "http://127.0.0.1:9", "operations": [DECLARED]},
    },
    "boundaries": {
        "b": {
            "caller": "gateway",
            "callee": "native",
            "routes": [{"public": "echo", "native": "/native/echo"}],
            "overhead": {"max_ms": 5, "max_ratio": 0.9},
        }
    },
    "probes": {"roundtrip": {"operation": "echo", "types": ["json"]}},
}
COMPUTING: dict[str, Any] = {
    "services": TWINS,
    "probes": {"compute": {"operation": "compute", "sizes": [10, 20, 40], "long": 100}},
}


def taking(seconds_of: Callable[[Ask], float], answer: Any = None) -> Serving:
    """A target whose answers take so long, give or take a fifth of a millisecond."""
    random = Random(3)

    async def serve(ask: Ask) -> Answer:
        await asyncio.sleep(seconds_of(ask) + random.uniform(0, 0.0004))
        return 200, {}, answer if answer is not None else {"result": 7}

    return serve


def crossing(added_s: float, own_s: float = 0.002) -> Serving:
    """A service of its own time, and a gateway that adds to it."""
    return taking(lambda ask: own_s if ask.via else own_s + added_s)


def test_a_way_that_takes_too_long_fails_with_an_interval() -> None:
    """40 ms more through the gateway, with a limit of 5."""
    finding = found_in_time(BoundaryOverhead(), CROSSING, crossing(0.04))
    assert finding.outcome is Outcome.FAIL
    assert 39 < (finding.lower or 0) < (finding.value or 0) < (finding.upper or 0) < 41
    assert finding.limit == 5


def test_a_short_way_passes_at_the_first_look() -> None:
    """1 ms more: twelve pairs are enough; the slope per MiB is that of the pairs with a large text."""
    finding = found_in_time(BoundaryOverhead(), CROSSING, crossing(0.001))
    assert (finding.outcome, finding.n) == (Outcome.PASS, LOOKS[0])
    assert abs(float(finding.figures["slope_ms_per_mib"] or 0)) < 5


def test_a_way_that_is_most_of_the_whole_fails_by_its_share() -> None:
    """4 ms are within 5, and two thirds are beyond one half."""
    boundary = {**CROSSING["boundaries"]["b"], "overhead": {"max_ms": 5, "max_ratio": 0.5}}
    finding = found_in_time(BoundaryOverhead(), {**CROSSING, "boundaries": {"b": boundary}}, crossing(0.004))
    assert finding.outcome is Outcome.FAIL


def test_an_overhead_at_its_limit_stays_open_with_its_price() -> None:
    """Sampling goes on to its bound, and says how many requests more would be needed."""
    finding = found_in_time(BoundaryOverhead(), CROSSING, crossing(0.005))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.TOO_FEW_SAMPLES)
    assert finding.n == LOOKS[-1]
    assert finding.price is not None


def test_half_of_a_pair_is_no_pair() -> None:
    """Without one of the direct answers nothing is decided, however clear the rest is."""
    check = BoundaryOverhead()
    finding, records = probed_in_time(check, CROSSING, crossing(0.04))
    assert finding.outcome is Outcome.FAIL
    kept = tuple(record for record in records if getattr(record, "label", "") != "small.one.3")
    with pytest.raises(Undecided) as caught:
        check.judge(cases_of(check, CROSSING)[0], Evidence(kept, {}))
    assert caught.value.reason is Reason.EVIDENCE_INCOMPLETE


def test_a_service_that_refuses_direct_requests_shows_nothing() -> None:
    """The time of a 401 is no time of an answer."""

    async def serve(ask: Ask) -> Answer:
        await asyncio.sleep(0.001)
        return (401, {}, {}) if ask.via else (200, {}, {})

    with pytest.raises(Undecided) as caught:
        found_in_time(BoundaryOverhead(), CROSSING, serve)
    assert caught.value.reason is Reason.NO_TEST_DATA


def speeds(native_s: float, twin_s: float) -> Serving:
    """Seconds per unit of size on both sides, and a millisecond for the way."""

    def seconds(ask: Ask) -> float:
        size = int((ask.body or b"").partition(b":")[2].rstrip(b"}"))
        return 0.001 + size * (native_s if ask.path == "/compute" else twin_s)

    return taking(seconds)


def test_a_native_side_slower_than_its_twin_fails() -> None:
    """At every size; the ratio is said with its interval."""
    finding = found_in_time(NativeSpeedup(), COMPUTING, speeds(0.002, 0.001), index=2)
    assert finding.outcome is Outcome.FAIL
    assert 0.4 < (finding.lower or 0) <= (finding.upper or 9) < 0.6


def test_a_faster_native_side_passes_without_any_ratio_taken_for_granted() -> None:
    """Twice as fast is enough where nothing is declared, and too little where ten times is."""
    serving = speeds(0.0005, 0.001)
    assert found_in_time(NativeSpeedup(), COMPUTING, serving, index=2).outcome is Outcome.PASS
    declared = {"compute": {**COMPUTING["probes"]["compute"], "expect": {"speedup_min": 10}}}
    finding = found_in_time(NativeSpeedup(), {**COMPUTING, "probes": declared}, serving, index=2)
    assert (finding.outcome, finding.limit) == (Outcome.FAIL, 10)


def test_equal_speeds_stay_open() -> None:
    """Neither faster nor slower: not decided by the noise."""
    assert found_in_time(NativeSpeedup(), COMPUTING, speeds(0.001, 0.001)).outcome is Outcome.INCONCLUSIVE


def test_times_of_different_results_are_not_compared() -> None:
    """A native side that computes something else is fast for nothing."""

    async def serve(ask: Ask) -> Answer:
        await asyncio.sleep(0.001)
        return 200, {}, {"result": ask.path}

    with pytest.raises(Undecided) as caught:
        found_in_time(NativeSpeedup(), COMPUTING, serve)
    assert caught.value.reason is Reason.NO_TEST_DATA


class Compiling:
    """Echoes; the first request of a shape takes longer. `only`: every so many shapes."""

    def __init__(self, extra_s: float, *, only: int = 1) -> None:
        self.extra_s, self.only = extra_s, only
        self.asked = 0

    async def serve(self, ask: Ask) -> Answer:
        """Each shape is sent four times."""
        first = self.asked % 4 == 0 and (self.asked // 4) % self.only == 0
        self.asked += 1
        await asyncio.sleep(0.003 + (self.extra_s if first else 0))
        return 200, {}, {"value": 1}


def test_a_compiler_for_each_shape_is_named() -> None:
    """300 ms for each first request, in all of twelve shapes."""
    finding = found_in_time(FlatFirstCall(), CROSSING, Compiling(0.3).serve)
    assert finding.outcome is Outcome.FAIL
    assert (finding.figures["signature"], finding.n) == ("JITWARM", 12)


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        (Compiling(0.0), Outcome.PASS),
        (Compiling(0.1), Outcome.PASS),  # a hundred milliseconds are not what a compiler takes
        (Compiling(0.3, only=6), Outcome.PASS),  # two of twelve: noise
        (Compiling(0.3, only=2), Outcome.INCONCLUSIVE),
    ],
)
def test_first_requests_that_are_not_all_slow_are_no_compiler(target: Compiling, outcome: Outcome) -> None:
    """Flat, a little slower, now and then: passed; every second time: not decided."""
    assert found_in_time(FlatFirstCall(), CROSSING, target.serve).outcome is outcome


class Cores:
    """Computes on so many cores; each computation takes 10 ms of one."""

    def __init__(self, cores: int) -> None:
        self.cores = asyncio.Semaphore(cores)

    async def serve(self, _: Ask) -> Answer:
        """One after the other where there is no core left."""
        async with self.cores:
            await asyncio.sleep(0.01)
        return 200, {}, {"result": 7}


@pytest.mark.parametrize(("cores", "outcome"), [(1, Outcome.FAIL), (4, Outcome.PASS)])
def test_computations_have_to_use_the_declared_cores(cores: int, outcome: Outcome) -> None:
    """Four declared: one at a time fails, four at a time pass."""
    finding = found_in_time(ScalesWithCores(), COMPUTING, Cores(cores).serve)
    assert finding.outcome is outcome
    assert finding.value == pytest.approx(cores, rel=0.01)


def test_cores_that_others_use_are_no_fail() -> None:
    """One at a time, and alone it takes now 10 and now 20 ms: nobody knows whose fault it is."""
    cores, asked = Cores(1), 0

    async def serve(ask: Ask) -> Answer:
        nonlocal asked
        asked += 1
        if asked % 3 == 0:
            await asyncio.sleep(0.01)
        return await cores.serve(ask)

    finding = found_in_time(ScalesWithCores(), COMPUTING, serve)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.TOO_FEW_CORES)


def test_too_few_cores_are_never_guessed() -> None:
    """Unknown ones, and those that the tester takes on loopback, leave the case unexamined and say why."""
    without = {**COMPUTING["services"]["native"], "cores": None}
    unknown = {**COMPUTING, "services": {**COMPUTING["services"], "native": without}}
    (unmet,) = unmet_of(ScalesWithCores(), unknown)
    assert "TOO_FEW_CORES" in unmet.needs
    two = {**COMPUTING, "services": {**COMPUTING["services"], "native": {**without, "cores": 2}}}
    here, there = (list(ScalesWithCores().cases(scene(two, url))) for url in ("http://127.0.0.1:9", "http://far.test"))
    assert isinstance(here[0], Unmet)
    assert isinstance(there[0], Case)


@pytest.mark.parametrize("check", [BoundaryOverhead(), FlatFirstCall()], ids=lambda check: check.id)
def test_times_of_an_emulation_are_not_taken(check: Check) -> None:
    """They say nothing of the compiled service: unexamined, and said so."""
    native = {**CROSSING["services"]["native"], "runtime": "emulation"}
    profile = {**CROSSING, "services": {"native": native}}
    assert cases_of(check, profile) == []
    assert "emulation" in unmet_of(check, profile)[0].needs


@pytest.mark.parametrize("check", [NativeSpeedup(), ScalesWithCores()], ids=lambda check: check.id)
def test_computations_of_an_emulation_are_not_timed(check: Check) -> None:
    """As above, for the compute probe; without one its lines are given."""
    native = {**COMPUTING["services"]["native"], "runtime": "emulation"}
    profile = {**COMPUTING, "services": {**COMPUTING["services"], "native": native}}
    assert cases_of(check, profile) == []
    assert all("emulation" in unmet.needs for unmet in unmet_of(check, profile))
    assert "compute" in unmet_of(check, {**profile, "probes": {}})[0].needs
