"""The schedule of a sampler: what is due, what is missed, what is recorded."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from hybridcheck.evidence import CaseEnd, Gap, GapReason, Observation, Record, Sample
from hybridcheck.ledger import Ledger
from hybridcheck.redact import Redactor
from hybridcheck.samplers.reading import Reading
from hybridcheck.samplers.sampler import Sampler
from hybridcheck.samplers.shares import Capacity
from hybridcheck.target import EvidenceLost
from tests.unit.checks.timed_target import VirtualLoop

STREAM = "resources/steady"


class Scripted:
    """A source that gives what it is told, one reading after the other, then the last one again."""

    name = "metrics"
    wanted = ("cpu_seconds", "rss_bytes")

    def __init__(self, answers: Sequence[tuple[Reading, ...] | Exception | None]) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.enough = asyncio.Event()

    async def read(self) -> tuple[Reading, ...] | None:
        """The next answer."""
        self.asked += 1
        if self.asked == 8:
            self.enough.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def _at(cpu_s: float) -> tuple[Reading, ...]:
    return (Reading("cpu_seconds", cpu_s, "s"), Reading("rss_bytes", 100.0, "bytes"))


def _sampled(path: Path, source: Scripted) -> list[Record]:
    """Run a whole phase in virtual time and give what was recorded."""
    records: list[Record] = []

    async def phase() -> None:
        ledger = Ledger(path / "ledger.ndjson", Redactor(b"k" * 32), records.append)
        now_s = asyncio.get_running_loop().time
        sampler = Sampler(STREAM, [source], ledger, now_s=now_s, interval_s=0.02, capacity=Capacity(cores=1))

        async def drive(begin: Callable[[], None]) -> None:
            begin()
            await source.enough.wait()

        await sampler.before(lasting_s=0.06)
        await sampler.during(drive)
        await sampler.after(0.05, lambda _: False)
        ledger.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(phase())
    return records


def _due(records: Sequence[Record]) -> dict[str, int]:
    found = next(record for record in records if isinstance(record, Observation))
    due: dict[str, int] = found.values["due"]
    return due


def test_every_due_reading_is_a_sample_in_its_part(tmp_path: Path) -> None:
    """The end says how many readings were due, and each series has exactly so many samples."""
    records = _sampled(tmp_path, Scripted([_at(1.0)]))
    samples = [record for record in records if isinstance(record, Sample)]
    for part, count in _due(records).items():
        assert count > 0
        for metric in ("cpu_ratio", "cpu_seconds", "rss_bytes"):
            assert sum(s.metric == metric and s.phase == part for s in samples) == count
    assert isinstance(records[-1], CaseEnd)
    assert records[-1].records == len(records) - 1


def test_silence_is_a_sample_without_a_value(tmp_path: Path) -> None:
    """A source that does not answer leaves nothing but None, for everything that is wanted of it."""
    records = _sampled(tmp_path, Scripted([None]))
    samples = [record for record in records if isinstance(record, Sample)]
    assert {sample.metric for sample in samples} == {"cpu_ratio", "cpu_seconds", "rss_bytes"}
    assert all(sample.value is None for sample in samples)


def test_what_an_answer_lacks_is_missing(tmp_path: Path) -> None:
    """A metric that is wanted and not in the answer has a sample without a value; the others have theirs."""
    records = _sampled(tmp_path, Scripted([(Reading("rss_bytes", 5.0, "bytes"),)]))
    samples = [record for record in records if isinstance(record, Sample)]
    assert {s.value for s in samples if s.metric == "rss_bytes"} == {5.0}
    assert {s.value for s in samples if s.metric == "cpu_seconds"} == {None}


def test_a_spent_budget_ends_the_questions(tmp_path: Path) -> None:
    """Where the run allows no request any more nothing is asked, and all that is due is missing."""
    source = Scripted([_at(1.0), EvidenceLost(GapReason.BUDGET_SPENT)])
    records: list[Record] = []

    async def phase() -> None:
        ledger = Ledger(tmp_path / "ledger.ndjson", Redactor(b"k" * 32), records.append)
        now_s = asyncio.get_running_loop().time
        sampler = Sampler(STREAM, [source], ledger, now_s=now_s, interval_s=0.01, capacity=Capacity())
        await sampler.before(lasting_s=0.05)
        await sampler.after(0.02, lambda _: True)
        ledger.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(phase())
    assert source.asked == 2
    samples = [record for record in records if isinstance(record, Sample)]
    assert samples
    assert all(sample.value is None for sample in samples)
    assert not any(isinstance(record, Gap) for record in records)  # whoever refused has recorded it
