"""Does the target answer after the load as it did before."""

from collections.abc import Iterator

from hybridcheck.cases import Case, CoreQuestion, Dimension, Phase, Reason, Severity, Unmet
from hybridcheck.checks.check import LoadCheck, Scene
from hybridcheck.checks.load.phases import require_load
from hybridcheck.checks.operations import ask_for, complaint_about, operation_in, params_of
from hybridcheck.checks.repeats import ask_until_good, numbered
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.load_phases import callable_in_load, weights
from hybridcheck.target import LoadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

WINDOW_S = 1.0
"""Recovery is the start of the first window this long in which every answer is good (not a count of successes)."""

STEP_S = 0.1
"""Pause between two questions."""


class AnswersAfterLoad(LoadCheck):
    """After the load the target answers as before, within the declared recovery time.

    Asks each operation of the load phases ten times a second until every answer of one whole second is as declared
    and within the latency limit, or the recovery time is over. Fails where no such second came, unless the operation
    was not as declared and in time before the load either: that is no question of recovery (NO_TEST_DATA).
    """

    id = "recovery.after-load"
    dimension = Dimension.RELIABILITY
    severity = Severity.CRITICAL
    core = CoreQuestion.RECOVERY
    phase = Phase.LOAD  # at once when the load ends: abuse and faults come later
    suite = "api"
    needs_whole_phase = False
    remedy = "Look for queues, pools or caches that stay full when the load has gone; restart is not recovery."
    refs = ("Metastable failures, HotOS 2021",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per operation of the load phases that the read class may send."""
        profile = scene.profile
        made: set[str] = set()
        for name, spec in profile.load.items():
            for operation_id in weights(profile, spec):
                operation = profile.operation(operation_id)
                if operation is None or not (operation.reads and callable_in_load(operation)) or operation_id in made:
                    continue
                made.add(operation_id)
                limits = profile.thresholds
                params = {
                    **params_of(operation, "api"),
                    "stream": f"load/{name}",
                    "limit_ms": limits.max_latency_ms,
                    "recovery_s": limits.max_recovery_s,
                }
                yield Case(check=self.id, subject=operation_id, params=params, shared=(f"load/{name}",))
        if not made:
            yield Unmet(subject="load", needs="load: {rate_rps: 50, duration_s: 20, operations: [ID]}")

    async def before_load(self, case: Case, target: LoadTarget) -> None:
        """Ask for a good answer to compare with."""
        await ask_until_good(target, "before", ask_for(operation_in(case.params)), lambda e: trouble(e, case))

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Ask until one window is good or the recovery time is over."""
        operation, started_s = operation_in(case.params), target.now_s()
        asked: list[Exchange] = []
        while target.now_s() - started_s <= float(case.params["recovery_s"]) + WINDOW_S:
            asked.append(await target.read(f"after.{len(asked) + 1}", ask_for(operation)))
            if recovered_at_s(tuple(asked), case) is not None:
                break
            await target.sleep(STEP_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on a good window in time; fail where the whole recovery time went by without one."""
        require_load(evidence, str(case.params["stream"]))
        asked = evidence.exchanges("after")
        limit_s = float(case.params["recovery_s"])
        expected = (
            f"within {limit_s:g} s of the load's end, one second in which every answer is as declared and in time"
        )
        if not asked or not numbered(asked, "after"):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked is recorded")
        numbers = (asked[0].n, asked[-1].n)
        found_s = recovered_at_s(asked, case)
        bad = [exchange for exchange in asked if trouble(exchange, case)]
        details = {"exchanges": numbers, "n": len(asked), "limit": limit_s, "unit": "s"}
        if found_s is not None and found_s <= limit_s:
            observed = f"good from {found_s:.1f} s on, {len(bad)} bad answers before"
            return passed(expected, observed, value=found_s, **details)
        if asked[-1].at_s - asked[0].at_s < limit_s:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "the recovery time was not waited for", **details)
        text = f"{len(bad)} of {len(asked)} answers bad, the last: {trouble(bad[-1], case)}" if bad else "too late"
        before = [trouble(exchange, case) for exchange in evidence.exchanges("before")]
        if None not in before:
            why = f"no answer was as declared and in time before the load: {before[-1] if before else 'none recorded'}"
            return undecided(Reason.NO_TEST_DATA, expected, f"{text}; {why}", **details)
        return failed(expected, text, **details)


def trouble(exchange: Exchange, case: Case) -> str | None:
    """What is wrong with an answer after the load; None where it is as declared and in time."""
    complaint = complaint_about(exchange, operation_in(case.params).expect)
    limit_ms = case.params["limit_ms"]
    if complaint is None and limit_ms is not None and (exchange.total_ms or 0) > float(limit_ms):
        return f"{exchange.total_ms:.0f} ms"
    return complaint


def recovered_at_s(asked: tuple[Exchange, ...], case: Case) -> float | None:
    """Seconds from the first question to the start of the first good window; None where there is none yet."""
    start_s: float | None = None
    for exchange in asked:
        if trouble(exchange, case) is not None:
            start_s = None
            continue
        start_s = exchange.at_s if start_s is None else start_s
        if exchange.at_s - start_s >= WINDOW_S:
            return start_s - asked[0].at_s
    return None
