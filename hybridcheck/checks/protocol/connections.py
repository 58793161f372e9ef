"""Are connections kept as promised, and does one that nobody uses leave the others alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hybridcheck.cases import Budget, Case, Dimension, Json, Reason, Severity, Unmet
from hybridcheck.checks import survival
from hybridcheck.checks.availability import look_afterwards, was_there
from hybridcheck.checks.boundary.crossing import boundary_of
from hybridcheck.checks.check import AbuseCheck, ReadCheck, Scene
from hybridcheck.checks.operations import complaint_about, operation_in, operations
from hybridcheck.checks.protocol.addresses import addresses, ask_at, sendable
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.profile.operations import Operation
from hybridcheck.target import AbuseTarget, Ask, Manner, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS = 2
"""How often a connection that was dropped, or held up others, is tried before that is a fail."""

UNSEEN_ROUNDS, PAUSE_S = 3, 1.0
"""As often, and with a pause between, where the process behind the address does not say when it started."""

NEEDS = "operations: [{request: GET /path}]"


def subjects(scene: Scene) -> Iterator[tuple[str, dict[str, Json]]]:
    """Both addresses of the operation that boundaries show best, else of the first one that reads."""
    crossing = [route.public for boundary in scene.profile.boundaries.values() for route in boundary.routes]
    found = [operation for name in crossing if (operation := sendable(scene, name)) is not None]
    first: Operation | None = next(iter([*found, *(operation for _, operation in operations(scene))]), None)
    if first is not None:
        yield from addresses(scene, first)


class KeepAliveReused(ReadCheck):
    """A connection that is kept takes one request after the other, and is never dropped without a word.

    Sends fifty requests (twenty in the quick budget) over one connection, and one more after a second of silence. A
    connection that is closed although the answer before did not say `Connection: close`, or that breaks under a
    request, two times of two, is a fail: a pool behind a gateway turns each of those into a 502. A restart closes
    connections as well: one that the service's `liveness` shows decides nothing, and where there is none to show it, it
    takes three times of three.
    """

    id = "protocol.keepalive-reused"
    waits = True
    dimension = Dimension.RELIABILITY
    severity = Severity.MEDIUM
    suite = "boundary"
    remedy = "Keep connections open for a minute, say `Connection: close` in the answer before closing one earlier."
    refs = ("RFC 9112 §9.3", "RFC 9112 §9.6")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per address of one operation."""
        found = False
        for subject, params in subjects(scene):
            found, requests = True, 20 if scene.budget is Budget.QUICK else 50
            kept = {"requests": requests, "watch": survival.watch_of(scene.profile, process_at(scene, params))}
            yield Case(check=self.id, subject=subject, params={**params, **kept})
        if not found:
            yield Unmet(subject="operations", needs=NEEDS)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """All over one connection; again where it was dropped, with a look at the process before and after."""
        asks = [ask_at(case.params)] * (int(case.params["requests"]) + 1)
        watch = case.params["watch"]
        if watch is not None:
            await survival.look_before(target, watch)
        for attempt in range(1, _rounds(case) + 1):
            exchanges = await target.on_one_connection(f"kept.{attempt}", asks, Manner(idle_s=1.0))
            if dropped(exchanges) is None:
                return
            for exchange in _first_broken(exchanges):
                await look_afterwards(target, exchange.label, exchange, asks[0])
            if watch is None:
                await target.sleep(PAUSE_S)
        if watch is not None:
            await survival.look_after(target, watch)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look for a connection that ended without a word, in every round."""
        wanted = int(case.params["requests"]) + 1
        expected = f"{wanted} requests over one connection"
        rounds = [evidence.exchanges(f"kept.{attempt}") for attempt in range(1, _rounds(case) + 1)]
        numbers = tuple(exchange.n for exchanges in rounds for exchange in exchanges)
        if any(exchange.status == 429 for exchanges in rounds for exchange in exchanges):
            return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", exchanges=numbers)
        labels = [f"{number}" for number in range(1, wanted + 1)]
        whole = [[e.label.rpartition(".")[2] for e in exchanges] == labels for exchanges in rounds]
        if not whole[0] or any(exchanges and not all_there for exchanges, all_there in zip(rounds, whole, strict=True)):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was sent is recorded")
        broken = complaint_about(rounds[0][0], operation_in(case.params).expect)
        if broken is not None:
            return undecided(Reason.NO_TEST_DATA, expected, f"the first request: {broken}", exchanges=numbers[:1])
        complaints = [dropped(exchanges) for exchanges in rounds]
        shown = (numbers[0], numbers[-1])
        if complaints[0] is None:
            connections = len({exchange.facts.get("connection") for exchange in rounds[0]})
            return passed(expected, f"answered over {connections} connection(s)", exchanges=shown, n=wanted)
        if any(exchanges and complaint is None for exchanges, complaint in zip(rounds, complaints, strict=True)):
            return undecided(Reason.FLAKY, expected, f"{complaints[0]}, not every time", exchanges=shown)
        if not all(rounds):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{complaints[0]}; not repeated", exchanges=shown)
        if not all(was_there(evidence, *_first_broken(exchanges)) for exchanges in rounds):
            text = f"{complaints[-1]}, and a fresh connection got no answer either"
            return undecided(Reason.SUSPECTED, expected, text, exchanges=shown)
        return self._dropped(case, evidence, failed(expected, complaints[-1] or "", exchanges=shown, n=wanted))

    def _dropped(self, case: Case, evidence: Evidence, finding: Finding) -> Finding:
        """The finding of connections that were dropped every time, unless what ended them was the end of the process."""
        watch = case.params.get("watch")
        if watch is not None and survival.fate(watch, evidence) is not survival.Fate.ALIVE:
            text = f"{finding.observed}, but {watch['service']} has not lived on meanwhile"
            return undecided(Reason.TARGET_CHANGED, finding.expected, text, exchanges=finding.exchanges)
        return finding


def process_at(scene: Scene, params: dict[str, Json]) -> str:
    """The service whose process ends the connections at an address: behind a gateway the caller of the boundary."""
    operation = operation_in(params).id
    boundary = boundary_of(scene, operation)
    front = boundary.caller if boundary is not None else survival.service_of(scene.profile, operation)
    return str(params["via"] or front)


def _rounds(case: Case) -> int:
    """How often a connection has to be dropped; ledgers of before the looks have two rounds."""
    return ROUNDS if case.params.get("watch", {}) is not None else UNSEEN_ROUNDS


def dropped(exchanges: Sequence[Exchange]) -> str | None:
    """How a kept connection ended without a word; None where it did not."""
    for index, exchange in enumerate(exchanges):
        before = exchanges[index - 1] if index else None
        if before is None:
            continue
        idle = " after a second of silence" if index == len(exchanges) - 1 else ""
        if exchange.failure is not None:
            return f"request {index + 1}{idle}: {describe(exchange)}"
        another = exchange.facts.get("connection") != before.facts.get("connection")
        if another and not said_so(before):
            return f"the connection was closed after answer {index}{idle}, which did not say so"
    return None


def _first_broken(exchanges: Sequence[Exchange]) -> Sequence[Exchange]:
    """The first exchange that got no answer, where there is one."""
    return [exchange for exchange in exchanges if exchange.failure is not None][:1]


def said_so(exchange: Exchange) -> bool:
    """Whether an answer said that its connection would be closed; HTTP/1.0 says so where it does not say keep-alive."""
    if exchange.response is None:
        return False
    said = (exchange.response.header("connection") or "").lower()
    return "close" in said or (exchange.response.http_version == "HTTP/1.0" and "keep-alive" not in said)


class IdleIsolated(AbuseCheck):
    """Connections that say nothing, or half of something, do not hold up the others.

    Asks the operation alone, and while one, three and ten connections are held open: idle ones, and ones with half a
    request. An answer that does not come within three seconds while they are held and comes again when they are gone,
    two times of two, is a fail. So long an answer is no question of load: ten connections are nothing.
    """

    id = "protocol.idle-isolated"
    dimension = Dimension.RELIABILITY
    severity = Severity.HIGH
    suite = "boundary"
    remedy = "Accept in a loop that does nothing else, read in a thread or task per connection, and time idle ones out."
    refs = ("CWE-400", "CWE-410", "Slowloris")

    PATIENCE_S = 3.0

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per address of one operation."""
        found = False
        for subject, params in subjects(scene):
            found, counts = True, [1, 10] if scene.budget is Budget.QUICK else [1, 3, 10]
            yield Case(check=self.id, subject=subject, params={**params, "counts": counts})
        if not found:
            yield Unmet(subject="operations", needs=NEEDS)

    async def probe(self, case: Case, target: AbuseTarget) -> None:
        """Alone, beside held connections, and alone again; a second time where it was held up."""
        await target.read("control", ask_at(case.params))
        for held in _held(case):
            for attempt in range(1, ROUNDS + 1):
                if await self._answered_beside(f"{held}.{attempt}", case, target):
                    break
            else:
                return

    async def _answered_beside(self, name: str, case: Case, target: AbuseTarget) -> bool:
        ask, count = ask_at(case.params), int(name.split("-", maxsplit=1)[0])
        async with target.holding(f"held.{name}", ask, count=count, half="-half" in name):
            beside = await target.read(f"beside.{name}", _patient(ask, self.PATIENCE_S))
        after = await target.read(f"after.{name}", ask)
        return beside.failure is None or after.failure is not None

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where the same connections held the operation up twice, and it was there without them."""
        expected = "an answer within 3 s beside ten connections that say nothing"
        control, expect = evidence.exchange("control"), operation_in(case.params).expect
        broken = complaint_about(control, expect)
        if broken is not None:
            return undecided(Reason.NO_TEST_DATA, expected, f"the control: {broken}", exchanges=(control.n,))
        numbers, slowest = [control.n], control
        for held in _held(case):
            found = [_told(evidence, f"{held}.{attempt}") for attempt in range(1, ROUNDS + 1)]
            if found[0] is None:
                text = f"{held}: not all that was done is recorded"
                return undecided(Reason.EVIDENCE_INCOMPLETE, expected, text)
            beside, after = found[0]
            numbers += [beside.n, after.n]
            if beside.failure is None:
                slowest = max(slowest, beside, key=lambda exchange: exchange.total_ms or 0)
                continue
            again = found[1]
            text = f"{_words(held)}: {describe(beside)}"
            if after.failure is not None:
                return undecided(Reason.SUSPECTED, expected, f"{text}, nor afterwards", exchanges=tuple(numbers))
            if again is None:
                return undecided(
                    Reason.EVIDENCE_INCOMPLETE, expected, f"{text}; not repeated", exchanges=tuple(numbers)
                )
            numbers += [again[0].n, again[1].n]
            if again[0].failure is None or again[1].failure is not None:
                return undecided(Reason.FLAKY, expected, f"{text}, once", exchanges=tuple(numbers))
            return failed(expected, f"{text}, twice, and an answer when they were gone", exchanges=tuple(numbers))
        text = f"the slowest answer took {slowest.total_ms or 0:.0f} ms, {control.total_ms or 0:.0f} ms alone"
        return passed(expected, text, exchanges=tuple(numbers), n=len(numbers))


def _held(case: Case) -> tuple[str, ...]:
    """What is held: a count, idle or with half a request."""
    return tuple(f"{count}-{kind}" for kind in ("idle", "half") for count in case.params["counts"])


def _words(held: str) -> str:
    count, _, kind = held.partition("-")
    return f"beside {count} {'idle' if kind == 'idle' else 'half-sent'} connection(s)"


def _told(evidence: Evidence, name: str) -> tuple[Exchange, Exchange] | None:
    """The answers beside and after what was held; None where a part is missing or the connections did not stand."""
    held = evidence.all(Observation, f"held.{name}")
    beside, after = evidence.exchanges(f"beside.{name}"), evidence.exchanges(f"after.{name}")
    if len(held) != 1 or len(beside) != 1 or len(after) != 1 or not held[0].values.get("opened"):
        return None
    return beside[0], after[0]


def _patient(ask: Ask, seconds: float) -> Ask:
    return replace(ask, deadline_s=seconds)
