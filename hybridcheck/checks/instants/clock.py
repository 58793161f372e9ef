"""Is the time that a service tells the time of the side that passes it on."""

import math
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.clocks import DATE_LAG_S, date_of, stamp_of
from hybridcheck.checks.dashboards.data import document_of
from hybridcheck.checks.operations import ask_for, operation_in, params_of, suite_of
from hybridcheck.checks.repeats import ask_until_good, judge_repeats
from hybridcheck.diagnosis.instants import of_instant
from hybridcheck.diagnosis.signatures import WORDS, explanation
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, Outcome


class ClockTrue(ReadCheck):
    """The clocks of both runtimes agree, and what is called UTC is UTC.

    Asks the operation that is declared to tell the time and compares it with the Date header of the same answer, which
    the gateway writes: the tester's own clock is not asked. More apart than `max_skew_s` and two seconds, three times
    of three, is a fail; whole quarters of an hour are a zone that was lost.
    """

    id = "time.clock-true"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    remedy = "Run all hosts in UTC with time synchronisation, and write local time with its offset."
    refs = ("RFC 3339 §4.4", "RFC 9110 §6.6.1", "docs.exaloop.io/codon datetime without zones")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where the operation is declared."""
        probe = scene.profile.probes.time.now
        found = False
        for _, service, operation in scene.profile.all_operations() if probe is not None else ():
            if probe is not None and operation.id == probe.operation and operation.reads and operation.sendable:
                found = True
                params = {**params_of(operation, suite_of(service)), "probe": probe.model_dump(mode="json")}
                yield Case(check=self.id, subject=operation.id, params=params)
        if not found:
            yield Unmet(subject="clock", needs="probes: {time: {now: {operation: ID, out: $.now, max_skew_s: 5}}}")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask, and again where the clocks are apart."""
        await ask_until_good(target, "probe", ask_for(operation_in(case.params)), lambda e: self._suspected(case, e))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare the clocks."""
        limit = f"{case.params['probe']['max_skew_s']:g} s"
        expected = f"{case.params['probe']['out']} and the Date of the answer are at most {limit} apart"
        found = judge_repeats(evidence, "probe", expected, lambda e: self._complaint(case, e))
        if found.outcome is not Outcome.FAIL:
            return found
        clocks = [self._clocks(case, exchange) for exchange in evidence.exchanges("probe")]
        name = explanation([of_instant(date, told, math.inf, steady_s=DATE_LAG_S + 1) for date, told in clocks])
        if name is None:
            return found
        text = f"{WORDS[name]}. {found.observed}"
        return found.model_copy(update={"observed": text, "figures": {"signature": name.value}})

    def _suspected(self, case: Case, exchange: Exchange) -> str | None:
        try:
            return self._complaint(case, exchange)
        except Undecided as undecided:
            return undecided.why

    def _complaint(self, case: Case, exchange: Exchange) -> str | None:
        date, told = self._clocks(case, exchange)
        apart = told - date
        limit: float = case.params["probe"]["max_skew_s"] + DATE_LAG_S
        return f"the service says {apart:+.0f} s from the Date of its answer" if abs(apart) > limit else None

    def _clocks(self, case: Case, exchange: Exchange) -> tuple[float, float]:
        """The answer's Date and the time that it tells, both in Unix seconds."""
        document, date = document_of(exchange, operation_in(case.params)), date_of(exchange)
        if date is None:
            raise Undecided(Reason.NO_TEST_DATA, "the answer has no Date header to compare with")
        try:
            told = stamp_of(value_at(document, case.params["probe"]["out"]))
        except NoSuchPath as missing:
            raise Undecided(Reason.NO_TEST_DATA, str(missing)) from missing
        if told is None:
            raise Undecided(Reason.NO_TEST_DATA, "what it tells is neither ISO 8601 nor Unix seconds")
        return date, told
