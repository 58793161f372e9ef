"""Requests that nobody may send: refusals pass, what is taken or breaks the server fails, the rest is undecided."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hybridcheck.cases import Reason
from hybridcheck.checks.contract.refusals import (
    KeepsBodyLimit,
    KeepsLargeBodyLimit,
    Refuses,
    RefusesMalformedJson,
    RefusesUnknownMethod,
    RefusesWrongMediaType,
)
from hybridcheck.evidence import Failure
from hybridcheck.target import Ask
from hybridcheck.verdict import Outcome
from tests.unit.checks.fake_target import Answer, Answering, FakeTarget, cases_of, finding_of, unmet_of
from tests.unit.checks.test_contract_writes import PROFILE as WRITES
from tests.unit.checks.test_contract_writes import Things

PROFILE: dict[str, Any] = {
    "operations": [
        {"id": "sum", "method": "POST", "path": "/sum", "safe": True, "body": {"values": [1, 2, 3]}},
        "GET /items",
    ],
    "exposure": {"max_body_bytes": 4096},
}
CHECKS: list[Refuses] = [RefusesMalformedJson(), RefusesWrongMediaType(), RefusesUnknownMethod(), KeepsBodyLimit()]


def healthy(ask: Ask) -> Answer:
    """A target that refuses what it has to."""
    if ask.path == "/items":
        return (200, {}, [1]) if ask.method == "GET" else (405, {"Allow": "GET, HEAD"}, {})
    if len(ask.body or b"") > 4096:
        return 413, {}, {}
    if dict(ask.headers).get("Content-Type") != "application/json":
        return 415, {}, {}
    try:
        return 200, {}, {"sum": sum(json.loads(ask.body or b"")["values"])}
    except ValueError:
        return 400, {}, {}


def careless(status: int, body: Any) -> Callable[[Refuses], Answering]:
    """A target that answers whatever it has to refuse like this."""

    def made(_: Refuses) -> Answering:
        def answer(ask: Ask) -> Answer:
            found = healthy(ask)
            return (status, {}, [1] if ask.path == "/items" and status == 200 else body) if found[0] >= 400 else found

        return answer

    return made


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_refusals_pass(check: Refuses) -> None:
    """A 4xx beside a control that works is a pass."""
    assert finding_of(check, PROFILE, FakeTarget(healthy)).outcome is Outcome.PASS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_server_error_fails_three_times(check: Refuses) -> None:
    """No wrong request may break the server."""
    finding = finding_of(check, PROFILE, FakeTarget(careless(500, {"title": "oops"})(check)))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3)


@pytest.mark.parametrize("check", CHECKS[1:], ids=lambda check: check.id)
def test_what_the_control_gets_fails_three_times(check: Refuses) -> None:
    """The very answer of the declared request shows that the wrong one was taken for it."""
    finding = finding_of(check, PROFILE, FakeTarget(careless(200, {"sum": 6})(check)))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
@pytest.mark.parametrize("answer", [(302, {}, b""), (204, {}, b""), Failure.RESET])
def test_other_answers_are_only_suspected(check: Refuses, answer: Answer | Failure) -> None:
    """A redirect, a success of another kind and a cut connection prove nothing."""

    def answering(ask: Ask) -> Answer | Failure:
        found = healthy(ask)
        return answer if found[0] >= 400 else found

    finding = finding_of(check, PROFILE, FakeTarget(answering))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_a_working_control_nothing_is_said(check: Refuses) -> None:
    """A target that refuses everything refuses nothing in particular."""
    finding = finding_of(check, PROFILE, FakeTarget(lambda _: (401, {}, {})))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.AUTH_NOT_EFFECTIVE)


@pytest.mark.parametrize("check", [RefusesMalformedJson(), RefusesWrongMediaType()], ids=lambda check: check.id)
@pytest.mark.parametrize("body", [{"error": "no"}, {"sum": 0}])
def test_a_success_alone_is_only_suspected(check: Refuses, body: Any) -> None:
    """An error told under 200, and an echo that takes any bytes, are not what the control got."""
    finding = finding_of(check, PROFILE, FakeTarget(careless(200, body)(check)))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_something_created_is_an_effect() -> None:
    """Where the wrong request makes a resource, its answer need not be that of the control."""
    things = Things()
    target = FakeTarget(lambda ask: things.answer(replace(ask, body=b"{}") if ask.body else ask))
    finding = finding_of(RefusesMalformedJson(), WRITES, target)
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 3)


def test_half_a_document_that_is_ignored_is_only_suspected() -> None:
    """An operation that has no use for its body answers whatever comes."""
    finding = finding_of(RefusesMalformedJson(), PROFILE, FakeTarget(lambda _: (200, {}, {"sum": 6})))
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_a_405_says_what_is_allowed() -> None:
    """Without `Allow` it is not the 405 of RFC 9110."""
    target = FakeTarget(lambda ask: (200, {}, [1]) if ask.method == "GET" else (405, {}, {}))
    finding = finding_of(RefusesUnknownMethod(), PROFILE, target)
    assert finding.outcome is Outcome.FAIL
    assert "Allow" in finding.observed


def test_another_refusal_says_nothing_about_the_limit() -> None:
    """A 400 to a large body may be about something else."""
    target = FakeTarget(lambda ask: (400, {}, {}) if len(ask.body or b"") > 4096 else healthy(ask))
    finding = finding_of(KeepsBodyLimit(), PROFILE, target)
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.SUSPECTED)


def test_large_limits_are_of_the_abuse_class() -> None:
    """Up to 1 MiB the write class sends it; beyond, only the abuse class; without a limit the profile is asked."""
    large = {**PROFILE, "exposure": {"max_body_bytes": 8 * 1024 * 1024}}
    assert (len(cases_of(KeepsBodyLimit(), PROFILE)), len(cases_of(KeepsLargeBodyLimit(), PROFILE))) == (1, 0)
    assert (len(cases_of(KeepsBodyLimit(), large)), len(cases_of(KeepsLargeBodyLimit(), large))) == (0, 1)
    assert "max_body_bytes" in unmet_of(KeepsBodyLimit(), {"operations": ["GET /"]})[0].needs


def test_a_large_limit_is_kept_or_fails() -> None:
    """413 for what is larger; the answer of the control three times of three shows that it was read."""
    limit_bytes = 2 * 1024 * 1024
    large = {**PROFILE, "exposure": {"max_body_bytes": limit_bytes}}

    def answering(most_bytes: float) -> FakeTarget:
        return FakeTarget(lambda ask: (413, {}, {}) if len(ask.body or b"") > most_bytes else (200, {}, {"sum": 6}))

    assert finding_of(KeepsLargeBodyLimit(), large, answering(limit_bytes)).outcome is Outcome.PASS
    assert finding_of(KeepsLargeBodyLimit(), large, answering(math.inf)).outcome is Outcome.FAIL


def test_a_body_that_takes_effect_is_never_sent() -> None:
    """Operations that change something and are not cleaned up get no wrong request."""
    profile = {"operations": [{"id": "set", "method": "PUT", "path": "/settings", "body": {"on": True}}]}
    assert cases_of(RefusesMalformedJson(), profile) == []
    assert cases_of(RefusesWrongMediaType(), profile) == []
