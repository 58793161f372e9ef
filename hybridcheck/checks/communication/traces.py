"""Does a trace that the caller began go through the system (W3C Trace Context)."""

from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, operation_in, params_of
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, Outcome, passed, undecided

NATIVE = frozenset({"codon", "native-standin", "emulation"})
PARENT = "00f067aa0ba902b7"
INVALID = ("zeros", "upper-case", "short")


class TracePropagated(ReadCheck):
    """A trace that the caller began is carried on, and one that is not valid is not.

    Sends a valid `traceparent`; the declared `observability.trace_header` of the answer has to hold its trace id. Then
    three that are not valid: a trace id of zeros, one in upper case, one too short. They have to be replaced, not
    echoed, and may not make the request fail. Three wrong answers of three are a fail. One operation of the gateway,
    and one of a native service where there is one.
    """

    id = "communication.trace-propagated"
    dimension = Dimension.MONITORING
    severity = Severity.MEDIUM
    suite = "communication"
    remedy = (
        "Let the gateway read traceparent by the standard's grammar, pass it on, and name the trace in its answers."
    )
    refs = ("W3C Trace Context §3.2",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the first operation that reads, and one for the first of a native service."""
        header = scene.profile.observability.trace_header
        chosen = _first_of_each(scene)
        if header is None or not chosen:
            needs = "observability: {trace_header: x-trace-id}" if chosen else "operations: [GET /path]"
            yield Unmet(subject="traces", needs=needs)
            return
        for operation in chosen:
            yield Case(
                check=self.id, subject=operation.id, params={**params_of(operation, self.suite), "header": header}
            )

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send the valid trace, then each that is not."""
        ask, header = ask_for(operation_in(case.params)), str(case.params["header"])
        sent = f"ab{target.random.getrandbits(120) | 1:030x}"
        await ask_until_good(target, "valid", _traced(ask, sent), lambda e: _not_carried(e, header))
        invalid = {"zeros": "0" * 32, "upper-case": sent.upper(), "short": sent[:16]}
        for name in INVALID:
            await ask_until_good(target, name, _traced(ask, invalid[name]), lambda e: _carried(e, header))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """The valid one in the answer, the others not."""
        header, expect = str(case.params["header"]), operation_in(case.params).expect
        expected = f"the trace id of traceparent is in {header} of the answer"
        odd = next((e for e in evidence.exchanges("valid") if e.status not in expect.status), None)
        if odd is not None:
            reason = Reason.THROTTLED if odd.status == 429 else Reason.NO_TEST_DATA
            text = f"{case.subject} does not answer as declared: {describe(odd)}"
            return undecided(reason, expected, text, exchanges=(odd.n,))
        findings = [judge_repeats(evidence, "valid", expected, lambda e: _not_carried(e, header))]
        for name in INVALID:
            wanted = f"a traceparent that is not valid ({name}) is replaced"
            findings.append(judge_repeats(evidence, name, wanted, lambda e: _carried(e, header)))
        for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
            worst = next((finding for finding in findings if finding.outcome is outcome), None)
            if worst is not None:
                return worst
        numbers = tuple(number for finding in findings for number in finding.exchanges)
        return passed(expected, f"it is, and {len(INVALID)} that are not valid are not", exchanges=numbers, n=4)


def _first_of_each(scene: Scene) -> list[Operation]:
    chosen: dict[bool, Operation] = {}
    for _, service, operation in scene.profile.all_operations():
        if operation.sendable and operation.reads:
            chosen.setdefault(service is not None and service.runtime in NATIVE, operation)
    return list(chosen.values())


def _traced(ask: Ask, trace_id: str) -> Ask:
    return replace(ask, headers=(*ask.headers, ("traceparent", f"00-{trace_id}-{PARENT}-01")))


def _sent_id(exchange: Exchange) -> str:
    sent = [value for name, value in exchange.request.headers if name.lower() == "traceparent"]
    return sent[0].split("-")[1] if sent else ""


def _answered_id(exchange: Exchange, header: str) -> str:
    return (exchange.response.header(header) if exchange.response is not None else None) or ""


def _not_carried(exchange: Exchange, header: str) -> str | None:
    sent, answered = _sent_id(exchange), _answered_id(exchange, header)
    return None if sent and sent in answered.lower() else f"{header} is {answered[:80] or 'absent'}, sent was {sent}"


def _carried(exchange: Exchange, header: str) -> str | None:
    if exchange.status is None or exchange.status >= 500:
        return describe(exchange)
    sent, answered = _sent_id(exchange), _answered_id(exchange, header)
    return f"{header} is {answered[:80]}, which was sent" if sent and sent in answered else None
