"""Objects, lists and tenants of others: each defect is caught, the healthy twin is silent, and nothing is guessed."""

from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.authz.canary import OthersObject
from hybridcheck.checks.authz.objects import (
    CollectionsDoNotLeak,
    ObjectsNotDeletable,
    ObjectsNotReadable,
    ObjectsNotWritable,
)
from hybridcheck.checks.authz.tenants import TenantHeaderNotTrusted
from hybridcheck.evidence import Failure
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import (
    assert_less_evidence_decides_nothing_else,
    cases_of,
    finding_of,
    reason_of,
    unmet_of,
)
from tests.unit.checks.object_server import PROFILE, ObjectServer, without

CHECKS: list[tuple[OthersObject, str]] = [
    (ObjectsNotReadable(), "read"),
    (CollectionsDoNotLeak(), "list"),
    (ObjectsNotWritable(), "write"),
    (ObjectsNotDeletable(), "delete"),
    (TenantHeaderNotTrusted(), "header"),
]


@pytest.mark.parametrize(("check", "wrong"), CHECKS)
def test_a_trespass_that_takes_effect_fails(check: OthersObject, wrong: str) -> None:
    """The marker in the stranger's answer, or the owner's own reading, is proof when it comes twice."""
    finding = finding_of(check, PROFILE, ObjectServer(wrong))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 2)


@pytest.mark.parametrize(("check", "wrong"), CHECKS)
def test_a_store_that_keeps_tenants_apart_passes(check: OthersObject, wrong: str) -> None:
    """The healthy twin stays silent."""
    assert finding_of(check, PROFILE, ObjectServer()).outcome is Outcome.PASS


@pytest.mark.parametrize("check", [ObjectsNotReadable(), CollectionsDoNotLeak()])
def test_a_cache_that_takes_the_stranger_for_the_owner_fails(check: OthersObject) -> None:
    """Only where both ask at the same time does the stranger get the owner's answer: two rounds are proof."""
    finding = finding_of(check, PROFILE, ObjectServer("cache"))
    assert finding.outcome is Outcome.FAIL
    assert "when both ask at the same time, twice" in finding.observed


@pytest.mark.parametrize("check", [ObjectsNotReadable(), CollectionsDoNotLeak()])
def test_one_round_beside_the_owner_is_half_a_proof(check: OthersObject) -> None:
    """Shown once, not again: undecided."""
    server = ObjectServer("cache")
    server.answers["beside.2.owner"] = (404, {}, {})
    assert reason_of(check, PROFILE, server) is Reason.SUSPECTED


@pytest.mark.parametrize(("check", "wrong"), CHECKS)
def test_a_success_without_effect_passes(check: OthersObject, wrong: str) -> None:
    """A 204 to a trespass that did nothing is no trespass: the effect counts, not the status."""
    assert finding_of(check, PROFILE, ObjectServer("silent")).outcome is Outcome.PASS


@pytest.mark.parametrize(("check", "wrong"), CHECKS)
@pytest.mark.parametrize(
    ("label", "answer", "reason"),
    [
        ("create", (500, {}, {}), Reason.NO_TEST_DATA),
        ("create", (201, {}, {"name": "no id"}), Reason.NO_TEST_DATA),
        ("control.owner", (200, {}, {"name": "something else"}), Reason.NO_TEST_DATA),
        ("control.stranger", (401, {}, {}), Reason.AUTH_NOT_EFFECTIVE),
        ("control.nobody", (429, {}, {}), Reason.THROTTLED),
    ],
)
def test_without_its_controls_a_trespass_says_nothing(
    check: OthersObject, wrong: str, label: str, answer: Any, reason: Reason
) -> None:
    """No object, a stranger who is logged out, a throttled tester: none of them shows that objects are protected."""
    server = ObjectServer()
    server.answers[label] = answer
    assert reason_of(check, PROFILE, server) is reason


@pytest.mark.parametrize(("check", "wrong"), CHECKS)
def test_what_everybody_may_see_is_no_trespass(check: OthersObject, wrong: str) -> None:
    """An object that anonymous callers read is public, or a defect of another kind."""
    assert reason_of(check, PROFILE, ObjectServer("public")) is Reason.SUSPECTED


@pytest.mark.parametrize(
    ("check", "wrong", "label", "answer"),
    [
        (ObjectsNotReadable(), "", "probe.1", (500, {}, {})),
        (ObjectsNotReadable(), "read", "probe.2", (404, {}, {})),
        (CollectionsDoNotLeak(), "", "probe.1", Failure.RESET),
        (ObjectsNotWritable(), "", "write.first", (500, {}, {})),
        (ObjectsNotWritable(), "write", "effect.second", (404, {}, {})),
        (ObjectsNotDeletable(), "", "effect.first", (503, {}, {})),
        (ObjectsNotDeletable(), "delete", "effect.second", (503, {}, {})),
        (ObjectsNotDeletable(), "delete", "control.again", (404, {}, {})),
        (TenantHeaderNotTrusted(), "read", "none", None),
        (TenantHeaderNotTrusted(), "header", "probe.2", (404, {}, {})),
    ],
)
def test_half_a_proof_is_none(check: OthersObject, wrong: str, label: str, answer: Any) -> None:
    """One of two answers, a crash, or another way in that explains the answer too leave the case undecided."""
    server = ObjectServer(wrong)
    server.answers = {label: answer}
    assert reason_of(check, PROFILE, server) is Reason.SUSPECTED


@pytest.mark.parametrize(
    ("check", "wrong"), [(ObjectsNotWritable(), "late write"), (ObjectsNotDeletable(), "late delete")]
)
def test_an_effect_that_settles_later_fails_too(check: OthersObject, wrong: str) -> None:
    """A trespass that is accepted and done a moment later is one."""
    assert finding_of(check, PROFILE, ObjectServer(wrong)).outcome is Outcome.FAIL


def test_whoami_shows_that_the_stranger_is_logged_in() -> None:
    """Where it is declared; a protected read may be of somebody's own."""
    login = {"path": "/login", "token": "$.token"}
    session = {"login": login, "whoami": {"method": "GET", "path": "/me", "identity": "$.name"}}
    case = cases_of(ObjectsNotReadable(), {**PROFILE, "session": session})[0]
    assert case.params["presence"]["path"] == "/me"


def test_an_update_that_never_works_shows_nothing() -> None:
    """The owner's own change is the control."""
    server = ObjectServer()
    server.answers["write.own"] = (412, {}, {})
    assert reason_of(ObjectsNotWritable(), PROFILE, server) is Reason.NO_TEST_DATA


def test_a_list_that_does_not_show_the_owner_shows_nothing() -> None:
    """A page that the new object is not on cannot tell whether it leaks."""
    server = ObjectServer()
    server.answers["control.list"] = (200, {}, {"items": []})
    assert reason_of(CollectionsDoNotLeak(), PROFILE, server) is Reason.NO_TEST_DATA


def test_taking_any_record_away_never_decides_otherwise() -> None:
    """A judge that misses a part of its evidence gives the same outcome or none."""
    for check, wrong in CHECKS:
        for server in (ObjectServer(), ObjectServer(wrong), ObjectServer("cache")):
            assert_less_evidence_decides_nothing_else(check, PROFILE, server)


def test_the_stranger_is_of_the_same_role_and_another_tenant() -> None:
    """Administrators and colleagues may be entitled."""
    assert cases_of(ObjectsNotReadable(), PROFILE)[0].params["stranger"] == "bob"


def test_an_object_of_its_owner_alone_is_kept_from_colleagues() -> None:
    """With `visibility: owner` a colleague is a stranger too, where nobody of another tenant is declared."""
    profile = without("create", visibility="owner")
    profile["identities"] = {name: profile["identities"][name] for name in ("alice", "carol")}
    assert cases_of(ObjectsNotReadable(), profile)[0].params["stranger"] == "carol"


@pytest.mark.parametrize(
    ("check", "profile", "needs"),
    [
        (ObjectsNotReadable(), {}, "creates: true"),
        (ObjectsNotReadable(), without("create", visibility="public"), "visibility"),
        (ObjectsNotReadable(), without("create", "cleanup"), "cleanup at operation 'create'"),
        (ObjectsNotReadable(), without("create", "body"), "{marker}"),
        (ObjectsNotReadable(), without("read", auth="none"), "auth: required"),
        (ObjectsNotReadable(), {**PROFILE, "identities": {"alice": PROFILE["identities"]["alice"]}}, "second identity"),
        (CollectionsDoNotLeak(), without("list", path="/elsewhere"), "a GET operation at /things"),
        (ObjectsNotWritable(), without("create", "update"), "update: OPERATION"),
        (ObjectsNotWritable(), without("update", "body"), "{marker}"),
    ],
)
def test_what_is_not_declared_is_named(check: OthersObject, profile: dict[str, Any], needs: str) -> None:
    """Each missing line of the profile is said, and nothing is passed."""
    assert needs in unmet_of(check, profile)[0].needs
    assert not cases_of(check, profile)


def test_a_tenant_header_needs_a_tenant() -> None:
    """Without the owner's tenant there is nothing to name in the header."""
    profile = without("create", visibility="owner")
    profile["identities"] = {name: {"token": name * 8} for name in ("alice", "bob")}
    assert "tenant: NAME" in unmet_of(TenantHeaderNotTrusted(), profile)[0].needs


def test_the_declared_tenant_header_is_sent() -> None:
    """A system with another header name is asked with that one."""
    server = ObjectServer("header")
    finding = finding_of(TenantHeaderNotTrusted(), {**PROFILE, "exposure": {"tenant_header": "X-Org"}}, server)
    assert finding.outcome is Outcome.PASS
    assert any(("X-Org", "t1") in record.request.headers for record in server.records if hasattr(record, "request"))
