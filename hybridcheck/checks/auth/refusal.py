"""Do protected operations refuse who has no right to them."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Case, CoreQuestion, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, complaint_about, json_body, operation_in, operations, params_of
from hybridcheck.checks.repeats import describe, numbered
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, Outcome, failed, passed, undecided

CONFIRM_PAUSE_S = 0.3


class RefusesWithout(ReadCheck):
    """The base of refusal checks: control with the valid credential, then without it, then again before a fail."""

    dimension = Dimension.SECURITY
    severity = Severity.CRITICAL
    core = CoreQuestion.ACCESS
    sent = ""

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per operation of the read class that requires credentials and has an identity to control with."""
        protected = [(suite, op) for suite, op in operations(scene) if op.auth == "required"]
        for suite, operation in protected:
            if operation.identity is None:
                yield Unmet(subject=operation.id, needs=f"identity: NAME at operation '{operation.id}'")
            else:
                yield Case(check=self.id, subject=operation.id, params=params_of(operation, suite))
        for _, operation in operations(scene, reading=False):
            if operation.auth == "required":
                needs = f"safe: true at operation '{operation.id}', if a request that is let in changes nothing"
                yield Unmet(subject=operation.id, needs=needs)
        if not protected:
            yield Unmet(subject="operations", needs="auth: required and identity: NAME at a protected operation")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Control, the forbidden request, and where it was let in a second time and the control again."""
        operation = operation_in(case.params)
        await target.read("control.before", ask_for(operation))
        first = await target.read("probe.1", self.forbidden(operation, target))
        if not refused(first, operation):
            await target.sleep(CONFIRM_PAUSE_S)
            await target.read("probe.2", self.forbidden(operation, target))
            await target.read("control.after", ask_for(operation))

    @abstractmethod
    def forbidden(self, operation: Operation, target: ReadTarget) -> Ask:
        """The request that must be refused."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where the forbidden request got twice what only the control may get."""
        operation = operation_in(case.params)
        expected = f"{operation.id} refuses {self.sent} ({', '.join(map(str, operation.denied))})"
        controls, probes = evidence.exchanges("control"), evidence.exchanges("probe")
        numbers = tuple(exchange.n for exchange in (*controls, *probes))
        if not controls or not probes:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "control or probe is missing")
        broken = next((c for c in controls if complaint_about(c, operation.expect)), None)
        if broken is not None:
            text = f"with a valid credential: {complaint_about(broken, operation.expect)}"
            return undecided(Reason.AUTH_NOT_EFFECTIVE, expected, text, exchanges=numbers)
        if any(probe.status == 429 for probe in probes):
            return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", exchanges=numbers)
        if refused(probes[0], operation):
            return passed(expected, describe(probes[0]), exchanges=numbers, n=len(probes))
        if len(probes) == 2 and len(controls) == 2 and all(let_in(p, controls[0]) for p in probes):
            text = f"{describe(probes[1])}: what the owner gets, twice"
            return failed(expected, text, exchanges=numbers, n=2)
        text = f"neither refused nor proved to be let in: {describe(probes[-1])}"
        return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)


class RefusesMissingCredentials(RefusesWithout):
    """A protected operation refuses a request without credentials.

    The control with the valid credential must succeed. The same request without it must be refused; a fail is proved
    when it is answered twice with the status of the control and the same kind of body, and the control still works.
    Where HEAD with the credential is answered as GET is, HEAD without it must be refused as well, and two that are
    answered as with it are a fail: they say whether the thing exists, how large it is and when it changed.
    """

    id = "authn.missing-credentials-refused"
    remedy = "Require authentication on this operation before anything else is done with the request."
    refs = ("CWE-306", "OWASP API2:2023", "ASVS V8.3.1")
    sent = "a request without credentials"

    def forbidden(self, operation: Operation, target: ReadTarget) -> Ask:
        """The declared request without its credential."""
        return without_identity(ask_for(operation))

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """As for every refusal; then the same with HEAD, where it is answered to the identity."""
        await super().probe(case, target)
        operation = operation_in(case.params)
        if operation.method != "GET":
            return
        ask = replace(ask_for(operation), method="HEAD")
        control = await target.read("head-control.1", ask)
        if control.status not in range(200, 300):
            return
        first = await target.read("head-probe.1", without_identity(ask))
        if not refused(first, operation):
            await target.sleep(CONFIRM_PAUSE_S)
            await target.read("head-probe.2", without_identity(ask))
            await target.read("head-control.2", ask)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on GET as every refusal, else on HEAD."""
        finding = super().judge(case, evidence)
        operation = operation_in(case.params)
        if operation.method != "GET" or finding.outcome is not Outcome.PASS:
            return finding
        return _judge_head(operation, finding, evidence)


class RefusesGarbageCredentials(RefusesWithout):
    """A protected operation refuses a credential that nobody ever issued.

    As for missing credentials, with 32 random characters where the operation's identity has its token, key or cookie:
    anywhere else nobody would look at them.
    """

    id = "authn.garbage-credentials-refused"
    remedy = "Verify the credential itself, not only that one was sent."
    refs = ("CWE-287", "OWASP API2:2023")
    sent = "a garbage credential"

    def forbidden(self, operation: Operation, target: ReadTarget) -> Ask:
        """The declared request with random characters as the credential."""
        garbage = f"{target.random.getrandbits(128):032x}"
        return replace(ask_for(operation), authorization=garbage, fresh=True)


def _judge_head(operation: Operation, finding: Finding, evidence: Evidence) -> Finding:
    """The finding of GET, which passed, after looking at HEAD."""
    controls, probes = evidence.exchanges("head-control"), evidence.exchanges("head-probe")
    expected, observed = finding.expected, finding.observed
    numbers = (*finding.exchanges, *(exchange.n for exchange in (*controls, *probes)))
    if not controls or not numbered(controls, "head-control") or not numbered(probes, "head-probe"):
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked with HEAD is recorded")
    if not tells(controls[0], evidence.exchanges("control")[0]):
        text = f"{observed}; HEAD is not answered as GET is"
        return passed(expected, text, exchanges=finding.exchanges, n=finding.n)
    if not probes:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "HEAD without credentials is missing")
    if any(probe.status == 429 for probe in probes):
        return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", exchanges=numbers)
    if refused(probes[0], operation):
        return passed(expected, f"{observed}; HEAD: {probes[0].status}", exchanges=numbers, n=(finding.n or 0) + 1)
    if len(probes) == 2 and len(controls) == 2 and all(tells(e, controls[0]) for e in (*probes, controls[1])):
        text = f"HEAD: {probes[1].status}, as the owner gets it, twice"
        return failed(expected, text, exchanges=numbers, n=2)
    text = f"HEAD: neither refused nor proved to be let in: {describe(probes[-1])}"
    return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)


def tells(head: Exchange, answer: Exchange) -> bool:
    """Whether an answer to HEAD is a success that says of the thing what another answer says: at least its media type."""
    if head.status is None or head.response is None or answer.response is None or head.status not in range(200, 300):
        return False
    kind = head.response.media_type
    return head.status == answer.status and bool(kind) and kind == answer.response.media_type


def without_identity(ask: Ask) -> Ask:
    """The same request from nobody, on a connection of its own."""
    return Ask(ask.method, ask.path, ask.query, ask.headers, ask.body, fresh=True, operation=ask.operation)


def refused(exchange: Exchange, operation: Operation) -> bool:
    """Whether the answer is a refusal: a declared one, or any other 4xx."""
    return exchange.status in operation.denied or exchange.status in range(400, 500)


def let_in(probe: Exchange, control: Exchange) -> bool:
    """Whether the probe got what the control got: equal bytes, or JSON with the same members, none of them emptied.

    A 200 with an error envelope, a login page, or an empty list where the owner's has items is not what the control
    got, and proves nothing.
    """
    if probe.status is None or probe.status != control.status or probe.response is None or control.response is None:
        return False
    if probe.response.body.content() == control.response.body.content():
        return True
    try:
        theirs, ours = json_body(probe), json_body(control)
    except ValueError:
        return False
    if isinstance(theirs, dict) and isinstance(ours, dict):
        emptied = any(isinstance(ours[key], list | dict) and ours[key] and not theirs.get(key) for key in ours)
        return bool(theirs) and theirs.keys() == ours.keys() and not emptied
    return isinstance(theirs, list) and isinstance(ours, list) and bool(theirs) == bool(ours)
