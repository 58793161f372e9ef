"""An object of one's own that others must not reach: the base of all checks of object-level authorization.

The owner creates it with a random marker and reads it back; nobody is refused; the stranger is shown to be logged in.
Only then does it prove anything whether the stranger gets, changes or removes it.
"""

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import Scene, WriteCheck
from hybridcheck.checks.operations import ask_for, operations, suite_of
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.profile.operations import Expect, Operation
from hybridcheck.target import Ask, WriteTarget
from hybridcheck.verdict import Finding, undecided

MARKER = "{marker}"
CONFIRM_PAUSE_S = 1.0
"""Between the two trespasses that prove a defect, so that they do not share one cached answer."""

SETTLE_S = 1.0
"""How long an effect may take to be seen."""

NEEDS_CREATION = (
    "an operation that creates: `creates: true`, `visibility: owner` (or tenant), `identity`, `id_from`, `read_back`, "
    "`cleanup`, and '{marker}' in its `body`"
)


@dataclass(frozen=True, slots=True)
class Canary:
    """The object as the check knows it: the marker that its body carries, and its id."""

    marker: str
    resource: str

    def shown_in(self, exchange: Exchange) -> bool:
        """Whether an answer contains the marker."""
        return shows(exchange, self.marker)


@dataclass(frozen=True, slots=True)
class Parts:
    """Who and what a case needs, as its parameters keep it.

    `presence` is a protected operation that the stranger may call: it shows that the stranger is logged in.
    `extra` is the operation that a subclass adds (update, list).
    """

    create: Operation
    read: Operation
    presence: Operation
    owner: str
    stranger: str
    extra: Operation | None = None

    @staticmethod
    def of(case: Case) -> "Parts":
        """The parts that a case keeps."""
        kept = case.params
        made = {name: Operation.model_validate(kept[name]) for name in ("create", "read", "presence")}
        extra = Operation.model_validate(kept["extra"]) if kept["extra"] else None
        return Parts(**made, owner=kept["owner"], stranger=kept["stranger"], extra=extra)

    def params(self, suite: str) -> dict[str, Json]:
        """The parameters that keep these parts."""
        kept: dict[str, Json] = {"owner": self.owner, "stranger": self.stranger, "suite": suite, "extra": None}
        for name in ("create", "read", "presence", "extra"):
            operation: Operation | None = getattr(self, name)
            if operation is not None:
                kept[name] = operation.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return kept

    def reading(self, resource: str, identity: str | None) -> Ask:
        """The read-back of one object as somebody, or as nobody; on a fresh connection."""
        ask = at(ask_for(self.read, identity=identity), self.read, resource)
        return replace(ask, identity=identity, fresh=True)


class OthersObject(WriteCheck):
    """The base: creates the canary, controls that it can be judged, and leaves the trespass to its subclass."""

    dimension = Dimension.SECURITY
    severity = Severity.CRITICAL
    tags = ("authorization",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per operation that creates what not everybody may see."""
        found = False
        for _, service, create in scene.profile.all_operations():
            if not create.creates or create.visibility == "public" or not create.sendable:
                continue
            found = True
            yield self._case(scene, suite_of(service), create)
        if not found:
            yield Unmet(subject="objects", needs=NEEDS_CREATION)

    def _case(self, scene: Scene, suite: str, create: Operation) -> Case | Unmet:
        parts = parts_for(scene, create)
        if isinstance(parts, Unmet):
            return parts
        extra = self.further_operation(scene, create)
        if isinstance(extra, str):
            return Unmet(subject=create.id, needs=extra)
        params = replace(parts, extra=extra).params(suite) | self.further_params(scene, parts)
        return Case(check=self.id, subject=create.id, params=params)

    def further_operation(self, scene: Scene, create: Operation) -> Operation | str | None:
        """The further operation that the trespass needs; in words where it is missing; None where none is needed."""
        return None

    def further_params(self, scene: Scene, parts: Parts) -> dict[str, Json]:
        """What else the case keeps."""
        return {}

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Create, control, trespass."""
        parts = Parts.of(case)
        created, canary = await create_canary(parts, target, "create")
        target.observe("canary", {"marker": canary.marker, "resource": canary.resource})
        if not canary.resource:
            return
        ask = parts.reading(canary.resource, parts.owner)
        await read_effect(target, "control.owner", ask, canary.shown_in, created)
        await target.read("control.nobody", parts.reading(canary.resource, None))
        await target.read("control.stranger", ask_for(parts.presence, identity=parts.stranger))
        await self.trespass(case, target, canary)

    @abstractmethod
    async def trespass(self, case: Case, target: WriteTarget, canary: Canary) -> None:
        """What the stranger tries, and what the owner sees afterwards."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Hold the controls to what they must show, then judge the trespass."""
        parts = Parts.of(case)
        known = evidence.one(Observation, "canary").values
        canary = Canary(str(known["marker"]), str(known["resource"]))
        require_controls(parts, canary, evidence)
        return self.judge_trespass(case, evidence, canary)

    @abstractmethod
    def judge_trespass(self, case: Case, evidence: Evidence, canary: Canary) -> Finding:
        """The finding, where the controls are as they must be."""


def parts_for(scene: Scene, create: Operation) -> Parts | Unmet:
    """Everything that a canary needs of the profile, or what is missing."""
    read = scene.profile.operation(create.read_back or "")
    identities = scene.profile.identities
    missing = [name for name in ("identity", "id_from", "read_back", "cleanup") if not getattr(create, name)]
    if MARKER not in json.dumps(create.body):
        missing.append(f"'{MARKER}' in a text of its body")
    if missing or read is None or create.identity not in identities:
        return Unmet(subject=create.id, needs=f"{', '.join(missing) or 'read_back'} at operation '{create.id}'")
    if not read.reads or read.auth != "required":
        return Unmet(subject=create.id, needs=f"read_back of '{create.id}': a GET with `auth: required`")
    stranger = stranger_to(scene, create)
    if stranger is None:
        where = " in another tenant" if create.visibility == "tenant" else ""
        need = f"a second identity with the role '{identities[create.identity].role}'{where}"
        return Unmet(subject=create.id, needs=need)
    presence = presence_in(scene)
    if presence is None:
        return Unmet(subject=create.id, needs=f"a protected read operation that '{stranger}' may call")
    return Parts(create, read, presence, create.identity, stranger)


def stranger_to(scene: Scene, create: Operation) -> str | None:
    """Somebody of the owner's role who must not reach what the owner creates; of another tenant where there is one."""
    identities = scene.profile.identities
    owner = identities[create.identity or ""]
    others = [
        (name, other)
        for name, other in identities.items()
        if name != create.identity
        and other.role == owner.role
        and not other.short_lived
        and (other.username is None or other.username != owner.username)
    ]
    foreign = [
        name for name, other in others if None not in (other.tenant, owner.tenant) and other.tenant != owner.tenant
    ]
    if foreign or create.visibility == "tenant":
        return next(iter(foreign), None)
    return next((name for name, _ in others), None)


def presence_in(scene: Scene) -> Operation | None:
    """A read that every declared identity may send, to show that one is logged in: whoami, else a protected read.

    Of those without roles the ones at a fixed path come first: a filled one may name what belongs to somebody.
    """
    whoami = scene.profile.session.whoami if scene.profile.session else None
    if whoami is not None and whoami.method == "GET":
        expect = Expect(status=whoami.expect)
        return Operation(id="session:whoami", path=whoami.path, auth="required", expect=expect)
    reads = [operation for _, operation in operations(scene) if operation.auth == "required" and not operation.roles]
    return min(reads, key=lambda operation: len(operation.params), default=None)


async def create_canary(parts: Parts, target: WriteTarget, label: str) -> tuple[Exchange, Canary]:
    """Create an object with a marker that nobody can guess, as its owner; without an id where that failed."""
    marker = new_marker(target)
    ask = ask_for(marked(parts.create, marker), identity=parts.owner)
    exchange, resource = await target.create(label, ask, cleanup=parts.create.cleanup, id_from=parts.create.id_from)
    return exchange, Canary(marker, resource if exchange.status in parts.create.expect.status else "")


def new_marker(target: WriteTarget) -> str:
    """A text of 128 random bits; no answer has it by chance."""
    return f"hc-{target.random.getrandbits(128):032x}"


def marked(operation: Operation, marker: str) -> Operation:
    """The operation with the marker in its body."""
    return operation.model_copy(update={"body": _filled(operation.body, marker)})


def at(ask: Ask, operation: Operation, resource: str) -> Ask:
    """The request for one object: its id stands in each part of the path that is not filled."""
    return replace(ask, path=re.sub(r"\{[^{}]*\}", lambda _: quote(resource, safe=""), operation.url_path()))


def require_controls(parts: Parts, canary: Canary, evidence: Evidence) -> None:
    """Hold the controls to what they must show.

    Raises:
        Undecided: NO_TEST_DATA where the object cannot be created or read back, SUSPECTED where nobody sees it too,
            AUTH_NOT_EFFECTIVE where the stranger is not logged in, THROTTLED where an answer is a 429.
    """
    created = evidence.exchange("create")
    refuse_throttled(evidence)
    if not canary.resource:
        raise Undecided(Reason.NO_TEST_DATA, f"{parts.create.id} created nothing to look at: {describe(created)}")
    owner = effect_in(evidence, "control.owner", canary.shown_in, created)
    if not canary.shown_in(owner):
        raise Undecided(Reason.NO_TEST_DATA, f"the owner does not read back what was created: {describe(owner)}")
    if canary.shown_in(evidence.exchange("control.nobody")):
        raise Undecided(Reason.SUSPECTED, "anybody gets it without a credential: is it public?")
    stranger = evidence.exchange("control.stranger")
    if stranger.status not in parts.presence.expect.status:
        text = f"{parts.stranger} is not let in at all ({parts.presence.id}): {describe(stranger)}"
        raise Undecided(Reason.AUTH_NOT_EFFECTIVE, text)


def refuse_throttled(evidence: Evidence) -> None:
    """Keep throttled answers out of every conclusion.

    Raises:
        Undecided: THROTTLED where one of the case's answers is a 429.
    """
    if any(exchange.status == 429 and exchange.n in numbers_of(evidence) for exchange in evidence.exchanges()):
        raise Undecided(Reason.THROTTLED, "the target throttled the tester (429)")


async def read_effect(
    target: WriteTarget, label: str, ask: Ask, shown: Callable[[Exchange], bool], after: Exchange
) -> Exchange:
    """Read whether something took effect; once more where a success has not: some systems settle later."""
    answer = await target.read(f"{label}.now", ask)
    if shown(answer) or not succeeded(after):
        return answer
    await target.sleep(SETTLE_S)
    return await target.read(f"{label}.later", ask)


def effect_in(evidence: Evidence, label: str, shown: Callable[[Exchange], bool], after: Exchange) -> Exchange:
    """The reading of `read_effect` that counts.

    Raises:
        Undecided: EVIDENCE_INCOMPLETE where it is missing.
    """
    answer = evidence.exchange(f"{label}.now")
    return answer if shown(answer) or not succeeded(after) else evidence.exchange(f"{label}.later")


def shows(exchange: Exchange, marker: str) -> bool:
    """Whether a successful answer contains the marker."""
    if not succeeded(exchange) or exchange.response is None:
        return False
    return marker.encode() in exchange.response.body.content()


def succeeded(exchange: Exchange) -> bool:
    """Whether the target said that something was done."""
    return exchange.status in range(200, 300)


def answered(exchange: Exchange) -> bool:
    """Whether the target answered, and did not break: a refusal is one, a 500 or a reset is none."""
    return exchange.status is not None and exchange.status < 500


def numbers_of(evidence: Evidence) -> tuple[int, ...]:
    """Ledger lines of everything that the check itself sent (clean-up comes later and proves nothing)."""
    return tuple(exchange.n for exchange in evidence.exchanges() if not exchange.label.startswith("cleanup"))


def unproved(evidence: Evidence, expected: str, observed: str) -> Finding:
    """The finding where the trespass neither failed nor is proved."""
    return undecided(Reason.SUSPECTED, expected, observed, exchanges=numbers_of(evidence))


def _filled(value: Json, marker: str) -> Json:
    if isinstance(value, str):
        return value.replace(MARKER, marker)
    if isinstance(value, dict):
        return {key: _filled(item, marker) for key, item in value.items()}
    return [_filled(item, marker) for item in value] if isinstance(value, list) else value
