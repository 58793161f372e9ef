"""What callers get while a service behind the boundary is down, and how soon it is over."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.boundary.crossing import (
    declared,
    found_at,
    is_good,
    number_in,
    numbers_of,
    operation_of,
    probed,
)
from hybridcheck.checks.check import DisruptCheck, Scene
from hybridcheck.checks.operations import ask_for, params_of, suite_of
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.profile.boundaries import Boundary
from hybridcheck.profile.hooks import hooks_that
from hybridcheck.target import DisruptTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

TIMES = 2
MOST_ROUTES, MOST_OTHERS = 4, 3
POLL_S = 0.1
NEEDS = (
    "hooks: {NAME: {class: disrupt, breaks: [SERVICE], does: down, apply: …, verify_active: …, revert: …, "
    "verify_clean: …}} and boundaries: {NAME: {caller: …, callee: SERVICE, routes: [{public: ID}]}}"
)


class NativeDown(DisruptCheck):
    """While the callee is down its routes say so, or stand in and say that; others go on, and the end comes soon.

    Takes the callee away with a declared hook. Each route of the boundary has to answer with `errors.down`, or with a
    success that the fallback probe's mark tells from the real one; operations of services that the hook does not
    break have to answer as ever. Anything else twice of two is a fail, and so is a callee that is back while its routes
    still fail after `thresholds.max_recovery_s`.
    """

    id = "resilience.native-down"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    suite = "boundary"
    remedy = (
        "Catch the refused connection, answer 503 with Retry-After or a marked fallback, and connect anew each time."
    )
    refs = ("RFC 9110 §15.6.4", "CWE-755", "CWE-636")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per boundary whose callee a hook takes down."""
        found, profile = False, scene.profile
        for name, boundary in profile.boundaries.items():
            hooks = hooks_that(profile.hooks, "down", boundary.callee, ("fault", "disrupt"))
            routes = _routes(scene, boundary)
            if hooks and routes:
                found = True
                fallback = profile.probes.fallback
                params: dict[str, Json] = {"hook": hooks[0], "routes": routes, "down": boundary.errors.down}
                params |= {"others": _others(scene, profile.hooks[hooks[0]].breaks), "suite": self.suite}
                params |= {"fallback": fallback.operation if fallback is not None else None}
                params |= {"marked": fallback.marked if fallback is not None else ""}
                params |= {"recovery_s": profile.thresholds.max_recovery_s}
                yield Case(check=self.id, subject=name, params=params)
        if not found:
            yield Unmet(subject="hooks", needs=NEEDS)

    async def probe(self, case: Case, target: DisruptTarget) -> None:
        """Ask before, during and after."""
        routes = [operation_of({"operation": route}) for route in case.params["routes"]]
        others = [operation_of({"operation": other}) for other in case.params["others"]]
        for operation in (*routes, *others):
            await target.read(f"before.{operation.id}", ask_for(operation))
        async with target.disturbed("fault", case.params["hook"]):
            for operation in (*routes, *others):
                for number in range(1, TIMES + 1):
                    exchange = await target.read(f"during.{operation.id}.{number}", ask_for(operation))
                    if self._complaint(case, exchange) is None:
                        break
        until_s = target.now_s() + case.params["recovery_s"]
        for operation in routes:
            number = 1
            while not is_good(await target.read(f"after.{operation.id}.{number}", ask_for(operation))):
                if target.now_s() > until_s:
                    return
                number += 1
                await target.sleep(POLL_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look at every route."""
        expected = f"{case.params['down']} or a marked fallback while {case.subject}'s callee is down, then recovery"
        ids = [route["id"] for route in (*case.params["routes"], *case.params["others"])]
        numbers = numbers_of(evidence.exchanges())
        dark = next((name for name in ids if not all(map(is_good, evidence.exchanges(f"before.{name}")))), None)
        if not all(evidence.exchanges(f"before.{name}") for name in ids) or dark is not None:
            text = f"{dark or 'an operation'} did not answer before the fault either"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        for step in ("apply", "active"):
            if not evidence.one(Observation, f"fault.{step}").values["done"]:
                return undecided(Reason.FAULT_NOT_DELIVERED, expected, "the hook was not applied", exchanges=numbers)
        return self._during(case, evidence, ids, expected) or self._after(case, evidence, expected)

    def _during(self, case: Case, evidence: Evidence, ids: list[str], expected: str) -> Finding | None:
        """A finding where an answer during the fault was wrong, or is not there; None where all are right."""
        incomplete = None
        for name in ids:
            asked = evidence.exchanges(f"during.{name}")
            found = [self._complaint(case, exchange) for exchange in asked]
            if len(asked) == TIMES and all(found):
                before = evidence.exchanges(f"before.{name}")
                return failed(expected, f"{name}: {found[-1]}", exchanges=numbers_of(before, asked), n=TIMES)
            if not asked or found[-1] is not None:
                incomplete = undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{name} was not asked to the end")
            elif any(found):
                incomplete = undecided(Reason.FLAKY, expected, f"{name}, once: {found[0]}", exchanges=numbers_of(asked))
        return incomplete

    def _after(self, case: Case, evidence: Evidence, expected: str) -> Finding:
        numbers = numbers_of(evidence.exchanges())
        clean = evidence.one(Observation, "fault.clean")
        if not clean.values["done"]:
            return undecided(Reason.TOOL_ERROR, expected, "the hook could not be reverted", exchanges=numbers)
        slowest_s = 0.0
        for route in case.params["routes"]:
            asked = evidence.exchanges(f"after.{route['id']}")
            if not asked:
                return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
            last = asked[-1]
            took_s = last.at_s + (last.total_ms or 0) / 1000 - clean.at_s
            if not is_good(last):
                if took_s <= case.params["recovery_s"]:
                    return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "the end was not awaited", exchanges=numbers)
                text = f"{route['id']} is answered {describe(last)} {took_s:.1f} s after the callee is back"
                return failed(expected, text, exchanges=numbers, n=len(asked))
            slowest_s = max(slowest_s, took_s if len(asked) > 1 else 0.0)
        figures: dict[str, Json] = {"recovery_s": slowest_s, "routes": len(case.params["routes"])}
        text = f"{len(case.params['routes'])} routes say so, {len(case.params['others'])} others go on"
        return passed(expected, text, exchanges=numbers, n=len(numbers), figures=figures)

    def _complaint(self, case: Case, exchange: Exchange) -> str | None:
        """What is wrong with an answer during the fault; None where it is as declared."""
        name = exchange.operation
        if name in {other["id"] for other in case.params["others"]}:
            return None if is_good(exchange) else f"does not need the callee, and is answered {describe(exchange)}"
        if not is_good(exchange):
            return None if exchange.status == case.params["down"] else f"answered {describe(exchange)}"
        if name == case.params["fallback"] and found_at(exchange, case.params["marked"]) is True:
            return None
        return f"answered {describe(exchange)} without the callee, and nothing marks it as a fallback"


class FallbackAgrees(DisruptCheck):
    """What stands in for a service that is down gives the values that the service gives.

    Asks an operation that has a fallback, with each declared body, before and while a hook takes the callee down. A
    marked answer with another value, twice of two, is a fail.
    """

    id = "resilience.fallback-agrees"
    dimension = Dimension.RELIABILITY
    severity = Severity.MEDIUM
    suite = "boundary"
    remedy = "Test both implementations with the same vectors; a fallback that is rarely used rots unseen."
    refs = ("CWE-1068",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where a fallback is declared and a hook takes its callee down."""
        probe = scene.profile.probes.fallback
        params = probed(scene, probe)
        found = declared(scene, probe.operation) if probe is not None else None
        hooks = hooks_that(scene.profile.hooks, "down", found[0], ("fault", "disrupt")) if found is not None else ()
        if probe is None or params is None:
            yield Unmet(
                subject="fallback", needs="probes: {fallback: {operation: ID, out: $.value, marked: $.degraded}}"
            )
        elif not hooks:
            yield Unmet(subject="fallback", needs=NEEDS)
        else:
            bodies = [params["operation"].get("body"), *(example.body for example in operation_of(params).examples)]
            params |= {"out": probe.out, "marked": probe.marked, "hook": hooks[0], "suite": self.suite}
            yield Case(check=self.id, subject=probe.operation, params={**params, "bodies": bodies})

    async def probe(self, case: Case, target: DisruptTarget) -> None:
        """Ask before and during."""
        operation = operation_of(case.params)
        asks = [ask_for(operation.model_copy(update={"body": body})) for body in case.params["bodies"]]
        for index, ask in enumerate(asks):
            await target.read(f"before.{index}", ask)
        async with target.disturbed("fault", case.params["hook"]):
            for index, ask in enumerate(asks):
                for number in range(1, TIMES + 1):
                    await target.read(f"during.{index}.{number}", ask)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the values."""
        expected = f"{case.subject} gives the same value with and without its callee"
        everything = numbers_of(evidence.exchanges())
        if not evidence.one(Observation, "fault.active").values["done"]:
            return undecided(Reason.FAULT_NOT_DELIVERED, expected, "the hook was not applied", exchanges=everything)
        out = case.params["out"]
        for index in range(len(case.params["bodies"])):
            own, during = evidence.exchange(f"before.{index}"), evidence.exchanges(f"during.{index}")
            want, got = number_in(own, out), [number_in(exchange, out) for exchange in during]
            marked = [found_at(exchange, case.params["marked"]) is True for exchange in during]
            numbers = numbers_of((own,), during)
            if want is None or len(during) < TIMES or None in got or not all(marked):
                text = "there is no value before, or no marked one during the fault"
                return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
            wrong = [value for value in got if value is not None and abs(value - want) > abs(want) * 1e-9]
            if len(wrong) == TIMES:
                return failed(expected, f"{want:.17g} becomes {wrong[0]:.17g}", exchanges=numbers, n=TIMES)
            if wrong:
                return undecided(Reason.FLAKY, expected, "it differs, but not each time", exchanges=numbers)
        return passed(expected, "it does", exchanges=everything, n=len(everything))


def _routes(scene: Scene, boundary: Boundary) -> list[Json]:
    """The operations of the read class that cross the boundary, as params."""
    found = [declared(scene, route.public) for route in boundary.routes]
    return [params_of(way[1], way[2])["operation"] for way in found if way is not None and way[1].reads][:MOST_ROUTES]


def _others(scene: Scene, broken: tuple[str, ...]) -> list[Json]:
    """Operations of services that the hook leaves alone, one of each service."""
    chosen: dict[str, Json] = {}
    for name, service, operation in scene.profile.all_operations():
        if operation.reads and operation.sendable and name not in broken and name not in chosen:
            chosen[name] = params_of(operation, suite_of(service))["operation"]
    return list(chosen.values())[:MOST_OTHERS]
