"""Authentication and authorization of an application that is nothing like the reference system, through the gate."""

import asyncio
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.cases import Budget
from hybridcheck.verdict import Outcome, Ruling
from tests.targets.cookie_sessions import PASSWORDS, serving

pytestmark = pytest.mark.timeout(400)

PROFILE = """
version: 1
name: notebook
targets: {here: {url: "BASE_URL", environment: local}}
session:
  login: {path: /login, form: true, body: {mail: "{username}", secret: "{password}"}, cookie: sid, expect: [200, 303]}
  whoami: {method: GET, path: /me, identity: $.user.mail}
  logout: {path: /logout, expect: [302]}
  grace_s: 0.2
identities:
  ann: {username: ann@example.test, password: "env:ANN"}
  ben: {username: ben@example.test, password: "env:BEN"}
operations:
  - {id: notes, path: /notes, auth: required, identity: ann}
  - id: addNote
    method: POST
    path: /notes
    auth: required
    identity: ann
    body: {text: "{marker}"}
    creates: true
    visibility: owner
    id_from: $.made.number
    read_back: readNote
    update: changeNote
    cleanup: removeNote
    expect: 201
  - {id: readNote, path: "/notes/{number}", auth: required, identity: ann}
  - {id: changeNote, method: PATCH, path: "/notes/{number}", auth: required, identity: ann, body: {text: "{marker}"}}
  - {id: removeNote, method: DELETE, path: "/notes/{number}", auth: required, identity: ann, expect: 204}
"""

FOUND_BY = {
    "password": "authn.wrong-password-refused",
    "half-compared": "authn.tampered-token-refused",
    "logout": "authn.logout-ends-session",
    "flags": "session.cookie-flags",
    "GET": "authz.objects-not-readable-by-others",
    "PATCH": "authz.objects-not-writable-by-others",
    "DELETE": "authz.objects-not-deletable-by-others",
    "list": "authz.collections-do-not-leak",
}


def outcomes(tmp_path: Path, *wrong: str) -> tuple[Ruling, dict[str, Outcome], Path]:
    """The ruling and the outcome of each check that was planned, and the run's folder."""
    with serving(*wrong) as base_url:
        profile = tmp_path / "notebook.yaml"
        profile.write_text(PROFILE.replace("BASE_URL", base_url), encoding="utf-8")
        variables = {"ANN": PASSWORDS["ann@example.test"], "BEN": PASSWORDS["ben@example.test"]}
        request = gate.Request(
            base_url="here",
            profile_path=profile,
            budget=Budget.QUICK,
            only=("authn.*", "authz.*", "session.*"),
            output_dir=tmp_path / "results",
            variables=variables,
            seed=7,
        )
        result = asyncio.run(gate.run(request))
    planned = [check for check in result.verdict.checks if check.outcome is not Outcome.NOT_EVALUATED]
    found: dict[str, Outcome] = {check.id: check.outcome for check in planned}
    return result.verdict.verdict, found, result.folder


def test_an_application_that_keeps_its_promises_passes(tmp_path: Path) -> None:
    """A form, a cookie, redirects and a 200 for failed logins are judged by what they do; no secret is left."""
    ruling, found, folder = outcomes(tmp_path)
    assert ruling is Ruling.PASSED
    assert set(FOUND_BY.values()) < set(found)
    assert set(found.values()) == {Outcome.PASS}
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not [password for password in PASSWORDS.values() if password.encode() in written]


def test_each_of_its_defects_is_found_by_its_check(tmp_path: Path) -> None:
    """All at once: every check fails that has something to find."""
    ruling, found, _ = outcomes(tmp_path, *FOUND_BY)
    assert ruling is Ruling.FAILED
    assert {check for check, outcome in found.items() if outcome is Outcome.FAIL} == set(FOUND_BY.values())
