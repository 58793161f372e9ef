"""Do listeners get their events in time, in order and at all while the declared load runs.

What they hear is judged by itself and is in no number of the requests. Seconds count where those of the load count, and
prove nothing where the load's own do not.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hybridcheck.cases import Case, Dimension, Json, Reason, Undecided, Unmet
from hybridcheck.checks.check import Scene
from hybridcheck.checks.load.limits import LoadPhaseCheck
from hybridcheck.checks.load.phases import NS_PER_MS, phase_until_its_end
from hybridcheck.checks.streams.delay import CLOCK_PAUSE_S, CLOCK_READS, LATE_SHARE, offset_between
from hybridcheck.evidence import Evidence, ListenSecond, Observation
from hybridcheck.profile.drives import listen_stream, scaled
from hybridcheck.profile.listener_consistency import heard_stream
from hybridcheck.profile.load_listeners import Listeners
from hybridcheck.profile.load_phases import judged_seconds
from hybridcheck.profile.operations import StreamSpec
from hybridcheck.statistics.binomial import min_clean_samples
from hybridcheck.statistics.histogram import Histogram, lower_edge_ns, upper_edge_ns
from hybridcheck.statistics.rates import RateDecision, judge_rate
from hybridcheck.statistics.spread import Batch
from hybridcheck.target import Ask, LoadTarget
from hybridcheck.verdict import Finding, Outcome, failed, passed, undecided

PASS_CONFIDENCE = 0.95

BEGAN = "run-began"


@dataclass(frozen=True, slots=True)
class Listened:
    """The judged seconds of one stream's listeners."""

    seconds: tuple[ListenSecond, ...]
    starved: str
    """In words, where the generator was kept from its CPU, and so perhaps this process; else empty."""

    def words(self) -> str:
        """What was heard, in figures."""
        delay, connect = Histogram(), Histogram()
        refused: dict[str, int] = {}
        for second in self.seconds:
            delay.merge(Histogram.from_pairs(second.delay))
            connect.merge(Histogram.from_pairs(second.connect))
            for kind, count in second.refused.items():
                refused[kind] = refused.get(kind, 0) + count
        cut, ended, left = (sum(getattr(s, name) for s in self.seconds) for name in ("cut", "ended", "left"))
        parts = [f"{self.seconds[0].users} listeners, {sum(s.events for s in self.seconds)} events"]
        parts += [f"delay p50 {_ms(delay, 0.5)}, p99 {_ms(delay, 0.99)}"] if delay.count else []
        parts += [f"{connect.count} connects (p99 {_ms(connect, 0.99)})"] if connect.count else []
        parts += (
            [f"refused: {', '.join(f'{kind} {count}' for kind, count in sorted(refused.items()))}"] if refused else []
        )
        parts += [f"{ended} ended by the target, {left} by us, {cut} broken"]
        return "; ".join(parts)


class ListenCheck(LoadPhaseCheck):
    """The base of checks of what the listeners of a phase hear: one case per phase and stream."""

    suite = "streaming"

    def lacks(self, scene: Scene, spec: StreamSpec) -> str:
        """What has to be declared for it beside the listeners; empty where all is."""
        return ""

    def shortfall(self, scene: Scene, phase: str, listeners: Listeners) -> str:
        """Why not even a flawless run could pass, and what could; empty where it could, or the run shows."""
        return ""

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per phase and stream with listeners."""
        made = False
        for phase, load in scene.profile.load.items():
            for listeners in load.listeners:
                spec = heard_stream(scene.profile, listeners)
                lacks = "" if spec is None else self.lacks(scene, spec)
                if spec is None or lacks:
                    yield Unmet(subject=f"{phase} {listeners.name}", needs=lacks)
                else:
                    yield self._case(scene, phase, listeners, spec)
                made = True
        if not made:
            yield Unmet(subject="load", needs="load: {steady: {listeners: [{service: NAME, stream: sse, users: 20}]}}")

    def _case(self, scene: Scene, phase: str, listeners: Listeners, spec: StreamSpec) -> Case:
        health = scene.profile.health or scene.profile.ready
        params: dict[str, Json] = {
            "stream": f"load/{phase}",
            "listen": listen_stream(phase),
            "listeners": listeners.name,
            "limit_ratio": scene.profile.thresholds.max_error_ratio,
            "max_delay_ms": spec.max_delay_ms,
            "clock": health.path if health is not None else "/",
        }
        short = self.shortfall(scene, phase, listeners)
        params |= {"cannot_decide": short} if short else {}
        shared = (f"load/{phase}", listen_stream(phase))
        subject = f"{phase} {listeners.name}"
        return Case(check=self.id, subject=subject, params=params, shared=shared, statistical=True)


class EventsInTimeUnderLoad(ListenCheck):
    """Under the declared load at least 95 % of the events reach their listeners within the declared delay.

    Listeners hold the stream open beside the requests. An event that is missing between two others (`sequence`) counts
    as late. Two clocks are compared as in `streams.delivery-delay`: late even with the clocks as far apart as they can
    be, and with this process as late as it was to its own clock, is a fail; on time with equal clocks, where nothing says that they differ, is a pass; anything between is
    SUSPECTED. Bounds are those of the load's other rates, by the second.
    """

    id = "load.stream-delay"
    remedy = "Look at what events wait for while requests are served: a shared pool, a lock, an event loop, a queue."
    refs = ("RFC 9110 §6.6.1", "WHATWG HTML §9.2")

    def lacks(self, scene: Scene, spec: StreamSpec) -> str:
        """`sent_at` and `max_delay_ms`."""
        if spec.sent_at is not None and spec.max_delay_ms is not None:
            return ""
        return "services: {NAME: {sse: {sent_at: $.sent_at, max_delay_ms: 500}}}"

    def expects(self, case: Case) -> str:
        """The share of late events that may be, and from when an event is late."""
        limit_ms = float(case.params["max_delay_ms"])
        return f"at most {LATE_SHARE:.0%} of the events come later than {limit_ms:g} ms, or never"

    async def probe(self, case: Case, target: LoadTarget) -> None:
        """Read the target's clock several times, after the load: there it costs no time of its own."""
        target.observe(BEGAN, {"unix_s": target.unix_s() - target.now_s()})
        await read_clock(case, target)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Count late events with the clocks equal, and with the clocks as far apart as they can be."""
        listened, limit_ms = listened_in(case, evidence), float(case.params["max_delay_ms"])
        expected = self.expects(case)
        clock = evidence.exchanges("clock")
        if len(clock) < CLOCK_READS:
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, "not all reads of the target's clock are recorded")
        least_ms = [s.least_delay_ms for s in listened.seconds if s.least_delay_ms is not None]
        if not least_ms:
            raise Undecided(
                Reason.TOO_FEW_SAMPLES,
                f"no event that says when it was sent (sent_at: Unix seconds or ISO 8601); {listened.words()}",
            )
        began_s = float(evidence.one(Observation, BEGAN).values["unix_s"])
        offset = offset_between(clock, began_s, min(least_ms) / 1000)
        latest_ms = max(0.0, limit_ms + offset.upper_s * 1000)
        sure = decide(case, listened, LATE_SHARE, lambda second: _surely_late(second, latest_ms))
        seen = decide(case, listened, LATE_SHARE, lambda second: _late(second, limit_ms, upper_edge_ns))
        if sure.outcome == "fail":
            return finding_of(sure, LATE_SHARE, expected, "late or lost", listened)
        if seen.outcome == "undecided" or (seen.outcome == "pass" and offset.may_be_none):
            return finding_of(seen, LATE_SHARE, expected, "late or lost", listened)
        text = (
            f"{seen.k} of {seen.n} late or lost with equal clocks; the tester's clock is between"
            f" {offset.lower_s:+.2f} and {offset.upper_s:+.2f} s ahead of the target's; {listened.words()}"
        )
        return undecided(Reason.SUSPECTED, expected, text)


class EventsInOrderUnderLoad(ListenCheck):
    """Under the declared load no more events are lost or out of order than `max_error_ratio` allows.

    By the declared `sequence`, within each listen: a leap is as many events as it leaves out, a number that is not
    beyond the highest so far is one out of order.
    """

    id = "load.stream-order"
    dimension = Dimension.RELIABILITY
    remedy = "Look for queues that drop when they are full, and for events of one listener handled by several workers."
    refs = ("WHATWG HTML §9.2",)

    def lacks(self, scene: Scene, spec: StreamSpec) -> str:
        """`sequence` and `max_error_ratio`."""
        if spec.sequence is None:
            return "services: {NAME: {sse: {sequence: $.sequence}}}"
        return "" if scene.profile.thresholds.max_error_ratio is not None else "thresholds: {max_error_ratio: 0.01}"

    def expects(self, case: Case) -> str:
        """The share of events that may be missed or misplaced."""
        return f"at most {float(case.params['limit_ratio']):.2%} of the events are lost or out of order"

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the share of what is lost or out of order."""
        listened, limit = listened_in(case, evidence), float(case.params["limit_ratio"])
        expected = self.expects(case)
        decision = decide(case, listened, limit, lambda s: Batch(bad=s.lost + s.disordered, total=s.events + s.lost))
        return finding_of(decision, limit, expected, "lost or out of order", listened)


class ListenersServedUnderLoad(ListenCheck):
    """Under the declared load the listeners have an open stream that brings events.

    Each judged second of each listener is a place: unserved where the listener had no open stream at all in it (refused,
    cut and not let in again), or no event for the stream's `within_s`, or where its stream broke off in it. At most
    `max_error_ratio` of the places may be.
    """

    id = "load.stream-served"
    dimension = Dimension.RELIABILITY
    remedy = "Look at limits of open connections, at the accept queue, and at what ends idle or slow listeners."
    refs = ("WHATWG HTML §9.2", "RFC 6455 §7.4.1")

    def lacks(self, scene: Scene, spec: StreamSpec) -> str:
        """`max_error_ratio`."""
        return "" if scene.profile.thresholds.max_error_ratio is not None else "thresholds: {max_error_ratio: 0.01}"

    def shortfall(self, scene: Scene, phase: str, listeners: Listeners) -> str:
        """Every judged second of every listener is a place."""
        limit = scene.profile.thresholds.max_error_ratio
        if not limit or limit >= 1:
            return "" if limit else "cannot be passed: no number of seconds shows a share of 0; allow a small share"
        spec = scaled(scene.profile.load[phase], scene.budget, len(scene.profile.load))
        seconds, needed = len(judged_seconds(spec)), min_clean_samples(limit, PASS_CONFIDENCE)
        if seconds and seconds * listeners.users >= needed:
            return ""
        plan = f"the plan has {listeners.users} in {seconds} judged seconds"
        return (
            f"needs >= {needed:,} seconds of listeners, {plan}; users: {math.ceil(needed / max(seconds, 1))} would do"
        )

    def expects(self, case: Case) -> str:
        """The share of their seconds in which listeners may be without their stream."""
        limit = float(case.params["limit_ratio"])
        return f"at most {limit:.2%} of the listeners' seconds are without an open, whole stream that brings events"

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge the share of unserved seconds."""
        listened, limit = listened_in(case, evidence), float(case.params["limit_ratio"])
        expected = self.expects(case)
        decision = decide(case, listened, limit, _unserved)
        finding = finding_of(decision, limit, expected, "seconds of listeners unserved", listened)
        short = case.params.get("cannot_decide")
        if not short or finding.outcome is not Outcome.INCONCLUSIVE:
            return finding
        text = f"{finding.observed}; as said before the start, it {short}"
        return finding.model_copy(update={"observed": text})


async def read_clock(case: Case, target: LoadTarget) -> None:
    """Read the Date header over more than one second."""
    for number in range(1, CLOCK_READS + 1):
        await target.read(f"clock.{number}", Ask("GET", str(case.params["clock"])))
        await target.sleep(CLOCK_PAUSE_S)


def listened_in(case: Case, evidence: Evidence) -> Listened:
    """What a case's listeners heard in the seconds that count.

    Raises:
        Undecided: where the load proves nothing, or not every second of them is recorded.
    """
    stream, name = str(case.params["stream"]), case.params["listeners"]
    phase = phase_until_its_end(evidence, stream, lambda row: row.counts)
    if phase.stopped_early:
        raise Undecided(Reason.STOPPED_EARLY, f"the load phase was ended early: {phase.end.detail}")
    heard = evidence.all(ListenSecond, stream=str(case.params["listen"]))
    by_second = {record.second: record for record in heard if record.listeners == name}
    if not phase.seconds.keys() <= by_second.keys():
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "what the listeners heard is not recorded for every second")
    return Listened(tuple(by_second[second] for second in phase.seconds), phase.starved)


def decide(case: Case, listened: Listened, limit: float, batch: Callable[[ListenSecond], Batch]) -> RateDecision:
    """Bounds on effective numbers, second by second."""
    batches = [batch(second) for second in listened.seconds]
    fail_alpha = float(case.params.get("fail_alpha", 0.01))
    return judge_rate(batches, limit, fail_alpha=fail_alpha, pass_confidence=PASS_CONFIDENCE)


def finding_of(decision: RateDecision, limit: float, expected: str, what: str, listened: Listened) -> Finding:
    """The decision with its figures; a fail beside a starved generator decides nothing."""
    share = decision.k / decision.n if decision.n else None
    text = f"{decision.k} of {decision.n} {what}; {listened.words()}"
    details: dict[str, object] = {
        "n": decision.n,
        "value": share,
        "lower": decision.lower,
        "upper": decision.upper,
        "limit": limit,
        "unit": "ratio",
        "effective_n": decision.effective_n,
        "method": "Clopper-Pearson on effective numbers (Korn-Graubard)",
    }
    if decision.outcome == "pass":
        return passed(expected, text, **details)
    if decision.outcome == "fail" and listened.starved:
        return undecided(Reason.GENERATOR_SATURATED, expected, f"{text}, but {listened.starved}", **details)
    if decision.outcome == "fail":
        return failed(expected, text, **details)
    return undecided(Reason.TOO_FEW_SAMPLES, expected, text, **details)


def _unserved(second: ListenSecond) -> Batch:
    return Batch(bad=min(second.unserved + second.cut, second.users), total=second.users)


def _surely_late(second: ListenSecond, limit_ms: float) -> Batch:
    """Late even if this process was as late to hear of it as it ever was to its own clock in that second."""
    own_ms = second.loop_lag_max_ms
    return _late(second, math.inf if own_ms is None else limit_ms + own_ms, lower_edge_ns)


def _late(second: ListenSecond, limit_ms: float, edge: Callable[[int], int]) -> Batch:
    late = sum(count for bucket, count in second.delay if edge(bucket) > limit_ms * NS_PER_MS)
    timed = sum(count for _, count in second.delay)
    return Batch(bad=late + second.lost, total=timed + second.lost)


def _ms(histogram: Histogram, q: float) -> str:
    found_ns = histogram.quantile(q)
    return "unknown" if found_ns is None else f"{found_ns / NS_PER_MS:.1f} ms"
