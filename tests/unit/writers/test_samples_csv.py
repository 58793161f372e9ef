"""The table of samples."""

import csv
import io

from hybridcheck.evidence import Observation, RunStart, Sample
from hybridcheck.writers.samples_csv import COLUMNS, render

START = RunStart(
    tool_version="1",
    run_id="r",
    started_utc="2026-01-02T03:04:05.000+00:00",
    seed=1,
    budget="quick",
    scoped=False,
    target="t",
    base_url="http://target.test",
    environment="local",
    profile={},
    catalogue=1,
    plan=(),
)


def _rows(*records: Sample) -> list[dict[str, str]]:
    text = render((START, *records))
    assert text is not None
    return list(csv.DictReader(io.StringIO(text)))


def test_one_row_per_sample_in_long_format() -> None:
    """Time in UTC and since the start, the sample's own words, and whether it was read."""
    sample = Sample(at_s=1.5, source="metrics", metric="cpu_ratio", value=0.25, unit="ratio", phase="before")
    (row,) = _rows(sample)
    assert tuple(row) == COLUMNS
    assert row["t_utc"] == "2026-01-02T03:04:06.500+00:00"
    assert (row["t_s"], row["value"], row["ok"], row["phase"]) == ("1.500", "0.25", "1", "before")


def test_a_silence_is_an_empty_value_and_not_ok() -> None:
    """Nothing stands where nothing was read."""
    (row,) = _rows(Sample(at_s=1.0, source="pid", metric="rss_bytes", value=None, unit="bytes"))
    assert (row["value"], row["ok"]) == ("", "0")


def test_names_of_a_target_are_no_formulas() -> None:
    """A spreadsheet does not run what a target calls its metrics."""
    (row,) = _rows(Sample(at_s=1.0, source="metrics", instance='=cmd|"x"', metric="a,b", value=1.0))
    assert row["instance"] == '\'=cmd|"x"'
    assert row["metric"] == "a,b"


def test_without_samples_there_is_no_table() -> None:
    """No file is written for nothing."""
    assert render((START, Observation(label="x", values={}))) is None
