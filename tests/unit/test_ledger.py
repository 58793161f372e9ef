"""The ledger: numbered, redacted, sealed; read back strictly, with every kind of damage named."""

import json
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import pytest

from hybridcheck.cases import Case, Dimension, Group, Phase, PlannedCase, SafetyClass, Severity
from hybridcheck.errors import LedgerError, OutputError, ToolError
from hybridcheck.evidence import (
    Body,
    Exchange,
    Failure,
    Gap,
    GapReason,
    Observation,
    ReceivedResponse,
    Record,
    RunCause,
    RunStart,
    Sample,
    SentRequest,
    StreamEvent,
    StreamRecord,
)
from hybridcheck.ledger import MAX_LINE_BYTES, Ledger, body_of, peek, read
from hybridcheck.redact import Redactor

SECRET = "correct-horse-battery"


def start(**changes: object) -> RunStart:
    """A first record with one planned case."""
    planned = PlannedCase(
        case=Case(check="a.b", subject="x", params={"sent": SECRET}),
        group=Group.REQUIRED,
        phase=Phase.READ,
        safety=SafetyClass.READ,
        dimension=Dimension.FUNCTIONAL,
        severity=Severity.HIGH,
    )
    values: dict[str, object] = {
        "tool_version": "1",
        "run_id": "r1",
        "started_utc": "2026-01-02T03:04:05Z",
        "seed": 1,
        "budget": "quick",
        "scoped": False,
        "target": "t",
        "base_url": "http://127.0.0.1:1",
        "environment": "local",
        "profile": {"name": "p", "note": SECRET},
        "catalogue": 1,
        "plan": (planned,),
    }
    return RunStart.model_validate({**values, **changes})


def redactor() -> Redactor:
    """A redactor that knows the secret."""
    made = Redactor(b"k")
    made.learn(SECRET)
    return made


def exchange(body: bytes = b"ok") -> Exchange:
    """An exchange with the secret in each place where a target can put it."""
    return Exchange(
        label="control",
        request=SentRequest(
            method="POST",
            url=f"http://t/x?p={SECRET}",
            headers=(("Authorization", "Bearer opaque"),),
            body=body_of(body),
        ),
        response=ReceivedResponse(status=200, headers=(("X-Echo", SECRET),), body=body_of(body)),
        failure=Failure.RESET,
        failure_detail=f"reset after {SECRET}",
        attempt_failures=(Failure.REFUSED,),
        facts={"echo": [SECRET]},
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A small whole ledger of five lines."""
    ledger = Ledger(tmp_path / "ledger.ndjson", redactor())
    ledger.append("run", start())
    ledger.append("a.b[x]", exchange())
    ledger.append("a.b[x]", Observation(label="seen", values={"k": 1}))
    ledger.seal("a.b[x]", 0.5)
    ledger.end(RunCause.COMPLETED, ended_utc="2026-01-02T03:04:06Z")
    return ledger.path


def test_what_is_written_is_read_back_whole(written: Path) -> None:
    """Numbers run, streams are set, the seal counts its stream, and nothing is broken."""
    back = read(written)
    assert back.broken is None
    assert [record.n for record in back.records] == [0, 1, 2, 3, 4]
    assert [record.kind for record in back.records] == ["run_start", "exchange", "observation", "case_end", "run_end"]
    assert back.records[3].stream == "a.b[x]"
    assert back.records[3].model_dump()["records"] == 2
    assert back.end is not None
    assert back.end.records == 4
    assert back.digest.startswith("sha256:")
    assert back.start.plan[0].case.id == "a.b[x]"


def test_no_secret_reaches_the_disk_and_equality_does(written: Path) -> None:
    """Every string of every record is masked, wherever it is, and the plan's own value still equals the echoed one."""
    raw = written.read_text()
    assert SECRET not in raw
    assert "opaque" not in raw
    assert redactor().hits(written.read_bytes()) == []
    back = read(written)
    echoed = back.records[1]
    assert isinstance(echoed, Exchange)
    assert echoed.response is not None
    assert echoed.response.header("x-echo") == back.start.plan[0].case.params["sent"] == redactor().mask(SECRET)


def test_the_caller_gets_the_unredacted_record_and_the_listener_the_redacted_one(tmp_path: Path) -> None:
    """What is watched live is what is on the disk; the probe still sees what it sent."""
    heard: list[Record] = []
    ledger = Ledger(tmp_path / "l", redactor(), heard.append)
    ledger.append("run", start())
    kept = ledger.append("s", exchange())
    assert kept.request.url.endswith(SECRET)
    assert kept.n == 1
    assert isinstance(heard[1], Exchange)
    assert SECRET not in heard[1].model_dump_json()
    assert ledger.records == 2
    assert ledger.count("s") == 1
    ledger.close()


@pytest.mark.parametrize("content", [f"a {SECRET} b".encode(), b"\xff" + SECRET.encode()])
def test_a_body_that_was_touched_says_so(tmp_path: Path, content: bytes) -> None:
    """Text and base64 bodies are searched; `redacted` is set where a mask went in, `size_bytes` stays wire truth."""
    ledger = Ledger(tmp_path / "l", redactor())
    ledger.append("run", start())
    ledger.append("s", exchange(content))
    ledger.append("s", exchange(b"harmless"))
    ledger.close()
    touched, untouched = (r for r in read(ledger.path).records if isinstance(r, Exchange))
    assert touched.response is not None
    assert touched.response.body.redacted
    assert touched.response.body.size_bytes == len(content)
    assert redactor().mask(SECRET).encode() in touched.response.body.content()
    assert untouched.response is not None
    assert not untouched.response.body.redacted


def test_a_cut_body_does_not_show_half_a_secret(tmp_path: Path) -> None:
    """Where the cap cut a body inside a secret, what came of it is masked."""
    ledger = Ledger(tmp_path / "l", redactor())
    ledger.append("run", start())
    cut = Body(text="x correct-horse", size_bytes=999, complete=False)
    answer = exchange().model_copy(update={"response": ReceivedResponse(status=200, body=cut)})
    ledger.append("s", answer)
    ledger.close()
    assert "correct" not in ledger.path.read_text()


def test_stream_events_are_redacted(tmp_path: Path) -> None:
    """A secret in an event's data does not reach the disk; its time does."""
    ledger = Ledger(tmp_path / "l", redactor())
    ledger.append("run", start())
    events = (StreamEvent(at_ms=1.5, id="1", data=f"x {SECRET}"),)
    request = SentRequest(method="GET", url="http://t/")
    ledger.append("s", StreamRecord(label="l", protocol="sse", request=request, events=events))
    ledger.close()
    back = read(ledger.path).records[1]
    assert isinstance(back, StreamRecord)
    assert back.events[0].at_ms == 1.5
    assert back.events[0].data == f"x {redactor().mask(SECRET)}"


def test_lone_surrogates_can_be_written(tmp_path: Path) -> None:
    """Text that a hostile target made of half a surrogate pair is stored as text."""
    ledger = Ledger(tmp_path / "l", redactor())
    ledger.append("run", start())
    ledger.append("s", Observation(label="o", values={"\udc00": "\ud800"}))
    ledger.close()
    assert read(ledger.path).records[1].model_dump()["values"] == {"?": "?"}


def test_nothing_comes_after_an_end(tmp_path: Path) -> None:
    """A record after the end of its stream, or of the run, is our fault and is refused."""
    ledger = Ledger(tmp_path / "l", redactor())
    ledger.append("run", start())
    ledger.seal("s")
    with pytest.raises(ToolError, match="after the end of stream 's'"):
        ledger.append("s", exchange())
    ledger.end(RunCause.COMPLETED)
    with pytest.raises(ToolError, match="after the end"):
        ledger.append("t", exchange())


def test_a_ledger_that_exists_or_cannot_be_made_is_said_before_anything(tmp_path: Path) -> None:
    """No ledger is overwritten; a folder that is not there is a usage error."""
    (tmp_path / "l").write_text("mine")
    for path in (tmp_path / "l", tmp_path / "none" / "l"):
        with pytest.raises(OutputError):
            Ledger(path, redactor())
    assert (tmp_path / "l").read_text() == "mine"


def test_a_full_disk_is_a_tool_error_and_stays_one(tmp_path: Path) -> None:
    """Where the kernel takes no more bytes, every later append says so; what is there can still be read."""
    ledger = Ledger(tmp_path / "l", redactor())
    ledger.append("run", start())
    ledger._file.close()
    ledger._file = FileIO("/dev/full", "w")
    for _ in range(2):
        with pytest.raises(ToolError, match="No space left"):
            ledger.append("s", exchange())
    assert "No space left" in ledger.broken
    with pytest.raises(ToolError):
        ledger.end(RunCause.COMPLETED)
    assert ledger.ended
    assert read(ledger.path).broken == "the run has no matching end"


def test_a_record_that_is_too_long_leaves_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer beyond what a line may hold costs its case and not the run; the probe still gets it."""
    ledger = Ledger(tmp_path / "l", redactor())
    ledger.append("run", start())
    monkeypatch.setattr("hybridcheck.ledger.MAX_LINE_BYTES", 2000)
    kept = ledger.append("s", exchange(b"x" * 3000))
    assert kept.label == "control"
    ledger.seal("s")
    ledger.end(RunCause.COMPLETED)
    back = read(ledger.path)
    assert back.broken is None
    assert isinstance(back.records[1], Gap)
    assert back.records[1].reason is GapReason.TOOL_FAULT


def test_a_line_without_its_newline_counts_when_it_is_whole(written: Path) -> None:
    """An editor that strips the last newline takes no evidence away."""
    written.write_bytes(written.read_bytes().rstrip(b"\n"))
    assert read(written).broken is None


def test_a_partial_last_line_is_named(written: Path) -> None:
    """A run that was killed in mid-write can be read and is not sealed."""
    written.write_bytes(written.read_bytes()[:-20])
    back = read(written)
    assert back.broken == "line 5: cut off"
    assert back.end is None
    assert len(back.records) == 4


DAMAGE: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "deleted": (lambda lines: [*lines[:2], *lines[3:]], "records 2 to 2 are missing"),
    "garbled": (lambda lines: [*lines[:2], "}{" + lines[2], *lines[3:]], "no valid record"),
    "emptied": (lambda lines: [*lines[:2], "", *lines[3:]], "no valid record"),
    "swapped": (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "records 1 to 1 are missing"),
    "doubled": (lambda lines: [*lines[:3], lines[2], *lines[3:]], "out of order"),
    "no end": (lambda lines: lines[:-1], "the run has no matching end"),
    "after the end": (lambda lines: [*lines, lines[1]], "out of order"),
    "more after the end": (lambda lines: [*lines, lines[1].replace('"n":1', '"n":5')], "out of order"),
    "another count": (lambda lines: [*lines[:4], lines[4].replace('"records":4', '"records":3')], "no matching end"),
    "two starts": (lambda lines: [lines[0], lines[0], *lines[1:]], "out of order"),
    "unknown kind": (lambda lines: [*lines[:2], '{"kind":"other","n":2}', *lines[3:]], "no valid record"),
    "unknown field": (lambda lines: [*lines[:2], lines[2][:-1] + ',"new":1}', *lines[3:]], "no valid record"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_in_the_middle_is_readable_and_named(written: Path, name: str) -> None:
    """A line that was deleted, garbled, doubled or moved leaves a ledger that can be read and says what is wrong."""
    damage, words = DAMAGE[name]
    written.write_text("\n".join(damage(written.read_text().splitlines())) + "\n")
    back = read(written)
    assert back.broken is not None
    assert words in back.broken
    numbers = [record.n for record in back.records]
    assert numbers == sorted(set(numbers))


def test_what_is_no_ledger_is_refused(tmp_path: Path, written: Path) -> None:
    """Without its first record, with another major, with other content or with a giant line it is a usage error."""
    lines = written.read_text().splitlines()
    other_major = json.dumps({**json.loads(lines[0]), "format": 2})
    invalid = json.dumps({**json.loads(lines[0]), "seed": "x"})
    contents = {
        "": "not a ledger",
        "hello": "not a ledger",
        "[" * 100_000: "not a ledger",
        '{"a": 1}': "not a ledger",
        "\n".join(lines[1:]): "no first record",
        other_major: "format 2",
        invalid: "seed",
    }
    for content, words in contents.items():
        path = tmp_path / "x"
        path.write_text(content)
        with pytest.raises(LedgerError, match=words):
            read(path)
    with pytest.raises(LedgerError):
        read(tmp_path)
    with pytest.raises(LedgerError):
        read(tmp_path / "absent")


def test_a_giant_line_is_refused(tmp_path: Path, written: Path) -> None:
    """A file with a line beyond the limit is not read into memory as a whole."""
    with written.open("r+b") as file:
        file.seek(0, 2)
        file.truncate(file.tell() + MAX_LINE_BYTES + 2)
    with pytest.raises(LedgerError, match="too long"):
        read(written)


def test_an_open_ledger_shows_the_records_of_some_kinds(tmp_path: Path) -> None:
    """In their order; neither a text that quotes such a record nor half a line is taken for one."""
    ledger = Ledger(tmp_path / "l", redactor())
    ledger.append("run", start())
    first = Sample(at_s=1.0, source="metrics", metric="m", value=1.0)
    ledger.append("run", first)
    ledger.append("s", exchange(first.model_dump_json().encode()))
    ledger.append("s", Observation(label="o", values={"kind": "sample"}))
    ledger.append("run", first.model_copy(update={"at_s": 2.0}))
    with ledger.path.open("ab") as file:
        file.write(b'{"kind":"sample"')
    kinds = [(record.kind, record.n) for record in peek(ledger.path, "run_start", "sample")]
    assert kinds == [("run_start", 0), ("sample", 1), ("sample", 4)]
    ledger.close()
