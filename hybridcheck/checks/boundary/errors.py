"""Do errors cross the boundary between services as errors."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.contract.bodies import labelled_json
from hybridcheck.checks.operations import ask_for, operation_in, operations, params_of
from hybridcheck.checks.repeats import ask_until_good, describe, judge_repeats
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation, Refusal
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, Outcome, undecided

FORMATS = {"problem+json": "application/problem+json", "json": "JSON", "any": ""}


class ErrorsMapped(ReadCheck):
    """What a service refuses reaches the caller as the declared error, not as a success and not as a crash.

    Sends each declared refusal of an operation: a well-formed request that makes no sense, which only the service that
    computes can refuse. It has to be answered with its status and, where `exposure.errors` says so, in the declared
    format; three wrong answers of three are a fail. The operation's own request is the control.
    """

    id = "boundary.errors-mapped"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.HIGH
    suite = "boundary"
    remedy = "Map each error of the inner service to a status of its own in the gateway; let nothing default to 200."
    refs = ("RFC 9110 §15.5", "RFC 9457", "CWE-390", "CWE-755")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per declared refusal of an operation that reads."""
        found, wanted = False, FORMATS[scene.profile.exposure.errors]
        for _, operation in operations(scene):
            for index, refusal in enumerate(operation.refusals):
                found = True
                params = {**params_of(operation, self.suite), "refusal": index, "format": wanted}
                yield Case(check=self.id, subject=f"{operation.id}: {refusal.name or index + 1}", params=params)
        if not found:
            needs = "operations: [{request: POST /path, safe: true, refusals: [{body: {}, status: 422}]}]"
            yield Unmet(subject="refusals", needs=needs)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send the control, and what has to be refused."""
        operation, refusal = _refusal_in(case)
        await target.read("control", ask_for(operation))
        await ask_until_good(target, "probe", _ask_refused(operation, refusal), lambda e: _complaint(e, case))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare status and format."""
        operation, refusal = _refusal_in(case)
        wanted = f" as {case.params['format']}" if case.params["format"] else ""
        expected = f"{case.subject} is answered {refusal.status}{wanted}"
        finding = judge_repeats(evidence, "probe", expected, lambda e: _complaint(e, case))
        control = evidence.exchange("control")
        if finding.outcome is not Outcome.INCONCLUSIVE and control.status not in operation.expect.status:
            text = f"the operation does not answer its own request either: {describe(control)}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=(control.n, *finding.exchanges))
        return finding


def _refusal_in(case: Case) -> tuple[Operation, Refusal]:
    operation = operation_in(case.params)
    return operation, operation.refusals[int(case.params["refusal"])]


def _ask_refused(operation: Operation, refusal: Refusal) -> Ask:
    body = operation.body if refusal.body is None else refusal.body
    return ask_for(operation.model_copy(update={"body": body, "query": {**operation.query, **refusal.query}}))


def _complaint(exchange: Exchange, case: Case) -> str | None:
    _, refusal = _refusal_in(case)
    if exchange.status != refusal.status or exchange.response is None:
        return describe(exchange)
    wanted, media_type = case.params["format"], exchange.response.media_type
    good = labelled_json(exchange) if wanted == "JSON" else media_type == wanted or not wanted
    return None if good else f"{exchange.status} as {media_type or 'nothing'}"
