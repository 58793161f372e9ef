"""Response headers of error answers: what every answer has is easily lost where errors are made elsewhere."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.auth.refusal import without_identity
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.headers.hygiene import sniffed
from hybridcheck.checks.operations import ask_for, operation_in, operations, params_of
from hybridcheck.checks.repeats import PAUSE_S, REPEATS, describe, numbered, sibling
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

KINDS = ("refused", "unknown")


class NoSniffOnErrors(ReadCheck):
    """Error answers with content forbid browsers to guess their type, as good ones do.

    Asks a protected operation without credentials, and a random path beside it: an error often quotes what was asked
    for, and is made elsewhere than good answers are. A 4xx with content and without `X-Content-Type-Options: nosniff`,
    three times of three, is a fail.
    """

    id = "headers.nosniff-on-errors"
    dimension = Dimension.SECURITY
    severity = Severity.LOW
    suite = "api"
    remedy = "Set the header where answers are sent, after error handling (nginx: `add_header … always`)."
    refs = ("CWE-693", "ASVS V3.4.4")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, with the first protected operation that is read with GET, else the first one that is."""
        found = [op for _, op in operations(scene) if op.method == "GET"]
        chosen = next(iter(sorted(found, key=lambda op: op.auth != "required")), None)
        if chosen is None:
            yield Unmet(subject="errors", needs="operations: [{request: GET /path, auth: required, identity: NAME}]")
        else:
            yield Case(check=self.id, subject=chosen.id, params=params_of(chosen, self.suite))

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Ask for each error, and again while the header is missing."""
        operation = operation_in(case.params)
        unknown = sibling(operation.url_path(), target)
        asks = {"refused": without_identity(ask_for(operation)), "unknown": Ask("GET", unknown, fresh=True)}
        for kind, ask in asks.items():
            for attempt in range(1, REPEATS + 1):
                exchange = await target.read(f"{kind}.{attempt}", ask)
                if not is_error(exchange) or sniffed(exchange) is None:
                    break
                await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on three errors of a kind without the header; pass where one of a kind has it, and no other lacks it."""
        expected = "X-Content-Type-Options: nosniff with every error that has content"
        groups = [evidence.exchanges(kind) for kind in KINDS]
        numbers = tuple(exchange.n for group in groups for exchange in group)
        if not all(numbered(group, kind) and group for group, kind in zip(groups, KINDS, strict=True)):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked is recorded")
        complaints = [[sniffed(exchange) for exchange in group if is_error(exchange)] for group in groups]
        for group, found in zip(groups, complaints, strict=True):
            if len(found) == REPEATS and all(found):
                text = f"{found[-1]}, in {describe(group[-1])} of {group[-1].request.url}"
                return failed(expected, text, exchanges=numbers, n=len(numbers))
        if not any(complaints):
            text = f"no error with content came: {describe(groups[0][0])}, {describe(groups[1][0])}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        if any(complaint for found in complaints for complaint in found):
            return undecided(Reason.FLAKY, expected, "not every time", exchanges=numbers)
        return passed(expected, describe(groups[0][0]), exchanges=numbers, n=len(numbers))


def is_error(exchange: Exchange) -> bool:
    """Whether it is a 4xx with content, and not that of a throttle, which may stand before the target."""
    response = exchange.response
    refusal = exchange.status is not None and exchange.status in range(400, 500) and exchange.status != 429
    return refusal and response is not None and response.body.size_bytes > 0
