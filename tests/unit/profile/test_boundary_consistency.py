"""Names in boundaries, hooks and their probes are looked up; what does not exist is said with the nearest word."""

from typing import Any

import pytest

from hybridcheck.profile.boundary_consistency import RULES
from hybridcheck.profile.hooks import hooks_that
from hybridcheck.profile.models import Profile
from tests.unit.checks.context_system import PROFILE


def said(**changes: Any) -> list[str]:
    """The complaints about the profile with these parts."""
    profile = Profile.model_validate({"version": 1, **PROFILE, **changes})
    return [f"{'.'.join(map(str, found.path))}: {found.message}" for rule in RULES for found in rule(profile)]


def boundary(**parts: Any) -> dict[str, Any]:
    """A boundary with these parts."""
    return {"b": {"caller": "web", "callee": "inner", "routes": [{"public": "total"}], **parts}}


def test_a_profile_whose_names_exist_has_no_complaint() -> None:
    """Nothing is said."""
    assert said() == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"boundaries": boundary(callee="iner")}, "boundaries.b.callee: no service is called 'iner'"),
        (
            {"boundaries": boundary(routes=[{"public": "x"}])},
            "boundaries.b.routes.0.public: no operation has the id 'x'",
        ),
        (
            {"hooks": {"h": {**PROFILE["hooks"]["stop"], "breaks": ["inner", "x"]}}},
            "hooks.h.breaks.1: no service is called 'x'",
        ),
        ({"ready": {"path": "/ready", "needs": ["inner", "x"]}}, "ready.needs.1: no service is called 'x'"),
        (
            {"probes": {"idempotent": {**PROFILE["probes"]["idempotent"], "operation": "x"}}},
            "probes.idempotent.operation: no operation has the id 'x'",
        ),
        (
            {"probes": {"idempotent": {**PROFILE["probes"]["idempotent"], "operation": "forget"}}},
            "probes.idempotent.operation: 'forget' makes things that nothing removes",
        ),
    ],
)
def test_what_does_not_exist_is_said(changes: dict[str, Any], complaint: str) -> None:
    """Each with its place."""
    assert complaint in said(**changes)


def test_a_hook_with_requests_needs_an_address() -> None:
    """Commands do without one."""
    hook = {**PROFILE["hooks"]["stop"], "apply": {"path": "/stop"}}
    with pytest.raises(ValueError, match="needs the url"):
        said(hooks={"h": hook})


def test_hooks_are_found_by_what_they_do() -> None:
    """To this service, of these classes."""
    hooks = Profile.model_validate({"version": 1, **PROFILE}).hooks
    assert hooks_that(hooks, "down", "inner", ("disrupt",)) == ("stop",)
    assert hooks_that(hooks, "slow", "inner", ("disrupt",)) == ()
    assert hooks_that(hooks, "down", "web", ("disrupt",)) == ()
    assert hooks_that(hooks, "down", "inner", ("fault",)) == ()
