"""Does a login give the right session for the right password, and none for a wrong one."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.auth.recognition import (
    NEEDS_LOGIN,
    NEEDS_WHOAMI,
    Standing,
    login_identities,
    owner_in,
    refuse_throttled,
    shown_identity,
    spare_identity,
    standing,
    whoami_path,
)
from hybridcheck.checks.auth.tokens import own_login
from hybridcheck.checks.check import ReadCheck, Scene, WriteCheck
from hybridcheck.checks.repeats import PAUSE_S, describe
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.target import ReadTarget, WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ATTEMPTS = 2
"""How often a login that gave the wrong thing is tried before it counts."""


class LoginGivesIdentity(ReadCheck):
    """A login gives a session of the user who logged in.

    Logs in as every declared user and asks whoami. Proved wrong where whoami names another declared user (or, where
    the identity says `known_as`, anything else) twice, or where the login breaks twice with a server error. A refused
    password stays undecided: it may be the profile's.
    """

    id = "authn.login-gives-identity"
    dimension = Dimension.SECURITY
    severity = Severity.HIGH
    suite = "auth"
    remedy = (
        "Look at how the session is bound to the user: shared state between logins, a cache without the user's key."
    )
    refs = ("CWE-287", "CWE-488", "OWASP API2:2023")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per identity with username and password."""
        path = whoami_path(scene)
        names = login_identities(scene) + login_identities(scene, short_lived=True)
        if path is None or not names:
            yield Unmet(subject="logins", needs=NEEDS_WHOAMI if path is None else NEEDS_LOGIN)
            return
        identities = scene.profile.identities
        known = {name: identities[name].known_as or identities[name].username for name in names}
        for name in names:
            others = sorted({str(other) for other in known.values() if other != known[name]})
            params: dict[str, Json] = {"identity": name, "whoami": path, "known_as": known[name], "others": others}
            params["certain"] = identities[name].known_as is not None
            yield Case(check=self.id, subject=name, params=params)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Log in and ask who that is; again where the answer was not as promised."""
        for attempt in range(1, ATTEMPTS + 1):
            exchange, credential = await target.login(f"login.{attempt}", case.params["identity"])
            target.observe(f"credential.{attempt}", {"given": credential is not None})
            if credential is not None:
                label = f"whoami.{attempt}"
                answer = await target.session_call(label, case.params["identity"], "whoami", credential)
                if _same(shown_identity(answer, case.params["whoami"]), case.params["known_as"]):
                    return
            elif exchange.status in range(400, 500):
                return  # trying a refused password again could lock the account
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass where whoami names the user; fail where it twice names another, or the login twice breaks."""
        expected = f"a login as {case.params['identity']} gives a session of {case.params['known_as']}"
        refuse_throttled(evidence.exchanges())
        numbers = tuple(exchange.n for exchange in evidence.exchanges())
        wrong: list[str] = []
        for attempt in range(1, ATTEMPTS + 1):
            complaint = self._complaint(case, evidence, attempt)
            if complaint is None:
                if wrong:
                    return undecided(Reason.FLAKY, expected, f"once {wrong[0]}", exchanges=numbers)
                text = f"whoami names {case.params['known_as']}"
                return passed(expected, text, exchanges=numbers, n=1)
            wrong.append(complaint)
        return failed(expected, wrong[-1], exchanges=numbers, n=ATTEMPTS)

    def _complaint(self, case: Case, evidence: Evidence, attempt: int) -> str | None:
        """What is certainly wrong with one attempt; None where nothing is."""
        login = evidence.exchange(f"login.{attempt}")
        if not evidence.one(Observation, f"credential.{attempt}").values["given"]:
            if login.failure is not None or login.status in range(500, 600):
                return f"the login gave {describe(login)}"
            raise Undecided(Reason.AUTH_NOT_EFFECTIVE, f"the login gave no credential: {describe(login)}")
        answer = evidence.exchange(f"whoami.{attempt}")
        shown = shown_identity(answer, case.params["whoami"])
        if _same(shown, case.params["known_as"]):
            return None
        if shown is None:
            raise Undecided(Reason.AUTH_NOT_EFFECTIVE, f"whoami names nobody: {describe(answer)}")
        if case.params["certain"] or any(_same(shown, other) for other in case.params["others"]):
            return f"whoami names {shown}"
        hint = f"if that is the same user, declare identities.{case.params['identity']}.known_as: {shown}"
        raise Undecided(Reason.AUTH_NOT_EFFECTIVE, f"whoami names {shown}; {hint}")


class RefusesWrongPassword(WriteCheck):
    """A wrong password gives no session.

    One login with a random password (some systems lock accounts after a few), as the identity that is missed least.
    Proved where the credential that it gives is one for which whoami names the user, twice; a status alone proves
    nothing. A login with the right password is the control.
    """

    id = "authn.wrong-password-refused"
    dimension = Dimension.SECURITY
    severity = Severity.CRITICAL
    suite = "auth"
    remedy = "Compare the password with its stored hash, in constant time, before a session is made."
    refs = ("CWE-287", "CWE-521", "OWASP API2:2023")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, with the identity that the fewest operations are sent as."""
        path, name = whoami_path(scene), spare_identity(scene)
        if path is None or name is None:
            yield Unmet(subject="logins", needs=NEEDS_WHOAMI if path is None else NEEDS_LOGIN)
            return
        yield Case(check=self.id, subject=name, params={"identity": name, "whoami": path})

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """The right password, the wrong one, and what its credential is worth where it gave one."""
        identity = case.params["identity"]
        right = await own_login(target, "login", identity)
        await target.session_call("control", identity, "whoami", right)
        _, wrong = await target.wrong_password("attempt", identity)
        target.observe("credential", {"given": wrong is not None})
        if wrong is not None:
            await target.session_call("probe.1", identity, "whoami", wrong)
            await target.sleep(PAUSE_S)
            await target.session_call("probe.2", identity, "whoami", wrong)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where whoami named the user for the wrong password's credential."""
        expected = f"a wrong password for {case.params['identity']} gives no session"
        path = case.params["whoami"]
        control, attempt = evidence.exchange("control"), evidence.exchange("attempt")
        owner = owner_in(control, path)
        probes = evidence.exchanges("probe")
        refuse_throttled((attempt, *probes))
        numbers = tuple(exchange.n for exchange in (control, attempt, *probes))
        if not evidence.one(Observation, "credential").values["given"]:
            return _without_credential(attempt, expected, numbers)
        standings = {standing(evidence.exchange(label), path, owner) for label in ("probe.1", "probe.2")}
        if standings == {Standing.RECOGNISED}:
            text = f"it gave a credential for which whoami names {owner}"
            return failed(expected, text, exchanges=numbers, n=2)
        if standings == {Standing.REFUSED}:
            text = "it gave something like a credential, which whoami refuses"
            return passed(expected, text, exchanges=numbers, n=1)
        text = "it gave something like a credential, which whoami neither recognises nor refuses"
        return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)


def _without_credential(attempt: Exchange, expected: str, numbers: tuple[int, ...]) -> Finding:
    if attempt.status is not None and attempt.status < 500:
        return passed(expected, describe(attempt), exchanges=numbers, n=1)
    return undecided(Reason.SUSPECTED, expected, f"not refused: {describe(attempt)}", exchanges=numbers)


def _same(shown: Json, known_as: Json) -> bool:
    """Whether two names of a user are the same; logins commonly ignore case."""
    return shown is not None and str(shown).casefold() == str(known_as).casefold()
