"""Does a caller's time limit, and its going away, reach the callee."""

from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Phase, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import (
    asking,
    boundary_of,
    carried,
    is_good,
    number_in,
    numbers_of,
    operation_of,
    probed,
    with_header,
)
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

SLOW_MS, LIMIT_MS, GRACE_MS = 1500, 300, 700
"""A call of SLOW_MS under a limit of LIMIT_MS has to be answered GRACE_MS later at the latest, and not with a success.

What a call takes that has next to nothing to do is the way's own time, and comes on top."""

TOLD_MS = 2000
ROUNDS = 2

WORK_MS, LEAVE_S, SETTLES_S = 3000, 0.6, 1.6
"""A call of WORK_MS is left after LEAVE_S; the gauge has to be back SETTLES_S after leaving."""

LOOKS, LOOK_S = 2, 0.2
"""How often the gauge is read before that, each time after LOOK_S: a busy target takes a while to begin."""

POLL_S = 0.15
NEEDS_SLOW = "probes: {slow: {operation: ID, in: $.ms}}"


class DeadlineKept(ReadCheck):
    """A caller's deadline ends the call, and the callee is told how much of it is left.

    Sends a slow call with a deadline far below what it takes: a success, or an answer long after the deadline, twice
    of two, is a fail. Where `probes.headers` shows what the callee saw, its deadline may not be more than what the
    caller gave: a larger one, something else or none, twice of two, is a fail. The same one is right: less than the
    clock's grain may have passed.
    """

    id = "boundary.deadline-kept"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    phase = Phase.WRITE  # alone: it measures time
    suite = "boundary"
    remedy = "Bound each inner call by what the caller has left, pass that on, and answer 504 when it is spent."
    refs = ("sre.google/sre-book/addressing-cascading-failures", "CWE-400")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where there is a slow probe and a header for deadlines."""
        slow, headers = scene.profile.probes.slow, scene.profile.probes.headers
        params, boundary = probed(scene, slow), boundary_of(scene, slow.operation) if slow is not None else None
        if slow is None or params is None:
            yield Unmet(subject="slow", needs=NEEDS_SLOW)
        elif boundary is None or boundary.headers.deadline_ms is None:
            yield Unmet(subject="slow", needs="boundaries: {NAME: {…, headers: {deadline_ms: X-Request-Timeout-Ms}}}")
        else:
            params |= {"in": slow.into, "header": boundary.headers.deadline_ms, "suite": self.suite}
            params |= {"headers": probed(scene, headers), "out": headers.out if headers is not None else ""}
            yield Case(check=self.id, subject=slow.operation, params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask without a deadline, with one that is too short, and for what the callee saw."""
        params, header = case.params, case.params["header"]
        operation = operation_of(params)
        control = await target.read("control", asking(operation, params["in"], 1))
        late = with_header(asking(operation, params["in"], SLOW_MS), header, str(LIMIT_MS))
        for number in range(1, ROUNDS + 1):
            if not _late(await target.read(f"late.{number}", late), control):
                break
        if params["headers"] is not None:
            told = with_header(ask_for(operation_of(params["headers"])), header, str(TOLD_MS))
            for number in range(1, ROUNDS + 1):
                if self._untold(case, await target.read(f"told.{number}", told)) is None:
                    break

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare times and deadlines."""
        expected = f"a call of {SLOW_MS} ms under a deadline of {LIMIT_MS} ms ends in time, and the callee knows why"
        control, late, told = evidence.exchange("control"), evidence.exchanges("late"), evidence.exchanges("told")
        numbers = numbers_of((control,), late, told)
        if not is_good(control):
            text = f"without a deadline it does not answer either: {describe(control)}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        if len(late) == ROUNDS and all(_late(exchange, control) for exchange in late):
            text = f"answered {describe(late[-1])} after {late[-1].total_ms or 0:.0f} ms"
            return failed(expected, text, exchanges=numbers_of((control,), late), n=ROUNDS)
        untold = [self._untold(case, exchange) for exchange in told]
        if len(told) == ROUNDS and all(untold):
            return failed(expected, untold[-1] or "", exchanges=numbers_of((control,), told), n=ROUNDS)
        if not late or (case.params["headers"] is not None and not told):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
        if _late(late[0], control) or any(untold) or late[0].failure is not None:
            return undecided(Reason.FLAKY, expected, "not each time", exchanges=numbers)
        text = f"{late[0].status} after {late[0].total_ms or 0:.0f} ms"
        return passed(expected, text, exchanges=numbers, n=len(late) + len(told))

    def _untold(self, case: Case, exchange: Exchange) -> str | None:
        """What is wrong with the deadline that the callee saw; None where it is not more than the caller's."""
        if not is_good(exchange):
            return f"the callee's headers are not shown: {describe(exchange)}"
        header = case.params["header"]
        seen = carried(exchange, case.params["out"], header)
        if seen is None:
            return f"the callee saw no {header}"
        left = float(seen) if seen.replace(".", "", 1).isdecimal() else None
        if left is not None and left <= TOLD_MS:
            return None
        return f"the callee saw {header}: {seen[:40]}, its caller gave {TOLD_MS}"


class CancellationReaches(ReadCheck):
    """Work stops when the caller has gone away.

    Starts a call of three seconds, sees it in the gauge of calls under way, goes away, and reads the gauge until
    it is back where it was. Still up when the work could not have ended by itself, in two rounds of two, is a fail:
    abandoned work fills the service while its callers try again.
    """

    id = "boundary.cancellation-reaches"
    dimension = Dimension.RELIABILITY
    severity = Severity.MEDIUM
    phase = Phase.WRITE  # alone: the gauge counts everybody's calls
    suite = "boundary"
    remedy = "Watch for the caller's disconnect, cancel the inner call, and let the callee look for it as well."
    refs = ("CWE-404", "CWE-770")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where there is a slow probe and a gauge."""
        slow, gauge = scene.profile.probes.slow, scene.profile.probes.in_flight
        params, looked = probed(scene, slow), probed(scene, gauge)
        if slow is None or params is None:
            yield Unmet(subject="slow", needs=NEEDS_SLOW)
        elif gauge is None or looked is None:
            yield Unmet(subject="gauge", needs="probes: {in_flight: {operation: ID, out: $.in_flight}}")
        else:
            params |= {"in": slow.into, "gauge": looked, "out": gauge.out, "suite": self.suite}
            yield Case(check=self.id, subject=slow.operation, params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Start, look, leave, and look until the gauge is back."""
        work = asking(operation_of(case.params), case.params["in"], WORK_MS)
        look = ask_for(operation_of(case.params["gauge"]))
        for number in range(1, ROUNDS + 1):
            if await self._round(case, target, f"round.{number}", replace(work, deadline_s=LEAVE_S), look):
                return
            if number < ROUNDS:
                await target.sleep(WORK_MS / 1000)  # what was left behind has ended by itself

    async def _round(self, case: Case, target: ReadTarget, label: str, work: Ask, look: Ask) -> bool:
        before = number_in(await target.read(f"{label}.before", look), case.params["out"])

        async def look_meanwhile() -> None:
            for number in range(1, LOOKS + 1):
                await target.sleep(LOOK_S)
                await target.read(f"{label}.during.{number}", look)

        async def work_until_left() -> None:
            await target.read(f"{label}.work", work)

        began_s = target.now_s()
        await target.together([work_until_left(), look_meanwhile()])
        left_s = max(target.now_s(), began_s + LEAVE_S)
        number, late = 0, False
        while not late:
            number, late = number + 1, target.now_s() >= left_s + SETTLES_S
            now = number_in(await target.read(f"{label}.after.{number}", look), case.params["out"])
            if now is not None and before is not None and now <= before:
                return True
            await target.sleep(POLL_S)
        return False

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Read the gauge."""
        expected = f"calls under way are back within {SETTLES_S:g} s after the caller went away"
        rounds = [self._settled(case, evidence, f"round.{number}") for number in range(1, ROUNDS + 1)]
        numbers = numbers_of(evidence.exchanges("round"))
        if True in rounds:
            if rounds[0] is True:
                return passed(expected, "they are", exchanges=numbers, n=1)
            return undecided(Reason.FLAKY, expected, "in one round of two", exchanges=numbers)
        if None in rounds:
            text = "the gauge does not show the call, or not all was recorded"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        text = f"the call is still under way {SETTLES_S:g} s later, twice"
        return failed(expected, text, exchanges=numbers, n=ROUNDS)

    def _settled(self, case: Case, evidence: Evidence, label: str) -> bool | None:
        """Whether the gauge came back in a round; None where it says nothing."""

        def read(part: str) -> list[float | None]:
            return [number_in(exchange, case.params["out"]) for exchange in evidence.exchanges(f"{label}.{part}")]

        before, during, after = read("before"), read("during"), read("after")
        work = evidence.exchanges(f"{label}.work")
        if len(before) != 1 or len(during) != LOOKS or not after or len(work) != 1 or work[0].failure is None:
            return None
        values = [value for value in [*before, *during, *after] if value is not None]
        if len(values) < len(before) + len(during) + len(after):
            return None
        start, seen, settled = values[0], values[1 : LOOKS + 1], values[-1]
        if max(seen) <= start:
            return None
        looks = [look for look in evidence.exchanges(f"{label}.after") if _before_its_end(look, work[0])]
        if settled <= start:
            return True if len(looks) == len(after) else None
        return False if any(look.at_s - work[0].at_s >= LEAVE_S + SETTLES_S for look in looks) else None


def _before_its_end(look: Exchange, work: Exchange) -> bool:
    """Whether a look was answered before the work could have ended by itself."""
    return look.at_s + (look.total_ms or 0) / 1000 - work.at_s < WORK_MS / 1000


def _late(exchange: Exchange, control: Exchange) -> bool:
    """Whether an answer under a deadline is a success, or came long after it."""
    most_ms = LIMIT_MS + GRACE_MS + (control.total_ms or 0)
    too_long = exchange.total_ms is not None and exchange.total_ms > most_ms
    return is_good(exchange) or too_long
