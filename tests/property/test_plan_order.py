"""The plan: what it says does not depend on order, and no input but the operator's moves a case."""

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from hybridcheck.cases import Budget, Case, Group, SafetyClass, Severity, Unmet
from hybridcheck.checks.check import Check, Scene
from hybridcheck.plan import Plan, Selection, make
from hybridcheck.profile.lookup import allowed
from hybridcheck.profile.models import Environment, Profile
from tests.unit.test_plan import Toy

ACTIVE = {Group.REQUIRED, Group.ADVISORY}


@st.composite
def checks(draw: st.DrawFn) -> list[Check]:
    """One to four checks of any class and severity with up to forty cases each, some of them unmet."""
    found: list[Check] = []
    for number in range(draw(st.integers(1, 4))):
        check_id = f"topic{number % 2}.promise{number}"
        statistical = draw(st.booleans())
        made = tuple(
            Unmet(subject=f"s{index}", needs="a line")
            if index % 7 == 6
            else Case(check=check_id, subject=f"s{index}", statistical=statistical)
            for index in range(draw(st.integers(0, 40)))
        )
        fields = {
            "id": check_id,
            "made": made,
            "severity": draw(st.sampled_from(Severity)),
            "safety": draw(st.sampled_from(SafetyClass)),
            "since": draw(st.integers(1, 2)),
        }
        found.append(cast("type[Toy]", type("Made", (Toy,), fields))())
    return found


PATTERNS = st.lists(st.sampled_from(["topic0", "topic1.*", "topic0.promise0", "topic1.promise1[s3]", "*"]), max_size=2)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """A profile with any policy, against any environment."""
    policy = {"require": draw(PATTERNS), "advise": draw(PATTERNS)}
    profile = Profile.model_validate({"version": 1, "policy": policy})
    return Scene(profile, "http://127.0.0.1:1", draw(st.sampled_from(Environment)))


SELECTIONS = st.builds(
    Selection,
    budget=st.sampled_from(Budget),
    allow=st.frozensets(st.sampled_from(SafetyClass), max_size=3),
    skip=st.sampled_from([(), ("topic1",)]),
)


def groups(plan: Plan) -> dict[str, tuple[Group, str]]:
    """Case id → group and needs."""
    return {planned.case.id: (planned.group, planned.needs) for planned in plan.cases}


@given(checks(), scenes(), SELECTIONS)
def test_order_does_not_matter(found: list[Check], scene: Scene, selection: Selection) -> None:
    """The same checks in another order give every case the same group."""
    assert groups(make(scene, found, selection)) == groups(make(scene, found[::-1], selection))


@given(checks(), scenes(), SELECTIONS)
def test_what_always_holds(found: list[Check], scene: Scene, selection: Selection) -> None:
    """Nothing runs that is not allowed, what does not run says what it needs, the fail risk adds up to 1 %."""
    plan = make(scene, found, selection)
    usable = allowed(scene.environment, selection.allow)
    active = [planned for planned in plan.cases if planned.group in ACTIVE]
    assert all(planned.safety in usable for planned in active)
    assert all(planned.needs for planned in plan.cases if planned.group is Group.UNEXAMINED)
    risks = [planned.fail_alpha for planned in active if planned.case.statistical]
    assert all(risk is not None for risk in risks)
    assert not risks or abs(sum(risk for risk in risks if risk is not None) - 0.01) < 1e-12
    assert len(plan.cases) + plan.left_out == sum(len(cast("Toy", check).made) for check in found)


@given(checks(), scenes(), SELECTIONS)
def test_a_larger_budget_takes_nothing_away(found: list[Check], scene: Scene, selection: Selection) -> None:
    """What runs in a quick run runs in a standard and in a full one, in the same group."""
    taken: list[set[tuple[str, Group]]] = []
    for budget in Budget:
        chosen = Selection(allow=selection.allow, skip=selection.skip, budget=budget)
        cases = make(scene, found, chosen).cases
        taken.append({(planned.case.id, planned.group) for planned in cases if planned.group in ACTIVE})
    assert taken[0] <= taken[1] <= taken[2]
