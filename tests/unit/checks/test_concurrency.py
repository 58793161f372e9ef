"""Requests that meet: mixed-up answers, lost updates, deadlocks and shared buffers are found, and nothing else is."""

import asyncio
import json
from collections import defaultdict
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.concurrency.crosstalk import NoCrosstalk
from hybridcheck.checks.concurrency.tallies import NoLostUpdates, Progress
from hybridcheck.checks.concurrency.threads import ThreadSafe
from hybridcheck.checks.overlaps import most_at_once
from hybridcheck.evidence import Exchange, Failure, SentRequest
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, cases_of, unmet_of
from tests.unit.checks.timed_target import Serving, found_in_time

IDENTITIES = {name: {"token": f"{name}-token-123"} for name in ("ann", "ben")}
ECHOING: dict[str, Any] = {
    "identities": IDENTITIES,
    "operations": [
        {
            "id": "echo",
            "method": "POST",
            "path": "/echo",
            "safe": True,
            "body": {},
            "auth": "required",
            "identity": "ann",
        }
    ],
    "probes": {"roundtrip": {"operation": "echo", "types": ["text"]}},
}
TALLYING: dict[str, Any] = {
    "operations": [
        {
            "id": "make",
            "method": "POST",
            "path": "/things",
            "body": {"name": "{marker}"},
            "creates": True,
            "id_from": "$.id",
            "read_back": "read",
            "update": "change",
            "cleanup": "remove",
            "expect": 201,
        },
        {"id": "read", "path": "/things/{id}"},
        {"id": "change", "method": "PUT", "path": "/things/{id}", "body": {"name": "{marker}"}},
        {"id": "remove", "method": "DELETE", "path": "/things/{id}", "expect": 204},
    ],
    "probes": {"tally": {"operation": "make", "value": "$.revision"}},
}
COMPUTING: dict[str, Any] = {
    "services": {
        "native": {
            "runtime": "codon",
            "liveness": {"path": "/status", "uptime_s": "$.uptime_s"},
            "operations": [{"id": "compute", "method": "POST", "path": "/compute", "safe": True, "body": {"size": 1}}],
        }
    },
    "probes": {"compute": {"operation": "compute", "sizes": [100, 200, 300]}},
}


def document(ask: Ask) -> Any:
    """What was sent."""
    return json.loads(ask.body or b"null")


def echo(*, mixed: bool = False) -> Serving:
    """A round trip; `mixed`: answers are made of what came last."""
    latest: list[Any] = [None]

    async def serve(ask: Ask) -> Answer:
        latest[0] = document(ask)
        await asyncio.sleep(0.01)
        return 200, {}, latest[0] if mixed else document(ask)

    return serve


def test_an_answer_with_the_nonce_of_another_is_crosstalk() -> None:
    """A shared variable across an await: the finding counts the swapped answers and names two identities."""
    finding = found_in_time(NoCrosstalk(), ECHOING, echo(mixed=True))
    assert finding.outcome is Outcome.FAIL
    assert "to ann what ben sent" in finding.observed
    assert finding.figures["swapped"] == 60  # all but the last one of each burst


def test_own_nonces_pass_where_requests_met() -> None:
    """Sixteen at once, each with its own answer."""
    finding = found_in_time(NoCrosstalk(), ECHOING, echo())
    assert finding.outcome is Outcome.PASS
    assert finding.figures["at_once"] == 16


def test_requests_that_never_met_show_nothing() -> None:
    """A target that answers in no time at all has no two requests under way: SHALLOW, not a pass."""

    async def at_once(ask: Ask) -> Answer:
        return 200, {}, document(ask)

    with pytest.raises(Undecided) as caught:
        found_in_time(NoCrosstalk(), ECHOING, at_once)
    assert caught.value.reason is Reason.SHALLOW


@pytest.mark.parametrize(
    ("answer", "reason"),
    [((429, {}, {}), Reason.THROTTLED), ((200, {}, {"value": "fixed"}), Reason.NO_TEST_DATA)],
)
def test_a_target_that_throttles_or_echoes_nothing_shows_nothing(answer: Answer, reason: Reason) -> None:
    """429 is the tester's own doing; a fixed answer is no cross-talk."""

    async def serve(_: Ask) -> Answer:
        await asyncio.sleep(0.01)
        return answer

    with pytest.raises(Undecided) as caught:
        found_in_time(NoCrosstalk(), ECHOING, serve)
    assert caught.value.reason is reason


def test_one_broken_answer_leaves_crosstalk_open() -> None:
    """A request without an answer might have had the wrong one."""
    count = 0

    async def serve(ask: Ask) -> Answer | Failure:
        nonlocal count
        count += 1
        number = count
        await asyncio.sleep(0.01)
        return Failure.RESET if number == 20 else (200, {}, document(ask))

    finding = found_in_time(NoCrosstalk(), ECHOING, serve)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


class Things:
    """A resource with a revision. `lossy`: read, wait, write. `locked`: two locks, in opposite order when reading."""

    def __init__(
        self, *, lossy: bool = False, locked: bool = False, step: int = 1, once: bool = False, alone_s: float = 0.0
    ) -> None:
        self.revision = 1
        self.lossy, self.locked, self.step, self.once, self.alone_s = lossy, locked, step, once, alone_s
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def serve(self, ask: Ask) -> Answer:
        """Make, read or change."""
        if ask.method == "POST":
            self.locks.clear()
            return 201, {}, {"id": "t1"}
        if self.alone_s:
            async with self.locks["row"]:
                await asyncio.sleep(self.alone_s)
        if self.locked:
            await self._both("row", "log") if ask.method == "GET" else await self._both("log", "row")
        if ask.method == "PUT":
            await self._change()
        await asyncio.sleep(0.005)
        return 200, {}, {"revision": self.revision}

    async def _change(self) -> None:
        if self.once and self.revision > 1:
            return
        before = self.revision
        await asyncio.sleep(0.005)
        self.revision = (before if self.lossy else self.revision) + self.step

    async def _both(self, first: str, second: str) -> None:
        async with self.locks[first]:
            await asyncio.sleep(0.01)
            async with self.locks[second]:
                return


def test_lost_updates_are_counted() -> None:
    """Read, wait, write: of thirty-two accepted changes two are counted, one for each burst."""
    finding = found_in_time(NoLostUpdates(), TALLYING, Things(lossy=True).serve)
    assert finding.outcome is Outcome.FAIL
    assert "30 of 32 updates are lost" in finding.observed


def test_updates_that_are_all_counted_pass() -> None:
    """Each one once."""
    finding = found_in_time(NoLostUpdates(), TALLYING, Things().serve)
    assert finding.outcome is Outcome.PASS
    assert finding.figures == {"accepted": 32, "unknown": 0, "counted": 32}


def test_a_number_that_does_not_count_changes_shows_nothing() -> None:
    """One change alone adds two: the probe is bound to the wrong place."""
    with pytest.raises(Undecided) as caught:
        found_in_time(NoLostUpdates(), TALLYING, Things(step=2).serve)
    assert caught.value.reason is Reason.NO_TEST_DATA


def test_a_change_that_says_the_same_again_may_count_once() -> None:
    """A store that counts what is new only loses nothing."""
    with pytest.raises(Undecided) as caught:
        found_in_time(NoLostUpdates(), TALLYING, Things(once=True).serve)
    assert caught.value.reason is Reason.NO_TEST_DATA


def test_updates_that_show_a_moment_later_are_not_lost() -> None:
    """A replica that is behind by a tenth of a second is asked again after it."""
    things, written_s = Things(), [-1.0]
    shown = things.revision

    async def serve(ask: Ask) -> Answer:
        nonlocal shown
        now_s = asyncio.get_running_loop().time()
        if ask.method == "PUT":
            written_s.append(now_s)
        answer = await things.serve(ask)
        if ask.method != "GET":
            return answer
        shown = shown if len(written_s) > 10 and now_s - written_s[-1] < 0.1 else things.revision
        return 200, {}, {"revision": shown}

    assert found_in_time(NoLostUpdates(), TALLYING, serve).outcome is Outcome.PASS


def test_calls_that_queue_because_each_is_slow_are_no_deadlock() -> None:
    """A quarter of a second each, one after the other: sixteen need four."""
    finding = found_in_time(Progress(), TALLYING, Things(alone_s=0.25).serve)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_two_locks_in_opposite_order_are_a_deadlock() -> None:
    """Calls hang twice, each time on a resource of their own."""
    finding = found_in_time(Progress(), TALLYING, Things(locked=True).serve)
    assert finding.outcome is Outcome.FAIL
    assert "wait for each other" in finding.observed


def test_calls_that_all_end_make_progress() -> None:
    """From two to sixteen at once."""
    finding = found_in_time(Progress(), TALLYING, Things().serve)
    assert (finding.outcome, finding.n) == (Outcome.PASS, 30)


def test_calls_that_hang_once_are_no_deadlock_yet() -> None:
    """One attempt of two: FLAKY."""
    things, asked = Things(), 0

    async def serve(ask: Ask) -> Answer:
        nonlocal asked
        asked += 1
        if asked == 6:  # among the first that go together
            await asyncio.sleep(60)
        return await things.serve(ask)

    finding = found_in_time(Progress(), TALLYING, serve)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)


def test_without_a_tally_the_lines_are_given() -> None:
    """What would bring the cases in."""
    (unmet,) = unmet_of(NoLostUpdates(), {**TALLYING, "probes": {}})
    assert "probes: {tally:" in unmet.needs


class Native:
    """Computes; `shared`: the input lives in one buffer. `dies`: a burst ends the process."""

    def __init__(self, *, shared: bool = False, dies: bool = False) -> None:
        self.shared, self.dies = shared, dies
        self.latest: Any = None
        self.under_way = 0
        self.started_s = 0.0

    async def serve(self, ask: Ask) -> Answer | Failure:
        """Status or result."""
        now_s = asyncio.get_running_loop().time()
        if ask.path == "/status":
            return 200, {}, {"uptime_s": now_s - self.started_s + 1.0 * (self.started_s == 0)}
        self.latest, size = document(ask)["size"], document(ask)["size"]
        self.under_way += 1
        await asyncio.sleep(0.01)
        most, self.under_way = self.under_way, self.under_way - 1
        if self.dies and most > 4:
            self.started_s = now_s + 0.01
            return Failure.RESET
        return 200, {}, {"result": (self.latest if self.shared else size) * 3}


def test_results_that_differ_beside_others_are_shared_state() -> None:
    """Alone each is the same, before and after."""
    finding = found_in_time(ThreadSafe(), COMPUTING, Native(shared=True).serve)
    assert finding.outcome is Outcome.FAIL
    assert "45 of 48 results differ" in finding.observed


def test_last_digits_are_no_shared_state() -> None:
    """Beside others the parts of a sum are added in another order."""
    under_way = 0

    async def serve(ask: Ask) -> Answer:
        nonlocal under_way
        if ask.path == "/status":
            return 200, {}, {"uptime_s": 5 + asyncio.get_running_loop().time()}
        under_way += 1
        await asyncio.sleep(0.01)
        most, under_way = under_way, under_way - 1
        return 200, {}, {"result": document(ask)["size"] * (0.1 if most == 1 else 0.1000000000000001)}

    assert found_in_time(ThreadSafe(), COMPUTING, serve).outcome is Outcome.PASS


def test_a_process_that_ends_over_a_burst_is_a_crash() -> None:
    """Broken exchanges and an uptime that began anew."""
    finding = found_in_time(ThreadSafe(), COMPUTING, Native(dies=True).serve)
    assert finding.outcome is Outcome.FAIL
    assert finding.figures["signature"] == "CRASH"


def test_the_same_results_pass() -> None:
    """At once as one after the other."""
    finding = found_in_time(ThreadSafe(), COMPUTING, Native().serve)
    assert (finding.outcome, finding.figures["at_once"]) == (Outcome.PASS, 16)


def test_results_that_differ_alone_show_nothing() -> None:
    """A result that changes from call to call is not the fault of others."""
    count = 0

    async def serve(ask: Ask) -> Answer:
        nonlocal count
        count += 1
        if ask.path == "/status":
            return 200, {}, {"uptime_s": 5 + asyncio.get_running_loop().time()}
        await asyncio.sleep(0.01)
        return 200, {}, {"result": count}

    with pytest.raises(Undecided) as caught:
        found_in_time(ThreadSafe(), COMPUTING, serve)
    assert caught.value.reason is Reason.NO_TEST_DATA


def test_identities_that_may_not_call_are_not_sent() -> None:
    """A short-lived identity and one of another role stay out; the declared one comes first."""
    profile = {**ECHOING, "identities": {**IDENTITIES, "old": {"token": "old-token-123", "short_lived": True}}}
    (case,) = cases_of(NoCrosstalk(), profile)
    assert case.params["identities"] == ["ann", "ben"]


@pytest.mark.parametrize(
    ("spans", "most"),
    [([(0.0, 1.0), (0.5, 1.5), (1.2, 2.0)], 2), ([(0.0, 1.0), (1.0, 2.0)], 1), ([(0.0, 3.0)] * 4, 4), ([], 0)],
)
def test_how_many_met_is_told_by_starts_and_ends(spans: list[tuple[float, float]], most: int) -> None:
    """One that ends when the next begins has not met it."""
    request = SentRequest(method="GET", url="http://target.test/")
    found = [Exchange(label="x", request=request, at_s=a, total_ms=(b - a) * 1000) for a, b in spans]
    assert most_at_once(found) == most
