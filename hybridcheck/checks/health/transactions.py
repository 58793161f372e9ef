"""Is readiness true: while it says yes, the operations work."""

from collections.abc import Iterator

from hybridcheck.cases import Case, CoreQuestion, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, params_of, suite_of
from hybridcheck.checks.repeats import PAUSE_S, REPEATS, describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

MOST_OPERATIONS = 8
"""How many operations stand for all: the first of each service, so that each part is asked."""


class ReadinessTrue(ReadCheck):
    """While the target says that it is ready, its operations work.

    Asks readiness and one declared operation of each service at the same time. Ready beside an operation that fails
    with a status from 500 up or without an answer, for the same operation three times of three, is a fail: whoever
    routes by readiness sends users there. A target that does not say ready shows nothing here.
    """

    id = "health.readiness-true"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    core = CoreQuestion.ALIVE
    remedy = "Let readiness ask what requests need (storage, the native service) with a short timeout of its own."
    refs = ("Kubernetes readiness probes", "Google SRE Book ch. 6")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case: readiness beside one operation of each service."""
        ready, chosen = scene.profile.ready, _one_of_each(scene)
        if ready is None:
            yield Unmet(subject="ready", needs="ready: /path/of/readiness")
        elif not chosen:
            yield Unmet(subject="ready", needs="operations: [GET /path]")
        else:
            kept: list[Json] = [params_of(operation, "")["operation"] for operation in chosen]
            params = {"ready": ready.path, "status": ready.status, "operations": kept, "suite": "monitoring"}
            yield Case(check=self.id, subject="ready", params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask all at the same time, up to three times while the answers contradict each other."""
        chosen = _operations_in(case)
        for attempt in range(1, REPEATS + 1):
            fresh = attempt > 1
            ready = target.read(f"ready.{attempt}", Ask("GET", str(case.params["ready"]), fresh=fresh))
            calls = [target.read(f"call.{attempt}.{i}", ask_for(op)) for i, op in enumerate(chosen)]
            first, *others = await target.together([ready, *calls])
            if first.status != case.params["status"] or not _broken(chosen, others):
                return
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare what readiness says with how operations fare."""
        chosen = _operations_in(case)
        expected = f"while {case.params['ready']} answers {case.params['status']}, operations answer"
        readiness = evidence.exchanges("ready")
        rounds = [evidence.exchanges(f"call.{attempt}") for attempt in range(1, len(readiness) + 1)]
        numbers = tuple(e.n for exchanges in (readiness, *rounds) for e in exchanges)
        if not readiness or any(len(calls) != len(chosen) for calls in rounds):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
        silent = next((e for e in readiness if e.status != case.params["status"]), None)
        if silent is not None:
            text = f"the target does not say that it is ready: {describe(silent)}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        broken = [_broken(chosen, calls) for calls in rounds]
        always = sorted(set(broken[0]).intersection(*broken))
        if always and len(broken) >= REPEATS:
            text = f"ready, while {', '.join(f'{name} gives {broken[-1][name]}' for name in always)}"
            return failed(expected, text, exchanges=numbers, n=len(broken))
        if any(broken):
            text = f"not each time: {', '.join(sorted({name for names in broken for name in names}))}"
            return undecided(Reason.FLAKY, expected, text, exchanges=numbers)
        worked = sum(call.status in op.expect.status for op, call in zip(chosen, rounds[0], strict=True))
        text = f"{worked} of {len(chosen)} operations answered as declared beside it, none failed"
        if not worked:
            return undecided(Reason.SHALLOW, expected, text, exchanges=numbers)
        return passed(expected, text, exchanges=numbers, n=len(chosen))


def _one_of_each(scene: Scene) -> list[Operation]:
    chosen: dict[str, Operation] = {}
    for name, service, operation in scene.profile.all_operations():
        if operation.sendable and operation.reads:
            chosen.setdefault(f"{name} {suite_of(service)}", operation)
    return list(chosen.values())[:MOST_OPERATIONS]


def _operations_in(case: Case) -> list[Operation]:
    return [Operation.model_validate(kept) for kept in case.params["operations"]]


def _broken(chosen: list[Operation], calls: list[Exchange] | tuple[Exchange, ...]) -> dict[str, str]:
    """The operations that fail by the target's fault, each with how."""
    found = {}
    for operation, call in zip(chosen, calls, strict=True):
        status = call.status
        if status is None or (status >= 500 and status not in operation.expect.status):
            found[operation.id] = describe(call)
    return found
