"""Do declared operations answer as declared."""

from collections.abc import Iterator

from hybridcheck.cases import Case, CoreQuestion, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import complaint_about, operation_in, operations, params_of
from hybridcheck.checks.repeats import alike, ask_as_declared, judge_repeats
from hybridcheck.evidence import Evidence
from hybridcheck.profile.operations import Operation
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, Outcome, undecided


class AnswersAsDeclared(ReadCheck):
    """A valid request is answered as declared: status, content type, headers, JSON Schema and values; never a 5xx.

    Sends the declared request of each operation of the read class. A wrong answer is repeated on a fresh connection;
    three of three are a fail, fewer are FLAKY. A random path beside it that is answered alike leaves the case
    undecided (CATCH_ALL), as does a login that was refused (AUTH_NOT_EFFECTIVE) or a 429 (THROTTLED). So does a 401 or
    403 to a credential that stands in the profile: nothing shows that it is valid. One that a login gave is.
    """

    id = "contract.answers-as-declared"
    dimension = Dimension.FUNCTIONAL
    severity = Severity.CRITICAL
    core = CoreQuestion.CONTRACT
    remedy = "Send the request by hand (`hybridcheck replay` prints it) and compare the answer with the profile's declaration."
    refs = ("RFC 9110 §15", "OWASP API8:2023")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per declared operation that reads and has a complete path; one that changes things may be unmet."""
        found = list(operations(scene))
        for suite, operation in found:
            params = {**params_of(operation, suite), "credential_given": _given(scene, operation)}
            yield Case(check=self.id, subject=operation.id, params=params)
        for operation in _never_sent(scene):
            needs = (
                f"safe: true at operation '{operation.id}' if it changes nothing, else creates, read_back and cleanup"
            )
            yield Unmet(subject=operation.id, needs=needs)
        if not found:
            yield Unmet(subject="operations", needs="operations: [GET /path]")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send the declared request, and a random path beside it."""
        await ask_as_declared(target, operation_in(case.params))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass on an answer as declared that a random path does not get."""
        operation = operation_in(case.params)
        expected = f"{operation.id} answers {' or '.join(map(str, operation.expect.status))} as declared"
        finding = judge_repeats(evidence, "probe", expected, lambda e: complaint_about(e, operation.expect))
        control = evidence.exchange("control")
        probes = evidence.exchanges("probe")
        first = next(iter(probes), None)
        if finding.outcome is Outcome.FAIL and case.params.get("credential_given"):
            refused = [probe.status for probe in probes if probe.status in {401, 403}]
            if len(refused) == len(probes):
                text = f"{refused[0]} to the credential that the profile gives '{operation.identity}': is it valid?"
                return undecided(Reason.AUTH_NOT_EFFECTIVE, expected, text, exchanges=finding.exchanges, n=finding.n)
        if finding.outcome is Outcome.PASS and first and first.status in range(200, 300) and alike(first, control):
            text = f"a path that cannot exist ({control.request.url}) is answered alike"
            return undecided(Reason.CATCH_ALL, expected, text, exchanges=(*finding.exchanges, control.n))
        return finding


def _given(scene: Scene, operation: Operation) -> bool:
    """Whether its caller's credential stands in the profile, and does not come from a login."""
    identity = scene.profile.identities.get(operation.identity or "")
    return identity is not None and identity.password is None


def _never_sent(scene: Scene) -> Iterator[Operation]:
    """Operations that change things and are no step of a workflow or in the life of a resource that this run may create."""
    changing = [operation for _, operation in operations(scene, reading=False)]
    creators = [operation for operation in changing if operation.creates and operation.read_back]
    steps = {name for create in creators for name in (create.id, create.update, create.cleanup)}
    steps |= {used for workflow in scene.profile.workflows.values() for used in workflow.operation_ids()}
    yield from (operation for operation in changing if operation.id not in steps)
