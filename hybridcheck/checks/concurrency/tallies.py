"""A resource that counts its changes: are changes that meet all counted, and do they all end."""

from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import Scene, WriteCheck
from hybridcheck.checks.operations import json_body
from hybridcheck.checks.overlaps import at_once, require_meeting, require_unthrottled
from hybridcheck.checks.repeats import describe
from hybridcheck.checks.resources import ask_about, ask_to_make, creators, lifecycle_in, lifecycle_params, new_marker
from hybridcheck.evidence import Evidence, Exchange, Failure
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.target import Ask, EvidenceLost, WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS, AT_ONCE = 2, 16

CONTROLS = 2
"""Changes one after the other: a change that says the same again has to be counted as well, for the bursts say nothing else."""

SETTLES_S = 0.5
"""Before the number is read at last: a replica that is read may need a moment."""

STEPS = (2, 4, 8, 16)
"""How many calls that depend on each other go together, from few to many."""

BOUND_S = 3.0
"""Calls that end in milliseconds one after the other have to end within this beside each other."""

LATE = frozenset({Failure.READ_TIMEOUT, Failure.DEADLINE})

NEEDS = (
    "probes: {tally: {operation: CREATE_ID, value: $.revision}} and at that operation: creates: true, id_from: $.id, "
    "cleanup: DELETE_ID, read_back: READ_ID, update: CHANGE_ID"
)


class TallyCheck(WriteCheck):
    """The base: a resource of the run's own, made by the probe's operation, changed by its update, read back."""

    suite = "api"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the tally."""
        tally = scene.profile.probes.tally
        for suite, operation in creators(scene):
            if tally is not None and operation.id == tally.operation and operation.read_back and operation.update:
                params = lifecycle_params(scene, operation, suite) | {"value": tally.value}
                yield Case(check=self.id, subject=f"{operation.update} of {operation.id}", params=params)
                return
        yield Unmet(subject="tally", needs=NEEDS)

    async def made(self, case: Case, target: WriteTarget) -> tuple[Ask, Ask] | None:
        """Make the resource; the asks that read and change it. None where it could not be made."""
        lifecycle, marker = lifecycle_in(case.params), new_marker(target)
        if lifecycle.read_back is None or lifecycle.update is None:
            return None
        _, resource = await target.create(
            "create",
            ask_to_make(lifecycle.create, marker),
            cleanup=lifecycle.cleanup.id,
            id_from=lifecycle.create.id_from,
        )
        if not resource:
            return None
        return ask_about(lifecycle.read_back, resource), ask_about(lifecycle.update, resource, marker)


class NoLostUpdates(TallyCheck):
    """Changes that are made at the same time are all counted, each once.

    Makes a resource, changes it twice to see that its number grows by two, then 32 times, sixteen at once. The number has
    to grow by exactly the changes that were accepted. One lost update is proof: there is no lock around read and write.
    Changes of unknown outcome (a broken connection, a 5xx) may count or not.
    """

    id = "concurrency.no-lost-updates"
    dimension = Dimension.RELIABILITY
    severity = Severity.CRITICAL
    remedy = "Let the store add (UPDATE … SET n = n + 1), lock the row, or refuse the second writer (If-Match, 412)."
    refs = ("CWE-362", "CWE-367")

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Change one after the other, then at once, and read in between."""
        asks = await self.made(case, target)
        if asks is None:
            return
        read, change = asks
        await target.read("read.1", read)
        for number in range(1, CONTROLS + 1):
            await target.write(f"control.{number}", change)
        await target.read("read.2", read)
        for number in range(ROUNDS):
            calls = [target.write(f"change.{number}.{index}", change) for index in range(AT_ONCE)]
            await at_once(target, calls)
        await target.sleep(SETTLES_S)
        await target.read("read.3", read)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare what was accepted with what was counted."""
        start, before, after = (_number(case, evidence.exchange(f"read.{index}")) for index in (1, 2, 3))
        changes, controls = evidence.exchanges("change"), evidence.exchanges("control")
        require_unthrottled(changes)
        if len(controls) != CONTROLS:
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{len(controls)} of {CONTROLS} controls are recorded")
        if not all(map(_accepted, controls)) or before - start != CONTROLS:
            text = f"{CONTROLS} changes add {before - start} ({describe(controls[-1])}): is it the right place?"
            raise Undecided(Reason.NO_TEST_DATA, text)
        if len(changes) != ROUNDS * AT_ONCE:
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{len(changes)} changes are recorded")
        accepted = sum(_accepted(change) for change in changes)
        unknown = sum(change.status is None or change.status >= 500 for change in changes)
        counted = after - before
        expected = f"{accepted} accepted changes are counted as {accepted}"
        figures = {"accepted": accepted, "unknown": unknown, "counted": counted}
        numbers = (evidence.exchange("read.2").n, changes[0].n, changes[-1].n, evidence.exchange("read.3").n)
        details: dict[str, object] = {"exchanges": numbers, "n": len(changes), "figures": figures}
        if counted < accepted:
            return failed(
                expected, f"{accepted - counted} of {accepted} updates are lost: {counted} counted", **details
            )
        if counted > accepted + unknown:
            return failed(expected, f"{counted} were counted: more than were sent and accepted", **details)
        if accepted <= len(changes) / 2:
            return undecided(Reason.SHALLOW, expected, f"only {accepted} of {len(changes)} were accepted", **details)
        met = require_meeting(changes)
        return passed(expected, f"{counted} counted, up to {met} changes under way at once", **details)


class Progress(TallyCheck):
    """Calls that depend on each other all end, however many come at once.

    Makes a resource and changes and reads it, in turns, with 2, 4, 8 and 16 calls at once. All have to end within three
    seconds. Calls that hang twice of two, where one after the other each ends at once, are a deadlock: they wait for each
    other.
    """

    id = "concurrency.progress"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    remedy = "Take locks in one order everywhere, never wait for a call while holding one, and bound every wait."
    refs = ("CWE-833",)

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """Each step once, and again on a resource of its own where calls hang."""
        for attempt in (1, 2):
            asks = await self.made(case, target) if attempt == 1 else await self._again(case, target)
            if asks is None or not await self._steps(target, attempt, asks):
                return

    async def _again(self, case: Case, target: WriteTarget) -> tuple[Ask, Ask] | None:
        try:
            return await self.made(case, target)
        except EvidenceLost:
            return None

    async def _steps(self, target: WriteTarget, attempt: int, asks: tuple[Ask, Ask]) -> bool:
        """Whether calls hang."""
        read, change = asks
        await target.read(f"alone.{attempt}.read", read)
        await target.write(f"alone.{attempt}.change", change)
        for count in STEPS:
            calls = [
                target.write(f"step.{attempt}.{count}.{index}", _bounded(change))
                if index % 2
                else target.read(f"step.{attempt}.{count}.{index}", _bounded(read))
                for index in range(count)
            ]
            if any(_hangs(exchange) for exchange in await at_once(target, calls)):
                return True
        return False

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look for calls that hang."""
        expected = f"up to {STEPS[-1]} calls that depend on each other end within {BOUND_S:g} s"
        first, second = evidence.exchanges("step.1"), evidence.exchanges("step.2")
        every = (*first, *second)
        require_unthrottled(every)
        hung = [[exchange for exchange in attempt if _hangs(exchange)] for attempt in (first, second)]
        alone = evidence.exchanges("alone.1")
        if len(alone) != 2 or not all(_accepted(exchange) for exchange in alone):
            raise Undecided(Reason.NO_TEST_DATA, "read and change do not answer one after the other either")
        if not hung[0]:
            return self._ended(expected, first)
        most = max(int(exchange.label.split(".")[2]) for exchange in hung[0])
        numbers = tuple(exchange.n for exchange in (*hung[0][:2], *hung[1][:2]))
        details: dict[str, object] = {"exchanges": numbers, "n": len(every)}
        if len(evidence.exchanges("alone.2")) != 2:
            return undecided(Reason.SUSPECTED, expected, f"{len(hung[0])} calls hang, once", **details)
        if not hung[1]:
            return undecided(Reason.FLAKY, expected, f"{len(hung[0])} calls hang, in one attempt of two", **details)
        queued_s = STEPS[-1] * max(exchange.total_ms or 0.0 for exchange in alone) / 1000
        if queued_s >= BOUND_S:
            text = f"calls are late, but one after the other {STEPS[-1]} of them need {queued_s:.1f} s as well"
            return undecided(Reason.SUSPECTED, expected, text, **details)
        text = (
            f"{len(hung[0])} of {most} calls at once did not end within {BOUND_S:g} s, twice: they wait for each other"
        )
        return failed(expected, text, **details, figures={"at_once": most, "hung": len(hung[0])})

    def _ended(self, expected: str, calls: tuple[Exchange, ...]) -> Finding:
        if len(calls) != sum(STEPS):
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"{len(calls)} calls are recorded")
        broken = next((exchange for exchange in calls if exchange.status is None or exchange.status >= 500), None)
        if broken is not None:
            text = f"a call ended without an answer: {describe(broken)}"
            return undecided(Reason.SUSPECTED, expected, text, exchanges=(broken.n,))
        met, slowest = require_meeting(calls), max(exchange.total_ms or 0.0 for exchange in calls)
        text = f"all did, the slowest after {slowest:.0f} ms, up to {met} under way at once"
        return passed(expected, text, exchanges=(calls[0].n, calls[-1].n), n=len(calls), figures={"at_once": met})


def _bounded(ask: Ask) -> Ask:
    return replace(ask, deadline_s=BOUND_S)


def _hangs(exchange: Exchange) -> bool:
    return exchange.failure in LATE


def _accepted(exchange: Exchange) -> bool:
    return exchange.status is not None and 200 <= exchange.status < 300


def _number(case: Case, exchange: Exchange) -> int:
    """The number in an answer.

    Raises:
        Undecided: where there is none.
    """
    try:
        found: Json = value_at(json_body(exchange), str(case.params["value"]))
    except (ValueError, NoSuchPath) as missing:
        raise Undecided(Reason.NO_TEST_DATA, f"the number cannot be read: {missing}") from missing
    if isinstance(found, bool) or not isinstance(found, int):
        raise Undecided(Reason.NO_TEST_DATA, f"{case.params['value']} is no whole number")
    return found
