"""Every sample of a run as one long table, for spreadsheets and data frames: `samples.csv` in the run's folder."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hybridcheck.evidence import Record, RunStart, Sample

COLUMNS = ("t_utc", "t_s", "source", "instance", "metric", "value", "unit", "ok", "phase")
"""UTC time, seconds since the run's start, and the sample; `ok` is 0 and `value` empty where nothing was read."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run a text that begins with one of these."""


def render(records: Iterable[Record]) -> str | None:
    """The table in ledger order, RFC 4180 with a header line; None where the run has no sample."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    started: datetime | None = None
    rows = 0
    for record in records:
        if isinstance(record, RunStart):
            started = datetime.fromisoformat(record.started_utc)
        elif isinstance(record, Sample):
            table.writerow(_row(record, started))
            rows += 1
    return text.getvalue() if rows else None


def _row(sample: Sample, started: datetime | None) -> tuple[str, ...]:
    at = (started + timedelta(seconds=sample.at_s)).astimezone(UTC) if started is not None else None
    return (
        at.isoformat(timespec="milliseconds") if at is not None else "",
        f"{sample.at_s:.3f}",
        _plain(sample.source),
        _plain(sample.instance),
        _plain(sample.metric),
        "" if sample.value is None else repr(sample.value),
        _plain(sample.unit),
        str(int(sample.value is not None)),
        sample.phase,
    )


def _plain(text: str) -> str:
    return "'" + text if text.startswith(FORMULA_STARTS) else text
