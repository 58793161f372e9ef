"""Does a failed login say whether the user exists."""

import re
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Reason, Severity, Undecided, Unmet
from hybridcheck.checks.auth.recognition import login_identities, refuse_throttled, spare_identity
from hybridcheck.checks.check import Scene, WriteCheck
from hybridcheck.checks.repeats import PAUSE_S, describe
from hybridcheck.evidence import Evidence, Exchange, Observation
from hybridcheck.target import WriteTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

VARYING = re.compile(r"[A-Za-z0-9_+/=-]{20,}|[0-9a-fA-F]{8,}|\d+")
"""What differs between any two answers: tokens and ids, digests, numbers and times."""


class LoginErrorDoesNotEnumerate(WriteCheck):
    """A failed login answers alike whether the user exists or not.

    One wrong password for a declared user, and two logins under names that nobody has, of the same shape. Status, media
    type and body are compared without the name that was sent, ids, numbers and times. Proved where the two unknown
    names are answered alike and two declared users, each asked once, otherwise.
    """

    id = "authn.login-error-does-not-enumerate"
    dimension = Dimension.SECURITY
    severity = Severity.MEDIUM
    suite = "auth"
    remedy = "Answer every failed login with the same status and words, and do the same work for unknown users."
    refs = ("CWE-204", "ASVS V6.3.8")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case, with the users whose one wrong password of the run no other check sends."""
        names = login_identities(scene, short_lived=True) + login_identities(scene)
        spare = spare_identity(scene)
        free = [name for name in names if name != spare]
        if scene.profile.session is None or not free:
            yield Unmet(subject="logins", needs="a second identity with username and password")
            return
        users = [operation.identity for _, _, operation in scene.profile.all_operations()]
        chosen = sorted(free, key=users.count)[:2]
        identities = scene.profile.identities
        params = {"users": chosen, "usernames": [identities[name].username for name in chosen]}
        yield Case(check=self.id, subject=chosen[0], params=params)

    async def probe(self, case: Case, target: WriteTarget) -> None:
        """A declared user, two unknown ones, and a second declared one where the first was answered otherwise."""
        users, usernames = case.params["users"], case.params["usernames"]
        unknown = []
        for number in (1, 2):
            exchange, name = await target.unknown_user(f"unknown.{number}", users[0])
            target.observe(f"name.{number}", {"name": name})
            unknown.append(likeness(exchange, name))
        for number, (user, username) in enumerate(zip(users, usernames, strict=True), 1):
            exchange, credential = await target.wrong_password(f"known.{number}", user)
            target.observe(f"credential.{number}", {"given": credential is not None})
            if likeness(exchange, username) in unknown:
                return
            await target.sleep(PAUSE_S)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Pass where the declared user is answered like an unknown one; fail where two are not."""
        expected = "a failed login answers alike whether the user exists or not"
        unknown = [evidence.exchange(f"unknown.{number}") for number in (1, 2)]
        names = [str(evidence.one(Observation, f"name.{number}").values["name"]) for number in (1, 2)]
        known = evidence.exchanges("known")
        first = evidence.exchange("known.1")
        refuse_throttled((*unknown, *known))
        numbers = tuple(exchange.n for exchange in (*unknown, *known))
        for exchange in (*unknown, *known):
            if exchange.status is None or exchange.status >= 500:
                raise Undecided(Reason.SUSPECTED, f"a failed login gave {describe(exchange)}")
        baseline, other = (likeness(exchange, name) for exchange, name in zip(unknown, names, strict=True))
        if baseline != other:
            raise Undecided(Reason.SUSPECTED, "two unknown names are answered differently, so nothing can be compared")
        pairs = zip(known, case.params["usernames"], strict=False)
        differs = [likeness(exchange, username) != baseline for exchange, username in pairs]
        if not differs[0]:
            return passed(expected, describe(first), exchanges=numbers, n=len(numbers))
        if any(evidence.one(Observation, f"credential.{n}").values["given"] for n, _ in enumerate(known, 1)):
            raise Undecided(Reason.SUSPECTED, "the wrong password gave something like a credential")
        text = f"a declared user: {describe(first)}; unknown: {describe(unknown[0])}; in other words or another status"
        if differs == [True, True]:
            return failed(expected, text, exchanges=numbers, n=len(numbers))
        return undecided(Reason.SUSPECTED, expected, f"{text}; not confirmed with a second user", exchanges=numbers)


def likeness(exchange: Exchange, name: str) -> tuple[int | None, str, str]:
    """What an answer says apart from what differs anyway: status, media type, and the body without the name sent."""
    if exchange.response is None:
        return None, "", ""
    body = exchange.response.body.content().decode("utf-8", "replace")
    without_name = re.sub(re.escape(name), "<name>", body, flags=re.IGNORECASE) if name else body
    return exchange.status, exchange.response.media_type, VARYING.sub("#", without_name)
