"""Load limits and the generator's own health: what it may have caused itself is never the target's failure."""

import pytest

from hybridcheck.cases import Case, Reason, Undecided
from hybridcheck.checks.load.limits import KeepsErrorLimit
from hybridcheck.evidence import (
    Evidence,
    Exchange,
    GeneratorSecond,
    LoadEnd,
    LoadSecond,
    ReceivedResponse,
    Record,
    SentRequest,
)
from hybridcheck.verdict import Finding, Outcome

STREAM = "load/steady"
SECONDS = 20
CASE = Case(
    check=KeepsErrorLimit.id,
    subject="steady",
    params={"stream": STREAM, "operation": "*", "limit_ratio": 0.01},
    shared=(STREAM,),
    statistical=True,
)


def before(status: int, number: int = 1) -> Exchange:
    """What an operation with a credential answered before the load."""
    request = SentRequest(method="GET", url="http://target.test/me")
    response = ReceivedResponse(status=status)
    return Exchange(label=f"before.{number}", request=request, response=response, operation="me")


def judged(
    unsent: int,
    cpu: float | None,
    runqueue: float | None,
    seconds: int = SECONDS,
    *,
    case: Case = CASE,
    own: tuple[Record, ...] = (),
    kind: str | None = None,
) -> Finding:
    """The finding over a phase in which that many of 100 arrivals a second were never sent, or failed in a way.

    `seconds` of its 20 have the given health; the others are at ease.
    """
    records: list[Record] = []
    for second in range(SECONDS):
        wrong = {"failed": {kind: unsent}} if kind else {"unsent": unsent}
        counts = {"second": second, "operation": "x", "planned": 100, "ok": 100 - unsent, **wrong}
        records.append(LoadSecond.model_validate(counts))
        busy, waiting = (cpu, runqueue) if second < seconds else (0.2, 0.0)
        records.append(
            GeneratorSecond(second=second, cpu_ratio=busy, runqueue_ratio=waiting, offered=100, sent=100 - unsent)
        )
    total = 100 * SECONDS
    missed = unsent * SECONDS
    end = LoadEnd(cause="completed", seconds=SECONDS, planned=total, ok=total - missed, failed=0, unsent=missed, cut=0)
    return KeepsErrorLimit().judge(case, Evidence(own=own, shared={STREAM: (*records, end)}))


@pytest.mark.parametrize("cpu,runqueue", [(0.2, 0.0), (0.3, 0.15), (0.8, 0.05), (0.85, None), (None, None)])
def test_a_generator_at_ease_leaves_the_fault_with_the_target(cpu: float | None, runqueue: float | None) -> None:
    """Arrivals that no connection could take are the target's failure."""
    assert judged(20, cpu, runqueue).outcome is Outcome.FAIL


def test_a_generator_without_its_core_proves_no_failure() -> None:
    """It ran for half of the time and waited for the other half, because a neighbour had the core."""
    finding = judged(20, 0.5, 0.5)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.GENERATOR_SATURATED)
    assert "core was not its own" in finding.observed


@pytest.mark.parametrize(
    "kind,outcome",
    [("status", Outcome.FAIL), ("connect_refused", Outcome.FAIL), ("timeout", Outcome.INCONCLUSIVE)],
)
def test_what_a_generator_cannot_cause_stays_a_failure(kind: str, outcome: Outcome) -> None:
    """Errors that the target answered with count, whoever had the core; a timeout may be nobody's but ours."""
    assert judged(20, 0.5, 0.5, kind=kind).outcome is outcome


def test_a_pass_stands_whoever_had_the_core() -> None:
    """What was answered rightly in spite of it was answered rightly."""
    assert judged(0, 0.5, 0.5).outcome is Outcome.PASS


def test_a_moment_without_the_core_is_no_excuse() -> None:
    """Two of twenty seconds are not the whole phase."""
    assert judged(20, 0.5, 0.5, seconds=2).outcome is Outcome.FAIL
    assert judged(20, 0.5, 0.5, seconds=3).outcome is Outcome.INCONCLUSIVE


def test_a_generator_that_uses_its_whole_core_proves_nothing() -> None:
    """Neither failure nor success."""
    for unsent in (0, 20):
        with pytest.raises(Undecided, match="more than 90% of its core"):
            judged(unsent, 0.97, 0.0)


def test_calm_seconds_that_are_not_judged_do_not_make_up_for_those_that_are() -> None:
    """Two bad seconds are a tenth of the phase and a fifth of the limit's window."""
    in_window = CASE.model_copy(update={"params": {**CASE.params, "window": (0, 10)}})
    assert judged(20, 0.97, 0.0, seconds=2).outcome is Outcome.FAIL
    with pytest.raises(Undecided, match="in 2 of 10 seconds"):
        judged(20, 0.97, 0.0, seconds=2, case=in_window)
    assert judged(20, 0.5, 0.5, seconds=2, case=in_window).reason is Reason.GENERATOR_SATURATED
    assert judged(20, 0.97, 0.0, seconds=1, case=in_window).outcome is Outcome.FAIL


def with_credentials(*expected: int | None) -> Case:
    """The case of a phase with so many operations that need a credential, some of which expect a status of their own."""
    operations = [{"id": "me", "path": "/me", **({"expect": {"status": one}} if one else {})} for one in expected]
    controls = [{"operation": operation} for operation in operations]
    return CASE.model_copy(update={"params": {**CASE.params, "with_credential": controls}})


WITH_CREDENTIAL = with_credentials(None)


@pytest.mark.parametrize(
    "status,outcome", [(401, Outcome.INCONCLUSIVE), (403, Outcome.INCONCLUSIVE), (200, Outcome.FAIL)]
)
def test_a_credential_that_was_refused_before_the_load_proves_no_failure(status: int, outcome: Outcome) -> None:
    """A wrong token in the profile is not a broken target."""
    assert judged(20, 0.2, 0.0, case=WITH_CREDENTIAL, own=(before(status),)).outcome is outcome


@pytest.mark.parametrize(
    ("expected", "statuses", "outcome"),
    [
        ((403,), (403,), Outcome.FAIL),
        ((401, None), (401, 200), Outcome.FAIL),
        ((403,), (401,), Outcome.INCONCLUSIVE),  # the credential itself, where only its rights were to be refused
        ((403, None), (403, 403), Outcome.INCONCLUSIVE),
        ((None, 403), (403, 403), Outcome.INCONCLUSIVE),
    ],
)
def test_a_refusal_that_is_declared_says_that_the_credential_is_good(
    expected: tuple[int | None, ...], statuses: tuple[int, ...], outcome: Outcome
) -> None:
    """Who may not see /admin is refused there, load or no load; each answer is held against its own operation."""
    own = tuple(before(status, number) for number, status in enumerate(statuses, 1))
    for order in (own, own[::-1]):
        assert judged(20, 0.2, 0.0, case=with_credentials(*expected), own=order).outcome is outcome


def test_an_answer_from_before_that_belongs_to_no_operation_decides_nothing() -> None:
    """Two answers for the first operation are none for the second."""
    with pytest.raises(Undecided, match="of 2 answers before the load 1 are recorded"):
        judged(20, 0.2, 0.0, case=with_credentials(None, 403), own=(before(200), before(200)))


def test_without_the_answer_from_before_the_load_nothing_is_said() -> None:
    """The control is asked for, not assumed."""
    with pytest.raises(Undecided):
        judged(0, 0.2, 0.0, case=WITH_CREDENTIAL)
