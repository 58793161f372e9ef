"""The plan: every case in its group before the first byte, from profile, checks and selection alone."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest

from hybridcheck.cases import Budget, Case, CoreQuestion, Dimension, Group, PlannedCase, SafetyClass, Severity, Unmet
from hybridcheck.checks.catalogue import by_id
from hybridcheck.checks.check import AbuseCheck, Check, LoadCheck, ReadCheck, Scene, WriteCheck
from hybridcheck.errors import ToolError
from hybridcheck.evidence import Evidence
from hybridcheck.plan import Plan, Selection, make, open_questions
from hybridcheck.profile.advice import first_profile
from hybridcheck.profile.models import Environment, Profile
from hybridcheck.profile.reading import read_text, without_profile
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, passed

TODAY = date(2026, 3, 1)


class Toy(ReadCheck):
    """A check whose cases are given."""

    id = "toy.read"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    remedy = "none"
    made: tuple[Case | Unmet, ...] = ()

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """What the test gave."""
        yield from self.made

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Nothing."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Never asked here."""
        return passed("-", "-")


class ToyWrite(Toy, WriteCheck):
    """The same in the write class."""


class ToyLoad(Toy, LoadCheck):
    """The same in the load class."""


class ToyAbuse(Toy, AbuseCheck):
    """The same in the abuse class."""


def check(check_id: str, *subjects: str | Case | Unmet, base: type[Toy] = Toy, **attributes: object) -> Check:
    """A check of that id with a case per subject; attributes override the class's."""
    shared = attributes.pop("shared", ())
    statistical = attributes.pop("statistical", False)
    cases = tuple(
        subject
        if isinstance(subject, Case | Unmet)
        else Case.model_validate({"check": check_id, "subject": subject, "shared": shared, "statistical": statistical})
        for subject in subjects
    )
    safety = {ToyWrite: SafetyClass.WRITE, ToyLoad: SafetyClass.LOAD, ToyAbuse: SafetyClass.ABUSE}.get(base)
    extra = {"safety": safety} if safety else {}
    made: type[Toy] = type("Made", (base,), {"id": check_id, "made": cases, **extra, **attributes})
    return made()


def profile(**parts: object) -> Profile:
    """A profile of these parts."""
    return Profile.model_validate({"version": 1, **parts})


def plan(
    *checks: Check,
    given: Profile | None = None,
    environment: Environment = Environment.LOCAL,
    selection: Selection = Selection(),  # noqa: B008 - frozen
) -> Plan:
    """The plan of these checks against a local target."""
    return make(Scene(given or profile(), "http://127.0.0.1:1", environment), checks, selection, today=TODAY)


def groups(made: Plan) -> dict[str, Group]:
    """Case id → group."""
    return {planned.case.id: planned.group for planned in made.cases}


def only_case(made: Plan) -> PlannedCase:
    """The one case of a plan."""
    (case,) = made.cases
    return case


@pytest.mark.parametrize(
    "severity,group",
    [
        (Severity.CRITICAL, Group.REQUIRED),
        (Severity.HIGH, Group.REQUIRED),
        (Severity.MEDIUM, Group.ADVISORY),
        (Severity.LOW, Group.ADVISORY),
    ],
)
def test_severity_decides_what_is_required(severity: Severity, group: Group) -> None:
    """High and critical are required, the rest is advisory."""
    assert groups(plan(check("a.b", "x", severity=severity))) == {"a.b[x]": group}


def test_a_check_newer_than_the_catalogue_number_is_advisory() -> None:
    """An upgrade moves nobody away from READY."""
    newer = check("a.b", "x", since=2)
    assert groups(plan(newer)) == {"a.b[x]": Group.ADVISORY}
    assert groups(plan(newer, given=profile(catalogue=2))) == {"a.b[x]": Group.REQUIRED}


@pytest.mark.parametrize("name", ["a.low", "a.low[x]", "a.*", "a", "old.name", "old.name[x]", "*[x]"])
def test_policy_requires_by_id_case_topic_pattern_and_former_id(name: str) -> None:
    """Every way to name a case moves it to required, and nothing else."""
    low = check("a.low", "x", severity=Severity.LOW, formerly=("old.name",))
    other = check("b.low", "y", severity=Severity.LOW)
    made = plan(low, other, given=profile(policy={"require": [name]}))
    assert groups(made) == {"a.low[x]": Group.REQUIRED, "b.low[y]": Group.ADVISORY}
    assert made.complaints == ()


def test_the_more_exact_name_of_the_policy_wins() -> None:
    """A case id beats its check's id, which beats a pattern; required wins a draw."""
    high = check("a.high", "x", "y")
    given = profile(policy={"advise": ["a.*", "a.high[y]"], "require": ["a.high"]})
    assert groups(plan(high, given=given)) == {"a.high[x]": Group.REQUIRED, "a.high[y]": Group.ADVISORY}
    draw = profile(policy={"advise": ["a.high"], "require": ["a.high"]})
    assert set(groups(plan(high, given=draw)).values()) == {Group.REQUIRED}


def test_policy_requires_a_check_beyond_the_catalogue_number() -> None:
    """Who names a newer check wants it."""
    given = profile(policy={"require": ["a.b"]})
    assert groups(plan(check("a.b", "x", since=9), given=given)) == {"a.b[x]": Group.REQUIRED}


def test_what_is_not_declared_is_unexamined_with_the_line_that_would_declare_it() -> None:
    """The check's own words travel to the report."""
    case = only_case(plan(check("a.b", Unmet(subject="s", needs="ready: /health"))))
    assert (case.case.id, case.group, case.needs) == ("a.b[s]", Group.UNEXAMINED, "ready: /health")


@pytest.mark.parametrize(
    "environment,base,needs",
    [
        (Environment.PRODUCTION, ToyWrite, "--base-url of a target whose environment is local or staging"),
        (Environment.UNKNOWN, ToyLoad, "--environment local (or staging)"),
        (Environment.STAGING, ToyAbuse, "--allow abuse"),
        (Environment.UNKNOWN, ToyAbuse, "--environment local --allow abuse (or staging)"),
    ],
)
def test_a_class_that_is_not_allowed_is_unexamined_with_what_would_allow_it(
    environment: Environment, base: type[Toy], needs: str
) -> None:
    """The flag or the target is named; nothing of it runs."""
    case = only_case(plan(check("a.b", "x", base=base), environment=environment))
    assert (case.group, case.needs) == (Group.UNEXAMINED, needs)


def test_an_allowed_class_is_planned() -> None:
    """`--allow abuse` on a local target."""
    selection = Selection(allow=frozenset({SafetyClass.ABUSE}))
    assert only_case(plan(check("a.b", "x", base=ToyAbuse), selection=selection)).group is Group.REQUIRED


def test_a_flag_that_the_environment_refuses_is_a_complaint() -> None:
    """Against production, `--allow` is an error and not silently without effect."""
    selection = Selection(allow=frozenset({SafetyClass.ABUSE}))
    made = plan(check("a.b", "x"), environment=Environment.PRODUCTION, selection=selection)
    assert [complaint.where for complaint in made.complaints] == ["--allow abuse"]


@pytest.mark.parametrize("name", ["access", "a.b", "a.b[x]", "old.name"])
def test_the_operators_words_make_a_case_not_applicable(name: str) -> None:
    """By core question, check or case, also for what nobody declared."""
    given = profile(not_applicable={name: "public read-only API"})
    mine = check("a.b", "x", core=CoreQuestion.ACCESS, formerly=("old.name",))
    case = only_case(plan(mine, given=given))
    assert (case.group, case.needs) == (Group.NOT_APPLICABLE, "public read-only API")


def test_a_selection_plans_nothing_else_and_says_that_it_is_scoped() -> None:
    """What is left out is counted and not in the plan at all."""
    checks = (
        check("a.one", "x", "y", suite="auth", tags=("fast",)),
        check("a.two", "x", suite="api", dimension=Dimension.SECURITY),
    )
    for selection, chosen, left_out in (
        (Selection(), {"a.one[x]", "a.one[y]", "a.two[x]"}, 0),
        (Selection(only=("a.one",)), {"a.one[x]", "a.one[y]"}, 1),
        (Selection(only=("a.one[x]", "a.two")), {"a.one[x]", "a.two[x]"}, 1),
        (Selection(skip=("*[x]",)), {"a.one[y]"}, 2),
        (Selection(tags=("fast",)), {"a.one[x]", "a.one[y]"}, 1),
        (Selection(tags=("security",)), {"a.two[x]"}, 2),
        (Selection(suites=("api",)), {"a.two[x]"}, 2),
    ):
        made = plan(*checks, selection=selection)
        assert set(groups(made)) == chosen
        assert (made.left_out, made.scoped) == (left_out, selection != Selection())
        assert made.complaints == ()


def test_the_suite_of_a_case_comes_before_that_of_its_check() -> None:
    """A check whose cases name their suite belongs to several."""
    cases = [Case(check="a.b", subject=name, params={"suite": suite}) for name, suite in (("x", "auth"), ("y", "api"))]
    both = check("a.b", *cases)
    assert set(groups(plan(both, selection=Selection(suites=("auth",))))) == {"a.b[x]"}


@pytest.mark.parametrize(
    "selection,given,expected",
    [
        (Selection(only=("autn.x",)), {}, "--only: no check is called 'autn.x' (did you mean 'authn.x'?)"),
        (Selection(only=("autn",)), {}, "--only: no check is called 'autn' (did you mean 'authn'?)"),
        (Selection(skip=("authn.x[nobody]",)), {}, "--skip: the check 'authn.x' has no case 'authn.x[nobody]'"),
        (Selection(tags=("fsat",)), {}, "--tag: no check has the tag 'fsat'"),
        (Selection(), {"policy": {"require": ["authn.y"]}}, "policy.require[0]: no check is called 'authn.y'"),
        (Selection(), {"policy": {"advise": ["zzz.*"]}}, "policy.advise[0]: no check is called 'zzz.*'"),
        (Selection(), {"not_applicable": {"authn.z": "words"}}, "not_applicable.authn.z: no check is called 'authn.z'"),
    ],
)
def test_a_name_that_means_nothing_is_a_complaint(
    selection: Selection, given: dict[str, object], expected: str
) -> None:
    """With its place and the nearest known name."""
    made = plan(check("authn.x", "alice"), given=profile(**given), selection=selection)
    assert str(made.complaints[0]).startswith(expected)


def test_options_that_leave_nothing_are_a_complaint() -> None:
    """A run over nothing must not look like a run."""
    made = plan(check("a.b", "x"), selection=Selection(only=("a.b",), skip=("a.b",)))
    assert [complaint.where for complaint in made.complaints] == ["selection"]


def waiver(case: str, expires: str) -> dict[str, str]:
    """A waiver of a case until a day."""
    return {"case": case, "reason": "known to us", "owner": "me", "ticket": "T-1", "expires": expires}


def test_waivers_of_critical_cases_last_at_most_fourteen_days() -> None:
    """Others may last longer; unknown checks are complaints; a stale subject and a fingerprint are not."""
    given = profile(
        waivers=[
            waiver("a.critical", "2026-03-16"),
            waiver("a.critical[x]", "2026-03-15"),
            waiver("a.high", "2026-05-01"),
            waiver("a.high[gone]", "2026-03-02"),
            waiver("0123456789abcdef", "2026-03-02"),
            waiver("a.unknown", "2026-03-02"),
        ]
    )
    made = plan(check("a.critical", "x", severity=Severity.CRITICAL), check("a.high", "x"), given=given)
    assert sorted(str(complaint) for complaint in made.complaints) == [
        "waivers[0].expires: 'a.critical' is critical: a waiver lasts at most 14 days (expires: 2026-03-15 or earlier)",
        "waivers[5]: no check is called 'a.unknown' (`hybridcheck checks` lists them)",
    ]


def test_fail_risk_is_shared_equally_by_the_statistical_cases_of_the_plan() -> None:
    """One per cent over all that run; exact and unexamined cases have none."""
    made = plan(
        check("s.one", "x", "y", statistical=True),
        check("s.two", "x", statistical=True, severity=Severity.LOW),
        check("s.away", "x", statistical=True, base=ToyAbuse),
        check("a.exact", "x"),
    )
    risks = {planned.case.id: planned.fail_alpha for planned in made.cases}
    third = pytest.approx(0.01 / 3)
    assert risks == {"s.one[x]": third, "s.one[y]": third, "s.two[x]": third, "s.away[x]": None, "a.exact[x]": None}


def sampled(budget: Budget, count: int = 200, **parts: object) -> dict[str, Group]:
    """The groups of one check with many cases within a budget."""
    large = check("a.large", *(f"op{number}" for number in range(count)))
    return groups(plan(large, given=profile(**parts), selection=Selection(budget=budget)))


def chosen(found: dict[str, Group]) -> set[str]:
    """The ids of the cases that run."""
    return {case_id for case_id, group in found.items() if group is Group.REQUIRED}


def test_a_large_api_is_sampled_within_the_budget_and_always_the_same() -> None:
    """Quick is part of standard, standard of full; a case's fate does not depend on its neighbours' order."""
    quick, standard, full = (chosen(sampled(budget)) for budget in Budget)
    assert (len(quick), len(standard), len(full)) == (40, 64, 200)
    assert quick < standard < full
    assert chosen(sampled(Budget.QUICK)) == quick
    backwards = check("a.large", *(f"op{number}" for number in reversed(range(200))))
    assert chosen(groups(plan(backwards, selection=Selection(budget=Budget.QUICK)))) == quick


def test_a_quick_run_leaves_nothing_of_a_small_system_out() -> None:
    """Everything once: forty operations fit."""
    assert len(chosen(sampled(Budget.QUICK, count=40))) == 40


def test_what_the_budget_cuts_says_which_budget_has_room() -> None:
    """The smallest that is large enough; the case is unexamined."""
    for count, needed in ((41, "--budget standard"), (65, "--budget full")):
        large = check("a.large", *(f"op{number}" for number in range(count)))
        made = plan(large, selection=Selection(budget=Budget.QUICK))
        cut = [planned for planned in made.cases if planned.group is Group.UNEXAMINED]
        assert len(cut) == count - 40
        assert {planned.needs for planned in cut} == {needed}


def test_required_cases_are_cut_last_and_statistical_ones_never() -> None:
    """A named case stays in the smallest sample; load cases cost no requests of their own."""
    wanted = f"a.large[op{next(n for n in range(200) if f'a.large[op{n}]' not in chosen(sampled(Budget.QUICK)))}]"
    given = profile(policy={"require": [wanted], "advise": ["a.large"]})
    large = check("a.large", *(f"op{number}" for number in range(200)))
    assert groups(plan(large, given=given, selection=Selection(budget=Budget.QUICK)))[wanted] is Group.REQUIRED
    many = check("s.many", *(f"op{number}" for number in range(50)), statistical=True)
    assert len(chosen(groups(plan(many, selection=Selection(budget=Budget.QUICK))))) == 50


LOADED = {
    "operations": ["GET /a", "GET /b"],
    "load": {
        "steady": {"rate_rps": 5, "duration_s": 30, "operations": ["GET /a"]},
        "extra": {"rate_rps": 5, "operations": ["GET /b"]},
    },
}


def test_only_phases_that_an_active_case_reads_are_driven() -> None:
    """No traffic without a judge: not for unread phases, not where the class is not allowed, not when left out."""
    steady = check("load.x", "steady", base=ToyLoad, shared=("load/steady",), statistical=True)
    given = profile(**LOADED)
    assert [drive.stream for drive in plan(steady, given=given).drives] == ["load/steady"]
    assert plan(steady, given=given, environment=Environment.PRODUCTION).drives == ()
    assert plan(steady, check("a.b", "x"), given=given, selection=Selection(only=("a.b",))).drives == ()


def test_the_budget_reaches_the_drives_and_the_checks() -> None:
    """A quick run drives a short phase; the scene that checks see carries the selection's budget."""
    seen: list[Budget] = []

    class Looking(Toy):
        """Remembers the budget it saw."""

        id = "a.looking"

        def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
            """No case."""
            seen.append(scene.budget)
            yield from ()

    steady = check("load.x", "steady", base=ToyLoad, shared=("load/steady",))
    made = plan(steady, Looking(), given=profile(**LOADED), selection=Selection(budget=Budget.QUICK))
    assert seen == [Budget.QUICK]
    assert made.drives[0].spec.duration_s < 30
    assert made.drives[0].shortened_from_s == 30


def test_two_cases_of_one_id_are_our_fault() -> None:
    """Ledger, waivers and replay address a case by its id."""
    with pytest.raises(ToolError, match=r"makes the case a\.b\[x\] twice"):
        plan(check("a.b", "x", Unmet(subject="x", needs="-")))


def test_a_check_that_breaks_while_planning_is_our_fault_and_named() -> None:
    """A plugin's bug leaves with the tool's exit code."""

    class Broken(Toy):
        """Breaks."""

        id = "a.broken"

        def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
            """Divides by zero."""
            yield Case(check=self.id, subject=str(1 // len(self.formerly)))

    with pytest.raises(ToolError, match=r"a\.broken cannot make its cases: ZeroDivisionError"):
        plan(Broken())


def test_a_mapping_with_former_ids_plans_each_check_once() -> None:
    """The catalogue's mapping knows a check under several names."""
    one = check("a.b", "x", formerly=("old.b",))
    scene = Scene(profile(), "http://127.0.0.1:1", Environment.LOCAL)
    made = make(scene, MappingProxyType({"a.b": one, "old.b": one}), Selection())
    assert list(groups(made)) == ["a.b[x]"]


def test_complaints_get_the_file_and_line_of_their_place() -> None:
    """The reader knows where a key stands."""
    text = b"version: 1\npolicy:\n  require:\n    - nobody.knows\n"
    loaded = read_text(text, Path("/nowhere/hybridcheck.yaml"), {}, today=TODAY)
    scene = Scene(loaded.profile, "http://127.0.0.1:1", Environment.LOCAL)
    made = make(scene, [check("a.b", "x")], Selection(), place=loaded.place)
    assert made.complaints[0].where == "hybridcheck.yaml:4 policy.require[0]"


def open_in(made: Plan, given: Profile) -> dict[CoreQuestion, tuple[str, tuple[str, ...]]]:
    """The open questions of a plan: question → kind and lines."""
    return {found.question: (found.kind, found.lines) for found in open_questions(made, given)}


def test_a_question_is_open_unless_a_required_case_or_the_operator_answers_it() -> None:
    """Advisory, unexamined and absent cases answer nothing."""
    given = profile(not_applicable={"access": "everything is public"})
    made = plan(
        check("a.alive", "x", core=CoreQuestion.ALIVE),
        check("a.contract", "x", core=CoreQuestion.CONTRACT, severity=Severity.LOW),
        check("a.load", "x", core=CoreQuestion.LOAD, base=ToyLoad),
        given=given,
        environment=Environment.PRODUCTION,
    )
    assert open_in(made, given) == {
        CoreQuestion.CONTRACT: ("profile", ("policy: {require: [a.contract]}",)),
        CoreQuestion.EXPOSURE: ("profile", ('operations: ["GET /"]',)),
        CoreQuestion.LOAD: ("flag", ("--base-url of a target whose environment is local or staging",)),
        CoreQuestion.RECOVERY: ("profile", ("load: {rate_rps: 50, duration_s: 20}",)),
    }


def test_a_scoped_plan_leaves_no_question_open() -> None:
    """It answers what was selected."""
    made = plan(check("a.b", "x"), selection=Selection(only=("a.b",)))
    assert open_questions(made, profile()) == ()


def required_questions(made: Plan) -> set[CoreQuestion | None]:
    """The core questions with a required case."""
    return {planned.core for planned in made.cases if planned.group is Group.REQUIRED and planned.core}


def test_the_first_profile_answers_every_question_with_the_real_checks() -> None:
    """The six lines that a run without a profile prints are a right profile, and with it nothing stays open."""
    text = "\n".join(first_profile("http://127.0.0.1:8000"))
    loaded = read_text(text.encode(), Path("/nowhere/hybridcheck.yaml"), {}, today=TODAY)
    scene = Scene(loaded.profile, "http://127.0.0.1:8000", Environment.LOCAL)
    made = make(scene, by_id(), Selection(), place=loaded.place)
    assert made.complaints == ()
    assert open_questions(made, loaded.profile) == ()
    assert required_questions(made) == set(CoreQuestion) - {CoreQuestion.ACCESS}


def test_without_a_profile_the_real_checks_leave_questions_open_and_say_what_would_answer_them() -> None:
    """Nothing is promised, so nothing can be READY; each open question has lines to paste."""
    loaded = without_profile({})
    scene = Scene(loaded.profile, "http://127.0.0.1:8000", Environment.UNKNOWN)
    made = make(scene, by_id(), Selection())
    found = open_questions(made, loaded.profile)
    assert {CoreQuestion.ALIVE, CoreQuestion.CONTRACT, CoreQuestion.ACCESS, CoreQuestion.LOAD} <= {
        question.question for question in found
    }
    assert all(question.lines for question in found)
    assert {planned.safety for planned in made.cases if planned.group is Group.REQUIRED} <= {SafetyClass.READ}
    assert made.drives == ()
