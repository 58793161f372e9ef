"""The plan: profile × checks × selection → every case in its group, and the load phases to drive.

Pure, and made before the first byte: nothing that is seen later moves a case. Complaints about names that no check
bears are collected in the plan; whoever runs it raises them with the profile's own.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Literal

from hybridcheck.cases import (
    Budget,
    Case,
    CoreQuestion,
    Group,
    PlannedCase,
    SafetyClass,
    Severity,
    Unmet,
    missing_parts,
)
from hybridcheck.checks.check import Check, Scene
from hybridcheck.errors import Complaint, ToolError
from hybridcheck.profile.advice import lines_for
from hybridcheck.profile.document import KeyPath, spelled
from hybridcheck.profile.drives import Drive, drive_of
from hybridcheck.profile.lookup import allowed, needed_to_allow, refused_flags
from hybridcheck.profile.models import Profile
from hybridcheck.profile.wording import nearest

__all__ = ["Drive", "OpenQuestion", "Plan", "Selection", "make", "open_questions"]

FAIL_ALPHA = 0.01
"""The risk of a wrong fail that all statistical cases of a plan share equally (verdict.md, Statistics)."""

MOST_CASES: Mapping[Budget, int | None] = {Budget.QUICK: 40, Budget.STANDARD: 64, Budget.FULL: None}
"""How many cases of one check a budget has room for. Quick still means everything once for a system of two dozen
operations (the reference system among them): a sample that leaves operations out finds no defect in them."""

LONGEST_CRITICAL_WAIVER_DAYS = 14

ALL_CHECKS = "`hybridcheck checks` lists them"

FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")
"""A waiver may name the fingerprint of a case, which only the verdict knows."""

ACTIVE = frozenset({Group.REQUIRED, Group.ADVISORY})
BLOCKING = frozenset({Severity.CRITICAL, Severity.HIGH})


@dataclass(frozen=True, slots=True)
class Selection:
    """What the command line chose. Names are check ids, case ids, topics (`authn`) or shell patterns.

    `suites` are leaves of the integration tree; `allow` are the classes of `--allow`.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    allow: frozenset[SafetyClass] = frozenset()
    budget: Budget = Budget.STANDARD

    @property
    def scoped(self) -> bool:
        """Whether it leaves anything out, so that the verdict cannot be READY."""
        return bool(self.only or self.skip or self.tags or self.suites)


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done and what counts.

    `left_out` counts cases that the selection left out: they are not planned at all. `complaints` are names in
    policy, waivers, not_applicable and selection that mean nothing, and refused flags; `where` is a key path or flag.
    """

    cases: tuple[PlannedCase, ...]
    drives: tuple[Drive, ...]
    scoped: bool
    left_out: int = 0
    complaints: tuple[Complaint, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A core question that no required case will answer, and the shortest way to change that.

    `lines` are lines of a profile, ready to paste, or flags.
    """

    question: CoreQuestion
    kind: Literal["profile", "flag"]
    lines: tuple[str, ...]
    cases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A case, or an unmet one, with the check that made it and what would bring it in."""

    check: Check
    case: Case
    unmet: str = ""

    def rank(self, patterns: Iterable[str]) -> int:
        """How exactly the best of the patterns means this case; 0 for not at all."""
        return max((_rank(pattern, self.check, self.case) for pattern in patterns), default=0)

    def planned(self, group: Group, needs: str = "") -> PlannedCase:
        """The case in its group."""
        check = self.check
        return PlannedCase(
            case=self.case,
            group=group,
            phase=check.phase,
            safety=check.safety,
            dimension=check.dimension,
            severity=check.severity,
            core=check.core,
            needs=needs,
        )


def make(
    scene: Scene,
    checks: Mapping[str, Check] | Sequence[Check],
    selection: Selection,
    *,
    today: date | None = None,
    place: Callable[[KeyPath], str] = spelled,
) -> Plan:
    """Put every case of every check into its group.

    Args:
        scene: profile, address and environment; its budget is the selection's.
        checks: every check that exists (a mapping may also hold former ids).
        selection: what the command line chose.
        today: the UTC date that waivers of critical cases are held to; not looked at when None.
        place: from key path to file and line, for complaints (`Loaded.place`).

    Raises:
        ToolError: where a check breaks while it makes its cases, or two cases have the same id.
    """
    scene = replace(scene, budget=selection.budget)
    every = _distinct(checks)
    candidates = tuple(candidate for check in every for candidate in _candidates(check, scene))
    _refuse_duplicates(candidates)
    chosen = tuple(candidate for candidate in candidates if _selected(candidate, selection))
    cases = _share_risk(_within_budget(_grouped(chosen, scene, selection), scene))
    complaints = (
        *refused_flags(scene.environment, selection.allow),
        *_unknown_names(scene.profile, _Names(every, candidates), place),
        *_fruitless_selection(selection, _Names(every, candidates), chosen),
        *_long_waivers(scene.profile, candidates, today, place),
    )
    return Plan(cases, _drives(scene, cases), selection.scoped, len(candidates) - len(chosen), complaints)


def _distinct(checks: Mapping[str, Check] | Sequence[Check]) -> tuple[Check, ...]:
    found = checks.values() if isinstance(checks, Mapping) else checks
    return tuple({check.id: check for check in found}.values())


def _candidates(check: Check, scene: Scene) -> Iterator[_Candidate]:
    try:
        made = list(check.cases(scene))
    except Exception as broken:  # a plugin's bug as well: it must leave with our exit code, and with the check's name
        raise ToolError(f"the check {check.id} cannot make its cases: {broken!r}") from broken
    for case in made:
        if isinstance(case, Unmet):
            yield _Candidate(check, Case(check=check.id, subject=case.subject), unmet=case.needs)
        else:
            yield _Candidate(check, case)


def _refuse_duplicates(candidates: Iterable[_Candidate]) -> None:
    seen: set[str] = set()
    for candidate in candidates:
        if candidate.case.check != candidate.check.id:
            raise ToolError(f"the check {candidate.check.id} makes a case of {candidate.case.check}")
        if candidate.case.id in seen:
            raise ToolError(f"the check {candidate.check.id} makes the case {candidate.case.id} twice")
        seen.add(candidate.case.id)


def _ids(check: Check) -> tuple[str, ...]:
    return (check.id, *check.formerly)


def _rank(pattern: str, check: Check, case: Case) -> int:
    """How exactly a pattern means a case: 3 its id, 2 its check, 1 a topic or shell pattern, 0 not at all."""
    if pattern in {f"{name}[{case.subject}]" for name in _ids(check)}:
        return 3
    if pattern in _ids(check):
        return 2
    plain = pattern.replace("[", "[[]")
    by_shape = any(fnmatchcase(text, plain) for name in _ids(check) for text in (name, f"{name}[{case.subject}]"))
    return int(by_shape or any(name.startswith(pattern + ".") for name in _ids(check)))


def _selected(candidate: _Candidate, selection: Selection) -> bool:
    check, case = candidate.check, candidate.case
    suite = check.suite or case.params.get("suite")
    return (
        (not selection.only or candidate.rank(selection.only) > 0)
        and not candidate.rank(selection.skip)
        and (not selection.tags or bool(_tags(check) & set(selection.tags)))
        and (not selection.suites or suite in selection.suites)
    )


def _tags(check: Check) -> set[str]:
    return {*check.tags, check.dimension.value}


def _grouped(chosen: Iterable[_Candidate], scene: Scene, selection: Selection) -> list[PlannedCase]:
    usable = allowed(scene.environment, selection.allow)
    return [_group(candidate, scene, usable) for candidate in chosen]


def _group(candidate: _Candidate, scene: Scene, usable: frozenset[SafetyClass]) -> PlannedCase:
    check, profile = candidate.check, scene.profile
    words = _operators_words(candidate, profile)
    if words:
        return candidate.planned(Group.NOT_APPLICABLE, words)
    flag = "" if check.safety in usable else needed_to_allow(scene.environment, check.safety)
    if candidate.unmet or flag:
        return candidate.planned(Group.UNEXAMINED, "; and ".join(part for part in (candidate.unmet, flag) if part))
    return candidate.planned(Group.REQUIRED if _required(candidate, profile) else Group.ADVISORY)


def _operators_words(candidate: _Candidate, profile: Profile) -> str:
    check = candidate.check
    names = [f"{name}[{candidate.case.subject}]" for name in _ids(check)] + list(_ids(check))
    if check.core is not None:
        names.append(check.core.value)
    return next((profile.not_applicable[name] for name in names if name in profile.not_applicable), "")


def _required(candidate: _Candidate, profile: Profile) -> bool:
    """The most exact name in the policy decides, then the catalogue number, then severity."""
    require, advise = candidate.rank(profile.policy.require), candidate.rank(profile.policy.advise)
    if require or advise:
        return require >= advise
    return candidate.check.since <= profile.catalogue and candidate.check.severity in BLOCKING


def _within_budget(cases: list[PlannedCase], scene: Scene) -> list[PlannedCase]:
    """Cut each check to what the budget has room for: a sample by the hash of the case id, the same in every run.

    A smaller budget's sample is part of a larger one's. Required cases go first; statistical ones cost no requests of
    their own and stay.
    """
    most = MOST_CASES[scene.budget]
    by_check: dict[str, list[PlannedCase]] = defaultdict(list)
    for planned in cases:
        if planned.group in ACTIVE and not planned.case.statistical:
            by_check[planned.case.check].append(planned)
    cut: dict[str, str] = {}
    for group in by_check.values():
        if most is not None and len(group) > most:
            ordered = sorted(group, key=lambda planned: (planned.group is not Group.REQUIRED, _hash(planned.case.id)))
            cut |= {planned.case.id: _budget_for(len(group)) for planned in ordered[most:]}
    return [
        planned.model_copy(update={"group": Group.UNEXAMINED, "needs": cut[planned.case.id]})
        if planned.case.id in cut
        else planned
        for planned in cases
    ]


def _hash(case_id: str) -> bytes:
    return hashlib.sha256(case_id.encode()).digest()


def _budget_for(count: int) -> str:
    standard = MOST_CASES[Budget.STANDARD]
    return f"--budget {Budget.STANDARD if standard is not None and count <= standard else Budget.FULL}"


def _share_risk(cases: Sequence[PlannedCase]) -> tuple[PlannedCase, ...]:
    statistical = [planned for planned in cases if planned.group in ACTIVE and planned.case.statistical]
    share = FAIL_ALPHA / len(statistical) if statistical else None
    chosen = {planned.case.id for planned in statistical}
    return tuple(
        planned.model_copy(update={"fail_alpha": share}) if planned.case.id in chosen else planned for planned in cases
    )


def _drives(scene: Scene, cases: Iterable[PlannedCase]) -> tuple[Drive, ...]:
    """The declared phases that an active case reads."""
    read = {stream for planned in cases if planned.group in ACTIVE for stream in planned.case.shared}
    return tuple(drive_of(scene.profile, name, scene.budget) for name in scene.profile.load if f"load/{name}" in read)


@dataclass(frozen=True, slots=True)
class _Names:
    """Every name that policy, waivers and selection may use."""

    checks: tuple[Check, ...]
    candidates: tuple[_Candidate, ...]

    def fault(self, name: str, *, stale_is_fine: bool = False) -> tuple[str, str] | None:
        """Why a name means nothing (message, hint); None where it means something.

        A waiver may outlive its case (`stale_is_fine`); the verdict lists it as unmatched.
        """
        if any(_rank(name, candidate.check, candidate.case) for candidate in self.candidates):
            return None
        check_ids = [known for check in self.checks for known in _ids(check)]
        before, bracket, _ = name.partition("[")
        if name in check_ids or (stale_is_fine and bracket and before in check_ids):
            return None
        if bracket and before in check_ids:
            ids = [item.case.id for item in self.candidates if before in _ids(item.check)]
            return f"the check '{before}' has no case '{name}'", nearest(name, ids) or "this profile gives it no case"
        close = nearest(name, {*check_ids, *(known.partition(".")[0] for known in check_ids)})
        return f"no check is called '{name}'", close if close.startswith("did you mean") else ALL_CHECKS


def _unknown_names(profile: Profile, names: _Names, place: Callable[[KeyPath], str]) -> Iterator[Complaint]:
    for key in ("require", "advise"):
        for index, name in enumerate(getattr(profile.policy, key)):
            yield from _complaint(names.fault(name), place(("policy", key, index)))
    for index, waiver in enumerate(profile.waivers):
        if not FINGERPRINT.fullmatch(waiver.case):
            yield from _complaint(names.fault(waiver.case, stale_is_fine=True), place(("waivers", index)))
    questions = {question.value for question in CoreQuestion}
    for name in profile.not_applicable:
        if name not in questions:
            yield from _complaint(names.fault(name), place(("not_applicable", name)))


def _fruitless_selection(selection: Selection, names: _Names, chosen: Sequence[_Candidate]) -> Iterator[Complaint]:
    given = [("--only", name) for name in selection.only] + [("--skip", name) for name in selection.skip]
    unknown = [complaint for option, name in given for complaint in _complaint(names.fault(name), option)]
    tags = {tag for check in names.checks for tag in _tags(check)}
    unknown += [
        Complaint("--tag", f"no check has the tag '{tag}'", nearest(tag, tags))
        for tag in selection.tags
        if tag not in tags
    ]
    yield from unknown
    if names.checks and not chosen and selection.scoped and not unknown:
        yield Complaint("selection", "no case is left: the options together leave every check out", "name fewer")


def _complaint(fault: tuple[str, str] | None, where: str) -> Iterator[Complaint]:
    if fault is not None:
        yield Complaint(where, *fault)


def _long_waivers(
    profile: Profile, candidates: Iterable[_Candidate], today: date | None, place: Callable[[KeyPath], str]
) -> Iterator[Complaint]:
    critical = [candidate for candidate in candidates if candidate.check.severity is Severity.CRITICAL]
    for index, waiver in enumerate(profile.waivers):
        covers = any(candidate.rank((waiver.case,)) for candidate in critical)
        if today is None or not covers:
            continue
        latest = today + timedelta(days=LONGEST_CRITICAL_WAIVER_DAYS)
        if date.fromisoformat(waiver.expires) > latest:
            message = f"'{waiver.case}' is critical: a waiver lasts at most {LONGEST_CRITICAL_WAIVER_DAYS} days"
            yield Complaint(place(("waivers", index, "expires")), message, f"expires: {latest.isoformat()} or earlier")


def open_questions(plan: Plan, profile: Profile) -> tuple[OpenQuestion, ...]:
    """The core questions that no required case of the plan will answer, with what would answer each.

    A scoped plan answers what was selected, so it leaves none open.
    """
    if plan.scoped:
        return ()
    answered = {planned.core for planned in plan.cases if planned.group is Group.REQUIRED}
    return tuple(
        _open_question(question, plan, profile)
        for question in CoreQuestion
        if question.value not in profile.not_applicable
        and (question not in answered or missing_parts(question, plan.cases))
    )


def _open_question(question: CoreQuestion, plan: Plan, profile: Profile) -> OpenQuestion:
    parts = missing_parts(question, plan.cases)
    concerned = [p for p in plan.cases if p.core is question and (not parts or p.case.check in parts)]
    cases = tuple(planned.case.id for planned in concerned)
    demoted = sorted({planned.case.check for planned in concerned if planned.group is Group.ADVISORY})
    if demoted:
        return OpenQuestion(question, "profile", (f"policy: {{require: [{', '.join(demoted)}]}}",), cases)
    flags = sorted({planned.needs for planned in concerned if planned.needs.startswith("--")})
    if flags:
        return OpenQuestion(question, "flag", tuple(flags), cases)
    return OpenQuestion(question, "profile", lines_for(question, profile), cases)
