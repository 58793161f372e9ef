"""Every judge of a recorded run, asked again on less evidence: what was decided may only become undecided.

Stronger than what the engine needs (it asks no judge about a stream that lost a record without a gap in its place): the
judge itself must not take silence for a good or a bad answer. Passive checks, and passive cases of others, which judge
whatever was recorded, are held to gaps alone: for them each record is one more sample and no particular one is needed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from random import Random

from hybridcheck.cases import Group, PlannedCase
from hybridcheck.checks.check import Check, PassiveCheck
from hybridcheck.engine.judging import judge_evidence
from hybridcheck.engine.streams import EVERYTHING, Streams
from hybridcheck.evidence import Evidence, Gap, GapReason, Record
from hybridcheck.ledger import read
from hybridcheck.verdict import Outcome

EXHAUSTIVE = 6
"""Up to so many records every subset is taken away."""

SUBSETS = 6

Place = tuple[str, int]
Records = Mapping[str, tuple[Record, ...]]


def assert_no_judge_knows_more(
    ledger: Path, checks: Mapping[str, Check], *, most: int, seed: int = 0
) -> Counter[tuple[str, Outcome]]:
    """Take records away from every case that ran, and replace them by gaps; gives how often each check said what.

    Args:
        ledger: of a run that ended.
        checks: every check under its id.
        most: how many records of one case are taken away one by one, for passive ones a quarter: one gap is like
            another to them. More are sampled.
        seed: of the sampling.
    """
    streams, random = Streams(read(ledger)), Random(seed)
    seen: Counter[tuple[str, Outcome]] = Counter()
    wrong: list[str] = []
    for planned in streams.start.plan:
        names = (planned.case.id, *planned.case.shared)
        if planned.group not in (Group.REQUIRED, Group.ADVISORY) or any(streams.trouble(name) for name in names):
            continue
        check = checks[planned.case.check]
        passive = isinstance(check, PassiveCheck) or EVERYTHING in planned.case.shared
        records: Records = {name: streams.sealed_records(name) for name in names}
        whole = _outcome(planned, check, records)
        seen[check.id, whole] += 1
        for chosen in _choices(records, most // 4 if passive else most, random):
            for gapped in (True,) if passive else (True, False):
                less = _outcome(planned, check, _less(records, chosen, gapped=gapped))
                if less not in (whole, Outcome.INCONCLUSIVE):
                    wrong.append(f"{planned.case.id} was {whole} and became {less} {'with' if gapped else 'without'} "
                                 f"gaps at {sorted(chosen)[:9]}")  # fmt: skip
    assert wrong == []
    return seen


def _outcome(planned: PlannedCase, check: Check, records: Records) -> Outcome:
    shared = {name: records[name] for name in planned.case.shared}
    return judge_evidence(planned, check, Evidence(own=records[planned.case.id], shared=shared)).outcome


def _choices(records: Records, most: int, random: Random) -> Iterator[set[Place]]:
    places = [(name, index) for name, found in records.items() for index in range(len(found))]
    if len(places) <= EXHAUSTIVE:
        for size in range(1, len(places) + 1):
            yield from map(set, combinations(places, size))
        return
    for place in random.sample(places, min(most, len(places))):
        yield {place}
    for _ in range(SUBSETS):
        share = random.random()
        yield {place for place in places if random.random() < share}


def _less(records: Records, chosen: set[Place], *, gapped: bool) -> Records:
    return {name: tuple(_kept(name, found, chosen, gapped=gapped)) for name, found in records.items()}


def _kept(name: str, found: Sequence[Record], chosen: set[Place], *, gapped: bool) -> Iterator[Record]:
    for index, record in enumerate(found):
        if (name, index) not in chosen or isinstance(record, Gap):
            yield record
        elif gapped:
            yield Gap(n=record.n, stream=record.stream, label=getattr(record, "label", ""), reason=GapReason.LOST)
