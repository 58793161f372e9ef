"""Does everybody get their own answer: a nonce in each request, many requests at once, several identities in turn."""

import json
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import ask_for, json_body, operation_in, params_of, suite_of
from hybridcheck.checks.overlaps import at_once, require_meeting, require_unthrottled
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.operations import Operation
from hybridcheck.profile.probes import Roundtrip
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.tokens.document import placed, write
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS, AT_ONCE = 4, 16

NEEDS = "probes: {roundtrip: {operation: ID, in: $.value, out: $.value, types: [text]}}"


class NoCrosstalk(ReadCheck):
    """No answer carries what another request sent.

    Sends 64 requests to the round trip, sixteen at once, each with a nonce of its own, as all identities in turn where
    the operation needs one. One answer with the nonce of another request is proof: responses are mixed up. Requests that
    never met show nothing.
    """

    id = "concurrency.no-crosstalk"
    dimension = Dimension.SECURITY
    severity = Severity.CRITICAL
    phase = Phase.WRITE  # runs alone: the budget of the rate is its own, so that requests meet
    remedy = (
        "Look for request data in module globals, singletons or shared buffers that live across an await or a lock."
    )
    refs = ("CWE-362", "CWE-488")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the round trip."""
        probe = scene.profile.probes.roundtrip
        for _, service, operation in scene.profile.all_operations():
            usable = operation.reads and operation.sendable
            if probe is not None and operation.id == probe.operation and usable:
                params = params_of(operation, suite_of(service)) | {
                    "probe": probe.model_dump(mode="json", by_alias=True)
                }
                params["identities"] = callers(scene, operation)
                yield Case(check=self.id, subject=operation.id, params=params)
                return
        yield Unmet(subject="roundtrip", needs=NEEDS)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Send the rounds; nonces are integers where the round trip takes no text."""
        nonces = [target.random.getrandbits(45) for _ in range(ROUNDS * AT_ONCE)]
        await target.read("control", _ask(case, 0, nonces[0]))
        for first in range(0, len(nonces), AT_ONCE):
            calls = [target.read(f"call.{i}", _ask(case, i, nonces[i])) for i in range(first, first + AT_ONCE)]
            await at_once(target, calls)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Look for nonces in the wrong answers."""
        expected = "every answer carries the nonce of its own request"
        control, calls = evidence.exchange("control"), evidence.exchanges("call")
        sent = {call.n: _nonce_sent(case, call) for call in calls}
        got = {call.n: _nonce_got(case, call) for call in calls}
        others = set(sent.values())
        swapped = [call for call in calls if got[call.n] != sent[call.n] and got[call.n] in others]
        if swapped:
            first = swapped[0]
            owner = next(call for call in calls if sent[call.n] == got[first.n])
            between = "" if owner.identity == first.identity else f", to {first.identity} what {owner.identity} sent"
            text = f"{len(swapped)} of {len(calls)} answers carried the nonce of another request{between}"
            numbers = (first.n, owner.n)
            return failed(expected, text, exchanges=numbers, n=len(calls), figures={"swapped": len(swapped)})
        require_unthrottled(calls)
        if _nonce_got(case, control) != _nonce_sent(case, control):
            raise Undecided(
                Reason.NO_TEST_DATA, f"the round trip does not give back what it is sent: {describe(control)}"
            )
        wrong = next((call for call in calls if got[call.n] != sent[call.n]), None)
        if wrong is not None or len(calls) != ROUNDS * AT_ONCE:
            text = f"an answer carried no nonce: {describe(wrong)}" if wrong else f"{len(calls)} answers are recorded"
            return undecided(Reason.SUSPECTED if wrong else Reason.EVIDENCE_INCOMPLETE, expected, text)
        met = require_meeting(calls)
        text = f"{len(calls)} of {len(calls)} did, up to {met} under way at once"
        return passed(expected, text, exchanges=(calls[0].n, calls[-1].n), n=len(calls), figures={"at_once": met})


def callers(scene: Scene, operation: Operation) -> list[str]:
    """Every identity that may call an operation, the declared one first; none for a public one."""
    if operation.auth == "none" or operation.identity is None:
        return []
    others = [
        name
        for name, identity in scene.profile.identities.items()
        if name != operation.identity
        and not identity.short_lived
        and (not operation.roles or identity.role in operation.roles)
    ]
    return [operation.identity, *others]


def _ask(case: Case, index: int, number: int) -> Ask:
    operation, probe = operation_in(case.params), Roundtrip.model_validate(case.params["probe"])
    nonce: Json = f"nonce-{number:x}" if {"text", "json"} & set(probe.types) else number
    own = probe.body if probe.body is not None else operation.body if isinstance(operation.body, dict) else {}
    ready = operation.model_copy(update={"body": write(placed(own, probe.into, nonce))})
    identities: list[str] = case.params["identities"]
    return ask_for(ready, identity=identities[index % len(identities)] if identities else None)


def _nonce_sent(case: Case, call: Exchange) -> Json:
    probe = Roundtrip.model_validate(case.params["probe"])
    if call.request.body is None:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "a request has no body")
    try:
        return value_at(json.loads(call.request.body.content()), probe.into)
    except (ValueError, NoSuchPath) as missing:
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "what was sent cannot be read") from missing


def _nonce_got(case: Case, call: Exchange) -> Json:
    probe = Roundtrip.model_validate(case.params["probe"])
    if call.status is None:
        return None
    try:
        found = value_at(json_body(call), probe.out)
    except (ValueError, NoSuchPath):
        return None
    return found if isinstance(found, str | int | float) else None
