"""Do operations that create, change and remove do what they answer."""

from collections.abc import Iterator

from hybridcheck.cases import Case, CoreQuestion, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import Scene, WriteCheck
from hybridcheck.checks.operations import complaint_about, json_body
from hybridcheck.checks.repeats import describe
from hybridcheck.checks.resources import (
    Lifecycle,
    ask_about,
    ask_to_make,
    creators,
    lifecycle_in,
    lifecycle_params,
    new_marker,
)
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.target import WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS = 2
"""A broken life is lived a second time, with a new resource, before it counts as a fail."""

GONE = frozenset({404, 410})


class WritesAnswerAsDeclared(WriteCheck):
    """What is created can be read, what is changed shows, and what is deleted is gone.

    Creates a resource with a marker of its own, reads it back as its owner, changes it where `update` is declared,
    deletes it, and reads once more. Each answer has to be as declared, the marker has to show after creating and
    after changing, and the last read has to be 404 or 410. A wrong life is lived again with a new resource; two of two
    that break at the same step are a fail.
    """

    id = "contract.writes-answer-as-declared"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.CRITICAL
    core = CoreQuestion.CONTRACT
    remedy = "Follow one resource by hand through create, read, change and delete, and look where its state is lost."
    refs = ("RFC 9110 §9.3", "OWASP API8:2023")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per operation that creates something which can be read back and removed."""
        found = [(suite, operation) for suite, operation in creators(scene) if operation.read_back]
        for suite, operation in found:
            params = lifecycle_params(scene, operation, suite)
            yield Case(check=self.id, subject=operation.id, params=params)
        if not found:
            needs = "creates: true, id_from, read_back and cleanup at an operation that creates"
            yield Unmet(subject="operations", needs=needs)

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Live the life of one resource, and of a second one where the first went wrong."""
        lifecycle = lifecycle_in(case.params)
        for number in range(1, ROUNDS + 1):
            exchanges = await _live(lifecycle, target, f"round{number}")
            if trouble(lifecycle, exchanges) is None:
                return

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on one whole life; fail on two that broke at the same step."""
        lifecycle = lifecycle_in(case.params)
        expected = f"{lifecycle.create.id}: created, read, {'changed, ' if lifecycle.update else ''}deleted and gone"
        rounds = [evidence.exchanges(f"round{number}") for number in range(1, ROUNDS + 1)]
        lived = [exchanges for exchanges in rounds if exchanges]
        numbers = tuple(exchange.n for exchanges in lived for exchange in exchanges)
        details = {"exchanges": numbers, "n": len(lived)}
        if not lived:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "nothing was recorded")
        troubles = [trouble(lifecycle, exchanges) for exchanges in lived]
        first = troubles[0]
        if first is None:
            return passed(expected, f"{len(lived[0])} steps as declared", **details)
        if any(exchange.status == 429 for exchanges in lived for exchange in exchanges):
            return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", **details)
        if len(troubles) < ROUNDS:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{first[1]}; not repeated", **details)
        second = troubles[1]
        if second is None or second[0] != first[0]:
            return undecided(Reason.FLAKY, expected, f"not every time: {first[1]}", **details)
        return failed(expected, second[1], **details)


async def _live(lifecycle: Lifecycle, target: WriteTarget, label: str) -> tuple[Exchange, ...]:
    """Create, read, change, read, delete, read; ends early where nothing was created."""
    create, read_back, update = lifecycle.create, lifecycle.read_back, lifecycle.update
    marker, changed = new_marker(target), new_marker(target)
    made, resource = await target.create(
        f"{label}.1-create", ask_to_make(create, marker), cleanup=create.cleanup, id_from=create.id_from
    )
    exchanges = [made]
    if not resource or read_back is None:
        return tuple(exchanges)
    owner = create.identity
    exchanges.append(await target.read(f"{label}.2-read", ask_about(read_back, resource, identity=owner)))
    if update is not None:
        ask = ask_about(update, resource, changed, identity=owner)
        exchanges.append(await target.write(f"{label}.3-change", ask))
        exchanges.append(await target.read(f"{label}.4-read", ask_about(read_back, resource, identity=owner)))
    exchanges.append(
        await target.write(f"{label}.5-delete", ask_about(lifecycle.cleanup, resource, identity=owner)),
    )
    exchanges.append(await target.read(f"{label}.6-read", ask_about(read_back, resource, identity=owner)))
    return tuple(exchanges)


def trouble(lifecycle: Lifecycle, exchanges: tuple[Exchange, ...]) -> tuple[str, str] | None:
    """The first step that is not as declared, by its name and in words; None for a whole life."""
    steps = {exchange.label.partition(".")[2]: exchange for exchange in exchanges}
    wanted = ["1-create", "2-read", *(["3-change", "4-read"] if lifecycle.update else []), "5-delete", "6-read"]
    for step in wanted:
        exchange = steps.get(step)
        if exchange is None:
            return step, f"{step.partition('-')[2]} was not possible: the answer to create names no id"
        complaint = _complaint(lifecycle, step, steps)
        if complaint is not None:
            return step, f"{step.partition('-')[2]}: {complaint}"
    return None


def _complaint(lifecycle: Lifecycle, step: str, steps: dict[str, Exchange]) -> str | None:
    exchange = steps[step]
    if step == "6-read":
        gone = exchange.status in GONE
        return None if gone else f"after delete its owner is still answered {describe(exchange)} instead of 404"
    declared = {"1-create": lifecycle.create, "3-change": lifecycle.update, "5-delete": lifecycle.cleanup}
    operation = declared.get(step, lifecycle.read_back)
    if operation is None:
        return None
    complaint = complaint_about(exchange, operation.expect)
    if complaint is not None or step not in {"2-read", "4-read"}:
        return complaint
    return _not_shown(lifecycle, exchange, steps["1-create" if step == "2-read" else "3-change"])


def _not_shown(lifecycle: Lifecycle, read: Exchange, written: Exchange) -> str | None:
    """Why the marker that was sent does not show in what was read; None where it does, or nothing was marked."""
    sent = written.request.body.content().decode("utf-8", "replace") if written.request.body is not None else ""
    marker = next((word for word in sent.split('"') if word.startswith("hybridcheck-")), None)
    if marker is None:
        return None
    field = lifecycle.create.marker_field
    if field is None:
        shown = read.response is not None and marker.encode() in read.response.body.content()
        return None if shown else f"the marker {marker} that was written is not in what is read"
    try:
        value = value_at(json_body(read), field)
    except (ValueError, NoSuchPath) as missing:
        return f"{field} cannot be read: {missing}"
    return None if value == marker else f"{field} is {value!r} after {marker!r} was written"
