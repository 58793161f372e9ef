"""Does a session go on when it is refreshed, and end when its user logs out."""

from abc import abstractmethod
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Json, Phase, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.auth.elsewhere import ask_after, open_before, protected_reads, still_open
from hybridcheck.checks.auth.recognition import (
    NEEDS_LOGIN,
    NEEDS_WHOAMI,
    Standing,
    nobody,
    owner_in,
    refuse_throttled,
    require_anonymous,
    require_recognised,
    shown_identity,
    spare_identity,
    standing,
    text_at,
    whoami_path,
    with_token,
)
from hybridcheck.checks.auth.tokens import own_login
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.repeats import PAUSE_S, describe
from hybridcheck.evidence import Evidence, Exchange, GapReason
from hybridcheck.profile.models import Session
from hybridcheck.target import Credential, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ATTEMPTS = 2
"""How often a refresh that did not work is tried, each time in a session of its own."""


class SessionCheck(ReadCheck):
    """The base of checks that need sessions of their own.

    They run when nothing else does, as the identity that is missed least: some systems end every session of a user
    when one of them ends.
    """

    dimension = Dimension.SECURITY
    suite = "auth"
    phase = Phase.WRITE

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, where the profile declares what the check needs."""
        session, path, name = scene.profile.session, whoami_path(scene), spare_identity(scene)
        if session is None or path is None or name is None:
            yield Unmet(subject="sessions", needs=NEEDS_WHOAMI if path is None else NEEDS_LOGIN)
            return
        missing = self.missing(session)
        if missing:
            yield Unmet(subject="sessions", needs=missing)
            return
        refresh, logout = session.refresh, session.logout
        params = {
            "identity": name,
            "whoami": path,
            "grace_s": session.grace_s,
            "refresh_token": refresh.token if refresh else None,
            "refresh_status": list(refresh.expect) if refresh else [],
            "logout_status": list(logout.expect) if logout else [],
        }
        yield Case(check=self.id, subject=name, params=params | self.further_params(scene, session, name))

    def further_params(self, scene: Scene, session: Session, name: str) -> dict[str, Json]:
        """What else the case keeps of the profile; by default nothing."""
        return {}

    @abstractmethod
    def missing(self, session: Session) -> str:
        """What the profile's session lacks for this check; empty where nothing."""

    async def controlled_login(self, case: Case, target: ReadTarget, suffix: str = "") -> tuple[Credential, Exchange]:
        """A session of its own, and whoami as the control that it works."""
        credential = await own_login(target, f"login{suffix}", case.params["identity"])
        control = await target.session_call(f"control{suffix}", case.params["identity"], "whoami", credential)
        return credential, control


class RefreshWorks(SessionCheck):
    """A refresh token gives a token that works.

    Logs in, refreshes, and asks whoami with the new token; proved broken where that fails twice, in two sessions.
    """

    id = "authn.refresh-works"
    severity = Severity.MEDIUM
    remedy = "Follow the session id from login through refresh: which store or key does not know the new token?"
    refs = ("OWASP API2:2023",)

    def missing(self, session: Session) -> str:
        """Refresh, with where both answers name the tokens."""
        return _missing_refresh(session)

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Login, control, refresh, whoami with the new token; all of it again where it did not work."""
        identity, path = case.params["identity"], case.params["whoami"]
        for attempt in range(1, ATTEMPTS + 1):
            credential, control = await self.controlled_login(case, target, f".{attempt}")
            _require_refresh_token(target, credential)
            refreshed = await target.session_call(f"refresh.{attempt}", identity, "refresh", credential)
            token = text_at(refreshed, case.params["refresh_token"])
            if token is not None:
                renewed = with_token(credential, token)
                answer = await target.session_call(f"probe.{attempt}", identity, "whoami", renewed)
                if standing(answer, path, shown_identity(control, path)) is Standing.RECOGNISED:
                    return
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass where whoami names the user for the new token; fail where it did not in two sessions."""
        expected = f"a refresh as {case.params['identity']} gives a token that whoami recognises"
        refuse_throttled(evidence.exchanges())
        numbers = tuple(exchange.n for exchange in evidence.exchanges())
        wrong: list[str] = []
        for attempt in range(1, ATTEMPTS + 1):
            complaint = self._complaint(case, evidence, attempt)
            if complaint is None and not wrong:
                return passed(expected, "whoami names the same user", exchanges=numbers, n=1)
            if complaint is None:
                return undecided(Reason.FLAKY, expected, f"once {wrong[0]}", exchanges=numbers, n=attempt)
            wrong.append(complaint)
        return failed(expected, f"{wrong[-1]}, twice", exchanges=numbers, n=ATTEMPTS)

    def _complaint(self, case: Case, evidence: Evidence, attempt: int) -> str | None:
        path = case.params["whoami"]
        owner = owner_in(evidence.exchange(f"control.{attempt}"), path)
        refreshed = evidence.exchange(f"refresh.{attempt}")
        if refreshed.status not in case.params["refresh_status"]:
            return f"the refresh gave {describe(refreshed)}"
        if text_at(refreshed, case.params["refresh_token"]) is None:
            return f"the refresh gave no token at {case.params['refresh_token']}"
        answer = evidence.exchange(f"probe.{attempt}")
        if standing(answer, path, owner) is Standing.RECOGNISED:
            return None
        return f"whoami with the new token gave {describe(answer)}"


class RefreshReuseRefused(SessionCheck):
    """A refresh token that was used is worth nothing.

    Logs in, refreshes, and after the declared grace sends the first refresh token again. Proved where that gives, twice,
    a token for which whoami names the user.
    """

    id = "authn.refresh-reuse-refused"
    severity = Severity.MEDIUM
    remedy = "Rotate refresh tokens, and end the session when a used one comes back (RFC 9700, 4.14.2)."
    refs = ("CWE-613", "ASVS V10.4.5")

    def missing(self, session: Session) -> str:
        """Refresh that is declared to rotate."""
        return _missing_refresh(session) or ("" if session.refresh_rotates else "session.refresh_rotates: true")

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Login, control, refresh, and the used refresh token again, up to twice."""
        identity = case.params["identity"]
        credential, _ = await self.controlled_login(case, target)
        _require_refresh_token(target, credential)
        await target.session_call("refresh", identity, "refresh", credential)
        for attempt in (1, 2):
            await target.sleep(max(case.params["grace_s"], PAUSE_S) if attempt == 1 else PAUSE_S)
            reused = await target.session_call(f"reuse.{attempt}", identity, "refresh", credential)
            token = text_at(reused, case.params["refresh_token"])
            if token is None:
                return
            await target.session_call(f"probe.{attempt}", identity, "whoami", with_token(credential, token))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where the used token gave a working one twice."""
        expected = "a refresh token that was used is refused"
        path = case.params["whoami"]
        control, first = evidence.exchange("control"), evidence.exchange("refresh")
        owner = owner_in(control, path)
        refuse_throttled(evidence.exchanges())
        if first.status not in case.params["refresh_status"] or not text_at(first, case.params["refresh_token"]):
            raise Undecided(Reason.AUTH_NOT_EFFECTIVE, f"the first refresh gave {describe(first)}")
        reuses, probes = evidence.exchanges("reuse"), evidence.exchanges("probe")
        numbers = tuple(exchange.n for exchange in (control, first, *reuses, *probes))
        evidence.exchange("reuse.1")
        if len(probes) == 2 and all(standing(probe, path, owner) is Standing.RECOGNISED for probe in probes):
            text = f"it gave a token for which whoami names {owner}, twice"
            return failed(expected, text, exchanges=numbers, n=2)
        if len(reuses) == 1 and reuses[0].status in range(400, 500) and not probes:
            return passed(expected, describe(reuses[0]), exchanges=numbers, n=1)
        text = f"neither refused nor proved to work: {describe(reuses[-1])}"
        return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)


class LogoutEndsSession(SessionCheck):
    """After a logout the session's token is worth nothing.

    Logs in, logs out, and asks whoami at once, after the declared grace and once more. Proved where the last two still
    name the user. Up to ten other protected reads are asked with the token before and after: proved too where one
    that refuses a request without credentials still answers the ended token, twice, as it did before the logout. A fresh
    login afterwards is the control.
    """

    id = "authn.logout-ends-session"
    severity = Severity.HIGH
    remedy = "End the session on the server: delete it, or keep a list of ended token ids until they expire."
    refs = ("CWE-613", "ASVS V7.4.1", "WSTG-SESS-06")

    def missing(self, session: Session) -> str:
        """A logout that is declared to end the session on the server."""
        if session.logout is None:
            return "session.logout"
        if session.logout_policy == "client_only":
            return "session.logout_policy: server_side (client_only: a copied token outlives its logout, as declared)"
        return ""

    def further_params(self, scene: Scene, session: Session, name: str) -> dict[str, Json]:
        """The other protected reads."""
        return {"reads": protected_reads(scene, session, name)}

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """Login, controls, logout, whoami three times, the other reads, and a fresh login."""
        identity, reads = case.params["identity"], case.params["reads"]
        credential, _ = await self.controlled_login(case, target)
        opened = await open_before(target, reads, credential)
        await target.session_call("anonymous", identity, "whoami", nobody(credential))
        await target.session_call("logout", identity, "logout", credential)
        for attempt, pause_s in enumerate((0.0, case.params["grace_s"], PAUSE_S), 1):
            await target.sleep(pause_s)
            await target.session_call(f"probe.{attempt}", identity, "whoami", credential)
        await ask_after(target, reads, credential, opened)
        fresh = await own_login(target, "login.after", identity)
        await target.session_call("after", identity, "whoami", fresh)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail where both answers after the grace still name the user; pass where both refuse."""
        expected = f"whoami refuses the token {case.params['grace_s']:g} s after the logout"
        path = case.params["whoami"]
        control, logout, after = (evidence.exchange(label) for label in ("control", "logout", "after"))
        owner = owner_in(control, path)
        require_anonymous(evidence, path, owner)
        probes = (evidence.exchange("probe.2"), evidence.exchange("probe.3"))
        refuse_throttled((logout, *probes))
        numbers = tuple(exchange.n for exchange in (control, logout, *probes, after))
        if logout.status not in case.params["logout_status"]:
            text = f"the logout gave {describe(logout)}"
            return undecided(Reason.AUTH_NOT_EFFECTIVE, expected, text, exchanges=numbers)
        standings = {standing(probe, path, owner) for probe in probes}
        if standings == {Standing.RECOGNISED}:
            return failed(expected, f"whoami still names {owner}, twice", exchanges=numbers, n=2)
        if standings != {Standing.REFUSED}:
            reason = Reason.FLAKY if Standing.RECOGNISED in standings else Reason.SUSPECTED
            text = ", ".join(describe(probe) for probe in probes)
            return undecided(reason, expected, text, exchanges=numbers, n=2)
        opened, asked = still_open(case.params["reads"], evidence)
        if opened:
            names = ", ".join(name for name, _ in opened)
            text = f"whoami refuses it, and it still opens {names}, twice"
            return failed(expected, text, exchanges=(*numbers, *(n for _, found in opened for n in found)), n=2)
        require_recognised(after, path, owner)
        besides = f"; {asked} other protected reads too" if asked else ""
        return passed(expected, f"{describe(probes[-1])}{besides}", exchanges=numbers, n=2 + asked)


def _missing_refresh(session: Session) -> str:
    if session.refresh is None:
        return "session.refresh"
    if session.refresh.token is None:
        return "session.refresh.token: the path of the new token in the answer"
    return "" if session.login.refresh_token else "session.login.refresh_token: its path in the answer of the login"


def _require_refresh_token(target: ReadTarget, credential: Credential) -> None:
    if credential.refresh_token is None:
        raise target.lost(GapReason.LOGIN_FAILED, "the login gave no refresh token")
