"""What is read from an exposition."""

import asyncio

import pytest

from hybridcheck.samplers.metrics_endpoint import MetricsEndpoint, readings
from hybridcheck.samplers.reading import Reading

TEXT = """\
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.5
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes{worker="1"} 1000
process_resident_memory_bytes{worker="2"} 500
# TYPE process_open_fds gauge
process_open_fds 7
# TYPE process_start_time_seconds gauge
process_start_time_seconds{worker="1"} 1700000100
process_start_time_seconds{worker="2"} 1700000000
# TYPE jobs_waiting gauge
jobs_waiting{queue="a"} 3
jobs_waiting{queue="b"} 4
# TYPE http_requests_total counter
http_requests_total{status="200"} 10
http_requests_total{status="503"} 2
http_requests_total{status="500"} 1
http_requests_total{status="none"} 9
"""


def _read(text: str | None, backlog: str | None = None) -> tuple[Reading, ...] | None:
    async def fetch() -> str | None:
        return text

    return asyncio.run(MetricsEndpoint(fetch, backlog).read())


def test_process_figures_of_all_workers_are_added_up() -> None:
    """CPU, memory and files are sums over the series of a name; the start is the oldest one."""
    found = {reading.metric: reading.value for reading in readings(TEXT, None) if not reading.instance}
    assert found == {"cpu_seconds": 12.5, "rss_bytes": 1500.0, "open_files": 7.0, "start_time_unix_s": 1700000000.0}


def test_the_declared_gauge_is_the_backlog() -> None:
    """Only the gauge that the profile names is read, over all its labels."""
    assert Reading("backlog", 7.0, "items") in tuple(readings(TEXT, "jobs_waiting"))
    assert all(reading.metric != "backlog" for reading in readings(TEXT, "other"))


def test_answers_are_counted_by_class_of_status() -> None:
    """A counter with a status label gives one reading per class; what is no status code is left out."""
    found = {r.instance: r.value for r in readings(TEXT, None) if r.metric == "http_requests_total"}
    assert found == {"2xx": 10.0, "5xx": 3.0}


@pytest.mark.parametrize("text", [None, "process_open_fds seven\n", "# TYPE a\n{{{ 1\n"])
def test_no_answer_and_no_exposition_are_silence(text: str | None) -> None:
    """What cannot be read gives no readings, never a number."""
    assert _read(text) is None


def test_numbers_that_are_not_finite_are_left_out() -> None:
    """NaN and infinity are no readings."""
    text = "process_open_fds NaN\nprocess_resident_memory_bytes +Inf\nprocess_cpu_seconds_total 1\n"
    assert [reading.metric for reading in readings(text, None)] == ["cpu_seconds"]


def test_the_backlog_is_wanted_only_where_it_is_declared() -> None:
    """A gauge that nobody declared is not missing."""

    async def fetch() -> str | None:
        return None

    assert "backlog" not in MetricsEndpoint(fetch).wanted
    assert "backlog" in MetricsEndpoint(fetch, "jobs_waiting").wanted
