"""Do metrics parse, count every request exactly once, and never count backwards."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.metrics.exposition import Exposition, Series, parse, shown
from hybridcheck.checks.operations import ask_for, complaint_about, operation_in, params_of
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.models import Observability, Profile
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ACCEPT = (("Accept", "text/plain;version=0.0.4, text/plain;q=0.9, */*;q=0.1"),)
METRICS_NEED = "observability: {metrics: /metrics}"
START_TIME = "process_start_time_seconds"

SENT = 30
"""Marked requests of one round."""

ROUNDS = 2
SETTLE_S = 2.0
"""How long a counter may lag behind the last answer."""

STEP_S = 0.2
SCRAPES = 30
"""With w ≥ 2 workers that each count for themselves, a decrease is missed with p ≤ 2⁻²⁹."""


def metrics_params(seen: Observability) -> dict[str, Json] | None:
    """Where the metrics are, for the params of a case; None where the profile does not say."""
    if seen.metrics_url is not None:
        parts = urlsplit(seen.metrics_url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return {"service_url": f"{parts.scheme}://{parts.netloc}", "path": path}
    return {"service_url": None, "path": seen.metrics} if seen.metrics is not None else None


def scrape(params: dict[str, Json]) -> Ask:
    """A request for the metrics on a connection of its own."""
    return Ask("GET", params["path"], headers=ACCEPT, fresh=True, service_url=params["service_url"])


class _OfMetrics(ReadCheck):
    """The base: one case over all metrics."""

    dimension = Dimension.MONITORING
    severity = Severity.HIGH
    suite = "monitoring"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case where metrics are declared."""
        params = metrics_params(scene.profile.observability)
        if params is None:
            yield Unmet(subject="metrics", needs=METRICS_NEED)
        else:
            yield Case(check=self.id, subject="metrics", params=params)


class MetricsParse(_OfMetrics):
    """The metrics are valid exposition text.

    Fetches them and reads them strictly: grammar, one TYPE and HELP per family and before its samples, no series
    twice, counters finite and not negative, histogram buckets that count upwards to +Inf, which is the count. Three
    of three broken answers are a fail.
    """

    id = "metrics.parse"
    remedy = "Let a metrics library write the exposition; look at the line that is named."
    refs = ("Prometheus exposition format 0.0.4",)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Fetch them, and again where they are broken."""
        await ask_until_good(target, "probe", scrape(case.params), text_complaint)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on three broken answers."""
        return judge_repeats(evidence, "probe", f"{case.params['path']} is valid exposition text", text_complaint)


class CounterTrue(ReadCheck):
    """A declared counter moves by exactly the requests that were sent.

    Nothing else of the run is under way meanwhile. Reads the counter twice without a request in between (it must not
    move: somebody else's traffic would drown ours), sends 30 requests of the operation, and reads until the counter
    has moved by 30 or two seconds are over. What does not add up is done once more; a counter that is missing, moves
    too little twice, or moves by the same wrong number twice, is a fail.
    """

    id = "metrics.counter-true"
    dimension = Dimension.MONITORING
    severity = Severity.HIGH
    phase = Phase.WRITE
    remedy = "Count at one place, once per answer, and add up the workers before they are exposed."
    refs = ("Prometheus instrumentation practices",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per declared counter."""
        found = list(self._cases(scene.profile))
        yield from found
        if not found:
            line = "observability: {counters: [{metric: http_requests_total, labels: {}, operation: ID}]}"
            yield Unmet(subject="counters", needs=line)

    def _cases(self, profile: Profile) -> Iterator[Case]:
        where = metrics_params(profile.observability)
        for number, counter in enumerate(profile.observability.counters if where is not None else (), 1):
            operation = profile.operation(counter.operation)
            if operation is None or not operation.reads or not operation.sendable or where is None:
                continue
            wanted = {"metric": counter.metric, "labels": dict(counter.labels), "requests": SENT}
            params = {**params_of(operation, "monitoring"), **where, **wanted}
            yield Case(check=self.id, subject=f"{number}:{counter.metric}", params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Read, send, read; a second round where the first does not add up."""
        ask = ask_for(operation_in(case.params))
        for number in range(1, ROUNDS + 1):
            label = f"round{number}"
            await target.read(f"{label}.idle", scrape(case.params))
            await target.sleep(STEP_S)
            before = _count(await target.read(f"{label}.before", scrape(case.params)), case)
            for sent in range(1, SENT + 1):
                await target.read(f"{label}.sent.{sent}", ask)
            started_s = target.now_s()
            moved = await self._settled(case, target, label, before, started_s)
            if moved == SENT:
                return

    async def _settled(
        self, case: Case, target: ReadTarget, label: str, before: float | None, started_s: float
    ) -> float | None:
        """How far the counter has moved when it has moved far enough, or the time to settle is over."""
        attempt, moved = 0, None
        while attempt == 0 or (moved is not None and moved < SENT and target.now_s() - started_s < SETTLE_S):
            attempt += 1
            after = _count(await target.read(f"{label}.after.{attempt}", scrape(case.params)), case)
            moved = None if after is None else after - (before or 0.0)
            await target.sleep(STEP_S)
        return moved

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on one round that adds up; fail on two that do not, in the same way."""
        metric, sent = str(case.params["metric"]), int(case.params["requests"])
        expected = f"{metric} moves by {sent} with {sent} requests of {operation_in(case.params).id}"
        rounds = [_Round(case, evidence, f"round{number}") for number in range(1, ROUNDS + 1)]
        lived = [one for one in rounds if one.exchanges]
        numbers = tuple(n for one in lived for n in (one.exchanges[0].n, one.exchanges[-1].n))
        details = {"exchanges": numbers, "n": sent * len(lived), "limit": float(sent), "unit": "requests"}
        if not lived:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "nothing was recorded")
        for one in lived:
            if one.trouble is not None:
                return undecided(one.trouble[0], expected, one.trouble[1], **details)
        if lived[0].moved == sent:
            return passed(expected, f"moved by {sent}", value=float(sent), **details)
        if len(lived) < ROUNDS:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{lived[0].words}; not repeated", **details)
        first, second = lived[0].moved, lived[1].moved
        if second == sent:
            return undecided(Reason.FLAKY, expected, f"once: {lived[0].words}", **details)
        if first == second or (first is not None and second is not None and max(first, second) < sent):
            return failed(expected, f"twice: {lived[1].words}", value=second, **details)
        text = f"{lived[0].words}, then {lived[1].words}: somebody else may be calling"
        return undecided(Reason.SUSPECTED, expected, text, **details)


class _Round:
    """One round of `CounterTrue` as the records tell it."""

    def __init__(self, case: Case, evidence: Evidence, label: str) -> None:
        operation = operation_in(case.params)
        self.exchanges = evidence.exchanges(label)
        self.moved: float | None = None
        self.trouble: tuple[Reason, str] | None = None
        if not self.exchanges:
            return
        sent, after = evidence.exchanges(f"{label}.sent"), evidence.exchanges(f"{label}.after")
        idle, before = evidence.exchange(f"{label}.idle"), evidence.exchange(f"{label}.before")
        bad = next((e for e in sent if complaint_about(e, operation.expect)), None)
        broken = next((e for e in (idle, before, *after) if e.status != 200), None)
        counts = [_count(exchange, case) for exchange in (idle, before, *after[-1:])]
        if len(sent) != case.params["requests"] or not after:
            self.trouble = (Reason.EVIDENCE_INCOMPLETE, f"{len(sent)} requests and {len(after)} readings were recorded")
        elif bad is not None:
            reason = Reason.THROTTLED if bad.status == 429 else Reason.NO_TEST_DATA
            self.trouble = (reason, f"a request was not answered as declared: {describe(bad)}")
        elif broken is not None:
            self.trouble = (Reason.NO_TEST_DATA, f"the metrics were not answered: {describe(broken)}")
        elif not _exposition(before).values:
            self.trouble = (Reason.NO_TEST_DATA, f"there are no metrics to read: {describe(before)}")
        elif counts[0] != counts[1]:
            self.trouble = (Reason.SUSPECTED, f"the counter moves without our requests: {counts[0]} to {counts[1]}")
        elif counts[2] is not None:
            self.moved = counts[2] - (counts[1] or 0.0)

    @property
    def words(self) -> str:
        """How it ended."""
        return "there is no such counter" if self.moved is None else f"moved by {self.moved:g}"


class CountersMonotone(_OfMetrics):
    """No counter counts backwards.

    Fetches the metrics 30 times, each on a fresh connection: behind several workers that count for themselves, one
    that is lower than before is met within a few. A decrease with a later `process_start_time_seconds` is a restart and
    none; otherwise two decreases, or one without a change of a start time that is exposed, are a fail.
    """

    id = "metrics.counters-monotone"
    remedy = "Add up the workers' counters before they are exposed (a shared file, or one exporter per worker)."
    refs = ("Prometheus data model, counters",)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Fetch them again and again."""
        for number in range(1, SCRAPES + 1):
            await target.read(f"scrape.{number}", scrape(case.params))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on decreases that are no restart."""
        expected = f"no counter is lower than before in {SCRAPES} fetches"
        scrapes = evidence.exchanges("scrape")
        details: dict[str, object] = {"exchanges": tuple(e.n for e in scrapes[:1] + scrapes[-1:]), "n": len(scrapes)}
        bad = next((exchange for exchange in scrapes if exchange.status != 200), None)
        if len(scrapes) < SCRAPES or bad is not None:
            text = describe(bad) if bad is not None else f"{len(scrapes)} of {SCRAPES} fetches"
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, text, **details)
        read = [_exposition(exchange) for exchange in scrapes]
        if not any(True for _ in read[0].counting()):
            return undecided(Reason.SHALLOW, expected, "no counter is exposed", **details)
        found = list(_decreases(scrapes, read))
        if not found:
            return passed(expected, f"{sum(1 for _ in read[0].counting())} series in {SCRAPES} fetches", **details)
        number, words, start_known = found[0]
        details["exchanges"] = tuple(n for n, _, _ in found[:5])
        if len(found) > 1 or start_known:
            return failed(expected, f"{words} ({len(found)} times)", **details)
        return undecided(
            Reason.SUSPECTED, expected, f"{words}, once at {number}: it may have been restarted", **details
        )


def _decreases(scrapes: tuple[Exchange, ...], read: list[Exposition]) -> Iterator[tuple[int, str, bool]]:
    """Each fetch that shows a lower counter without a later start: its number, in words, whether starts are exposed."""
    last: dict[Series, float] = {}
    start = read[0].total(START_TIME, {})
    for exchange, exposition in zip(scrapes, read, strict=True):
        now = exposition.total(START_TIME, {})
        restarted = start is not None and now is not None and now > start
        lower = [(s, last[s], value) for s, value in exposition.counting() if value < last.get(s, value)]
        if lower and not restarted:
            series, was, value = lower[0]
            yield exchange.n, f"{shown(series)} goes from {was:g} to {value:g}", now is not None and start is not None
        last.update(exposition.counting())
        if now is not None:
            start = now if start is None else max(start, now)  # a start that was seen before is another process


def _exposition(exchange: Exchange) -> Exposition:
    content = exchange.response.body.content() if exchange.response is not None else b""
    return parse(content.decode("utf-8", "replace"))


def _count(exchange: Exchange, case: Case) -> float | None:
    """The declared counter in one answer; None where it is not there."""
    if exchange.status != 200:
        return None
    return _exposition(exchange).total(str(case.params["metric"]), dict(case.params["labels"]))


def text_complaint(exchange: Exchange) -> str | None:
    """What is wrong with an answer that should be exposition text; None where nothing is."""
    if exchange.status != 200 or exchange.response is None:
        return describe(exchange)
    content = exchange.response.body.content()
    try:
        found = parse(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not UTF-8"
    if exchange.response.media_type not in {"text/plain", "application/openmetrics-text"}:
        return f"content type {exchange.response.media_type or 'none'}"
    if found.faults:
        return "; ".join(found.faults[:3])
    return None if found.values else "no metric at all"
