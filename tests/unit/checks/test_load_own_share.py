"""What the generator, or its user, did to the arrivals is never the target's failure; and it is no excuse for anything else."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import pytest

from hybridcheck.cases import Case, Reason, Undecided
from hybridcheck.checks.load.declared import KeepsDeclaredLimits
from hybridcheck.checks.load.limits import KeepsErrorLimit, KeepsLatencyLimit, RateCheck, SustainsThroughput
from hybridcheck.evidence import Evidence, GeneratorSecond, LoadEnd, LoadHistogram, LoadSecond, Record
from hybridcheck.statistics.histogram import bucket_of
from hybridcheck.verdict import Finding, Outcome
from tests.unit.checks.fake_target import cases_of
from tests.unit.checks.load_records import MS, rows

SECONDS, RATE, LIMIT_MS = 20, 60, 200
Undone = tuple[Outcome, Reason | None]
FAILED: Undone = (Outcome.FAIL, None)
SATURATED: Undone = (Outcome.INCONCLUSIVE, Reason.GENERATOR_SATURATED)
TOO_FEW: Undone = (Outcome.INCONCLUSIVE, Reason.TOO_FEW_CONNECTIONS)


def profile(**spec: Any) -> dict[str, Any]:
    """60 requests per second for 20 s: p95 <= 200 ms, at most 5 % errors."""
    phase = {"rate_rps": RATE, "duration_s": SECONDS, "warmup_s": 0, **spec}
    limits = {"max_latency_ms": LIMIT_MS, "max_error_ratio": 0.05, "min_throughput_rps": 50}
    return {"operations": ["GET /x"], "load": {"steady": phase}, "thresholds": limits}


def second(number: int, **outcomes: Any) -> LoadSecond:
    """One second of 60 arrivals."""
    return rows(number, RATE, late={f"{LIMIT_MS}": outcomes.pop("late", 0)}, **outcomes)


def health(numbers: Iterable[int], **told: Any) -> list[GeneratorSecond]:
    """A generator that was late to nothing, but for what is told."""
    at_ease = {"own_lag_p99_ms": 1.0, "lag_p99_ms": 1.0, "loop_lag_max_ms": 1.0} | told
    counts = {"cpu_ratio": 0.1, "runqueue_ratio": 0.0, "offered": RATE, "sent": RATE}
    return [GeneratorSecond.model_validate({"second": n, **counts, **at_ease}) for n in numbers]


def times(measure: str, number: int, *of: tuple[int, float], stretch: int = 1) -> LoadHistogram:
    """So many answers that took so many milliseconds, of a stretch of seconds."""
    pairs = tuple((bucket_of(round(ms * MS)), count) for count, ms in of if count)
    told = {"operation": "GET /x", "measure": measure, "pairs": pairs}
    return LoadHistogram.model_validate({**told, "from_second": number, "until_second": number + stretch})


def end(seconds: Sequence[LoadSecond], told: int) -> LoadEnd:
    """The end marker that the seconds add up to."""
    totals = {key: sum(getattr(row, key) for row in seconds) for key in ("planned", "ok", "unsent", "cut")}
    failed = sum(sum(row.failed.values()) for row in seconds)
    return LoadEnd.model_validate(
        {"cause": "completed", "seconds": len(seconds), "failed": failed, **totals, "generator_seconds": told}
    )


def whole(seconds: Sequence[LoadSecond], *beside: Record) -> list[Record]:
    """A phase's records; without other health, its generator was at ease."""
    told = [] if any(isinstance(record, GeneratorSecond) for record in beside) else health(range(len(seconds)))
    count = sum(isinstance(record, GeneratorSecond) for record in (*told, *beside))
    return [*seconds, *told, *beside, end(seconds, count)]


def judged(check: RateCheck, records: Sequence[Record], **spec: Any) -> Finding:
    """The finding of the check's first case."""
    case: Case = cases_of(check, profile(**spec))[0]
    return check.judge(case, Evidence((), {"load/steady": tuple(records)}))


def undone(finding: Finding) -> Undone:
    """Outcome and reason."""
    return finding.outcome, finding.reason


USERS: dict[str, Any] = {"users": 8, "rate_rps": None, "model": "closed"}
OVERLOADED = [second(n, late=40, unsent=20) for n in range(SECONDS)]
BUSY: dict[str, Any] = {"own_lag_p99_ms": None, "lag_p99_ms": 9500.0, "pool_waits": 50, "backlog": 500}


@pytest.mark.parametrize("check", [KeepsErrorLimit(), KeepsLatencyLimit(), SustainsThroughput()])
def test_a_target_that_is_overloaded_fails_though_every_arrival_waited_for_a_connection(check: RateCheck) -> None:
    """No lag of the generator's own is recorded because none of the lag was its own."""
    finding = judged(check, whole(OVERLOADED, *health(range(SECONDS), **BUSY)))
    assert undone(finding) == FAILED
    assert "400 arrivals were never sent: all 64 connections were busy in 20 of 20 seconds" in finding.observed


def test_whether_any_lag_was_its_own_is_known_from_two_records() -> None:
    """Seconds that do not say it leave it to the phase: an empty record beside one of all lag says none; else nobody knows."""
    silent = health(range(SECONDS), own_lag_p99_ms=None, lag_p99_ms=None, loop_lag_max_ms=None)
    own = LoadHistogram(operation="*", measure="own_lag", pairs=())
    lag = LoadHistogram(operation="*", measure="lag", pairs=((bucket_of(9_500 * MS), 1000),))
    assert undone(judged(KeepsLatencyLimit(), whole(OVERLOADED, *silent, own, lag))) == FAILED
    for known in ([own], [lag], []):
        with pytest.raises(Undecided, match="start lag is not recorded"):
            judged(KeepsLatencyLimit(), whole(OVERLOADED, *silent, *known))


@pytest.mark.parametrize(("late", "expected"), [(0, (Outcome.PASS, None)), (30, FAILED)])
def test_users_have_no_start_lag(late: int, expected: Undone) -> None:
    """In the closed model nothing is due before a user sends it: no lag is recorded, and none is missing."""
    silent = {"own_lag_p99_ms": None, "lag_p99_ms": None, "loop_lag_max_ms": 4.0}
    records = whole([second(n, late=late) for n in range(SECONDS)], *health(range(SECONDS), **silent))
    assert undone(judged(KeepsLatencyLimit(), records, **USERS)) == expected


def paused(loop_ms: float, kind: str | None = None) -> list[Record]:
    """Of every third second 30 arrivals were never sent, or failed in a way; its generator told how late its clock was."""
    bad = [0 if n % 3 else 30 for n in range(SECONDS)]
    seconds = [second(n, unsent=0 if kind else bad[n]) for n in range(SECONDS)]
    if kind:
        wrong = [{"failed": {kind: count}, "ok": RATE - count} if count else {} for count in bad]
        seconds = [row.model_copy(update=update) for row, update in zip(seconds, wrong, strict=True)]
    told = [record for n in range(SECONDS) for record in health([n], loop_lag_max_ms=1.0 if n % 3 else loop_ms)]
    return whole(seconds, *told)


@pytest.mark.parametrize("check", [KeepsErrorLimit(), KeepsLatencyLimit()])
@pytest.mark.parametrize(
    ("loop_ms", "kind", "expected"),
    [
        (745.0, None, SATURATED),
        (745.0, "timeout", SATURATED),
        (745.0, "connect_timeout", SATURATED),
        (745.0, "status", FAILED),
        (745.0, "reset", FAILED),
        (2.0, None, FAILED),
        (2.0, "timeout", FAILED),
    ],
)
def test_a_generator_that_stood_still_fails_nobody(
    check: RateCheck, loop_ms: float, kind: str | None, expected: Undone
) -> None:
    """0.75 s of nothing against a deadline of 0.3 s: arrivals time out or are never sent; a 503 is a 503 all the same."""
    finding = judged(check, paused(loop_ms, kind), deadline_s=0.3)
    assert undone(finding) == expected
    assert finding.value is not None
    assert finding.lower is not None
    assert ("late (by up to 745.0 ms" in finding.observed) == (expected == SATURATED)


@pytest.mark.parametrize(
    ("spec", "loop_ms", "expected"),
    [
        (USERS, 300.0, SATURATED),
        (USERS, 20.0, FAILED),
        ({}, 300.0, FAILED),
        ({"deadline_s": 1}, 300.0, SATURATED),
    ],
)
def test_places_that_a_generator_left_empty_are_not_missed_by_the_target(
    spec: dict[str, Any], loop_ms: float, expected: Undone
) -> None:
    """A third of each second of nothing: users send less in it; arrivals of a schedule wait, and have their whole deadline."""
    seconds = [rows(n, 40 if spec is USERS else RATE, unsent=0 if spec is USERS else 20) for n in range(SECONDS)]
    records = whole(seconds, *health(range(SECONDS), loop_lag_max_ms=loop_ms))
    assert undone(judged(SustainsThroughput(), records, **spec)) == expected


EVERY_RATE = (KeepsErrorLimit(), KeepsLatencyLimit(), SustainsThroughput())


def failing(kinds: dict[str, int]) -> list[Record]:
    """In each second arrivals failed in these ways; the generator was late to nothing."""
    right = RATE - sum(kinds.values())
    return whole([second(n).model_copy(update={"failed": kinds, "ok": right}) for n in range(SECONDS)])


@pytest.mark.parametrize("check", EVERY_RATE)
@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({"generator": 30}, SATURATED),
        ({"other": 30}, FAILED),
        ({"generator": 15, "reset": 15}, FAILED),  # what the target did stands
        ({"generator": 29, "reset": 1}, SATURATED),
        ({"generator": RATE}, SATURATED),  # what was never sent is no success either
        ({}, (Outcome.PASS, None)),
    ],
)
def test_what_a_generator_had_nothing_left_to_send_with_is_never_the_targets(
    check: RateCheck, kinds: dict[str, int], expected: Undone
) -> None:
    """No open file, port or memory, in seconds in which it was on time: unknown, always."""
    finding = judged(check, failing(kinds))
    assert undone(finding) == expected
    said = f"{SECONDS * kinds.get('generator', 0)} requests the generator itself could not send"
    assert (said in finding.observed) == (expected == SATURATED)


@pytest.mark.parametrize(("kind", "expected"), [("generator", SATURATED), ("other", FAILED)])
def test_a_mean_without_what_the_generator_could_not_send(kind: str, expected: Undone) -> None:
    """Each request that failed counts with ten seconds: of the generator's own, with nothing where a fail has to be shown."""
    answers = [times("response", n, (30, 5.0)) for n in range(SECONDS)]
    records = [*failing({kind: 30}), *answers]
    check = KeepsDeclaredLimits()
    assert undone(judged(check, records, limits=[{"mean_ms": 100}])) == expected


def test_users_who_wait_for_what_the_generator_has_not_leave_places_empty() -> None:
    """In the second after it too; long after it they have no such excuse."""
    thin = [rows(n, 40) for n in range(SECONDS)]
    short = [
        row.model_copy(update={"ok": 39, "failed": {"generator": 1}} if row.second % 2 == 0 else {}) for row in thin
    ]
    assert undone(judged(SustainsThroughput(), whole(short), **USERS)) == SATURATED
    assert undone(judged(SustainsThroughput(), whole(thin), **USERS)) == FAILED
    assert undone(judged(SustainsThroughput(), whole([short[0], *thin[1:]]), **USERS)) == FAILED


def test_a_pass_needs_no_punctual_generator() -> None:
    """Everything was right and in time from its intended start, whatever the generator did."""
    records = whole([second(n) for n in range(SECONDS)], *health(range(SECONDS), loop_lag_max_ms=745.0))
    for check in (KeepsErrorLimit(), KeepsLatencyLimit(), SustainsThroughput()):
        assert judged(check, records, deadline_s=0.3, max_connections=1).outcome is Outcome.PASS


def answered(service_ms: float, measure: str = "service") -> list[LoadHistogram]:
    """How long the 40 answers of each second took."""
    return [times(measure, n, (40, service_ms)) for n in range(SECONDS)]


@pytest.mark.parametrize(
    ("connections", "service_ms", "expected"),
    [
        (2, 50.0, TOO_FEW),  # 60/s x 50 ms keep three of them busy
        (8, 150.0, TOO_FEW),  # the promise is kept, and needs more than there are
        (12, 150.0, FAILED),  # a target that keeps its promise needs no more
        (8, 1.0, FAILED),  # so quick that eight are plenty: then something else kept the arrivals
        (64, 2000.0, FAILED),
    ],
)
def test_arrivals_that_found_no_connection_are_the_testers_where_there_were_too_few(
    connections: int, service_ms: float, expected: Undone
) -> None:
    """Rate times latency limit, or what answers took where that is less; the number that would do is named."""
    records = whole(OVERLOADED, *health(range(SECONDS), **BUSY), *answered(service_ms))
    finding = judged(KeepsErrorLimit(), records, max_connections=connections)
    assert undone(finding) == expected
    assert (f"max_connections: {connections} is too few" in finding.observed) == (expected == TOO_FEW)
    assert ("12 would do" in finding.observed) == (expected == TOO_FEW)


def test_too_few_connections_are_no_excuse_where_none_was_waited_for() -> None:
    """Answers that were late, and a connection that was free all the time."""
    records = whole(OVERLOADED, *answered(1.0))
    assert undone(judged(KeepsErrorLimit(), records, max_connections=2)) == FAILED


def test_too_few_connections_do_not_hide_a_target_that_is_slow_itself() -> None:
    """Every answer took two seconds once it was asked for: the limit is broken; arrivals that were not sent prove nothing."""
    records = whole(OVERLOADED, *health(range(SECONDS), **BUSY), *answered(2000.0))
    assert undone(judged(KeepsLatencyLimit(), records, max_connections=2)) == FAILED
    assert undone(judged(KeepsErrorLimit(), records, max_connections=2)) == TOO_FEW
    quick = whole(OVERLOADED, *health(range(SECONDS), **BUSY), *answered(50.0))
    assert undone(judged(KeepsLatencyLimit(), quick, max_connections=2)) == TOO_FEW


def test_thinking_users_hold_connections() -> None:
    """Ten ways a second with two seconds of thinking need twenty users and more; 64 are enough."""
    ways = {"rate_rps": 30, "scenarios": {"x": [{"operation": "GET /x", "think_s": 2}, "GET /x"]}}
    records = whole(OVERLOADED, *health(range(SECONDS), **BUSY), *answered(1.0))
    few = judged(KeepsErrorLimit(), records, max_connections=8, **ways)
    assert undone(few) == TOO_FEW
    assert "72 would do" in few.observed
    assert undone(judged(KeepsErrorLimit(), records, max_connections=80, **ways)) == FAILED


def late(response_ms: float, lag_ms: float, stretch: int) -> list[Record]:
    """Half of the answers late by their response times, told by stretches; a generator that was late in every second."""
    seconds = [second(n, late=30) for n in range(SECONDS)]
    told = [
        times("response", n, (30 * stretch, 5.0), (30 * stretch, response_ms), stretch=stretch)
        for n in range(0, SECONDS, stretch)
    ]
    return whole(seconds, *health(range(SECONDS), own_lag_p99_ms=lag_ms), *told)


@pytest.mark.parametrize("stretch", [1, 5])
@pytest.mark.parametrize(
    ("response_ms", "lag_ms", "expected"),
    [(3334.0, 12.0, FAILED), (3334.0, 900.0, FAILED), (210.0, 12.0, SATURATED), (210.0, 4.0, FAILED)],
)
def test_an_answer_that_is_later_than_the_generator_can_have_made_it_is_late(
    response_ms: float, lag_ms: float, stretch: int, expected: Undone
) -> None:
    """3.3 s against a limit of 200 ms is no matter of 12 ms; 210 ms may be."""
    finding = judged(KeepsLatencyLimit(), late(response_ms, lag_ms, stretch))
    assert undone(finding) == expected
    assert (finding.value, finding.limit) == (0.5, 0.05)


def test_one_late_second_excuses_its_neighbours_and_no_others() -> None:
    """The generator was late once: what was late before and afterwards is the target's."""
    seconds = [second(n, late=30) for n in range(SECONDS)]
    once = [record for n in range(SECONDS) for record in health([n], loop_lag_max_ms=100.0 if n == 9 else 1.0)]
    assert undone(judged(KeepsLatencyLimit(), whole(seconds, *once))) == FAILED
    only = [second(n, late=30 if n in (8, 9, 10) else 0) for n in range(SECONDS)]
    assert undone(judged(KeepsLatencyLimit(), whole(only, *once))) == SATURATED


@pytest.mark.parametrize(("value_ms", "expected"), [(3334.0, FAILED), (64.0, SATURATED)])
def test_a_mean_fails_by_what_is_left_without_the_generators_lag(value_ms: float, expected: Undone) -> None:
    """Four milliseconds of lag are twice that at most in an answer, and nothing in three seconds."""
    told = [times("response", n, (RATE, value_ms + n % 3)) for n in range(SECONDS)]
    records = whole([second(n) for n in range(SECONDS)], *health(range(SECONDS), own_lag_p99_ms=4.0), *told)
    finding = judged(KeepsDeclaredLimits(), records, limits=[{"mean_ms": 60}])
    assert undone(finding) == expected
    assert finding.value == pytest.approx(value_ms + 1, rel=0.1)
    assert finding.lower is not None


def test_a_mean_counts_no_arrival_that_the_generator_kept() -> None:
    """Never sent for want of connections, or because it stood still: not ten seconds; a wrong answer is."""
    limits = {"limits": [{"mean_ms": 60}], "max_connections": 2}
    told = [times(measure, n, (40, 5.0)) for measure in ("response", "service") for n in range(SECONDS)]
    kept = whole([second(n, unsent=20) for n in range(SECONDS)], *health(range(SECONDS), **BUSY), *told)
    assert undone(judged(KeepsDeclaredLimits(), kept, **{**limits, "max_connections": 1})) == TOO_FEW
    assert undone(judged(KeepsDeclaredLimits(), kept, **{**limits, "max_connections": 64})) == FAILED
    wrong = whole([second(n, failed=20) for n in range(SECONDS)], *health(range(SECONDS), **BUSY), *told)
    assert undone(judged(KeepsDeclaredLimits(), wrong, **limits)) == FAILED


def test_what_the_generator_left_open_has_no_price() -> None:
    """More requests would not help where it stood still; without that they would."""
    seconds = [second(n, late=20 if n in (5, 11) else 0) for n in range(SECONDS)]
    told = [record for n in range(SECONDS) for record in health([n], loop_lag_max_ms=800.0 if n in (5, 11) else 1.0)]
    finding = judged(KeepsLatencyLimit(), whole(seconds, *told))
    assert undone(finding) == SATURATED
    assert finding.price is None
    calm = judged(KeepsLatencyLimit(), whole(seconds))
    assert undone(calm) == (Outcome.INCONCLUSIVE, Reason.TOO_FEW_SAMPLES)
    assert calm.price is not None


def test_a_figure_that_cannot_be_is_not_printed() -> None:
    """No mean below zero, no less than one observation, and no price that is less than ten seconds."""
    told = [times("response", n, (RATE, 900.0 if n == 9 else 5.0)) for n in range(SECONDS)]
    mean = judged(KeepsDeclaredLimits(), whole([second(n) for n in range(SECONDS)], *told), limits=[{"mean_ms": 60}])
    assert mean.outcome is Outcome.INCONCLUSIVE
    assert mean.lower == 0
    assert "between 0.0 and" in mean.observed
    drowned = [second(n, unsent=0 if n < 10 else RATE) for n in range(SECONDS)]
    share = judged(KeepsErrorLimit(), whole(drowned))
    assert (share.n, share.effective_n) == (SECONDS * RATE, 1)
    assert "hang together so much" in (share.method or "")
    nearly = judged(KeepsErrorLimit(), whole([second(n, failed=4 if n % 10 else 3) for n in range(SECONDS)]))
    assert nearly.price is not None
    assert nearly.price.requests == 10 * RATE


@pytest.mark.parametrize("told_by", [6, 9])
def test_seconds_through_which_it_slept_are_told_as_such(told_by: int) -> None:
    """Whether the second before or the one after says how long it was; seconds that are just not there are another matter."""
    seconds = [second(n) for n in range(SECONDS)]
    awake = [n for n in range(SECONDS) if n not in (7, 8)]
    slept = [record for n in awake for record in health([n], loop_lag_max_ms=2300.0 if n == told_by else 1.0)]
    with pytest.raises(Undecided, match=r"stood still for 2\.3 s from second 6 on") as raised:
        judged(KeepsErrorLimit(), whole(seconds, *slept))
    assert raised.value.reason is Reason.GENERATOR_SATURATED
    with pytest.raises(Undecided, match="health is not recorded for every second"):
        judged(KeepsErrorLimit(), whole(seconds, *health(awake)))


STORIES: dict[str, tuple[list[Record], dict[str, Any]]] = {
    "overloaded": (whole(OVERLOADED, *health(range(SECONDS), **BUSY), *answered(2000.0)), {}),
    "few": (
        whole(OVERLOADED, *health(range(SECONDS), **BUSY), *answered(50.0), *answered(9000.0, "response")),
        {"max_connections": 2},
    ),
    "quick": (whole(OVERLOADED, *health(range(SECONDS), **BUSY), *answered(1.0)), {"max_connections": 8}),
    "paused": (paused(745.0), {"deadline_s": 0.3}),
    "wrong": (paused(745.0, "status"), {"deadline_s": 0.3}),
    "late": (late(3334.0, 12.0, 5), {}),
    "paused as it ends": (
        whole(
            [second(n, unsent=RATE if n >= SECONDS - 6 else 0) for n in range(SECONDS)],
            *health(range(SECONDS)),
            *health([SECONDS], loop_lag_max_ms=6000.0),
        ),
        {"deadline_s": 5},
    ),
    "nearly": (late(210.0, 12.0, 5), {}),
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("check", [KeepsErrorLimit(), KeepsLatencyLimit(), SustainsThroughput()])
def test_less_evidence_decides_nothing_else(check: RateCheck, story: str) -> None:
    """Any record, and any random part of them, taken away: the same, or undecided."""
    records, spec = STORIES[story]
    random, known = Random(story), judged(check, records, **spec).outcome
    chosen = [{index} for index in range(len(records))]
    chosen += [{index for index in range(len(records)) if random.random() < share / 20} for share in range(1, 20)]
    for gone in chosen:
        less = [record for index, record in enumerate(records) if index not in gone]
        try:
            outcome = judged(check, less, **spec).outcome
        except Undecided:
            continue
        assert outcome in (known, Outcome.INCONCLUSIVE)
