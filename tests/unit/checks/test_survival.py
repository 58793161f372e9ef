"""What counts as a crash: two observations, and nothing less."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.survival import (
    AFTER,
    BEFORE,
    TRIES,
    Fate,
    crash_finding,
    fate,
    look_after,
    look_before,
    needs_liveness,
    watch_of,
)
from hybridcheck.evidence import Evidence, Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, FakeTarget, scene

WATCH: dict[str, Any] = {"service": "native", "path": "/health", "uptime_s": "$.uptime_s"}
BY_PID: dict[str, Any] = {"service": "native", "path": "/health", "pid": "$.pid"}

Given = dict[str, Any] | Failure | int


def gathered(watch: dict[str, Any], before: list[Given], risky: Given, after: list[Given]) -> Evidence:
    """Looks, a risky probe, looks: each answers what is given, the last one again and again."""
    answers: Iterator[Given] = iter([*before, risky, *after, *[after[-1]] * TRIES])

    def answering(ask: Ask) -> Answer | Failure:
        given = next(answers)
        if isinstance(given, Failure):
            return given
        return (given, {}, {}) if isinstance(given, int) else (200, {}, given)

    async def probe(target: FakeTarget) -> None:
        await look_before(target, watch)
        await target.sleep(10)
        await target.read("risky", Ask("GET", "/divide"))
        await look_after(target, watch)

    target = FakeTarget(answering)
    asyncio.run(probe(target))
    return Evidence(tuple(target.records), {})


def found(watch: dict[str, Any], evidence: Evidence) -> Any:
    """The finding of the crash alone."""
    return crash_finding(evidence, watch, "it lives", evidence.exchanges("risky"), "a division by zero")


OLD, YOUNG, OLDER = {"uptime_s": 100.0}, {"uptime_s": 0.5}, {"uptime_s": 110.0}


def test_a_broken_exchange_and_a_restart_are_a_crash() -> None:
    """The uptime begins after the first look."""
    finding = found(WATCH, gathered(WATCH, [OLD], Failure.RESET, [YOUNG]))
    assert finding.outcome is Outcome.FAIL
    assert finding.figures["signature"] == "CRASH"


def test_a_gateways_502_and_a_service_that_is_gone_are_a_crash() -> None:
    """Every try afterwards was answered with 503."""
    evidence = gathered(WATCH, [OLD], 502, [503])
    assert len(evidence.exchanges(AFTER)) == TRIES
    assert found(WATCH, evidence).outcome is Outcome.FAIL


def test_a_broken_exchange_alone_is_a_suspicion() -> None:
    """The service lived on."""
    finding = found(WATCH, gathered(WATCH, [OLD], Failure.RESET, [OLDER]))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_a_restart_alone_is_a_suspicion() -> None:
    """Nothing of ours broke: a deployment may have been under way."""
    finding = found(WATCH, gathered(WATCH, [OLD], 422, [YOUNG]))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_a_service_that_lives_on_gives_no_finding() -> None:
    """The check goes on with its own promise."""
    assert found(WATCH, gathered(WATCH, [OLD], 422, [OLDER])) is None


def test_a_restart_within_the_tries_is_seen() -> None:
    """The first tries are refused, then it is back."""
    evidence = gathered(WATCH, [OLD], Failure.RESET, [Failure.REFUSED, 503, YOUNG])
    assert fate(WATCH, evidence) is Fate.RESTARTED
    assert len(evidence.exchanges(AFTER)) == 3


def test_another_replicas_shorter_uptime_is_no_restart() -> None:
    """It began before the first look."""
    assert fate(WATCH, gathered(WATCH, [OLD], 200, [{"uptime_s": 50.0}])) is Fate.ALIVE


def test_another_process_is_a_restart_where_only_one_answers() -> None:
    """Three looks saw the same process."""
    evidence = gathered(BY_PID, [{"pid": 1}] * 3, Failure.RESET, [{"pid": 2}])
    assert fate(BY_PID, evidence) is Fate.RESTARTED


def test_replicas_that_answer_in_turn_show_nothing() -> None:
    """Their process ids differ before anything happened."""
    with pytest.raises(Undecided) as raised:
        fate(BY_PID, gathered(BY_PID, [{"pid": 1}, {"pid": 2}, {"pid": 1}], 200, [{"pid": 2}]))
    assert raised.value.reason is Reason.NO_TEST_DATA


@pytest.mark.parametrize(
    ("before", "after"), [("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"), (1.0, 2.0), ("first", "second")]
)
def test_a_later_start_is_a_restart(before: str | float, after: str | float) -> None:
    """As ISO 8601, as a number, or as a text that is no instant."""
    watch = {"service": "native", "path": "/health", "started_at": "$.at"}
    evidence = gathered(watch, [{"at": before}] * 3, Failure.RESET, [{"at": after}])
    assert fate(watch, evidence) is Fate.RESTARTED


@pytest.mark.parametrize("label", [BEFORE, AFTER])
def test_missing_looks_decide_nothing(label: str) -> None:
    """Whichever look is taken away."""
    evidence = gathered(WATCH, [OLD], Failure.RESET, [Failure.REFUSED, YOUNG])
    gone = evidence.exchanges(label)[0]
    with pytest.raises(Undecided):
        fate(WATCH, Evidence(tuple(record for record in evidence.own if record is not gone), {}))


def test_an_answer_that_says_nothing_is_not_down() -> None:
    """A 401 comes from somebody who lives."""
    with pytest.raises(Undecided) as raised:
        fate(WATCH, gathered(WATCH, [OLD], Failure.RESET, [401]))
    assert raised.value.reason is Reason.SUSPECTED


def test_the_watch_of_a_service_is_what_its_liveness_declares() -> None:
    """Without a sign that tells a restart there is none."""
    services = {
        "native": {"liveness": {"path": "/health", "uptime_s": "$.uptime_s"}},
        "mute": {"liveness": {"path": "/health"}},
    }
    profile = scene({"services": services}).profile
    assert watch_of(profile, "native") == WATCH
    assert watch_of(profile, "mute") is watch_of(profile, "nobody") is None
    assert needs_liveness("native").startswith("services: {native: ")
