"""Limits of a load phase per operation, tag and window, when a phase may end early, and when it must be broken off."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hybridcheck.profile.parts import ErrorRatio, Positive, Strict

QUANTILES = {"p50_ms": 50.0, "p90_ms": 90.0, "p95_ms": 95.0, "p99_ms": 99.0, "p999_ms": 99.9}
"""Key → the quantile whose latency it limits, in percent."""

StopEarly = Literal["never", "fail", "pass"]


class LoadLimit(Strict):
    """One line of `limits`: what it holds for, and what must not be exceeded there.

    `operation` or `tag`: the requests that it holds for (all, where neither is given). `window_s`: from second to second
    of the phase, which may lie in a climb or a peak; without it, the judged seconds. `p95_ms` and its like: at most that
    share of the planned arrivals is answered later, wrongly or not at all. `mean_ms`: the mean response time, where a
    request without a right answer counts with the phase's deadline. `min_rps`: right answers per second, all but
    `error_ratio` (here, or `thresholds.max_error_ratio`) of them.
    """

    operation: str | None = None
    tag: str | None = None
    window_s: tuple[Annotated[float, Field(ge=0, le=86_400)], Annotated[float, Field(gt=0, le=86_400)]] | None = None
    p50_ms: Positive | None = None
    p90_ms: Positive | None = None
    p95_ms: Positive | None = None
    p99_ms: Positive | None = None
    p999_ms: Positive | None = None
    mean_ms: Positive | None = None
    min_rps: Positive | None = None
    error_ratio: ErrorRatio | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "LoadLimit":
        if self.operation is not None and self.tag is not None:
            raise ValueError("a limit is for an operation or for a tag, not for both")
        if self.window_s is not None and self.window_s[0] >= self.window_s[1]:
            raise ValueError("window_s is [from, until]: this one ends before it begins")
        limited = (*QUANTILES, "mean_ms", "min_rps", "error_ratio")
        if all(getattr(self, key) is None for key in limited):
            raise ValueError(f"a limit limits nothing: give one of {', '.join(limited)}")
        return self

    def latencies_ms(self) -> Iterator[tuple[float, float]]:
        """Every (quantile in percent, limit in ms)."""
        for key, quantile in QUANTILES.items():
            limit_ms = getattr(self, key)
            if limit_ms is not None:
                yield quantile, limit_ms

    def scope(self) -> str:
        """What it holds for, in the words of a case."""
        what = self.operation or (f"tag {self.tag}" if self.tag else "")
        when = f"{self.window_s[0]:g}-{self.window_s[1]:g} s" if self.window_s else ""
        return " ".join(part for part in (what, when) if part)

    def window(self) -> tuple[int, int] | None:
        """The whole seconds [from, until) that lie within the window."""
        return None if self.window_s is None else (-int(-self.window_s[0] // 1), int(self.window_s[1]))


class AbortWhen(Strict):
    """When the load is broken off so that it does not ruin the target further; that decides nothing.

    More than `bad_ratio` of the arrivals that became due within the last `window_s` seconds (at least `min_requests`) were
    not answered rightly within `latency_ms` (without it: at all).
    """

    bad_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.9
    latency_ms: Positive | None = None
    window_s: Annotated[int, Field(ge=3, le=600)] = 15
    min_requests: Annotated[int, Field(ge=1)] = 50
