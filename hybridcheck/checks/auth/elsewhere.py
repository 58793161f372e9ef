"""What a session's token opens beside whoami: the protected reads of its identity, before and after the session ends."""

from dataclasses import replace

from hybridcheck.cases import Json, Reason, Undecided
from hybridcheck.checks.auth.refusal import let_in, refused, without_identity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.operations import ask_for, complaint_about, params_of, suite_of
from hybridcheck.checks.repeats import PAUSE_S, describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.models import Session
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, Credential, ReadTarget

MOST_READS = 10
"""How many protected reads are asked with the token beside whoami; of each service one before any has a second."""


def protected_reads(scene: Scene, session: Session, name: str) -> list[Json]:
    """The protected reads that an identity may call, as a case keeps them; not those that are part of the session."""
    calls = (session.login, session.whoami, session.refresh, session.logout)
    own, role = {call.path for call in calls if call is not None}, scene.profile.identities[name].role
    turns: dict[str, int] = {}
    found: list[tuple[int, Json]] = []
    for service_name, service, operation in scene.profile.all_operations():
        fits = operation.reads and operation.sendable and operation.auth == "required" and operation.path not in own
        if fits and operation.method in {"GET", "POST"} and (not operation.roles or role in operation.roles):
            turn = turns[service_name or ""] = turns.get(service_name or "", 0) + 1
            found.append((turn, params_of(operation, suite_of(service))["operation"]))
    return [kept for _, kept in sorted(found, key=lambda pair: pair[0])[:MOST_READS]]


async def open_before(target: ReadTarget, reads: list[Json], credential: Credential) -> list[Exchange]:
    """The control: each read with the token while its session lives."""
    asks = [_with_token_of(credential, Operation.model_validate(kept)) for kept in reads]
    return await target.together([target.read(f"open.{i}", ask) for i, ask in enumerate(asks, 1)])


async def ask_after(target: ReadTarget, reads: list[Json], credential: Credential, controls: list[Exchange]) -> None:
    """Each read that the token opened, once its session has ended; again, and as nobody, where it still opens it."""
    for number, (kept, control) in enumerate(zip(reads, controls, strict=True), 1):
        operation = Operation.model_validate(kept)
        if complaint_about(control, operation.expect) is not None:
            continue
        ask = replace(_with_token_of(credential, operation), fresh=True)
        first = await target.read(f"ended.{number}.1", ask)
        if let_in(first, control):
            await target.sleep(PAUSE_S)
            await target.read(f"ended.{number}.2", ask)
            await target.read(f"ended.{number}.nobody", without_identity(ask_for(operation)))


def still_open(reads: list[Json], evidence: Evidence) -> tuple[list[tuple[str, tuple[int, ...]]], int]:
    """The reads that the ended token opens twice and nobody's request does not, with their records; and how many it opened.

    Raises:
        Undecided: where a part is missing, the tester was throttled, or an answer neither refuses nor opens.
    """
    found: list[tuple[str, tuple[int, ...]]] = []
    unclear: tuple[Reason, str] | None = None
    asked = 0
    for number, kept in enumerate(reads, 1):
        operation, control = Operation.model_validate(kept), evidence.exchange(f"open.{number}")
        if complaint_about(control, operation.expect) is not None:
            continue
        asked += 1
        first = evidence.exchange(f"ended.{number}.1")
        if not let_in(first, control):
            unclear = unclear or _unclear(first, operation)
            continue
        second, nobody = evidence.exchange(f"ended.{number}.2"), evidence.exchange(f"ended.{number}.nobody")
        if nobody.status == 429:
            unclear = unclear or _unclear(nobody, operation)
        elif refused(nobody, operation) and let_in(second, control):
            found.append((operation.id, (control.n, first.n, second.n, nobody.n)))
        elif not let_in(nobody, control):
            unclear = unclear or (Reason.FLAKY, f"{operation.id} opened once: {describe(second)}")
    if unclear is not None and not found:
        raise Undecided(*unclear)
    return found, asked


def _unclear(answer: Exchange, operation: Operation) -> tuple[Reason, str] | None:
    """Why an answer that does not open says nothing; None where it refuses, be it in a 2xx of another shape."""
    if answer.status == 429:
        return Reason.THROTTLED, "the target throttled the tester (429)"
    if refused(answer, operation) or answer.status in range(200, 500):
        return None
    return Reason.SUSPECTED, f"{operation.id}: {describe(answer)}"


def _with_token_of(credential: Credential, operation: Operation) -> Ask:
    return replace(ask_for(operation, identity=credential.identity), authorization=credential.token)
