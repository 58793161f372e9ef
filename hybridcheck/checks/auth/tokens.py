"""Does the target refuse tokens that it did not issue as they are, that have expired, or that stand in a URL."""

import base64
import json
from abc import abstractmethod
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.auth.recognition import (
    NEEDS_LOGIN,
    NEEDS_WHOAMI,
    Standing,
    login_identities,
    nobody,
    owner_in,
    refuse_throttled,
    require_anonymous,
    require_recognised,
    shown_identity,
    standing,
    whoami_path,
    with_token,
)
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange, GapReason, Observation
from hybridcheck.target import Ask, Credential, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

CONFIRM_PAUSE_S = 1.0
"""Between the two acceptances that prove a defect, so that they do not share one cached answer."""

MOST_LIFETIME_S = 20.0
"""For how long a token may still live when its expiry is waited for."""

LOGINS = 3
"""How often a short-lived token is fetched for its control to come in time."""

HARMLESS_CLAIM = "iat"
"""The claim that a tampered payload changes: never one that gives rights."""


class RefusesForgedToken(ReadCheck):
    """The base of checks that send variants of a valid token to whoami.

    Control with the valid token before and after, and whoami without any; a variant that is accepted is sent twice.
    """

    dimension = Dimension.SECURITY
    severity = Severity.CRITICAL
    suite = "auth"
    sent = ""

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, with the first identity that has a token: all of one system's tokens are verified alike."""
        path = whoami_path(scene)
        identities = scene.profile.identities.items()
        names = [name for name, spec in identities if (spec.password or spec.token) and not spec.short_lived]
        if path is None or not names:
            yield Unmet(subject="tokens", needs=NEEDS_WHOAMI if path is None else NEEDS_LOGIN)
            return
        username = scene.profile.identities[names[0]].username or names[0]
        params: dict[str, Json] = {"identity": names[0], "username": username, "whoami": path}
        yield Case(check=self.id, subject=names[0], params=params)

    @abstractmethod
    def variants(self, credential: Credential, case: Case) -> dict[str, str]:
        """The tokens that must be refused, by a name for each."""

    async def valid_credential(self, case: Case, target: ReadTarget) -> Credential:
        """The valid credential that the variants are made of."""
        return await target.credential(case.params["identity"])

    async def send(self, case: Case, target: ReadTarget, label: str, variant: str, credential: Credential) -> Exchange:
        """Send one variant to whoami."""
        return await target.session_call(label, case.params["identity"], "whoami", credential)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Controls, every variant, those that were accepted once more, and the control again."""
        identity, path = case.params["identity"], case.params["whoami"]
        credential = await self.valid_credential(case, target)
        control = await target.session_call("control.before", identity, "whoami", credential)
        await target.session_call("anonymous", identity, "whoami", nobody(credential))
        owner = shown_identity(control, path)
        variants = self.variants(credential, case)
        target.observe("variants", {"names": list(variants)})
        for name, token in variants.items() if owner is not None else ():
            forged = with_token(credential, token)
            answer = await self.send(case, target, f"probe.{name}.1", name, forged)
            if standing(answer, path, owner) is Standing.RECOGNISED:
                await target.sleep(CONFIRM_PAUSE_S)
                await self.send(case, target, f"probe.{name}.2", name, forged)
        await target.session_call("control.after", identity, "whoami", credential)
        await self.farewell(case, target, credential)

    async def farewell(self, case: Case, target: ReadTarget, credential: Credential) -> None:
        """What is to be done with the credential afterwards: nothing, it is the run's."""

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where whoami named the owner twice for a variant; pass where it did for none."""
        expected = f"the target refuses {self.sent}"
        path = case.params["whoami"]
        before, after = evidence.exchange("control.before"), evidence.exchange("control.after")
        owner = owner_in(before, path)
        require_anonymous(evidence, path, owner)
        names = [str(name) for name in evidence.one(Observation, "variants").values["names"]]
        probes = evidence.exchanges("probe")
        numbers = tuple(exchange.n for exchange in (before, *probes, after))
        refuse_throttled(probes)
        for name in names:
            answers = evidence.exchanges(f"probe.{name}")
            if len(answers) == 2 and all(standing(a, path, owner) is Standing.RECOGNISED for a in answers):
                text = f"whoami names {owner} for it, twice ({name})"
                return failed(expected, text, exchanges=numbers, n=len(probes))
        for name in names:
            answer = evidence.exchange(f"probe.{name}.1")
            if standing(answer, path, owner) is not Standing.REFUSED:
                text = f"neither refused nor proved to be accepted ({name}): {describe(answer)}"
                return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers, n=len(probes))
        require_recognised(after, path, owner)
        if not names:
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "nothing was sent", exchanges=numbers)
        return passed(expected, f"refused: {', '.join(names)}", exchanges=numbers, n=len(probes))


class RefusesTamperedToken(RefusesForgedToken):
    """A token that was changed after it was issued is refused.

    Flips one bit in the middle of the decoded signature of the tester's own token (never in the last character, whose
    unused bits correct verifiers ignore), and keeps the signature under a changed payload. An opaque token gets
    another character in its middle. Proved where whoami names the owner for it, twice.
    """

    id = "authn.tampered-token-refused"
    remedy = "Verify the signature of every token before any claim in it is used, with a fixed algorithm and key."
    refs = ("CWE-347", "OWASP API2:2023", "ASVS V9.1.1")
    sent = "a token that was changed after it was issued"

    def variants(self, credential: Credential, case: Case) -> dict[str, str]:
        """A flipped signature and a changed payload; one changed character where the token is no JWT."""
        parts = jwt_parts(credential.token)
        if parts is None:
            return {"middle": _other_middle(credential.token)}
        head, payload, signature = parts
        issued = payload.get(HARMLESS_CLAIM)
        changed = issued - 1 if isinstance(issued, int) else 1
        return {
            "signature": f"{credential.token.rpartition('.')[0]}.{_encoded(_flipped(signature))}",
            "payload": f"{_json(head)}.{_json({**payload, HARMLESS_CLAIM: changed})}.{_encoded(signature)}",
        }


class RefusesUnsignedToken(RefusesForgedToken):
    """A token that says `alg: none` and carries no signature is refused.

    Sends the claims of the tester's own token unsigned, with `none`, `None` and `NONE`; where the target's tokens are
    no JWTs, an unsigned JWT that names the user. Proved where whoami names the owner for it, twice.
    """

    id = "authn.alg-none-refused"
    remedy = "Accept only the algorithm that you sign with; never take it from the token."
    refs = ("CWE-347", "CWE-327", "OWASP API2:2023", "ASVS V9.1.2")
    sent = "an unsigned token"

    def variants(self, credential: Credential, case: Case) -> dict[str, str]:
        """The same claims under three spellings of `none`, with an empty signature."""
        parts = jwt_parts(credential.token)
        payload = parts[1] if parts else {"sub": case.params["username"]}
        return {name: f"{_json({'alg': name, 'typ': 'JWT'})}.{_json(payload)}." for name in ("none", "None", "NONE")}


class RefusesTokenInUrl(RefusesForgedToken):
    """A token in the URL is not taken for a credential.

    URLs end up in logs, histories and Referer headers. Sends a token of a login of its own as `access_token` and as
    `token` in the query of whoami, without the header, and logs out afterwards where that is declared.
    """

    id = "authn.credentials-not-in-url"
    severity = Severity.LOW
    remedy = "Take credentials from the Authorization header or a cookie only."
    refs = ("CWE-598", "ASVS V14.2.1")
    sent = "a token in the URL"

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case with an identity that logs in, where whoami is read with GET."""
        session, names, path = scene.profile.session, login_identities(scene), whoami_path(scene)
        call = session.whoami if session else None
        if session is None or call is None or path is None or call.method != "GET" or not names:
            yield Unmet(subject="tokens", needs=NEEDS_LOGIN if path and not names else f"{NEEDS_WHOAMI}, read with GET")
            return
        params = {"identity": names[0], "whoami": path, "path": call.path, "logout": session.logout is not None}
        yield Case(check=self.id, subject=names[0], params=params)

    def variants(self, credential: Credential, case: Case) -> dict[str, str]:
        """The valid token under two names of a query parameter."""
        return dict.fromkeys(("access_token", "token"), credential.token)

    async def valid_credential(self, case: Case, target: ReadTarget) -> Credential:
        """A token of its own: the target's logs will have it."""
        return await own_login(target, "login", case.params["identity"])

    async def send(self, case: Case, target: ReadTarget, label: str, variant: str, credential: Credential) -> Exchange:
        """Ask whoami with the token in the query and no header."""
        return await target.read(label, Ask("GET", case.params["path"], ((variant, credential.token),), fresh=True))

    async def farewell(self, case: Case, target: ReadTarget, credential: Credential) -> None:
        """End the session whose token stood in a URL."""
        if case.params["logout"]:
            await target.session_call("farewell", case.params["identity"], "logout", credential)


class RefusesExpiredToken(ReadCheck):
    """A token is refused when its time is over.

    Logs in as an identity that is declared `short_lived`, waits until `exp` by the target's own clock plus the declared
    leeway, and asks whoami again. Proved where it still names the owner, twice; a fresh login must work then.
    """

    id = "authn.expired-token-refused"
    waits = True
    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    suite = "auth"
    remedy = "Check `exp` of every token, with little leeway; check that caches of introspection honour it too."
    refs = ("CWE-613", "OWASP API2:2023", "ASVS V9.2.1")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per short-lived identity."""
        path, names = whoami_path(scene), login_identities(scene, short_lived=True)
        session = scene.profile.session
        if session is None or path is None or not names:
            need = f"an identity with `short_lived: true` whose tokens live at most {MOST_LIFETIME_S:g} s"
            yield Unmet(subject="tokens", needs=need if path else f"{NEEDS_WHOAMI}, and {need}")
            return
        for name in names:
            params = {"identity": name, "whoami": path, "leeway_s": session.token_leeway_s}
            yield Case(check=self.id, subject=name, params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """A login that whoami recognises, the wait, the old token, and a fresh login as the control afterwards."""
        identity, path = case.params["identity"], case.params["whoami"]
        credential, control = await self._recognised_login(case, target)
        owner = shown_identity(control, path)
        expires = credential.facts.get("exp")
        target.observe("lifetime", {"expires_unix_s": expires, "target_unix_s": target_clock(control, target)})
        wait_s = wait_until_expired_s(expires, target_clock(control, target), case.params["leeway_s"])
        if wait_s is None or owner is None:
            return
        await target.session_call("anonymous", identity, "whoami", nobody(credential))
        await target.sleep(wait_s)
        answer = await target.session_call("probe.1", identity, "whoami", credential)
        if standing(answer, path, owner) is Standing.RECOGNISED:
            await target.sleep(CONFIRM_PAUSE_S)
            await target.session_call("probe.2", identity, "whoami", credential)
        fresh = await own_login(target, "login.after", identity)
        await target.session_call("control.after", identity, "whoami", fresh)

    async def _recognised_login(self, case: Case, target: ReadTarget, attempt: int = 1) -> tuple[Credential, Exchange]:
        """A login and its control, up to three times: a token that lives two seconds may not survive a slow moment."""
        identity = case.params["identity"]
        credential = await own_login(target, f"login.{attempt}", identity)
        control = await target.session_call(f"control.{attempt}", identity, "whoami", credential)
        if shown_identity(control, case.params["whoami"]) is None and attempt < LOGINS:
            return await self._recognised_login(case, target, attempt + 1)
        return credential, control

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where the old token was recognised twice after its time; pass where it was refused."""
        path = case.params["whoami"]
        expected = f"whoami refuses a token of {case.params['identity']} after its exp and the declared leeway"
        controls = [e for e in evidence.exchanges("control") if e.label != "control.after"]
        if not controls:
            raise Undecided(Reason.EVIDENCE_INCOMPLETE, "the control is missing")
        owner = owner_in(controls[-1], path)
        lifetime = evidence.one(Observation, "lifetime").values
        if wait_until_expired_s(lifetime["expires_unix_s"], lifetime["target_unix_s"], case.params["leeway_s"]) is None:
            text = f"its token has no exp within {MOST_LIFETIME_S:g} s: declare a short-lived identity that has"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=(controls[-1].n,))
        require_anonymous(evidence, path, owner)
        probes = evidence.exchanges("probe")
        refuse_throttled(probes)
        standings = [standing(exchange, path, owner) for exchange in probes]
        after = evidence.exchange("control.after")
        numbers = tuple(exchange.n for exchange in (controls[-1], *probes, after))
        if standings == [Standing.RECOGNISED] * 2:
            text = f"whoami still names {owner}, twice"
            return failed(expected, text, exchanges=numbers, n=len(probes))
        if standings != [Standing.REFUSED]:
            text = "neither refused nor proved to be accepted"
            return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers, n=len(probes))
        require_recognised(after, path, owner)
        return passed(expected, describe(probes[0]), exchanges=numbers, n=1)


async def own_login(target: ReadTarget, label: str, identity: str) -> Credential:
    """A credential of this case's own.

    Raises:
        EvidenceLost: LOGIN_FAILED where the login gave none; the gap is recorded.
    """
    exchange, credential = await target.login(label, identity)
    if credential is None:
        raise target.lost(GapReason.LOGIN_FAILED, f"the login of '{identity}' gave no credential: {describe(exchange)}")
    return credential


def jwt_parts(token: str) -> tuple[dict[str, Json], dict[str, Json], bytes] | None:
    """Header, claims and signature of a signed JWT, unverified; None for any other token."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        head, payload, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        header, claims = json.loads(head), json.loads(payload)
    except (ValueError, RecursionError):
        return None
    is_jwt = isinstance(header, dict) and isinstance(claims, dict) and len(signature) > 0
    return (header, claims, signature) if is_jwt else None


def _flipped(signature: bytes) -> bytes:
    middle = len(signature) // 2
    return signature[:middle] + bytes([signature[middle] ^ 1]) + signature[middle + 1 :]


def _other_middle(token: str) -> str:
    middle = len(token) // 2
    return f"{token[:middle]}{'A' if token[middle] != 'A' else 'B'}{token[middle + 1 :]}"


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _json(value: Json) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def target_clock(exchange: Exchange, target: ReadTarget) -> float:
    """The target's clock from its Date header (whole seconds, rounded down); the tester's where there is none."""
    date = exchange.response.header("date") if exchange.response else None
    try:
        stamp = parsedate_to_datetime(date or "")
    except ValueError:
        return target.unix_s()
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()


def wait_until_expired_s(expires_unix_s: Json, target_unix_s: float, leeway_s: float) -> float | None:
    """How long to wait from the target's time on until a token has expired for it; None where that is too long.

    One second is added because a Date header is rounded down, one because `exp` itself may still count.
    """
    if not isinstance(expires_unix_s, int | float) or expires_unix_s - target_unix_s > MOST_LIFETIME_S:
        return None
    return max(0.0, expires_unix_s - target_unix_s) + leeway_s + 2.0
