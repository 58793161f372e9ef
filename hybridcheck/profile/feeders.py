"""Reading the files that feed data to the users of a load: CSV and JSON lines, every mistake with its line."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from hybridcheck.cases import Json

MOST_ROWS = 100_000
MOST_BYTES = 64 << 20
Row = dict[str, Json]


class FeederError(ValueError):
    """A file that cannot be used; `line` is where, 0 for the file as a whole."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line
        self.hint = hint


def read_rows(path: Path) -> tuple[Row, ...]:
    """All rows of a file.

    Raises:
        FeederError: see `numbered_rows`.
    """
    return tuple(row for _, row in numbered_rows(path))


def numbered_rows(path: Path) -> tuple[tuple[int, Row], ...]:
    """All rows of a file, each with the line in which it ends.

    Raises:
        FeederError: no such file, another format, a line that does not fit, or no row at all.
    """
    text = _text(path)
    if path.suffix == ".csv":
        rows = tuple(_csv_rows(text))
    elif path.suffix in {".jsonl", ".ndjson"}:
        rows = tuple(_json_rows(text))
    else:
        raise FeederError(
            0, f"'{path.suffix}' is no format that is known", "CSV with a head line (.csv), JSON lines (.jsonl)"
        )
    if not rows:
        raise FeederError(0, "it has no row of data")
    if len(rows) > MOST_ROWS:
        raise FeederError(0, f"it has {len(rows):,} rows, at most {MOST_ROWS:,} are taken")
    return rows


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FeederError(0, f"it is larger than {MOST_BYTES >> 20} MiB")
        return path.read_text(encoding="utf-8-sig")
    except OSError as wrong:
        hint = "the path is relative to the profile"
        raise FeederError(0, f"it cannot be read: {wrong.strerror or wrong}", hint) from wrong
    except UnicodeDecodeError as wrong:
        raise FeederError(0, f"it is not UTF-8: byte {wrong.start}") from wrong


def _csv_rows(text: str) -> Iterator[tuple[int, Row]]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        head = next(reader, [])
        _refuse_bad_columns(head)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(head):
                raise FeederError(reader.line_num, f"{len(cells)} values under {len(head)} columns")
            yield reader.line_num, dict(zip(head, cells, strict=True))
    except csv.Error as wrong:
        raise FeederError(reader.line_num, f"is no CSV: {wrong}") from wrong


def _refuse_bad_columns(head: list[str]) -> None:
    for column in head:
        if not column.isidentifier():
            raise FeederError(1, f"'{column[:60]}' cannot be the name of a column", "letters, digits and _")
    if len(set(head)) != len(head):
        raise FeederError(1, "two columns have the same name")


def _json_rows(text: str) -> Iterator[tuple[int, Row]]:
    columns: set[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as wrong:
            raise FeederError(number, f"is no JSON: {wrong}") from wrong
        if not isinstance(row, dict):
            raise FeederError(number, "is no JSON object", '{"name": "value"}')
        if not _can_be_written(row):
            raise FeederError(number, "has half of a surrogate pair, which is no text", "both halves: \\ud83d\\ude00")
        if columns is not None and row.keys() != columns:
            raise FeederError(number, f"has other keys than the first row: {', '.join(sorted(row.keys() ^ columns))}")
        columns = set(row)
        yield number, row


def _can_be_written(row: Row) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
