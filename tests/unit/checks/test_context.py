"""Checks of what crosses a boundary beside the question: each finds its flaw, passes without, and says what it lacks."""

from typing import Any

import pytest

from hybridcheck.cases import Reason, Undecided
from hybridcheck.checks.boundary.direct_access import DirectAccessRefused
from hybridcheck.checks.boundary.native_errors import NativeErrorsMapped
from hybridcheck.checks.boundary.schemas import OneBuild, SchemasAgree, difference_of
from hybridcheck.checks.boundary.tenants import TenantsIsolated
from hybridcheck.checks.boundary.time_limits import CancellationReaches, DeadlineKept
from hybridcheck.checks.check import Check
from hybridcheck.checks.resilience.idempotency import Idempotent
from hybridcheck.checks.resilience.outage import FallbackAgrees, NativeDown
from hybridcheck.checks.resilience.overload import OverloadBounded
from hybridcheck.checks.resilience.retries import NoRetryStorm
from hybridcheck.evidence import Evidence, Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.context_system import PROFILE, System
from tests.unit.checks.fake_target import FakeTarget, cases_of, finding_of, unmet_of

CHECKS: tuple[Check, ...] = (
    TenantsIsolated(),
    DirectAccessRefused(),
    DeadlineKept(),
    CancellationReaches(),
    NativeErrorsMapped(),
    SchemasAgree(),
    OneBuild(),
    Idempotent(),
    NoRetryStorm(),
    OverloadBounded(),
    NativeDown(),
    FallbackAgrees(),
)

FLAWS = [
    (TenantsIsolated(), "mixed", "arrived as the other tenant's"),
    (TenantsIsolated(), "spoofed", "its own X-Tenant header names"),
    (DirectAccessRefused(), "open", "it answers without them"),
    (DirectAccessRefused(), "any-key", "it answers with garbage in them"),
    (DeadlineKept(), "late", "after 1500 ms"),
    (DeadlineKept(), "untold", "saw no X-Left-Ms"),
    (DeadlineKept(), "longer", "the callee saw X-Left-Ms: 5000, its caller gave 2000"),
    (CancellationReaches(), "not-cancelled", "still under way"),
    (SchemasAgree(), "skewed", '"number" on the public side, "string" in the callee'),
    (OneBuild(), "builds", "2 builds answer: a, b"),
    (Idempotent(), "no-keys", "made another thing: 6, beside 5"),
    (Idempotent(), "same-id", "3 times again, had 3 more effects"),
    (Idempotent(), "reused", "as if it had been done"),
    (NoRetryStorm(), "retries", "4 calls per request"),
    (OverloadBounded(), "overload-500", "neither an answer nor a refusal: 500"),
    (OverloadBounded(), "no-bulkhead", "another operation takes 900 ms"),
    (NativeDown(), "down-500", "answered 500"),
    (NativeDown(), "unmarked", "nothing marks it as a fallback"),
    (NativeDown(), "everything-down", "does not need the callee"),
    (NativeDown(), "stays-down", "after the callee is back"),
    (FallbackAgrees(), "fallback-differs", "3 becomes 4"),
]

UNDECIDED = [
    (TenantsIsolated(), "throttles", Reason.NO_TEST_DATA),
    (DirectAccessRefused(), "crashes-directly", Reason.SUSPECTED),
    (CancellationReaches(), "invisible", Reason.NO_TEST_DATA),
    (OneBuild(), "nameless", Reason.EVIDENCE_INCOMPLETE),
    (Idempotent(), "uncounted", Reason.NO_TEST_DATA),
    (Idempotent(), "others", Reason.NO_TEST_DATA),
    (NoRetryStorm(), "others", Reason.SUSPECTED),
    (NoRetryStorm(), "uncounted", Reason.NO_TEST_DATA),
    (OverloadBounded(), "no-time", Reason.GENERATOR_SATURATED),
    (FallbackAgrees(), "no-fallback", Reason.NO_TEST_DATA),
    (FallbackAgrees(), "unmarked", Reason.NO_TEST_DATA),
]


def named(part: object) -> str:
    """A check by its id."""
    return part.id if isinstance(part, Check) else str(part)[:30]


@pytest.mark.parametrize("check", CHECKS, ids=named)
def test_a_system_that_keeps_its_promises_passes(check: Check) -> None:
    """No flaw, no fail, and nothing is left open."""
    for index in range(len(cases_of(check, PROFILE))):
        found = finding_of(check, PROFILE, System().target, index=index)
        assert found.outcome is Outcome.PASS, found


@pytest.mark.parametrize(("check", "flaw", "words"), FLAWS, ids=named)
def test_each_flaw_fails_its_check(check: Check, flaw: str, words: str) -> None:
    """The finding says what was seen, and points at the exchanges."""
    found = finding_of(check, PROFILE, System(flaw).target)
    assert found.outcome is Outcome.FAIL, found
    assert words in found.observed
    assert found.exchanges


def test_each_way_to_fail_is_mapped() -> None:
    """One case per way; only the one that is mapped wrongly fails."""
    outcomes = [finding_of(NativeErrorsMapped(), PROFILE, System("unmapped").target, index=i).outcome for i in range(3)]
    assert outcomes == [Outcome.PASS, Outcome.FAIL, Outcome.PASS]


@pytest.mark.parametrize(("check", "flaw", "reason"), UNDECIDED, ids=named)
def test_what_cannot_be_told_is_undecided(check: Check, flaw: str, reason: Reason) -> None:
    """Without the good evidence that a judgement needs there is none."""
    found = finding_of(check, PROFILE, System(flaw).target)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, reason)


@pytest.mark.parametrize("check", [NativeDown(), FallbackAgrees()], ids=named)
def test_a_hook_that_does_nothing_decides_nothing(check: Check) -> None:
    """Where the fault was not delivered no answer counts."""
    system = System()
    system.target.hooks_work = False
    found = finding_of(check, PROFILE, system.target)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.FAULT_NOT_DELIVERED)


@pytest.mark.parametrize("check", CHECKS, ids=named)
def test_a_profile_without_the_declaration_is_told_what_to_add(check: Check) -> None:
    """Without probes, boundaries and hooks there is no case; each thing that is missing has its line."""
    bare: dict[str, Any] = {"operations": [{"id": "list", "path": "/list"}]}
    assert cases_of(check, bare) == []
    assert unmet_of(check, bare)
    assert all(unmet.needs for unmet in unmet_of(check, bare))


@pytest.mark.parametrize(("check", "flaw"), [(check, "") for check in CHECKS] + [row[:2] for row in FLAWS], ids=named)
def test_a_record_less_never_turns_a_finding_around(check: Check, flaw: str) -> None:
    """Without any one record, or with none at all, a finding stays as it is or is undecided."""
    system = System(flaw)
    whole = finding_of(check, PROFILE, system.target).outcome
    case = cases_of(check, PROFILE)[0]
    for left_out in range(len(system.target.records)):
        rest = [record for index, record in enumerate(system.target.records) if index != left_out]
        assert _outcome(check, case, rest) in {whole, Outcome.INCONCLUSIVE}, system.target.records[left_out]
    assert _outcome(check, case, []) is Outcome.INCONCLUSIVE


def _outcome(check: Check, case: Any, records: list[Any]) -> Outcome:
    try:
        return check.judge(case, Evidence(tuple(records), {})).outcome
    except Undecided:
        return Outcome.INCONCLUSIVE


def test_schemas_are_compared_part_by_part() -> None:
    """A missing part, another value and another type are told apart from the same."""
    assert difference_of({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) is None
    assert difference_of({"type": "number"}, {}) == "only the public document has $.type"
    assert "only the callee's" in (difference_of({}, {"x": 1}) or "")
    assert "$.a is 1" in (difference_of({"a": 1}, {"a": True}) or "")


def test_a_throttled_stranger_was_not_refused() -> None:
    """429 without the key says nothing about who may come in."""

    def answering(ask: Ask) -> Any:
        return (429, {}, {}) if ask.bare else (200, {}, {"total": 3})

    with pytest.raises(Undecided) as caught:
        finding_of(DirectAccessRefused(), PROFILE, FakeTarget(answering))
    assert caught.value.reason is Reason.THROTTLED


def test_a_long_way_is_no_missed_deadline() -> None:
    """Each call takes 900 ms more than its work: a slow machine, or another continent."""
    system = System()
    own = system.target.takes_ms
    system.target.takes_ms = lambda ask: own(ask) + 900
    assert finding_of(DeadlineKept(), PROFILE, system.target).outcome is Outcome.PASS


def test_the_same_deadline_within_the_grain_of_a_clock_is_kept() -> None:
    """Less than a millisecond passed on the way: what is left is what was given."""
    assert finding_of(DeadlineKept(), PROFILE, System("same-deadline").target).outcome is Outcome.PASS


def test_without_a_deadline_to_give_the_testers_patience_proves_nothing() -> None:
    """A gateway may wait for its callee longer than the tester does, where no header lets the tester say how long."""
    boundary = {**PROFILE["boundaries"]["web-inner"], "headers": {}}
    profile = {**PROFILE, "boundaries": {"web-inner": boundary}}
    system = System()

    def patient(ask: Ask) -> Any:
        return Failure.READ_TIMEOUT if b"hang" in (ask.body or b"") else system(ask)

    asked = [finding_of(NativeErrorsMapped(), data, FakeTarget(patient), index=2) for data in (profile, PROFILE)]
    assert [found.outcome for found in asked] == [Outcome.INCONCLUSIVE, Outcome.FAIL]
    assert asked[0].reason is Reason.SUSPECTED


def test_what_others_remove_meanwhile_is_no_second_effect() -> None:
    """The count goes down between the requests: nothing can be said of one key."""
    system, looks = System(), [0]

    def shared(ask: Ask) -> Any:
        answer = system(ask)
        if ask.path == "/doings":
            looks[0] += 1
            system.orders -= looks[0] % 4 == 2
        return answer

    system.target._answering = shared
    found = finding_of(Idempotent(), PROFILE, system.target)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Reason.NO_TEST_DATA), found
