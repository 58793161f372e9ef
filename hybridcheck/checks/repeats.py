"""Asking again before believing: a failing functional answer is repeated, and only k of k failures are a fail.

Also the soft-404 control: a path that cannot exist must not be answered like the one that was asked for.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from hybridcheck.cases import Reason
from hybridcheck.checks.operations import ask_for, complaint_about
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.profile.operations import Operation
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

REPEATS = 3
"""How often a failing answer is asked for before it counts as a fail."""

PAUSE_S = 0.3
"""Pause between repeats, so that they do not share one hiccup."""

UNHEARD = frozenset({401, 407, 408, 429})
"""Statuses that refuse the caller or the moment: the question itself was not looked at."""

WORDS = re.compile(r"[A-Za-z]{2,}")
ALIKE_SHARE = 0.9

Complain = Callable[[Exchange], str | None]
"""Says what is wrong with an answer; None where it is as promised."""


async def ask_until_good(target: ReadTarget, label: str, ask: Ask, complain: Complain) -> Exchange:
    """Send a read, and while `complain` objects send it again, up to `REPEATS` times; give the last exchange."""
    exchange = await target.read(f"{label}.1", ask)
    for attempt in range(2, REPEATS + 1):
        if complain(exchange) is None:
            break
        await target.sleep(PAUSE_S)
        exchange = await target.read(f"{label}.{attempt}", replace(ask, fresh=True))
    return exchange


def judge_repeats(evidence: Evidence, label: str, expected: str, complain: Complain) -> Finding:
    """Pass where the first answer is good, fail where all `REPEATS` are bad, else FLAKY.

    Throttled answers (429) say nothing about the promise and leave the case undecided.
    """
    exchanges = evidence.exchanges(label)
    complaints = [complain(exchange) for exchange in exchanges]
    numbers = tuple(exchange.n for exchange in exchanges)
    if not exchanges or not numbered(exchanges, label):
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, "not all that was asked is recorded")
    if complaints[0] is None:
        return passed(expected, describe(exchanges[0]), exchanges=numbers, n=len(exchanges))
    if any(exchange.status == 429 for exchange in exchanges):
        return undecided(Reason.THROTTLED, expected, "the target throttled the tester (429)", exchanges=numbers)
    if any(complaint is None for complaint in complaints):
        bad = sum(complaint is not None for complaint in complaints)
        text = f"{bad} of {len(exchanges)} answers were wrong: {complaints[0]}"
        return undecided(Reason.FLAKY, expected, text, exchanges=numbers, n=len(exchanges))
    if len(exchanges) < REPEATS:
        return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{complaints[0]}; not repeated", exchanges=numbers)
    return failed(expected, complaints[-1] or "", exchanges=numbers, n=len(exchanges))


def numbered(exchanges: Sequence[Exchange], label: str) -> bool:
    """Whether the exchanges are `label.1`, `label.2` and so on: none of those before the last is missing."""
    return [exchange.label for exchange in exchanges] == [f"{label}.{i + 1}" for i in range(len(exchanges))]


def describe(exchange: Exchange) -> str:
    """An exchange in a few words: status and media type, or how it failed."""
    if exchange.failure is not None:
        detail = f" ({exchange.failure_detail})" if exchange.failure_detail else ""
        return f"no complete answer: {exchange.failure}{detail}"
    response = exchange.response
    if response is None:
        return "no answer"
    return f"{response.status} {response.media_type or 'without content type'}, {response.body.size_bytes} bytes"


async def ask_as_declared(target: ReadTarget, operation: Operation) -> None:
    """Send the declared request as `probe`, again while it is answered otherwise; a random path beside it as `control`."""
    await ask_until_good(target, "probe", ask_for(operation), lambda e: complaint_about(e, operation.expect))
    await target.read("control", Ask("GET", sibling(operation.url_path(), target)))


def sibling(path: str, target: ReadTarget) -> str:
    """A path beside `path` that cannot exist: its last part with a random token."""
    token = f"{target.random.getrandbits(64):016x}"
    return f"{path.rstrip('/')}-hc{token}" if path.rstrip("/") else f"/hc{token}"


def alike(answer: Exchange, control: Exchange) -> bool:
    """Whether a random path was answered like the real one (a catch-all, a login page, an empty 200)."""
    if answer.status is None or control.status is None or answer.response is None or control.response is None:
        return False
    if answer.status != control.status or answer.response.media_type != control.response.media_type:
        return False
    first, second = answer.response.body.content(), control.response.body.content()
    if first == second:
        return True
    words, other = _words(first), _words(second)
    return bool(words | other) and len(words & other) / len(words | other) >= ALIKE_SHARE and len(words) >= 20


def _words(body: bytes) -> set[str]:
    return set(WORDS.findall(body.decode("utf-8", "replace")))
