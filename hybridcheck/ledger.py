"""The ledger: how records reach the disk, one redacted JSON line each, and how they are read back.

Written: every record gets its stream and its running number, is redacted, and goes to the disk with one `write()`.
Read: strictly. A line that is missing, garbled or out of order is a hole; a ledger with a hole can be read and is
never sealed.
"""

import base64
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import NoReturn, TypeVar

from pydantic import ValidationError

from hybridcheck.cases import Json
from hybridcheck.errors import LedgerError, OutputError, ToolError
from hybridcheck.evidence import (
    LEDGER_FORMAT,
    RECORD,
    RUN_STREAM,
    AnyRecord,
    Body,
    CaseEnd,
    Exchange,
    Gap,
    GapReason,
    ReceivedResponse,
    Record,
    RunCause,
    RunEnd,
    RunStart,
    SentRequest,
    StreamRecord,
)
from hybridcheck.redact import Redactor

MAX_LINE_BYTES = 64 * 1024 * 1024
"""No line is longer; a longer one is not ours."""

KEPT_FIELDS = frozenset({"n", "stream", "kind", "label", "plan", "request", "response", "events"})
"""Fields that are our own words, or that are redacted in a way of their own."""

MAX_HOLES = 20
"""How many holes are named; one is enough to leave a run unsealed."""

R = TypeVar("R", bound=Record)
M = TypeVar("M", SentRequest, ReceivedResponse)


class Ledger:
    """An open ledger. Use it from one thread.

    Args:
        path: the file; it must not exist yet.
        redactor: what takes secrets out before the disk; it may learn more while the ledger is open.
        listener: told of each redacted record once it is written (live progress).

    Raises:
        OutputError: the file cannot be made.
    """

    def __init__(self, path: Path, redactor: Redactor, listener: Callable[[Record], None] | None = None) -> None:
        self.path = path
        self._redactor = redactor
        self._listener = listener
        self._counts: Counter[str] = Counter()
        self._sealed: set[str] = set()
        self._ended = False
        self._broken = ""
        self.records = 0
        try:
            self._file = FileIO(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600), "w")
        except OSError as error:
            raise OutputError(f"cannot write: {error.strerror}", where=str(path)) from error

    @property
    def broken(self) -> str:
        """Why nothing more can be written (a full disk); empty while all is well."""
        return self._broken

    @property
    def ended(self) -> bool:
        """Whether `end` was written."""
        return self._ended

    def count(self, stream: str) -> int:
        """How many records a stream has so far."""
        return self._counts[stream]

    def append(self, stream: str, record: R) -> R:
        """Number the record, write it redacted, and give the numbered one back unredacted.

        A record that is longer than a line may be leaves a `Gap` in its place.

        Raises:
            ToolError: the disk does not take it (`broken` says why, now and for every later record), or its stream or
                the ledger has ended.
        """
        if self._ended or stream in self._sealed:
            raise ToolError(f"a {type(record).__name__} came after the end of stream '{stream}'", where=str(self.path))
        if self._broken:
            raise ToolError(self._broken, where=str(self.path))
        numbered = record.model_copy(update={"n": self.records, "stream": stream})
        redacted: Record = redact_record(numbered, self._redactor)
        line = redacted.model_dump_json().encode() + b"\n"
        if len(line) > MAX_LINE_BYTES:
            detail = f"a {type(record).__name__} of {len(line)} bytes is longer than a line may be"
            redacted = Gap(n=numbered.n, stream=stream, reason=GapReason.TOOL_FAULT, detail=detail)
            line = redacted.model_dump_json().encode() + b"\n"
        self._write(line)
        self.records += 1
        self._counts[stream] += 1
        if self._listener is not None:
            self._listener(redacted)
        return numbered

    def seal(self, stream: str, duration_s: float | None = None) -> None:
        """End a stream: nothing more may be added to it, and what it has is on the disk."""
        self.append(stream, CaseEnd(records=self._counts[stream], duration_s=duration_s))
        self._sealed.add(stream)
        self.sync()

    def has_secret(self, artefact: bytes) -> bool:
        """Whether there is a secret in these bytes that would be taken out before the disk."""
        return bool(self._redactor.hits(artefact))

    def sync(self) -> None:
        """Return when everything written so far is on the disk.

        Raises:
            ToolError: the disk does not take it.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self._fail(error)

    def end(self, cause: RunCause, detail: str = "", *, ended_utc: str | None = None) -> None:
        """End the run: write how many records there are and how it ended, and close the file.

        Raises:
            ToolError: the disk does not take it; the file is closed all the same.
        """
        stamp = ended_utc if ended_utc is not None else datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            self.append(RUN_STREAM, RunEnd(records=self.records, cause=cause, detail=detail, ended_utc=stamp))
            self.sync()
        finally:
            self.close()

    def close(self) -> None:
        """Close the file without an end; doing so twice is harmless."""
        self._ended = True
        self._file.close()

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            try:
                written = self._file.write(rest)
            except OSError as error:
                self._fail(error)
            rest = rest[written:]

    def _fail(self, error: OSError) -> NoReturn:
        self._broken = f"the ledger cannot be written: {error.strerror}"
        raise ToolError(self._broken, where=str(self.path), hint="free some space, or choose another folder") from error


def redact_record(record: R, redactor: Redactor) -> R:
    """The record without secrets; our own words (kind, stream, label, the ids of the plan) stay as they are."""
    changes: dict[str, Json] = {
        name: redactor.json(value)
        for name, value in record.model_dump(exclude=set(KEPT_FIELDS)).items()
        if type(value) is str or isinstance(value, dict)  # a member of an enumeration is our own word
    }
    if isinstance(record, Exchange | StreamRecord):
        changes["request"] = _redact_message(record.request, redactor, url=redactor.text(record.request.url))
        changes["response"] = _redact_message(record.response, redactor) if record.response else None
    if isinstance(record, StreamRecord):
        changes["events"] = tuple(
            event.model_copy(
                update={k: redactor.text(v) for k, v in event.model_dump(exclude={"at_ms"}, exclude_none=True).items()}
            )
            for event in record.events
        )
    if isinstance(record, RunStart):
        changes["plan"] = tuple(
            planned.model_copy(
                update={"case": planned.case.model_copy(update={"params": redactor.json(planned.case.params)})}
            )
            for planned in record.plan
        )
    # Values keep their types (a text stays a text of the same field), so the copy needs no second validation.
    return record.model_copy(update=changes)


def _redact_message(message: M, redactor: Redactor, **changes: str) -> M:
    headers = tuple((redactor.text(name), redactor.header(name, value)) for name, value in message.headers)
    sent: Body | None = message.body
    body = _redact_body(sent, redactor) if sent is not None else None
    return message.model_copy(update={"headers": headers, "body": body, **changes})


def _redact_body(body: Body, redactor: Redactor) -> Body:
    masked, touched = redactor.data(body.content(), cut=not body.complete)
    if not touched:
        return body
    return body_of(masked, size_bytes=body.size_bytes, complete=body.complete, redacted=True)


def body_of(content: bytes, *, size_bytes: int | None = None, complete: bool = True, redacted: bool = False) -> Body:
    """A body record of these bytes: as text where they are UTF-8, else as base64."""
    size = len(content) if size_bytes is None else size_bytes
    try:
        return Body(text=content.decode(), size_bytes=size, complete=complete, redacted=redacted)
    except UnicodeDecodeError:
        encoded = base64.b64encode(content).decode()
        return Body(base64=encoded, size_bytes=size, complete=complete, redacted=redacted)


@dataclass(frozen=True, slots=True)
class ReadLedger:
    """A ledger that was read back.

    Attributes:
        records: the valid records in ledger order; the first one is the RunStart.
        digest: `sha256:` and the hexadecimal digest of the file's bytes.
        broken: the first thing that is wrong with it, in words; None where it is whole and its run was ended.
        holes: lines that are missing, garbled or out of order, in words, at most `MAX_HOLES`.
    """

    records: tuple[AnyRecord, ...]
    digest: str
    broken: str | None = None
    holes: tuple[str, ...] = ()

    @property
    def start(self) -> RunStart:
        """The first record."""
        first = self.records[0]
        if not isinstance(first, RunStart):
            raise LedgerError("it has no first record, so nobody can know what was planned")
        return first

    @property
    def end(self) -> RunEnd | None:
        """The last record where it is the matching end of the run."""
        last = self.records[-1]
        return last if isinstance(last, RunEnd) and last.records == last.n else None


def peek(path: Path, *kinds: str) -> Iterator[AnyRecord]:
    """The records of these kinds in a ledger that is not ended yet, in its order; no line of another kind is parsed.

    Raises:
        OSError: it cannot be read.
    """
    marks = [f'"kind":"{kind}"'.encode() for kind in kinds]
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n") and any(mark in line for mark in marks):
                record = RECORD.validate_json(line)
                if record.kind in kinds:
                    yield record


def read(path: Path) -> ReadLedger:
    """Read a ledger back.

    Raises:
        LedgerError: it cannot be opened, is no ledger, lacks its first record, is of another major format, or has a
            line that is too long to be ours.
    """
    digest = hashlib.sha256()
    lines: list[bytes] = []
    try:
        with path.open("rb") as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                if len(line) > MAX_LINE_BYTES:
                    raise LedgerError(f"line {len(lines) + 1} is too long to be a record", where=str(path))
                digest.update(line)
                lines.append(line)
    except OSError as error:
        raise LedgerError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return from_lines(lines, f"sha256:{digest.hexdigest()}", where=str(path))


def from_lines(lines: Iterable[bytes], digest: str = "", *, where: str = "") -> ReadLedger:
    """Parse the lines of a ledger; see `read`."""
    rest = iter(lines)
    start = _first_record(next(rest, b""), where)
    records: list[AnyRecord] = [start]
    holes: list[str] = []
    for number, line in enumerate(rest, start=2):
        hole = _add(records, line)
        if hole:
            holes.append(f"line {number}: {hole}")
    read_back = ReadLedger(tuple(records), digest, holes=tuple(holes[:MAX_HOLES]))
    broken = holes[0] if holes else None if read_back.end else "the run has no matching end"
    return replace(read_back, broken=broken)


def _first_record(line: bytes, where: str) -> RunStart:
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        first = None
    if not isinstance(first, dict) or "kind" not in first:
        raise LedgerError("this is not a ledger", where=where)
    if first["kind"] != "run_start":
        raise LedgerError("it has no first record, so nobody can know what was planned", where=where)
    if first.get("format") != LEDGER_FORMAT:
        message = f"it has format {first.get('format')}, and this version judges format {LEDGER_FORMAT}"
        raise LedgerError(message, where=where, hint="judge it with the version that wrote it")
    try:
        start = RunStart.model_validate_json(line)
    except ValidationError as error:
        raise LedgerError(f"its first record is not valid: {_first_error(error)}", where=where) from error
    if start.n != 0:
        raise LedgerError("its first record is not record 0", where=where)
    return start


def _add(records: list[AnyRecord], line: bytes) -> str:
    """Append the record of this line where it is valid and in order; what is wrong in words, else nothing."""
    try:
        record = RECORD.validate_json(line)
    except ValidationError as error:
        return "cut off" if not line.endswith(b"\n") else f"no valid record ({_first_error(error)})"
    expected = records[-1].n + 1
    if isinstance(record, RunStart) or isinstance(records[-1], RunEnd) or record.n < expected:
        return "out of order"
    records.append(record)
    return "" if record.n == expected else f"records {expected} to {record.n - 1} are missing"


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:200]
