"""Does one operation of a CPython service hold up all others: release waves among light requests beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.eventloop.waves import Wave, release_wave
from hybridcheck.checks.operations import ask_for, params_of, suite_of
from hybridcheck.checks.repeats import describe, numbered
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.models import Profile
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

LEAST_S = 0.15
"""Shorter stalls are not looked for: on a shared machine the scheduler makes some."""

PACE_S = 0.02
"""Between two light requests."""

AT_LEAST, AT_MOST = 2, 60
"""How many light requests go out beside one call."""

ROUNDS = 3
"""How often a wave has to come with the same operation before it is a fail."""

NEEDS = "health: /health, and services: {NAME: {runtime: cpython, operations: [{id: ID, request: GET /path}]}}"


class NoStalls(ReadCheck):
    """No operation of a CPython service holds up all the others while it is answered.

    Sends light requests (`health`, or else `ready`) every 20 ms beside one call of each reading operation. A blocking
    call in an event loop delays all of them, and when it returns they are answered together: a release wave. An
    operation beside which a wave of 150 ms or more comes three times of three, while none comes without it, is named.
    """

    id = "eventloop.no-stalls"
    dimension = Dimension.PERFORMANCE
    severity = Severity.HIGH
    phase = Phase.WRITE  # runs alone: a wave has to be that of the operation beside it
    remedy = "Move the blocking call of the named operation to a thread (asyncio.to_thread), or use its async form."
    refs = ("docs.python.org/3/library/asyncio-dev.html",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per CPython service, with all its reading operations."""
        light, found = light_path(scene.profile), False
        for name, service in scene.profile.services.items():
            operations = [op for op in service.operations if op.reads and op.sendable]
            if service.runtime == "cpython" and operations and light is not None:
                found = True
                suite = suite_of(service)
                candidates = [params_of(op, suite)["operation"] for op in operations]
                yield Case(
                    check=self.id,
                    subject=name,
                    params={"suite": suite, "light": light, "candidates": candidates},
                )
        if not found:
            yield Unmet(subject="services", needs=NEEDS)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Call each operation once among light requests; three times, and lights alone, where a wave came."""
        light = Ask("GET", str(case.params["light"]), fresh=True)
        for index, operation in enumerate(_candidates(case)):
            for number in range(1, ROUNDS + 1):
                label = f"{index}.{number}"
                call, lights = await _beside(target, label, ask_for(operation), light)
                if _stall(call, lights) is None:
                    break
                await _alone(target, label, light, (call.total_ms or 0.0) / 1000)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Name the operations that come with a wave each time."""
        expected = f"no call of {case.subject} holds up light requests for {LEAST_S * 1000:.0f} ms"
        operations = _candidates(case)
        found = [(op, _waves(index, op, evidence)) for index, op in enumerate(operations)]
        calls = tuple(exchange.n for exchange in evidence.exchanges("call"))
        longest_s = max((wave.held_s for _, waves in found for wave in waves if wave is not None), default=0.0)
        figures: dict[str, Json] = {"operations": len(operations), "longest_ms": longest_s * 1000}
        details: dict[str, object] = {"exchanges": calls, "n": len(calls), "figures": figures}
        blamed = [(op, [w for w in waves if w is not None]) for op, waves in found if None not in waves]
        if not blamed:
            return passed(expected, f"none of its {len(operations)} operations does, each time it is called", **details)
        if any(len(waves) < ROUNDS for _, waves in blamed):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "a wave was not looked for again", **details)
        if _alone_stalled(evidence):
            text = "light requests are held up without any call beside them too"
            return undecided(Reason.SUSPECTED, expected, text, **details)
        return failed(expected, _words(blamed), **details)


def light_path(profile: Profile) -> str | None:
    """The path of light requests: the health route, which does least, or else the readiness route."""
    reference = profile.health or profile.ready
    return reference.path if reference is not None else None


async def _beside(target: ReadTarget, label: str, ask: Ask, light: Ask) -> tuple[Exchange, list[Exchange]]:
    """A call among light requests that go on until it has ended; all are recorded under the label."""
    ended: list[Exchange] = []
    lights: list[Exchange] = []

    async def call() -> None:
        await target.sleep(PACE_S)  # the first light request goes out before it
        ended.append(await target.read(f"call.{label}", replace(ask, fresh=True)))

    async def one(number: int) -> None:
        lights.append(await target.read(f"light.{label}.{number}", light))

    async def from_on(number: int) -> None:
        await target.together([one(number), after(number)])

    async def after(number: int) -> None:
        await target.sleep(PACE_S)
        if number < AT_LEAST or (not ended and number < AT_MOST):
            await from_on(number + 1)

    await target.together([call(), from_on(1)])
    return ended[0], lights


async def _alone(target: ReadTarget, label: str, light: Ask, for_s: float) -> None:
    """Light requests without any call beside them, for as long as the call took."""

    async def one(number: int) -> Exchange:
        await target.sleep(number * PACE_S)
        return await target.read(f"alone.{label}.{number}", light)

    count = min(max(int(for_s / PACE_S), AT_LEAST), AT_MOST)
    await target.together([one(number) for number in range(1, count + 1)])


def _candidates(case: Case) -> list[Operation]:
    return [Operation.model_validate(operation) for operation in case.params["candidates"]]


def _stall(call: Exchange, lights: Sequence[Exchange]) -> Wave | None:
    """The wave that came while the call was under way."""
    wave = release_wave(lights, LEAST_S)
    ended_s = call.at_s + (call.total_ms or 0.0) / 1000
    return wave if wave is not None and call.at_s < wave.ended_s and ended_s >= wave.ended_s - wave.held_s / 2 else None


def _waves(index: int, operation: Operation, evidence: Evidence) -> list[Wave | None]:
    """What came with each call of an operation.

    Raises:
        Undecided: where calls or light requests are missing or not answered.
    """
    calls = evidence.exchanges(f"call.{index}")
    if not calls or not numbered(calls, f"call.{index}"):
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"not every call of {operation.id} is recorded")
    waves = []
    for number, call in enumerate(calls, 1):
        lights = evidence.exchanges(f"light.{index}.{number}")
        if call.status == 429 or any(light.status == 429 for light in lights):
            raise Undecided(Reason.THROTTLED, "the target throttled the tester (429)")
        if call.status not in operation.expect.status:
            raise Undecided(Reason.NO_TEST_DATA, f"{operation.id} is not answered as declared: {describe(call)}")
        if len(lights) < AT_LEAST or any(light.status is None for light in lights):
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, f"not every light request beside {operation.id} was answered")
        waves.append(_stall(call, lights))
    return waves


def _alone_stalled(evidence: Evidence) -> bool:
    """Whether light requests met a wave without any call beside them."""
    parts = {exchange.label.rpartition(".")[0] for exchange in evidence.exchanges("alone")}
    if not parts:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "light requests alone are not recorded")
    return any(release_wave(evidence.exchanges(part), LEAST_S) is not None for part in sorted(parts))


def _words(blamed: Sequence[tuple[Operation, list[Wave]]]) -> str:
    said = []
    for operation, waves in blamed:
        held_ms, size = max(wave.held_s for wave in waves) * 1000, max(wave.size for wave in waves)
        request = f"{operation.method} {operation.path}"
        said.append(f"{operation.id} ({request}) held up {size} light requests for {held_ms:.0f} ms, each time")
    return "; ".join(said)
