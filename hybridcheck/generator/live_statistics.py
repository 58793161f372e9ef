"""Locust's statistics in the web UI's process: of the last whole second.

Locust averages rates over ten seconds that end two seconds ago, and takes percentiles of the last ten:
a spike would be gone before it shows. Here the charts have a point for each second, and agree with the verdict.
"""

import time
from typing import Any

from locust import stats
from locust.env import Environment

from hybridcheck.generator.locust_statistics import LocustFold, Named, three_digits
from hybridcheck.statistics.histogram import Histogram

NS_PER_MS = 1e6
_KEPT_SECONDS = 3


class LiveFold(LocustFold):
    """Folds reports into Locust's statistics, and remembers the response times of the last seconds."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment, int(time.time()))
        self._seconds: dict[int, Histogram] = {}

    def __call__(self, operation: Named, report: dict[str, Any]) -> None:
        """Fold a row or a window; windows have a second each."""
        if report["kind"] == "times":
            one = Histogram.from_pairs(report["response"])
            report = {**report, "response": one.counts}
            histogram = self._seconds.setdefault(report["from_second"], Histogram())
            histogram.merge(one)
            for old in sorted(self._seconds)[:-_KEPT_SECONDS]:
                del self._seconds[old]
        super().__call__(operation, report)

    def quantile_ms(self, share: float) -> float | None:
        """A quantile of the last second's response times; None where it had no right answer."""
        last = self._seconds[max(self._seconds)] if self._seconds else Histogram()
        found = last.quantile(share)
        return None if found is None else three_digits(found / NS_PER_MS)


_current: list[LiveFold] = []


def begin(environment: Environment) -> LiveFold:
    """A fold for a new run; what the UI calls current is its last second from now on."""
    _current[:] = [LiveFold(environment)]
    return _current[0]


def end() -> None:
    """The load is over: there is no last second any more, and the charts go down to zero."""
    _current.clear()


def be_exact() -> None:
    """Replace what Locust rounds and averages; for a process that only shows."""
    anything: Any = stats
    anything.HISTORY_STATS_INTERVAL_SEC = 1
    anything.StatsEntry.current_rps = property(lambda entry: _of_last_second(entry, entry.num_reqs_per_sec))
    anything.StatsEntry.current_fail_per_sec = property(lambda entry: _of_last_second(entry, entry.num_fail_per_sec))
    anything.StatsEntry.get_current_response_time_percentile = _current_percentile


def _of_last_second(entry: Any, per_second: dict[int, int]) -> float:
    last = entry.stats.last_request_timestamp
    return 0 if last is None or not _current else float(per_second.get(int(last), 0))


def _current_percentile(_: Any, share: float) -> float | None:
    return _current[0].quantile_ms(share) if _current else None
