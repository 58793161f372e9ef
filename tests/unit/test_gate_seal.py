"""How a run is ended: what it knows of itself stands in the ledger before its end, or there is no verdict."""

import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import pytest

from hybridcheck import gate
from hybridcheck.binding import bind, run_start
from hybridcheck.cases import Reason
from hybridcheck.errors import ToolError
from hybridcheck.evidence import Observation, Record, RunCause, RunFault, Sample
from hybridcheck.ledger import Ledger, read
from hybridcheck.redact import Redactor
from hybridcheck.writers.json_document import to_json

SECRET = "a-secret-of-this-run"

Plant = Callable[[Path, Ledger], None]


def concluded(folder: Path, plant: Plant, *foreign_runs: str) -> gate.GateResult:
    """What comes of a run without a case that has a sample, and in whose folder something was planted before its end."""
    bound = bind(gate.Request(base_url="http://127.0.0.1:1", variables={}))
    redactor = Redactor(b"k")
    redactor.learn(SECRET)
    ending = gate._Ending(60, time.monotonic() + 60, RunCause.COMPLETED)
    ledger = Ledger(folder / gate.LEDGER_NAME, redactor)
    ledger.append("run", run_start(bound))
    ledger.append("resources/steady", Sample(at_s=1.5, source="metrics", metric="backlog", value=3.0))
    ledger.seal("resources/steady")
    plant(folder, ledger)
    gate._seal(folder, ledger, redactor, ending, foreign_runs)
    return gate._conclude(bound, folder, redactor, ending)


def nothing(folder: Path, ledger: Ledger) -> None:
    """All is well."""


def leak(folder: Path, ledger: Ledger) -> None:
    """A secret gets into an artefact."""
    (folder / "core.dump").write_text(SECRET)


def leak_into_the_ledger(folder: Path, ledger: Ledger) -> None:
    """A secret gets into the ledger itself, past the masks."""
    ledger._redactor = Redactor(b"k")
    ledger.append("run", Observation(label="note", values={"said": SECRET}))


def no_table(folder: Path, ledger: Ledger) -> None:
    """The table of samples cannot be written."""
    (folder / gate.SAMPLES_NAME / "x").mkdir(parents=True)


def fill_the_disk(folder: Path, ledger: Ledger) -> None:
    """The ledger takes no more."""
    ledger._file.close()
    ledger._file = FileIO("/dev/full", "w")


def faults(records: tuple[Record, ...]) -> list[tuple[Reason, str]]:
    """What went wrong on our side, as the ledger has it."""
    return [(record.reason, record.detail) for record in records if isinstance(record, RunFault)]


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (nothing, []),
        (leak, [(Reason.SECRET_IN_ARTEFACT, "a known secret is in core.dump")]),
        (leak_into_the_ledger, [(Reason.SECRET_IN_ARTEFACT, "a known secret is in ledger.ndjson")]),
        (no_table, [(Reason.TOOL_ERROR, "samples.csv could not be written: cannot write: Is a directory")]),
    ],
)
def test_what_the_run_knows_of_itself_is_in_the_ledger(
    plant: Plant, found: list[tuple[Reason, str]], tmp_path: Path
) -> None:
    """Whoever judges the ledger later gives the bytes of the live verdict, which names each fault."""
    result = concluded(tmp_path, plant)
    assert faults(read(result.ledger_path).records) == found
    assert result.verdict.exit_code == (5 if found else 3)
    reasons = [(reason.code, reason.message) for reason in result.verdict.reasons]
    assert [pair for pair in reasons if pair in found] == found
    assert to_json(gate.judge_ledger(result.ledger_path)) == result.verdict_path.read_text(encoding="utf-8")


def test_samples_and_another_run_come_before_the_end(tmp_path: Path) -> None:
    """The table is written from the ledger as it stands; the other run is in it, and the end is its last line."""
    result = concluded(tmp_path, nothing, "other")
    assert "metrics,,backlog,3.0" in (tmp_path / gate.SAMPLES_NAME).read_text(encoding="utf-8")
    assert [record.kind for record in read(result.ledger_path).records[-2:]] == ["observation", "run_end"]


def test_a_ledger_that_cannot_be_ended_gives_no_verdict(tmp_path: Path) -> None:
    """Nor half of one: what is missing from the ledger, nobody could judge again."""
    with pytest.raises(ToolError, match=r"could not be written to its end.*No space left"):
        concluded(tmp_path, fill_the_disk)
    assert not list(tmp_path.glob("*verdict*"))
    assert gate.judge_ledger(tmp_path / gate.LEDGER_NAME).reasons[0].code == Reason.RUN_NOT_SEALED


@pytest.mark.parametrize("where", ["end of the ledger", "verdict"])
def test_a_secret_in_what_is_written_last_gives_no_verdict(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger's own end and the verdict come after the self-scan."""
    mark = {"end of the ledger": b'"run_end"', "verdict": b'"schema_version"'}[where]
    found = Redactor.hits

    def hits(self: Redactor, artefact: bytes) -> object:
        return [SECRET] if mark in artefact else found(self, artefact)

    monkeypatch.setattr(Redactor, "hits", hits)
    with pytest.raises(ToolError, match=f"a secret was in the {where}"):
        concluded(tmp_path, nothing)
    assert not list(tmp_path.glob("*verdict*"))
