"""Is the session cookie kept from scripts, from plain HTTP, and from other sites."""

import re
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Unmet
from hybridcheck.checks.check import PassiveCheck, Scene
from hybridcheck.checks.witnesses import EVERYTHING
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.verdict import Finding, failed, passed, undecided

DELETING = re.compile(r"-\d+|0+")
"""A Max-Age that deletes the cookie (RFC 6265, 5.2.2)."""


class SessionCookieFlags(PassiveCheck):
    """The session cookie is set with HttpOnly, with Secure over HTTPS, and with SameSite.

    Looks at every Set-Cookie of the declared session cookie in the run, those that delete it left out. One witness is
    proof. Over plain HTTP, Secure is not asked for; `SameSite=None` counts only with Secure.
    """

    id = "session.cookie-flags"
    dimension = Dimension.SECURITY
    severity = Severity.MEDIUM
    suite = "auth"
    judges_gaps = True
    remedy = "Set HttpOnly, Secure and SameSite=Lax or Strict wherever the session cookie is set."
    refs = ("CWE-1004", "CWE-614", "CWE-1275", "ASVS V3.3.1")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case for the declared session cookie: `exposure.session_cookie`, else the cookie of the login."""
        session = scene.profile.session
        name = scene.profile.exposure.session_cookie or (session.login.cookie if session else None)
        if name is None:
            yield Unmet(subject="session cookie", needs="exposure.session_cookie: NAME")
            return
        yield Case(check=self.id, subject=name, params={"cookie": name}, shared=(EVERYTHING,))

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Fail on the first setting that lacks a flag; pass only where one was seen and nothing is missing."""
        expected = f"the cookie {case.params['cookie']} is set with HttpOnly, Secure (over HTTPS) and SameSite"
        settings = list(_settings(evidence, case.params["cookie"]))
        for exchange, attributes in settings:
            missing = missing_flags(attributes, https=exchange.request.url.startswith("https:"))
            if missing:
                return failed(expected, f"without {', '.join(missing)}", exchanges=(exchange.n,), n=len(settings))
        if not settings:
            text = "the target did not set this cookie in any recorded answer"
            return undecided(Reason.NO_TEST_DATA, expected, text)
        numbers = tuple(exchange.n for exchange, _ in settings[:5])
        if evidence.gaps():
            text = "a part of the run was not recorded"
            return undecided(Reason.EVIDENCE_INCOMPLETE, expected, text, exchanges=numbers)
        return passed(expected, f"all flags in {len(settings)} answers", exchanges=numbers, n=len(settings))


def missing_flags(attributes: dict[str, str], *, https: bool) -> list[str]:
    """Which of the flags a Set-Cookie lacks."""
    missing = [] if "httponly" in attributes else ["HttpOnly"]
    secure = "secure" in attributes
    if https and not secure:
        missing.append("Secure")
    site = attributes.get("samesite", "").lower()
    if site not in {"lax", "strict"} and not (site == "none" and secure):
        missing.append("SameSite")
    return missing


def _settings(evidence: Evidence, name: str) -> Iterator[tuple[Exchange, dict[str, str]]]:
    """Every setting of the cookie with its attributes (names in lower case); deletions left out."""
    for exchange in evidence.exchanges(stream=EVERYTHING):
        for header in exchange.response.header_values("set-cookie") if exchange.response else ():
            pair, *rest = header.split(";")
            key, _, value = pair.strip().partition("=")
            parts = (part.strip().partition("=") for part in rest)
            attributes = {attribute.lower(): setting for attribute, _, setting in parts}
            deletes = value.strip().strip('"') == "" or DELETING.fullmatch(attributes.get("max-age", ""))
            if key == name and not deletes:
                yield exchange, attributes
