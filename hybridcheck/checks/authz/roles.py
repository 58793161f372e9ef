"""Do operations that are for some roles refuse the others."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.auth.refusal import refused, without_identity
from hybridcheck.checks.authz.canary import presence_in
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, complaint_about, json_body, operation_in, operations, params_of
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

CONFIRM_PAUSE_S = 0.3

SAME_SHARE = 0.75
"""Share of the control's values that an answer has to give before it is the same answer (times and ids may differ)."""


class RoleEnforced(ReadCheck):
    """An operation that is for some roles refuses the others.

    Sends each read operation with `roles` as an identity of another role. Proved where it is answered twice with what
    the entitled identity gets (the same bytes, or most values of its JSON), while nobody without a credential
    gets it. A shorter answer of one's own proves nothing.
    """

    id = "authz.role-enforced"
    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    remedy = "Check the role on the server for this operation, not only in the menu that leads to it."
    refs = ("CWE-285", "CWE-862", "OWASP API5:2023", "ASVS V8.2.1")
    tags = ("authorization",)

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per read operation with roles, with the first identity of another role."""
        found = False
        for suite, operation in operations(scene):
            if not operation.roles or operation.auth != "required":
                continue
            found = True
            others = (name for name, spec in scene.profile.identities.items() if _other_role(spec.role, operation))
            other = next((name for name in others if not scene.profile.identities[name].short_lived), None)
            presence = presence_in(scene)
            if other is None or operation.identity is None:
                yield Unmet(subject=operation.id, needs=f"an identity whose role is not in {list(operation.roles)}")
            elif presence is None:
                yield Unmet(subject=operation.id, needs=f"a protected read operation that '{other}' may call")
            else:
                kept: dict[str, Json] = {"presence": params_of(presence, suite), "other": other}
                yield Case(check=self.id, subject=operation.id, params=params_of(operation, suite) | kept)
        if not found:
            yield Unmet(subject="operations", needs="roles: [ROLE] at a protected operation")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Controls of both identities and of nobody, the forbidden request, and twice where it was answered."""
        operation, other = operation_in(case.params), case.params["other"]
        await target.read("control.entitled", ask_for(operation))
        await target.read("control.nobody", without_identity(ask_for(operation)))
        await target.read("control.other", ask_for(operation_in(case.params["presence"]), identity=other))
        first = await target.read("probe.1", ask_for(operation, identity=other))
        if not refused(first, operation):
            await target.sleep(CONFIRM_PAUSE_S)
            await target.read("probe.2", ask_for(operation, identity=other))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where the other role got twice what the entitled one gets."""
        operation, other = operation_in(case.params), case.params["other"]
        expected = f"{operation.id} refuses {other}, who has none of the roles {', '.join(operation.roles)}"
        entitled, nobody = evidence.exchange("control.entitled"), evidence.exchange("control.nobody")
        probes = evidence.exchanges("probe")
        first = evidence.exchange("probe.1")
        numbers = tuple(exchange.n for exchange in evidence.exchanges())
        if any(exchange.status == 429 for exchange in evidence.exchanges()):
            raise Undecided(Reason.THROTTLED, "the target throttled the tester (429)")
        self._require_controls(case, evidence)
        if refused(first, operation):
            return passed(expected, describe(first), exchanges=numbers, n=1)
        if same_answer(nobody, entitled):
            raise Undecided(Reason.CATCH_ALL, "it is answered alike without any credential")
        if len(probes) == 2 and all(same_answer(probe, entitled) for probe in probes):
            text = f"{other} gets what {operation.identity} gets, twice"
            return failed(expected, text, exchanges=numbers, n=2)
        text = f"neither refused nor given what {operation.identity} gets: {describe(first)}"
        return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)

    def _require_controls(self, case: Case, evidence: Evidence) -> None:
        operation, presence = operation_in(case.params), operation_in(case.params["presence"])
        complaint = complaint_about(evidence.exchange("control.entitled"), operation.expect)
        if complaint is not None:
            raise Undecided(Reason.AUTH_NOT_EFFECTIVE, f"{operation.identity} does not get it either: {complaint}")
        control = evidence.exchange("control.other")
        if control.status not in presence.expect.status:
            text = f"{case.params['other']} is not let in at all ({presence.id}): {describe(control)}"
            raise Undecided(Reason.AUTH_NOT_EFFECTIVE, text)


def same_answer(answer: Exchange, control: Exchange) -> bool:
    """Whether an answer gives what the control got: equal bytes, or most values of the control's JSON."""
    if answer.status is None or answer.status != control.status or answer.response is None or control.response is None:
        return False
    if answer.response.body.content() == control.response.body.content():
        return bool(control.response.body.content())
    try:
        theirs, ours = set(_values(json_body(answer))), set(_values(json_body(control)))
    except ValueError:
        return False
    return bool(ours) and len(ours & theirs) / len(ours) >= SAME_SHARE


def _values(document: Json, place: str = "") -> Iterator[tuple[str, str]]:
    """Every plain value of a document with its place (positions in lists left out)."""
    if isinstance(document, dict):
        for key, item in document.items():
            yield from _values(item, f"{place}.{key}")
    elif isinstance(document, list):
        for item in document:
            yield from _values(item, f"{place}[]")
    else:
        yield place, repr(document)


def _other_role(role: str, operation: Operation) -> bool:
    return role not in operation.roles
