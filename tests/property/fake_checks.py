"""A small check for each style of judging: repeats, control and probe, a passive look, a rate, an exact invariant."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Phase, Reason, SafetyClass, Severity, Unmet
from hybridcheck.checks.check import Check, Scene
from hybridcheck.evidence import Evidence, LoadEnd, LoadSecond
from hybridcheck.statistics.rates import judge_rate
from hybridcheck.statistics.spread import Batch
from hybridcheck.verdict import Finding, failed, passed, undecided


class FakeCheck(Check):
    """The base: plans nothing by itself."""

    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    remedy = "none"
    safety = SafetyClass.READ
    phase = Phase.READ

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """Nothing: the tests plan by hand."""
        yield from ()


class Repeated(FakeCheck):
    """Three of three bad answers are a fail, one good first answer is a pass."""

    id = "fake.repeated"

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """K of k."""
        asked = evidence.exchanges("probe")
        bad = [exchange.status != 200 for exchange in asked]
        if not asked:
            return undecided(Reason.EVIDENCE_INCOMPLETE, "200", "nothing")
        numbers = tuple(exchange.n for exchange in asked)
        if not bad[0]:
            return passed("200", "200", n=len(asked), exchanges=numbers)
        if len(bad) == 3 and all(bad):
            return failed("200", "not 200", n=3, exchanges=numbers)
        return undecided(Reason.FLAKY, "200", "sometimes")


class ControlAndProbe(FakeCheck):
    """What the control may, the probe may not."""

    id = "fake.control"
    dimension = Dimension.SECURITY

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """A fail needs a control that worked."""
        control, probe = evidence.exchange("control"), evidence.exchange("probe")
        if control.status != 200:
            return undecided(Reason.AUTH_NOT_EFFECTIVE, "401", "the control failed")
        if probe.status in (401, 403):
            return passed("401", str(probe.status), n=1)
        return failed("401", str(probe.status), n=1) if probe.status == 200 else undecided(Reason.SUSPECTED, "401", "?")


class Passive(FakeCheck):
    """No answer of the whole run holds a trace."""

    id = "fake.passive"
    judges_gaps = True

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """One witness is proof; a pass needs everything."""
        seen = evidence.exchanges(stream="*")
        if any(e.response is not None and "trace" in (e.response.body.text or "") for e in seen):
            return failed("no trace", "a trace", n=len(seen))
        if not seen or evidence.gaps():
            return undecided(Reason.EVIDENCE_INCOMPLETE, "no trace", "not everything was seen")
        return passed("no trace", "none", n=len(seen))


class Rate(FakeCheck):
    """At most a declared share of the planned arrivals goes wrong; lost seconds are missing ones."""

    id = "fake.rate"
    dimension = Dimension.PERFORMANCE
    judges_gaps = True

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Missing counts as bad in the pass bound and as good in the fail bound."""
        stream, limit = str(case.params["stream"]), float(case.params["limit"])
        planned, seconds = int(case.params["per_second"]), int(case.params["seconds"])
        if not evidence.all(LoadEnd, stream=stream):
            return undecided(Reason.WORKER_LOST, "rate", "no end")
        known = {record.second: record for record in evidence.all(LoadSecond, stream=stream)}
        batches = [
            Batch(bad=sum(known[s].failed.values()), total=planned) if s in known else Batch(0, planned, planned)
            for s in range(seconds)
        ]
        decision = judge_rate(batches, limit, fail_alpha=float(case.params["fail_alpha"]))
        details = {"n": decision.n, "value": decision.k / decision.n, "lower": decision.lower, "upper": decision.upper}
        if decision.outcome == "pass":
            return passed("rate", "kept", **details)
        if decision.outcome == "fail":
            return failed("rate", "broken", **details)
        return undecided(Reason.TOO_FEW_SAMPLES, "rate", "open", **details)


class Unique(FakeCheck):
    """No claim is given out twice: one witness is enough."""

    id = "fake.unique"

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Judge all claims together."""
        claims = [e.response.body.text for e in evidence.exchanges("claim") if e.response is not None]
        if not claims:
            return undecided(Reason.NO_TEST_DATA, "unique", "no claim")
        if len(set(claims)) < len(claims):
            return failed("unique", "a duplicate", n=len(claims))
        return passed("unique", "all different", n=len(claims))


CHECKS: dict[str, Check] = {check.id: check for check in (Repeated(), ControlAndProbe(), Passive(), Rate(), Unique())}
"""Every fake check under its id."""
