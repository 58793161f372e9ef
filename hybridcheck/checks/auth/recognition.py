"""Who the target says a credential belongs to: `session.whoami` as the oracle of the checks of authentication.

A status proves nothing here (an API may answer 200 to a refusal): a credential is accepted where the target names its
owner, as it does for the right one.
"""

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from hybridcheck.cases import Json, Reason, Undecided
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import json_body
from hybridcheck.checks.repeats import describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.target import Credential

NEEDS_WHOAMI = "session.whoami with `identity:`, the path of the caller's name in its answer"
NEEDS_LOGIN = "an identity with username and password"


class Standing(StrEnum):
    """What an answer of whoami says of the credential that was sent."""

    RECOGNISED = "recognised"
    REFUSED = "refused"
    THROTTLED = "throttled"
    UNCLEAR = "unclear"


def whoami_path(scene: Scene) -> str | None:
    """Where whoami names the caller; None where the profile does not say."""
    session = scene.profile.session
    return session.whoami.identity if session and session.whoami else None


def login_identities(scene: Scene, *, short_lived: bool = False) -> list[str]:
    """The identities that log in, in the order of the profile."""
    identities = scene.profile.identities.items()
    return [name for name, spec in identities if spec.username is not None and spec.short_lived == short_lived]


def spare_identity(scene: Scene) -> str | None:
    """The identity whose session is missed least: the one that the fewest operations are sent as, the last of equals.

    Some systems end every session of a user when one is logged out, or lock an account after a wrong password.
    """
    names = login_identities(scene)
    if not names:
        return None
    users = [operation.identity for _, _, operation in scene.profile.all_operations()]
    return min(reversed(names), key=users.count)


def shown_identity(exchange: Exchange, path: str) -> Json:
    """Whom a successful answer names, as text; None where it names nobody."""
    if exchange.status not in range(200, 300):
        return None
    try:
        found = value_at(json_body(exchange), path)
    except (ValueError, NoSuchPath):
        return None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) and found != "" else None


def standing(exchange: Exchange, path: str, owner: Json) -> Standing:
    """What an answer says: that the credential is `owner`'s, that it is nobody's, or neither.

    A 200 that is JSON and names nobody is a refusal too; a 5xx, a page, silence or another name says nothing.
    """
    if exchange.status == 429:
        return Standing.THROTTLED
    shown = shown_identity(exchange, path)
    if shown is not None:
        return Standing.RECOGNISED if shown == owner else Standing.UNCLEAR
    if exchange.status in range(300, 500):
        return Standing.REFUSED
    if exchange.status in range(200, 300):
        try:
            return Standing.REFUSED if isinstance(json_body(exchange), dict) else Standing.UNCLEAR
        except ValueError:
            return Standing.UNCLEAR
    return Standing.UNCLEAR


def owner_in(control: Exchange, path: str) -> Json:
    """Whom the control names.

    Raises:
        Undecided: AUTH_NOT_EFFECTIVE where it names nobody, THROTTLED where the tester was throttled.
    """
    refuse_throttled([control])
    shown = shown_identity(control, path)
    if shown is None:
        raise Undecided(Reason.AUTH_NOT_EFFECTIVE, f"whoami with a valid credential: {describe(control)}, no name")
    return shown


def require_recognised(control: Exchange, path: str, owner: Json) -> None:
    """Hold the control after the probes to what the one before them showed.

    Raises:
        Undecided: AUTH_NOT_EFFECTIVE where the valid credential no longer names its owner.
    """
    refuse_throttled([control])
    if standing(control, path, owner) is not Standing.RECOGNISED:
        raise Undecided(Reason.AUTH_NOT_EFFECTIVE, f"whoami with a valid credential, afterwards: {describe(control)}")


def require_anonymous(evidence: Evidence, path: str, owner: Json) -> None:
    """Hold whoami to naming nobody to nobody.

    Raises:
        Undecided: CATCH_ALL where it names the owner without a credential: then it is no oracle.
    """
    anonymous = evidence.exchange("anonymous")
    if standing(anonymous, path, owner) is Standing.RECOGNISED:
        raise Undecided(Reason.CATCH_ALL, "whoami names the same identity without any credential")


def refuse_throttled(exchanges: Iterable[Exchange]) -> None:
    """Keep throttled answers out of every conclusion.

    Raises:
        Undecided: THROTTLED where one of the answers is a 429.
    """
    if any(exchange.status == 429 for exchange in exchanges):
        raise Undecided(Reason.THROTTLED, "the target throttled the tester (429)")


def with_token(credential: Credential, token: str) -> Credential:
    """The same credential with another token in its place."""
    headers = tuple((name, value.replace(credential.token, token)) for name, value in credential.headers)
    return replace(credential, headers=headers, token=token, facts={})


def nobody(credential: Credential) -> Credential:
    """The same identity's call without any credential."""
    return replace(credential, headers=(), token="", refresh_token=None, facts={})


def text_at(exchange: Exchange, path: str | None) -> str | None:
    """A text in a JSON answer; None where there is none."""
    try:
        found = value_at(json_body(exchange), path) if path else None
    except (ValueError, NoSuchPath):
        return None
    return found if isinstance(found, str) and found else None
