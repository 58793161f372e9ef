"""CPU and memory as shares of what the target has."""

import pytest

from hybridcheck.samplers.reading import Reading
from hybridcheck.samplers.shares import Capacity, Share, Shares


def _readings(cpu_s: float | None, *, start: float = 1.0, rss: float | None = None) -> list[Reading]:
    found = [Reading("start_time_unix_s", start, "s")]
    found += [Reading("cpu_seconds", cpu_s, "s")] if cpu_s is not None else []
    return found + ([Reading("rss_bytes", rss, "bytes")] if rss is not None else [])


def _cpu(shares: Shares, at_s: float, cpu_s: float | None, start: float = 1.0) -> float | None:
    return shares.of(at_s, _readings(cpu_s, start=start))[0].value


def test_cpu_ratio_is_cpu_time_per_time_and_core() -> None:
    """One CPU second in two seconds on two cores is a quarter."""
    shares = Shares(Capacity(cores=2))
    assert _cpu(shares, 10.0, 5.0) is None
    assert shares.of(12.0, _readings(6.0)) == (Share("cpu_ratio", 0.25, "ratio"),)


def test_without_declared_cores_the_share_is_in_cores() -> None:
    """No number of cores is guessed."""
    shares = Shares(Capacity())
    _cpu(shares, 0.0, 0.0)
    assert shares.of(1.0, _readings(0.5)) == (Share("cpu_cores", 0.5, "cores"),)


def test_after_a_silence_the_share_spans_it() -> None:
    """A silent moment has no share; the next one is over the whole time since the last reading."""
    shares = Shares(Capacity())
    _cpu(shares, 0.0, 0.0)
    assert _cpu(shares, 1.0, None) is None
    assert _cpu(shares, 2.0, 1.0) == pytest.approx(0.5)


def test_another_process_has_no_share_yet() -> None:
    """A counter that went back, or another start time, is no CPU time of this process."""
    shares = Shares(Capacity())
    _cpu(shares, 0.0, 5.0)
    assert _cpu(shares, 1.0, 4.0) is None
    assert _cpu(shares, 2.0, 9.0, start=2.0) is None
    assert _cpu(shares, 3.0, 9.5, start=2.0) == pytest.approx(0.5)


def test_memory_ratio_needs_a_declared_limit() -> None:
    """Resident memory by the declared bytes; nothing without a limit, None without a reading."""
    assert [s.metric for s in Shares(Capacity()).of(0.0, _readings(1.0, rss=50.0))] == ["cpu_cores"]
    limited = Shares(Capacity(memory_bytes=200))
    assert limited.of(0.0, _readings(1.0, rss=50.0))[1] == Share("memory_ratio", 0.25, "ratio")
    assert limited.of(1.0, _readings(1.0))[1] == Share("memory_ratio", None, "ratio")
