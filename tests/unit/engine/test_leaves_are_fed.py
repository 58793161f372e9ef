"""Every leaf of requirement 004 that a check exists for has cases in the plan of the reference system."""

import re
from datetime import date

import pytest

from hybridcheck.bundled import data_file
from hybridcheck.cases import Group, PlannedCase
from hybridcheck.checks.catalogue import by_id
from hybridcheck.checks.check import Scene
from hybridcheck.engine.trees import INTEGRATION, PRODUCTION, Leaf
from hybridcheck.integrators.suites import SUITES, leaves_of
from hybridcheck.plan import Selection, make
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.profile.reading import read_profile
from hybridcheck.verdict import CaseVerdict, passed

NOT_FED = {"horizontal_scaling", "vertical_scaling", "load_distribution", "alerting_systems"}
"""No check, or none that the reference system on one machine can be asked: several instances, more cores, alerts."""


def reference_profile() -> Profile:
    """The profile of the reference system."""
    path = data_file("profiles", "reference.yaml")
    names = re.findall(r"env:([A-Z_]+)", path.read_text(encoding="utf-8"))
    values = {name: "http://127.0.0.1:1" if name.endswith("_URL") else f"value of {name}" for name in names}
    variables = {**values, "REFERENCE_RUNTIME": "native-standin", "REFERENCE_GENERATION": "modern"}
    return read_profile(path, variables).profile


def planned(*suites: str) -> tuple[PlannedCase, ...]:
    """What a run over the reference system would ask, of all suites or of some."""
    scene = Scene(reference_profile(), "http://127.0.0.1:1", Environment.LOCAL)
    selection = Selection(suites=leaves_of(suites))
    plan = make(scene, by_id(), selection, today=date(2026, 11, 20))
    return tuple(case for case in plan.cases if case.group in (Group.REQUIRED, Group.ADVISORY))


def is_in(leaf: Leaf, case: PlannedCase) -> bool:
    """Whether a leaf would summarise the case."""
    check = by_id()[case.case.check]
    shown = CaseVerdict(
        id=case.case.id, check=case.case.check, subject="", fingerprint="", group=case.group, phase=case.phase,
        safety=case.safety, dimension=case.dimension, severity=case.severity, core=case.core, finding=passed("", ""),
    )  # fmt: skip
    return leaf.chooses(shown, check.suite or str(case.case.params.get("suite") or ""))


@pytest.mark.parametrize("leaf", [*INTEGRATION, *PRODUCTION], ids=lambda leaf: f"{leaf.branch}.{leaf.name}")
def test_every_leaf_is_fed(leaf: Leaf) -> None:
    """At least one case of the plan; the exceptions are known by name, and are exceptions."""
    assert any(is_in(leaf, case) for case in planned()) is (leaf.name not in NOT_FED)


@pytest.mark.parametrize(
    "suite,branch", [("cpython", "cpython_tests"), ("codon", "codon_tests"), ("hybrid", "hybrid_tests")]
)
def test_a_suite_on_its_own_feeds_its_branch_and_no_other(suite: str, branch: str) -> None:
    """What `CPythonIntegrator`, `CodonIntegrator` and `HybridIntegrator` run is what their leaves name."""
    cases = planned(suite)
    own = [leaf for leaf in INTEGRATION if leaf.branch == branch]
    assert len(own) == len(SUITES[suite])
    assert all(any(is_in(leaf, case) for case in cases) for leaf in own)
    others = [
        leaf for leaf in INTEGRATION if leaf.branch in {"cpython_tests", "codon_tests", "hybrid_tests"} - {branch}
    ]
    assert not [case.case.id for case in cases if any(is_in(leaf, case) for leaf in others)]


def test_the_profile_comes_out_of_a_ledger_as_it_went_in() -> None:
    """Figures and advice are made from the profile in the ledger: one that cannot be read there would silence them."""
    profile = reference_profile()
    dumped = profile.model_dump(mode="json", by_alias=True)
    assert Profile.model_validate(dumped).model_dump(mode="json", by_alias=True) == dumped
