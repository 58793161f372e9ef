"""House rules for every check of the catalogue, as the engine sees them."""

import re
from functools import cache
from typing import Any

import pytest

from hybridcheck.bundled import data_file
from hybridcheck.cases import Budget, Case, Undecided, Unmet
from hybridcheck.checks.auth.refusal import RefusesGarbageCredentials, RefusesMissingCredentials
from hybridcheck.checks.catalogue import CHECKS, by_id
from hybridcheck.checks.check import Check, Scene
from hybridcheck.checks.contract.declared import AnswersAsDeclared
from hybridcheck.engine.judging import judge
from hybridcheck.evidence import Evidence
from hybridcheck.ledger import from_lines
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.profile.reading import read_profile
from hybridcheck.verdict import Outcome, Ruling
from tests.property.ledgers import lines_of, planned, start

NAMES = [check.id for check in CHECKS]


class Anything(dict[str, Any]):
    """Parameters with a value that is a text and a number under every name, for checks that the reference profile gives no case."""

    def __missing__(self, name: str) -> Any:
        return "1"

    def get(self, name: str, default: Any = None) -> Any:
        """A value, made up where there is no default."""
        return self[name] if default is None else default


@cache
def reference_scene() -> Scene:
    """The scene of the embedded reference system, with something in the place of each reference without a default."""
    path = data_file("profiles", "reference.yaml")
    names = set(re.findall(r"env:([A-Z_]+)(?![A-Z_|])", path.read_text()))
    loaded = read_profile(path, {name: "http://127.0.0.1:9" if "URL" in name else "12345678" for name in names})
    return Scene(loaded.profile, "http://127.0.0.1:9", Environment.LOCAL, Budget.FULL)


def cases_of(check: Check) -> list[Case]:
    """The check's cases for the reference system, else one with made-up parameters."""
    found = [case for case in check.cases(reference_scene()) if isinstance(case, Case)]
    params = Anything({"operation": {"id": "GET /x", "method": "GET", "path": "/x"}})
    made_up = Case(check=check.id, subject="x").model_copy(update={"params": params, "shared": ("*",)})
    return found or [made_up]


@pytest.mark.parametrize("check", [check() for check in CHECKS], ids=NAMES)
def test_on_nothing_every_check_is_undecided(check: Check) -> None:
    """A judge that sees a sealed case without a single record says so; it neither passes nor fails nor breaks."""
    for case in cases_of(check):
        try:
            finding = check.judge(case, Evidence((), dict.fromkeys(case.shared, ())))
        except Undecided:
            continue
        assert finding.outcome is Outcome.INCONCLUSIVE, case.id
        assert finding.reason is not None


def test_a_run_that_recorded_nothing_is_inconclusive_for_every_check() -> None:
    """One case of each check, none of them with a record or an end: all inconclusive, and so is the run."""
    plan = [planned(name) for name in NAMES]
    verdict = judge(from_lines(lines_of(start(plan), {})), by_id(), ledger_name="l", tool_version="1")
    assert verdict.verdict is Ruling.INCONCLUSIVE
    assert verdict.plan.inconclusive == len(NAMES)
    assert verdict.plan.passed == verdict.plan.failed == verdict.plan.errors == 0


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_every_check_says_what_it_promises_and_what_to_do(check: type[Check]) -> None:
    """Title, remedy, id with a topic, and a number not beyond the catalogue's."""
    made = check()
    assert made.title.endswith(".")
    assert made.remedy
    assert made.id.count(".") == 1
    assert made.since >= 1


BY_ITS_TWIN = {"contract.large-body-limit"}
"""`contract.body-limit` says for both what is missing: they are one promise in two safety classes."""


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_no_check_is_silent_about_what_it_cannot_examine(check: type[Check]) -> None:
    """Over a profile that declares nothing (and TLS, without which two have no subject) each has a case or an unmet."""
    profile = Profile.model_validate(
        {"version": 1, "targets": {"t": {"url": "https://api.test", "environment": "local"}}}
    )
    made = list(check().cases(Scene(profile, "https://api.test", Environment.LOCAL, Budget.FULL)))
    assert bool(made) is (check.id not in BY_ITS_TWIN)
    assert all(case.needs for case in made if isinstance(case, Unmet))


def test_a_declared_operation_that_is_never_sent_is_listed() -> None:
    """One that changes things and belongs to no resource's life is unexamined, with the line that would bring it in."""
    declared = [
        "GET /orders",
        {"request": "POST /orders", "id": "order", "auth": "required", "identity": "alice"},
        {"request": "POST /search", "id": "search", "safe": True},
    ]
    data = {"version": 1, "identities": {"alice": {"token": "t"}}, "operations": declared}
    scene = Scene(Profile.model_validate(data), "http://127.0.0.1:9", Environment.LOCAL, Budget.FULL)
    for check in (AnswersAsDeclared(), RefusesMissingCredentials(), RefusesGarbageCredentials()):
        unmet = {case.subject: case.needs for case in check.cases(scene) if isinstance(case, Unmet)}
        assert "safe: true at operation 'order'" in unmet["order"]
        assert "search" not in unmet
