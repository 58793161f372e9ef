"""What we rely on inside Locust, in a process of its own; its minor version is raised by hand with a look at this."""

import json
import random
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from hybridcheck.statistics.histogram import Histogram, bucket_of

FOLD = """
import json, sys
from locust.env import Environment
from hybridcheck.generator.locust_statistics import LocustFold
from hybridcheck.generator.orders import Operation
from hybridcheck.generator.recording import Book
given = json.load(sys.stdin)
given[-1]["response"] = dict(given[-1]["response"])
environment = Environment()
fold = LocustFold(environment, 1_000_000)
ordered = dict(name="list", method="GET", expected_statuses=[200], content_type=None, body_contains=None)
operation = Operation(ordered, b"", Book("list", (), 0, 5))
for report in given:
    fold(operation, report)
for entry in (environment.stats.total, environment.stats.get("list", "GET")):
    print(json.dumps({
        "requests": entry.num_requests, "failures": entry.num_failures, "without_time": entry.num_none_requests,
        "p50": entry.get_response_time_percentile(0.5), "p99": entry.get_response_time_percentile(0.99),
        "mean": entry.avg_response_time, "min": entry.min_response_time, "max": entry.max_response_time,
        "per_second": {str(second): count for second, count in entry.num_reqs_per_sec.items()},
        "bytes": entry.total_content_length,
        "errors": sorted((error.error, error.occurrences) for error in environment.stats.errors.values()),
    }))
"""


REPLACED = """
import inspect
from locust import runners, stats, web
from locust.env import Environment
environment = Environment()
runner = environment.create_local_runner()
names = {"bucket_response_time", "calculate_response_time_percentile", "HISTORY_STATS_INTERVAL_SEC"}
assert names <= set(vars(stats))
for name, used_by in (("bucket_response_time", "_log_response_time"), ("calculate_response_time_percentile", "get_response_time_percentile")):
    assert f"{name}(" in inspect.getsource(getattr(stats.StatsEntry, used_by))
entry = stats.StatsEntry
assert all(isinstance(vars(entry)[name], property) for name in ("current_rps", "current_fail_per_sec"))
assert callable(entry.get_current_response_time_percentile)
assert all(hasattr(runners, name) for name in ("MASTER_HEARTBEAT_TIMEOUT", "CONNECT_TIMEOUT", "CONNECT_RETRY_COUNT"))
assert {"start_shape", "start", "stop", "user_count"} <= set(dir(runners.LocalRunner))
assert "self.custom_messages" in inspect.getsource(runners.MasterRunner.handle_message)
assert isinstance(runners.WorkerNodes().ready, list)
page = inspect.getsource(web.WebUI.__init__)
for route in ("/swarm", "/stop", "/stats/reset", "/stats/requests", "/user", "/login"):
    assert f'"{route}"' in page, route
assert "self.update_template_args()" in page and "CORS(app)" in page and "app.debug = True" in page
arguments = inspect.getsource(web.WebUI.update_template_args)
for name in ("available_shape_classes", "hide_common_options", "shape_use_common_options", "extra_options"):
    assert f'"{name}"' in arguments, name
print("as we read it")
"""


def test_what_the_web_ui_and_the_master_replace_is_there() -> None:
    """The names that our web UI replaces or closes, and the ones that master and workers use, are where we read them."""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", REPLACED], capture_output=True, text=True, check=False, cwd=root)
    assert done.stdout == "as we read it\n", done.stderr


def test_version_is_the_one_that_was_read() -> None:
    """The facts below were read in this minor version."""
    assert version("locust").startswith("2.47.")


def test_locusts_own_statistics_agree_with_our_books() -> None:
    """Counts exactly, times to Locust's two digits, for the operation and for the total."""
    times_ms = [10 + index % 90 for index in range(900)]
    counts: dict[int, int] = {}
    for value in times_ms:
        counts[bucket_of(value * 1_000_000)] = counts.get(bucket_of(value * 1_000_000), 0) + 1
    row = {"kind": "second", "second": 7, "ok": 900, "failed": {"status": 90, "timeout": 10}, "bytes_received": 5000}
    window = {"kind": "times", "response": sorted(counts.items())}
    done = subprocess.run(
        [sys.executable, "-c", FOLD],
        input=json.dumps([row, window]),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    total, entry = (json.loads(line) for line in done.stdout.splitlines())
    assert total == entry
    assert (entry["requests"], entry["failures"], entry["without_time"]) == (1000, 100, 100)
    assert entry["per_second"] == {"1000007": 1000}
    assert entry["errors"] == [["status", 90], ["timeout", 10]]
    assert entry["mean"] == pytest.approx(sum(times_ms) / 900, rel=1e-3)
    assert (entry["min"], entry["max"]) == (pytest.approx(10, rel=1e-3), pytest.approx(99, rel=1e-3))
    assert entry["p50"] == pytest.approx(54.5, abs=1)
    assert entry["p99"] == pytest.approx(99, abs=1)
    assert entry["bytes"] == 5000


@pytest.mark.parametrize("user", ["plain_locust", "lean_user"])
def test_locusts_percentiles_are_those_of_the_verdict(user: str) -> None:
    """Below ten milliseconds too, to three digits, wherever our user runs, and for whoever else's users run there."""
    chosen = random.Random(2)
    times_ns = [int(chosen.lognormvariate(14.0, 0.5)) for _ in range(3000)]
    histogram = Histogram()
    for value in times_ns:
        histogram.record(value)
    row = {"kind": "second", "second": 7, "ok": 3000, "failed": {}, "bytes_received": 5000}
    window = {"kind": "times", "response": histogram.to_pairs()}
    theirs = "environment.stats.log_request('GET', 'theirs', 1.234, 1); print(environment.stats.get('theirs', 'GET').response_times)"
    done = subprocess.run(
        [sys.executable, "-c", f"import hybridcheck.generator.{user}\n{FOLD}\n{theirs}"],
        input=json.dumps([row, window]),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    total, _, others = done.stdout.splitlines()
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        exact_ns = histogram.quantile(share)
        assert exact_ns is not None
        assert json.loads(total)[name] == float(f"{exact_ns / 1e6:.3g}")
    assert "1.23" in others
