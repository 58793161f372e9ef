"""Are indices checked: does a page beyond the list show nothing that does not belong to it."""

import json
from collections.abc import Iterator

from hybridcheck.cases import Case, Dimension, Json, Reason, Severity, Undecided, Unmet
from hybridcheck.checks import survival
from hybridcheck.checks.availability import is_broken, look_afterwards, was_there
from hybridcheck.checks.check import ReadCheck, Scene
from hybridcheck.checks.operations import complaint_about, json_body, operation_in
from hybridcheck.checks.protocol.addresses import addresses, sendable
from hybridcheck.checks.protocol.travelling import asking_for
from hybridcheck.checks.repeats import UNHEARD, describe
from hybridcheck.evidence import Evidence, Exchange
from hybridcheck.paths import NoSuchPath, value_at
from hybridcheck.target import Ask, ReadTarget
from hybridcheck.verdict import Finding, failed, passed, undecided

ROUNDS = 2
REFUSED = range(400, 500)
BEYOND_EVERY_LIST = 2**31


class IndexBounds(ReadCheck):
    """A page beyond the list is refused or empty, and never shows what does not belong to it.

    Reads the whole list through the declared `paged` probe, and all of it but its first row: a page that is cut short
    shows one more row then, and only what is beyond every list is judged. Then asks for parts at offsets -1, n, n + 1, 2^31 and
    2^63 - 1, and with limits -1, 0, 2^31 and 2^63 - 1. A refusal (4xx) is good, and so is an empty part. A row that is
    not in the list, rows at an offset beyond its end, and a server error, two times of two, are a fail. An offset of -1
    may be taken for 0; a limit that is too large may give the whole list. A server error shows that an index was not
    checked, and nothing that was read: it is critical only where the service's `liveness` shows that it ended one.
    """

    id = "survival.index-bounds"
    dimension = Dimension.SECURITY
    severity = Severity.CRITICAL
    suite = "boundary"
    remedy = "Check every index against the length before it is used; builds without exceptions do not do it for you."
    refs = ("CWE-125", "CWE-129")

    def cases(self, scene: Scene) -> Iterator[Case | Unmet]:
        """One case per address of the paged operation."""
        probe = scene.profile.probes.paged
        operation = sendable(scene, probe.operation) if probe is not None else None
        if probe is None or operation is None:
            yield Unmet(subject="probes", needs="probes: {paged: {operation: ID, offset: $.offset, limit: $.limit}}")
            return
        kept: dict[str, Json] = {"probe": probe.model_dump(mode="json", by_alias=True)}
        kept |= {"watch": survival.watch_of(scene.profile, survival.service_of(scene.profile, operation.id))}
        for subject, params in addresses(scene, operation):
            yield Case(check=self.id, subject=subject, params={**params, **kept})

    async def probe(self, case: Case, target: ReadTarget) -> None:
        """The whole list, twice, what is behind its first row, and what lies beyond it."""
        control, watch = _ask(case, 0, case.params["probe"]["most"]), case.params["watch"]
        if watch is not None:
            await survival.look_before(target, watch)
        rows = rows_in(case, await target.read("control.1", control))
        again = rows_in(case, await target.read("control.2", control))
        if rows is None or again is None:
            return
        behind = await target.read("behind", _ask(case, 1, case.params["probe"]["most"]))
        rows = rows if rows_in(case, behind) == rows[1:] else []
        hit = False
        for index, (_, offset, limit) in enumerate(vectors(len(again))):
            for attempt in range(1, ROUNDS + 1):
                label, ask = f"vector.{index}.{attempt}", _ask(case, offset, limit)
                exchange = await target.read(label, ask)
                if complaint(case, rows, offset, exchange) is None:
                    break
                hit = hit or survival.broken(exchange)
                await look_afterwards(target, label, exchange, control)
        if hit and watch is not None:
            await survival.look_after(target, watch)

    def judge(self, case: Case, evidence: Evidence) -> Finding:
        """Compare every part with the list."""
        expected = "a refusal or an empty part beyond the list, and nothing that is not in it"
        controls = [evidence.exchange("control.1"), evidence.exchange("control.2")]
        found = [rows_in(case, control) for control in controls]
        broken = complaint_about(controls[0], operation_in(case.params).expect)
        rows, again = found
        numbers = [control.n for control in controls]
        if rows is None or again is None or broken is not None:
            text = f"the whole list cannot be read: {broken or describe(controls[0])}"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=tuple(numbers))
        if not rows or rows != again:
            text = "the list is empty" if not rows else "the list changes between two readings"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=tuple(numbers))
        behind = evidence.exchange("behind")
        numbers.append(behind.n)
        rows = rows if rows_in(case, behind) == rows[1:] else []
        asked = vectors(len(again))
        for index, (words, offset, _) in enumerate(asked):
            exchanges = evidence.exchanges(f"vector.{index}")
            numbers += [exchange.n for exchange in exchanges]
            complaints = [complaint(case, rows, offset, exchange) for exchange in exchanges]
            if not exchanges or exchanges[0].label != f"vector.{index}.1":
                return undecided(Reason.EVIDENCE_INCOMPLETE, expected, f"{words}: not all is recorded")
            if exchanges[0].status in UNHEARD:
                reason = Reason.THROTTLED if exchanges[0].status == 429 else Reason.AUTH_NOT_EFFECTIVE
                return undecided(reason, expected, f"{words}: {describe(exchanges[0])}", exchanges=tuple(numbers))
            if complaints[0] is None:
                continue
            if len(complaints) < ROUNDS or complaints[1] is None or not was_there(evidence, *exchanges):
                reason = Reason.SUSPECTED if len(complaints) == ROUNDS and complaints[1] else Reason.FLAKY
                return undecided(reason, expected, f"{words}: {complaints[0]}", exchanges=tuple(numbers))
            shown = (controls[0].n, *(exchange.n for exchange in exchanges))
            finding = failed(expected, f"{words}: {complaints[1]}", exchanges=shown, n=len(asked))
            grave = rows_at_fault(exchanges) or ended_a_process(case, evidence, exchanges)
            return finding if grave else finding.model_copy(update={"severity": Severity.HIGH})
        if not rows:
            text = f"one page of {len(again)} rows is not the whole list: from the second on there are others"
            return undecided(Reason.NO_TEST_DATA, expected, text, exchanges=tuple(numbers))
        return passed(expected, f"{len(asked)} parts of {len(rows)} rows", exchanges=tuple(numbers), n=len(asked))


def vectors(count: int) -> tuple[tuple[str, int, int], ...]:
    """What is asked for: words, offset, limit."""
    offsets = (-1, count, count + 1, BEYOND_EVERY_LIST, 2**63 - 1)
    limits = (-1, 0, 2**31, 2**63 - 1)
    by_offset = tuple((f"offset {offset} of {count} rows", offset, 3) for offset in offsets)
    return (*by_offset, *((f"limit {limit} of {count} rows", 0, limit) for limit in limits))


def complaint(case: Case, rows: list[str], offset: int, exchange: Exchange) -> str | None:
    """What is wrong with a part; None for a refusal, an empty part, or rows of the list where they may be.

    Without `rows` the list is not known: only its length is bounded, by `BEYOND_EVERY_LIST`.
    """
    if exchange.status is None or exchange.status >= 500:
        return describe(exchange)
    got = rows_in(case, exchange)
    if exchange.status in REFUSED or not got:
        return None
    if not rows:
        return f"shows {got[0][:120]} beyond the end of every list" if offset >= BEYOND_EVERY_LIST else None
    foreign = [row for row in got if row not in rows]
    if foreign:
        return f"shows {foreign[0][:120]}, which is not in the list"
    if offset >= len(rows):
        return f"shows {got[0][:120]} beyond the end of the list"
    return None if got == rows[: len(got)] else f"shows {got[0][:120]} at the start of the list"


def rows_at_fault(exchanges: tuple[Exchange, ...]) -> bool:
    """Whether what is wrong is in the rows, not a server error."""
    return not any(is_broken(exchange) for exchange in exchanges)


def ended_a_process(case: Case, evidence: Evidence, exchanges: tuple[Exchange, ...]) -> bool:
    """Whether a process ended of it, by two observations: an exchange that broke, and a restart, or nobody there."""
    watch = case.params.get("watch")
    if watch is None or not any(survival.broken(exchange) for exchange in exchanges):
        return False
    try:
        return survival.fate(watch, evidence) is not survival.Fate.ALIVE
    except Undecided:
        return False


def rows_in(case: Case, exchange: Exchange) -> list[str] | None:
    """The rows of a part as JSON texts; None where the answer has none."""
    if exchange.status is None or not 200 <= exchange.status < 300:
        return None
    try:
        items = value_at(json_body(exchange), case.params["probe"]["items"])
    except (ValueError, NoSuchPath):
        return None
    return [json.dumps(item, sort_keys=True) for item in items] if isinstance(items, list) else None


def _ask(case: Case, offset: int, limit: int) -> Ask:
    probe: dict[str, Json] = case.params["probe"]
    return asking_for(case.params, {probe["offset"]: offset, probe["limit"]: limit}, probe["body"])
