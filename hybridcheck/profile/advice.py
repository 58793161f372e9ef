"""The lines of a profile that would let the six core questions be answered, ready to paste."""

from collections.abc import Iterator

from hybridcheck.cases import CoreQuestion
from hybridcheck.profile.models import Profile

FIRST_PROFILE = """\
version: 1
targets: {{local: {{url: {url}, environment: local}}}}
operations: ["GET /"]                                   # a path that must answer 200
not_applicable: {{access: "everything here is public"}}   # or identities, and operations with auth: required
load: {{rate_rps: 50, duration_s: 20}}
thresholds: {{max_latency_ms: 200, max_error_ratio: 0.01}}
"""
"""The six lines that let a run without a profile decide; the operator changes paths and limits to what is promised."""


def first_profile(base_url: str) -> tuple[str, ...]:
    """The lines of a first `hybridcheck.yaml` for an address."""
    return tuple(FIRST_PROFILE.format(url=base_url).splitlines())


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
