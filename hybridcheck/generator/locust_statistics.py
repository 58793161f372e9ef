"""Feeds Locust's own statistics from our books, so that its console and web UI stay true.

In slices of 100 buckets: folding everything in one go would hold up arrivals for milliseconds. Response times reach
Locust when a window of seconds is complete; until then its counts are those of the last complete window.

Locust rounds response times to two digits, and below 10 ms to whole milliseconds: from the moment in which this is imported
it keeps three and takes the same rank as we do, whoever's users they are of: its percentiles are those of the verdict.
"""

import math
from collections import Counter
from itertools import islice
from typing import Any, Protocol

import gevent
from locust import stats as locust_stats
from locust.env import Environment

from hybridcheck.generator.recording import REST_S
from hybridcheck.statistics.histogram import value_ns

_SLICE = 100
_NS_PER_MS = 1_000_000


def three_digits(milliseconds: float) -> float:
    """Rounded to what a chart can show."""
    return float(f"{milliseconds:.3g}")


def quantile(response_times: dict[float, int], requests: int, share: float) -> float:
    """The ceil(share * n)-th smallest, as everywhere here; Locust takes the one after it. 0 where there is none."""
    rank = max(1, math.ceil(share * requests * (1.0 - 1e-15)))
    for milliseconds in sorted(response_times):
        rank -= response_times[milliseconds]
        if rank <= 0:
            return milliseconds
    return max(response_times, default=0)


_anything: Any = locust_stats
_anything.bucket_response_time = three_digits
_anything.calculate_response_time_percentile = quantile


class Named(Protocol):
    """An operation as far as Locust's statistics know it."""

    name: str
    method: str


class LocustFold:
    """Collects the rows of an operation and folds them into Locust together with their window of response times."""

    def __init__(self, environment: Environment, started_unix_s: int) -> None:
        self._stats: Any = environment.stats
        self._started_unix_s = started_unix_s
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def __call__(self, operation: Named, report: dict[str, Any]) -> None:
        """Keep a row; fold all rows kept when their window comes."""
        if report["kind"] == "second":
            self._rows.setdefault(operation.name, []).append(report)
            return
        for row in self._rows.pop(operation.name, []):
            self._fold_row(operation, row)
        pairs = iter(report["response"].items())
        while some := list(islice(pairs, _SLICE)):
            self._fold_times(operation, some)
            if len(some) == _SLICE:
                gevent.sleep(REST_S)

    def _entries(self, operation: Named) -> tuple[Any, Any]:
        return self._stats.total, self._stats.entries[operation.name, operation.method]

    def _fold_row(self, operation: Named, row: dict[str, Any]) -> None:
        failures = sum(row["failed"].values())
        second = self._started_unix_s + row["second"]
        for entry in self._entries(operation):
            entry.num_requests += row["ok"] + failures
            entry.num_none_requests += failures  # failures have no response time in our histograms
            entry.num_failures += failures
            entry.num_reqs_per_sec[second] += row["ok"] + failures
            entry.num_fail_per_sec[second] += failures
            entry.total_content_length += row["bytes_received"]
            if row["ok"] + failures:
                entry.last_request_timestamp = float(second)
        for kind, count in Counter(row["failed"]).items():
            key = locust_stats.StatsError.create_key(operation.method, operation.name, kind)
            error = self._stats.errors.setdefault(key, locust_stats.StatsError(operation.method, operation.name, kind))
            error.occurrences += count
            error.first_seen, error.last_seen = error.first_seen or float(second), float(second)

    def _fold_times(self, operation: Named, pairs: list[tuple[int, int]]) -> None:
        for entry in self._entries(operation):
            for bucket, count in pairs:
                milliseconds = value_ns(bucket) / _NS_PER_MS
                entry.response_times[three_digits(milliseconds)] += count
                entry.total_response_time += milliseconds * count
            lowest, highest = (value_ns(of(pairs)[0]) / _NS_PER_MS for of in (min, max))
            known = entry.min_response_time
            entry.min_response_time = lowest if known is None else min(known, lowest)
            entry.max_response_time = max(entry.max_response_time, highest)
