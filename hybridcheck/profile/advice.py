"""The lines of a profile that would let the six core questions be answered, ready to paste."""

from collections.abc import Iterator

from hybridcheck.cases import CoreQuestion
from hybridcheck.profile.models import Profile

SHOWN_OPERATIONS = 4


def first_profile(base_url: str, found: Profile | None = None) -> tuple[str, ...]:
    """The six lines of a first `hybridcheck.yaml` for an address; the operator puts the promised paths and limits in.

    `found` is what a run without a profile discovered: its operations, or else its health route, stand in the place of
    an example.
    """
    listed = ", ".join(f'"{operation}"' for operation in _found(found)[:SHOWN_OPERATIONS] or ["GET /"])
    return (
        "version: 1",
        f"targets: {{local: {{url: {base_url}, environment: local}}}}",
        f"operations: [{listed}]   # what has to answer 200",
        'not_applicable: {access: "everything here is public"}   # or identities, and operations with auth: required',
        "load: {rate_rps: 50, duration_s: 20}",
        "thresholds: {max_latency_ms: 200, max_error_ratio: 0.01}",
    )


def _found(profile: Profile | None) -> list[str]:
    """What answered, in the short form that declares it."""
    if profile is None:
        return []
    answered = [(operation.id, operation.expect.status[0]) for _, _, operation in profile.all_operations()]
    if not answered and profile.health is not None:
        answered = [(f"GET {profile.health.path}", profile.health.status)]
    return [name if status == 200 else f"{name} -> {status}" for name, status in answered]


def lines_for(question: CoreQuestion, profile: Profile) -> tuple[str, ...]:
    """The lines that would answer a question, beyond what the profile declares already."""
    match question:
        case CoreQuestion.ALIVE:
            return ("ready: /health",)
        case CoreQuestion.CONTRACT | CoreQuestion.EXPOSURE:
            return _operation('"GET /"', profile)
        case CoreQuestion.ACCESS:
            return tuple(_access(profile))
        case CoreQuestion.LOAD:
            return tuple(_load(profile))
        case CoreQuestion.RECOVERY:
            return () if profile.load else ("load: {rate_rps: 50, duration_s: 20}",)


def _operation(text: str, profile: Profile) -> tuple[str, ...]:
    """A line for `operations`, which may stand in the profile already."""
    return ("# one more under operations:", f"  - {text}") if profile.operations else (f"operations: [{text}]",)


def _access(profile: Profile) -> Iterator[str]:
    if not profile.identities:
        yield "identities: {alice: {token: env:ALICE_TOKEN}}"
    name = next(iter(profile.identities), "alice")
    yield from _operation(f"{{request: GET /me, auth: required, identity: {name}}}", profile)
    yield '# or, if nothing is protected:  not_applicable: {access: "everything here is public"}'


def _load(profile: Profile) -> Iterator[str]:
    if not profile.load:
        yield "load: {rate_rps: 50, duration_s: 20}"
    limits = {"max_latency_ms": 200, "max_error_ratio": 0.01}
    missing = {name: value for name, value in limits.items() if getattr(profile.thresholds, name) is None}
    if len(missing) == len(limits):
        yield "thresholds: {max_latency_ms: 200, max_error_ratio: 0.01}"
    elif missing:
        yield "# one more under thresholds:"
        yield from (f"  {name}: {value}" for name, value in missing.items())
