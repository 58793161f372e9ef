"""Does readiness say so while a service is down that the target says it needs."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import DisruptCheck, Scene
from hybridcheck.checks.repeats import describe, numbered
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.profile.hooks import hooks_that
from hybridcheck.target import Ask, DisruptTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

POLL_S = 0.25
LEAST = 3
"""How many answers at least say that it is ready before that is a fail."""

NEEDS = "ready: {path: /health/ready, needs: [SERVICE]}"
NEEDS_HOOK = (
    "hooks: {NAME: {class: disrupt, breaks: [SERVICE], does: down, apply: …, verify_active: …, revert: …, "
    "verify_clean: …}}"
)


class ReadinessTellsOutage(DisruptCheck):
    """Readiness says so while a service is down that it is declared to need.

    Takes each service of `ready: {needs: […]}` away with a declared hook and asks the readiness path until it is no
    longer answered as declared. One that says for `thresholds.max_recovery_s` that the target is ready is a fail:
    users are sent where nobody serves them. It was ready before, and has to be again afterwards. A target that goes on
    without a service does not declare it.
    """

    id = "health.readiness-tells-outage"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    suite = "monitoring"
    remedy = "Let the readiness route ask what the target cannot work without, with a short deadline, and answer 503."
    refs = ("RFC 9110 §15.6.4", "CWE-754")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per needed service."""
        profile = scene.profile
        ready = profile.ready
        for service in ready.needs if ready is not None else ():
            hooks = hooks_that(profile.hooks, "down", service, ("fault", "disrupt"))
            if ready is None or not hooks:
                yield Unmet(subject=service, needs=NEEDS_HOOK.replace("SERVICE", service))
                continue
            within_s = profile.thresholds.max_recovery_s
            params = {"path": ready.path, "status": ready.status, "hook": hooks[0], "within_s": within_s}
            yield Case(check=self.id, subject=service, params=params)
        if ready is None or not ready.needs:
            yield Unmet(subject="ready", needs=NEEDS)

    async def probe(self, case: Case, target: DisruptTarget) -> None:
        """Ask before, until it says so, and until it is ready again."""
        ask = Ask("GET", str(case.params["path"]), fresh=True)
        if not self._is_ready(case, await target.read("before", ask)):
            return
        async with target.disturbed("fault", case.params["hook"]):
            await self._ask_until(case, target, "during", ready=False)
        await self._ask_until(case, target, "after", ready=True)

    async def _ask_until(self, case: Case, target: DisruptTarget, label: str, *, ready: bool) -> None:
        ask, began_s, number = Ask("GET", str(case.params["path"]), fresh=True), target.now_s(), 0
        while number < LEAST or target.now_s() - began_s <= case.params["within_s"]:
            number += 1
            if self._is_ready(case, await target.read(f"{label}.{number}", ask)) is ready:
                return
            await target.sleep(POLL_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where it was ready all the time; pass where it was not, and is again."""
        within_s: float = case.params["within_s"]
        expected = f"{case.params['path']} is no longer {case.params['status']} while {case.subject} is down"
        before, during = evidence.exchange("before"), evidence.exchanges("during")
        after = evidence.exchanges("after")
        numbers = tuple(exchange.n for exchange in (before, *during[-LEAST:], *after[-1:]))
        if not self._is_ready(case, before):
            text = f"it was not ready before either: {describe(before)}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        for step in ("apply", "active"):
            if not evidence.one(Observation, f"fault.{step}").values["done"]:
                return undecided(Reason.FAULT_NOT_DELIVERED, expected, "the hook was not applied", exchanges=numbers)
        if not during or not numbered(during, "during"):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked is recorded")
        last, lasted_s = during[-1], during[-1].at_s - during[0].at_s
        if self._is_ready(case, last):
            text = f"still {describe(last)} after {lasted_s:.1f} s, {len(during)} times of {len(during)}"
            if len(during) < LEAST or lasted_s < within_s - 2 * POLL_S:
                return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{text}; not asked to the end")
            return failed(expected, text, exchanges=numbers, n=len(during))
        if last.status is None or not after or not self._is_ready(case, after[-1]):
            text = f"{describe(last)} while it is down, and ready again afterwards is not shown"
            return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)
        text = f"{last.status} {lasted_s:.1f} s later, and {after[-1].status} when it was back"
        return passed(expected, text, exchanges=numbers, n=len(during) + len(after))

    def _is_ready(self, case: Case, exchange: Exchange) -> bool:
        return bool(exchange.status == case.params["status"])
