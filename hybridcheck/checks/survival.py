"""Did a service survive what a risky probe sent: its declared `liveness` before and after, and what a crash is.

Every risky check shares this. `probe` calls `look_before`, does its risky thing, and calls `look_after`; `judge` calls
`crash_finding` first and goes on with its own promise where that gives None. A crash needs two observations: an
exchange that broke, and a service that has restarted or does not answer any more. One of the two alone is SUSPECTED.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from hybridcheck.cases import Json, Reason, Undecided
from hybridcheck.checks.operations import json_body
from hybridcheck.checks.repeats import describe, numbered
from hybridcheck.diagnosis.signatures import WORDS, Signature
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.profile.models import Profile
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, undecided

NEEDS_LIVENESS = "services: {NAME: {liveness: {path: /health, uptime_s: $.uptime_s}}}"
"""The line without which a risky check stays unexamined; put the service's name in with `needs_liveness`."""

BEFORE, AFTER = "life.before", "life.after"

SIGNS = ("started_at", "uptime_s", "pid")

TRIES, PAUSE_S, DEADLINE_S = 6, 0.5, 2.0
"""How often the service is asked afterwards until it answers, and with what pause: a supervisor needs a moment."""

LOOKS = 3
"""How often a start or process id is read beforehand: where several replicas answer, it differs and shows nothing."""

BROKEN_STATUSES = frozenset({502, 503, 504})
"""What a gateway answers for a callee that broke off, cannot be reached, or is silent."""


class Fate(StrEnum):
    """What became of a service between the looks."""

    ALIVE = "alive"
    RESTARTED = "restarted"
    DOWN = "down"


def needs_liveness(service: str) -> str:
    """The profile line that would declare a service's liveness."""
    return NEEDS_LIVENESS.replace("NAME", service or "NAME")


def watch_of(profile: Profile, service: str) -> dict[str, Json] | None:
    """What the looks and the judge need of a service's liveness, for a case's params; None where none is declared.

    A liveness without `started_at`, `uptime_s` and `pid` tells no restart, and counts as none.
    """
    found = profile.services.get(service)
    if found is None or found.liveness is None:
        return None
    watch = found.liveness.model_dump(mode="json", exclude_none=True)
    return {"service": service, **watch} if watch.keys() & set(SIGNS) else None


def service_of(profile: Profile, operation_id: str) -> str:
    """The name of the service that an operation belongs to; empty where it belongs to none."""
    return next((name for name, _, op in profile.all_operations() if op.id == operation_id), "")


async def look_before(target: ReadTarget, watch: dict[str, Json]) -> None:
    """Read the signs of life before the risky probe."""
    for look in range(1 if "uptime_s" in watch else LOOKS):
        await target.read(f"{BEFORE}.{look + 1}", _ask(watch))


async def look_after(target: ReadTarget, watch: dict[str, Json]) -> None:
    """Read the signs of life after the risky probe, until there is one or the tries are over."""
    for look in range(TRIES):
        if look:
            await target.sleep(PAUSE_S)
        if _signs(await target.read(f"{AFTER}.{look + 1}", _ask(watch)), watch) is not None:
            return


def fate(watch: dict[str, Json], evidence: Evidence) -> Fate:
    """What became of the service between the looks.

    Raises:
        Undecided: where the looks do not say: no sign before, replicas that answer in turn, looks that are missing.
    """
    before, after = evidence.exchanges(BEFORE), evidence.exchanges(AFTER)
    wanted = 1 if "uptime_s" in watch else LOOKS
    if len(before) != wanted or not numbered(before, BEFORE) or not after or not numbered(after, AFTER):
        raise Undecided(Reason.EVIDENCE_INCOMPLETE, "not every look at the service's life is recorded")
    signs = [_signs(exchange, watch) for exchange in before]
    first = signs[0]
    if first is None or any(sign != first for sign in signs):
        why = "names no sign of its life" if first is None else "answers from several processes"
        raise Undecided(Reason.NO_TEST_DATA, f"{watch['service']} {why} at {watch['path']}: {describe(before[0])}")
    last = _signs(after[-1], watch)
    if last is not None:
        return Fate.RESTARTED if _started_anew(first, last, before[0].at_s) else Fate.ALIVE
    if len(after) == TRIES and all(broken(exchange) for exchange in after):
        return Fate.DOWN
    raise Undecided(Reason.SUSPECTED, f"{watch['path']} said nothing of {watch['service']}: {describe(after[-1])}")


def broken(exchange: Exchange) -> bool:
    """Whether an exchange broke: no complete answer, or a gateway's word that the callee gave it none."""
    return exchange.failure is not None or exchange.status in BROKEN_STATUSES


def crash_finding(
    evidence: Evidence, watch: dict[str, Json], expected: str, suspects: Sequence[Exchange], did: str, also: str = ""
) -> Finding | None:
    """The finding that the risky probe's survival gives; None where nothing broke and the service lived on.

    Args:
        evidence: of the case, with both looks.
        watch: from `watch_of`.
        expected: the promise in words.
        suspects: the exchanges that the risky probe made; those of them that broke are the first observation.
        did: what they did, in words ("a division by zero").
        also: another connection that broke, in words, where no exchange shows it.
    """
    became = fate(watch, evidence)
    hit = [exchange for exchange in suspects if broken(exchange)]
    looks = (*evidence.exchanges(BEFORE), *evidence.exchanges(AFTER))
    numbers = tuple(exchange.n for exchange in (*looks, *hit))  # what hit it last: that is the one to send again
    break_in_words = describe(hit[0]) if hit else also
    if became is Fate.ALIVE and not break_in_words:
        return None
    if became is Fate.ALIVE:
        text = f"{did}: {break_in_words}, and {watch['service']} lived on: that alone is no crash"
        return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)
    now = "has restarted" if became is Fate.RESTARTED else f"did not answer in {TRIES} tries"
    if not break_in_words:
        text = f"{did}: {watch['service']} {now}, but no exchange broke: something else may have ended it"
        return undecided(Reason.SUSPECTED, expected, text, exchanges=numbers)
    text = f"{WORDS[Signature.CRASH]}. {did}: {break_in_words}, and {watch['service']} {now}"
    return failed(expected, text, exchanges=numbers, figures={"signature": Signature.CRASH.value, "fate": became.value})


def _ask(watch: dict[str, Json]) -> Ask:
    return Ask("GET", str(watch["path"]), identity=watch.get("identity"), fresh=True, deadline_s=DEADLINE_S)


def _signs(exchange: Exchange, watch: dict[str, Json]) -> dict[str, Json] | None:
    """The signs of life in an answer; with `uptime_s`, the start in seconds since the run's start. None without any."""
    if exchange.status is None or not 200 <= exchange.status < 300:
        return None
    try:
        document = json_body(exchange)
        found: dict[str, Json] = {key: value_at(document, watch[key]) for key in SIGNS if key in watch}
    except (ValueError, NoSuchPath):
        return None
    if "uptime_s" in found:
        uptime_s = found["uptime_s"]
        if isinstance(uptime_s, bool) or not isinstance(uptime_s, int | float) or abs(uptime_s) > sys.float_info.max:
            return None
        found["at_s"] = exchange.at_s
    return found


def _started_anew(first: dict[str, Json], other: dict[str, Json], looked_at_s: float) -> bool:
    """Whether `other` is of a process that started after the first look.

    An uptime is the strictest sign, for it also tells a restart from another replica's answer: it has to be shorter
    than before, and to have begun after the first look at `looked_at_s`. A start that went back is another replica's.
    """
    if "uptime_s" in first:
        return bool(other["uptime_s"] < first["uptime_s"]) and other["at_s"] - other["uptime_s"] >= looked_at_s
    if "started_at" in first:
        return _later(first["started_at"], other["started_at"])
    return bool(first["pid"] != other["pid"])


def _later(first: Json, other: Json) -> bool:
    """Whether one start is after another: numbers or ISO 8601 texts; other texts are only compared."""
    try:
        return _instant(other) > _instant(first)
    except (ValueError, OverflowError):
        return bool(first != other)


def _instant(value: Json) -> float:
    if isinstance(value, int | float):
        return float(value)
    instant = datetime.fromisoformat(str(value))
    return (instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)).timestamp()
