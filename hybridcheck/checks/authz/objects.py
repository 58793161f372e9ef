"""Can a stranger read, list, change or remove what somebody else has created."""

from dataclasses import replace

from hybridcheck.cases import Case, Reason, Severity, Undecided
from hybridcheck.checks.authz.canary import (
    CONFIRM_PAUSE_S,
    MARKER,
    Canary,
    OthersObject,
    Parts,
    answered,
    at,
    create_canary,
    effect_in,
    marked,
    new_marker,
    numbers_of,
    read_effect,
    unproved,
)
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import ask_for
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, WriteTarget
from hybridcheck.verdict import Finding, Outcome, failed, passed

ROUNDS = 2
"""How often owner and stranger ask beside each other before what the stranger was shown is proved."""

GONE = frozenset({404, 410})


class ObjectsNotReadable(OthersObject):
    """What a user has created is not readable by others.

    The owner creates an object with a random marker. Proved where the stranger's answer contains the marker, twice,
    while the owner reads it, nobody does without a credential, and the stranger is logged in. Then both ask beside each
    other, and the stranger right after the owner: a cache that does not tell them apart shows the marker in two rounds.
    """

    id = "authz.objects-not-readable-by-others"
    remedy = "Look the object up together with its owner or tenant, not by its id alone."
    refs = ("CWE-639", "OWASP API1:2023", "ASVS V8.2.2")

    async def trespass(self, case: Case, target: WriteTarget, canary: Canary) -> None:
        """The stranger asks for the object by its id; twice where it is given."""
        parts = Parts.of(case)
        theirs = parts.reading(canary.resource, parts.stranger)
        if not await ask_twice(target, theirs, canary):
            await ask_beside(target, parts.reading(canary.resource, parts.owner), theirs, canary)

    def judge_trespass(self, case: Case, evidence: Evidence, canary: Canary) -> Finding:
        """Fail where the marker came twice."""
        parts = Parts.of(case)
        expected = f"{parts.stranger} does not get what {parts.owner} has created with {parts.create.id}"
        observed = f"{parts.stranger} reads {parts.owner}'s object ({parts.read.id})"
        return judge_beside(evidence, canary, judge_shown(evidence, canary, expected, observed), observed)


class CollectionsDoNotLeak(OthersObject):
    """A list does not show what others have created.

    As for reading, with the list at the path of the creation (a GET that the profile declares): the owner's list must
    contain the marker. Proved where the stranger's list contains it, twice, alone or beside the owner's.
    """

    id = "authz.collections-do-not-leak"
    severity = Severity.HIGH
    remedy = "Filter the list by the caller's owner or tenant in the query itself."
    refs = ("CWE-639", "OWASP API1:2023", "OWASP API3:2023")

    def further_operation(self, scene: Scene, create: Operation) -> Operation | str | None:
        """The protected list at the path of the creation."""
        for _, _, operation in scene.profile.all_operations():
            if operation.method == "GET" and operation.auth == "required" and operation.url_path() == create.url_path():
                return operation
        return f"a GET operation at {create.path} with `auth: required`"

    async def trespass(self, case: Case, target: WriteTarget, canary: Canary) -> None:
        """The owner's list as the control, and the stranger's."""
        parts = Parts.of(case)
        listing = _extra(parts)
        own, theirs = (replace(ask_for(listing, identity=who), fresh=True) for who in (parts.owner, parts.stranger))
        await target.read("control.list", own)
        if not await ask_twice(target, theirs, canary):
            await ask_beside(target, own, theirs, canary)

    def judge_trespass(self, case: Case, evidence: Evidence, canary: Canary) -> Finding:
        """Fail where the marker came twice in the stranger's list."""
        parts = Parts.of(case)
        control = evidence.exchange("control.list")
        if not canary.shown_in(control):
            text = f"the owner's own list does not show what was created (a page of it?): {describe(control)}"
            raise Undecided(Reason.NO_TEST_DATA, text)
        expected = f"{_extra(parts).id} shows {parts.stranger} nothing of {parts.owner}'s"
        observed = f"the list of {parts.stranger} shows {parts.owner}'s object"
        return judge_beside(evidence, canary, judge_shown(evidence, canary, expected, observed), observed)


class ObjectsNotWritable(OthersObject):
    """What a user has created is not writable by others.

    The owner changes the object first, which shows that changing works. Then the stranger writes a marker of its own.
    Proved where the owner reads the stranger's marker, twice; a 200 without effect is none.
    """

    id = "authz.objects-not-writable-by-others"
    remedy = "Check the owner before anything is changed, in the same statement that changes it."
    refs = ("CWE-639", "OWASP API1:2023", "ASVS V8.2.2")

    def further_operation(self, scene: Scene, create: Operation) -> Operation | str | None:
        """The update that the creation names, with a place for the marker."""
        update = scene.profile.operation(create.update or "")
        if update is None:
            return f"update: OPERATION at operation '{create.id}'"
        return update if MARKER in str(update.body) else f"'{MARKER}' in a text of the body of operation '{update.id}'"

    async def trespass(self, case: Case, target: WriteTarget, canary: Canary) -> None:
        """The owner's change, then the stranger's, each read back by the owner."""
        parts = Parts.of(case)
        await self._change(target, parts, canary, parts.owner, "own")
        if await self._change(target, parts, canary, parts.stranger, "first"):
            await target.sleep(CONFIRM_PAUSE_S)
            await self._change(target, parts, canary, parts.stranger, "second")

    async def _change(self, target: WriteTarget, parts: Parts, canary: Canary, who: str, label: str) -> bool:
        """Change the object as somebody and say whether its owner then reads the change."""
        change = replace(canary, marker=new_marker(target))
        target.observe(f"marker.{label}", {"marker": change.marker})
        update = marked(_extra(parts), change.marker)
        written = await target.write(f"write.{label}", at(ask_for(update, identity=who), update, canary.resource))
        ask = parts.reading(canary.resource, parts.owner)
        return change.shown_in(await read_effect(target, f"effect.{label}", ask, change.shown_in, written))

    def judge_trespass(self, case: Case, evidence: Evidence, canary: Canary) -> Finding:
        """Fail where both of the stranger's markers came to be in the object."""
        parts = Parts.of(case)
        expected = f"{parts.stranger} cannot change what {parts.owner} has created"
        own, effect = self._effect(evidence, canary, "own")
        if not own.shown_in(effect):
            text = f"the owner's own change did not show: {describe(evidence.exchange('write.own'))}"
            raise Undecided(Reason.NO_TEST_DATA, text)
        attempt = evidence.exchange("write.first")
        first, effect = self._effect(evidence, canary, "first")
        if first.shown_in(effect):
            second, again = self._effect(evidence, canary, "second")
            if second.shown_in(again):
                text = f"{parts.owner} reads what {parts.stranger} wrote ({_extra(parts).id}), twice"
                return failed(expected, text, exchanges=numbers_of(evidence), n=2)
        elif answered(attempt) and own.shown_in(effect):
            text = f"{describe(attempt)}; {parts.owner} reads the object unchanged"
            return passed(expected, text, exchanges=numbers_of(evidence), n=1)
        return unproved(evidence, expected, f"neither refused nor proved to take effect: {describe(attempt)}")

    def _effect(self, evidence: Evidence, canary: Canary, label: str) -> tuple[Canary, Exchange]:
        """The object as one change was to make it, and what its owner then read."""
        marker = evidence.one(Observation, f"marker.{label}").values["marker"]
        change = replace(canary, marker=str(marker))
        written = evidence.exchange(f"write.{label}")
        return change, effect_in(evidence, f"effect.{label}", change.shown_in, written)


class ObjectsNotDeletable(OthersObject):
    """What a user has created is not deletable by others.

    The stranger sends the clean-up operation for the owner's object. Proved where the owner then gets 404 or 410 for
    it, with two objects; a 204 without effect is none.
    """

    id = "authz.objects-not-deletable-by-others"
    remedy = "Check the owner before anything is removed, in the same statement that removes it."
    refs = ("CWE-639", "OWASP API1:2023", "ASVS V8.2.2")

    def further_operation(self, scene: Scene, create: Operation) -> Operation | str | None:
        """The clean-up that the creation names."""
        return scene.profile.operation(create.cleanup or "") or f"cleanup: OPERATION at operation '{create.id}'"

    async def trespass(self, case: Case, target: WriteTarget, canary: Canary) -> None:
        """The stranger removes the object; a second one where the first is gone."""
        parts = Parts.of(case)
        if is_gone(await self._remove(target, parts, canary.resource, "first")):
            await target.sleep(CONFIRM_PAUSE_S)
            _, again = await create_canary(parts, target, "again")
            await target.read("control.again", parts.reading(again.resource, parts.owner))
            await self._remove(target, parts, again.resource, "second")

    async def _remove(self, target: WriteTarget, parts: Parts, resource: str, label: str) -> Exchange:
        remove = _extra(parts)
        ask = at(ask_for(remove, identity=parts.stranger), remove, resource)
        removed = await target.write(f"remove.{label}", ask)
        return await read_effect(target, f"effect.{label}", parts.reading(resource, parts.owner), is_gone, removed)

    def judge_trespass(self, case: Case, evidence: Evidence, canary: Canary) -> Finding:
        """Fail where both objects were there before and are gone after."""
        parts = Parts.of(case)
        expected = f"{parts.stranger} cannot remove what {parts.owner} has created"
        attempt, effect = self._effect(evidence, "first")
        if canary.shown_in(effect) and answered(attempt):
            text = f"{describe(attempt)}; {parts.owner} still reads the object"
            return passed(expected, text, exchanges=numbers_of(evidence), n=1)
        if is_gone(effect):
            control, (_, again) = evidence.exchange("control.again"), self._effect(evidence, "second")
            if control.status in parts.read.expect.status and is_gone(again):
                text = f"{parts.owner} no longer finds it after {parts.stranger} sent {_extra(parts).id}, twice"
                return failed(expected, text, exchanges=numbers_of(evidence), n=2)
        return unproved(evidence, expected, f"neither refused nor proved to take effect: {describe(attempt)}")

    def _effect(self, evidence: Evidence, label: str) -> tuple[Exchange, Exchange]:
        """One attempt to remove an object, and what its owner then read."""
        attempt = evidence.exchange(f"remove.{label}")
        return attempt, effect_in(evidence, f"effect.{label}", is_gone, attempt)


def is_gone(exchange: Exchange) -> bool:
    """Whether the target says that there is no such object (any more)."""
    return exchange.status in GONE


async def ask_twice(target: WriteTarget, ask: Ask, canary: Canary) -> bool:
    """Send what must not show the marker; a second time where it did. Whether the first answer showed it."""
    answer = await target.read("probe.1", ask)
    if not canary.shown_in(answer):
        return False
    await target.sleep(CONFIRM_PAUSE_S)
    await target.read("probe.2", ask)
    return True


async def ask_beside(target: WriteTarget, own: Ask, theirs: Ask, canary: Canary) -> None:
    """Send the owner's request and the stranger's at once, and the stranger's again; a second round where it is shown."""
    for number in range(1, ROUNDS + 1):
        label = f"beside.{number}"
        _, first = await target.together([target.read(f"{label}.owner", own), target.read(f"{label}.stranger", theirs)])
        after = await target.read(f"{label}.after", theirs)
        if not (canary.shown_in(first) or canary.shown_in(after)):
            return
        await target.sleep(CONFIRM_PAUSE_S)


def judge_beside(evidence: Evidence, canary: Canary, alone: Finding, observed: str) -> Finding:
    """What `ask_beside` adds to a finding that passed: fail where both rounds showed the marker, SUSPECTED where one did."""
    if alone.outcome is not Outcome.PASS:
        return alone
    for number in range(1, ROUNDS + 1):
        label = f"beside.{number}"
        evidence.exchange(f"{label}.owner")
        theirs = [evidence.exchange(f"{label}.{who}") for who in ("stranger", "after")]
        if not any(canary.shown_in(answer) for answer in theirs):
            if number == 1:
                return alone
            return unproved(evidence, alone.expected, f"{observed}, once, when both ask at the same time")
    text = f"{observed} when both ask at the same time, twice"
    return failed(alone.expected, text, exchanges=numbers_of(evidence), n=ROUNDS)


def judge_shown(evidence: Evidence, canary: Canary, expected: str, observed: str) -> Finding:
    """Fail where `ask_twice` was shown the marker twice; pass where the first answer came without it."""
    probes = evidence.exchanges("probe")
    first = evidence.exchange("probe.1")
    shown = [canary.shown_in(probe) for probe in probes]
    if shown == [True, True]:
        return failed(expected, f"{observed}, twice", exchanges=numbers_of(evidence), n=2)
    if shown == [False] and answered(first):
        return passed(expected, describe(first), exchanges=numbers_of(evidence), n=1)
    return unproved(evidence, expected, f"neither refused nor shown twice: {describe(first)}")


def _extra(parts: Parts) -> Operation:
    if parts.extra is None:
        raise ValueError("the case keeps no operation to trespass with")
    return parts.extra
