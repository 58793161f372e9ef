"""Is a token whose time is over refused where listening begins: streams are often guarded by other code than requests."""

from collections.abc import Iterator
from dataclasses import replace

from hybridcheck.cases import Case, Dimension, Json, Reason, Unmet
from hybridcheck.checks.auth.recognition import login_identities
from hybridcheck.checks.auth.tokens import LOGINS, MOST_LIFETIME_S, target_clock, wait_until_expired_s
from hybridcheck.checks.check import Scene
from hybridcheck.checks.repeats import PAUSE_S, describe
from hybridcheck.checks.streams.access import FEW_EVENTS, refused, served
from hybridcheck.checks.streams.listening import LISTENS, StreamCheck, ask_to_listen, described, listen, spec_in
from hybridcheck.evidence import Evidence, GapReason, Observation, StreamRecord
from hybridcheck.profile.operations import StreamSpec
from hybridcheck.target import Ask, Credential, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

NEEDS_SHORT = "identities: {NAME: {username: …, password: env:…, short_lived: true}} beside session.login"


class RefusesExpired(StreamCheck):
    """A protected stream gives nothing to a token whose time is over.

    Logs in as an identity that is declared `short_lived`, listens, and waits until `exp` by the target's own clock plus
    the declared leeway. Events for the old token, twice of two, are a fail; a refusal by status, or a WebSocket that is
    closed without an event, is a pass. Controls: the same identity was served with the token while it lived, and is
    with a new one afterwards; somebody without any credentials is not.
    """

    id = "streams.refuse-expired"
    dimension = Dimension.SECURITY
    remedy = "Verify the token of a handshake as that of any request: the same function, `exp` included."
    refs = ("CWE-613", "OWASP API2:2023", "ASVS V9.2.1")

    def lacks(self, spec: StreamSpec) -> str:
        """`auth: required`."""
        return "" if spec.auth == "required" else "auth: required, identity: NAME"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per protected stream, where an identity's token can be outlived."""
        names, session = login_identities(scene, short_lived=True), scene.profile.session
        for case in super().cases(scene):
            if isinstance(case, Case) and (session is None or not names):
                yield Unmet(subject=case.subject, needs=NEEDS_SHORT)
            elif isinstance(case, Case) and session is not None:
                kept: dict[str, Json] = {"identity": names[0], "leeway_s": session.token_leeway_s}
                yield case.model_copy(update={"params": {**case.params, **kept}})
            else:
                yield case

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Listen with a token while it lives, without any, with the old one, and with a new one."""
        credential, stamp_s, control = await self._living(case, target)
        expires = credential.facts.get("exp")
        target.observe("lifetime", {"expires_unix_s": expires, "target_unix_s": stamp_s})
        wait_s = wait_until_expired_s(expires, stamp_s, case.params["leeway_s"])
        if wait_s is None or not served(control, spec_in(case)):
            return
        anonymous = ask_to_listen(case, anonymous=True)
        await listen(target, "anonymous", case, anonymous, most_events=FEW_EVENTS)
        await target.sleep(wait_s)
        for attempt in range(1, LISTENS + 1):
            if not served(await _listen(case, target, f"expired.{attempt}", credential), spec_in(case)):
                break
            await target.sleep(PAUSE_S)
        fresh, _ = await _login(case, target, "login.after")
        await _listen(case, target, "after", fresh)

    async def _living(self, case: Case, target: ReadTarget, attempt: int = 1) -> tuple[Credential, float, StreamRecord]:
        """A login and its control, up to three times: a token that lives two seconds may not survive a slow moment."""
        credential, stamp_s = await _login(case, target, f"login.{attempt}")
        control = await _listen(case, target, f"control.{attempt}", credential)
        if not served(control, spec_in(case)) and attempt < LOGINS:
            return await self._living(case, target, attempt + 1)
        return credential, stamp_s, control

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on events for the old token, twice; pass on a refusal between controls that are served."""
        spec = spec_in(case)
        expected = f"{spec.path} gives no event to a token of {case.params['identity']} after its exp and the leeway"
        controls, expired = evidence.all(StreamRecord, "control"), evidence.all(StreamRecord, "expired")
        numbers = tuple(record.n for record in (*controls, *expired))
        lifetime = evidence.one(Observation, "lifetime").values
        if not controls or not served(controls[-1], spec):
            text = "a living token of the identity gets no event either"
            return undecided(Reason.AUTH_NOT_EFFECTIVE, expected, text, exchanges=numbers)
        if wait_until_expired_s(lifetime["expires_unix_s"], lifetime["target_unix_s"], 0.0) is None:
            text = f"its token has no exp within {MOST_LIFETIME_S:g} s"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=numbers)
        if served(evidence.one(StreamRecord, "anonymous"), spec):
            text = "the stream gives events without any credentials"
            return undecided(Reason.AUTH_NOT_EFFECTIVE, expected, text, exchanges=numbers)
        return self._judged(evidence, spec, expected, numbers)

    def _judged(self, evidence: Evidence, spec: StreamSpec, expected: str, numbers: tuple[int, ...]) -> Finding:
        expired, after = evidence.all(StreamRecord, "expired"), evidence.one(StreamRecord, "after")
        open_to_it = [served(record, spec) for record in expired]
        if not expired or (all(open_to_it) and len(expired) < LISTENS):
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all was recorded", exchanges=numbers)
        status = f"status {expired[-1].response.status}" if expired[-1].response is not None else "no answer"
        text = f"with the old token: {status}, {described(expired[-1])}"
        if all(open_to_it):
            return failed(expected, text, exchanges=numbers, n=len(expired))
        if any(open_to_it):
            return undecided(Reason.FLAKY, expected, text, exchanges=numbers)
        if not served(after, spec):
            text = f"{text}, and a new one gets no event either"
            return undecided(Reason.AUTH_NOT_EFFECTIVE, expected, text, exchanges=numbers)
        if refused(expired[0]):
            return passed(expected, text, exchanges=numbers, n=len(expired))
        return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)


async def _login(case: Case, target: ReadTarget, label: str) -> tuple[Credential, float]:
    """A credential of the case's own, and the target's clock when it was given.

    Raises:
        EvidenceLost: LOGIN_FAILED where the login gave none; the gap is recorded.
    """
    exchange, credential = await target.login(label, case.params["identity"])
    if credential is None:
        raise target.lost(GapReason.LOGIN_FAILED, f"the login gave no credential: {describe(exchange)}")
    return credential, target_clock(exchange, target)


async def _listen(case: Case, target: ReadTarget, label: str, credential: Credential) -> StreamRecord:
    ask: Ask = ask_to_listen(case, anonymous=True)
    ask = replace(ask, identity=credential.identity, authorization=credential.token)
    return await listen(target, label, case, ask, most_events=FEW_EVENTS)
