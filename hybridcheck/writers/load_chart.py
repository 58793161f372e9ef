"""A load phase second by second as a drawing (SVG) inside the HTML page: no script, no text but our own."""

from collections.abc import Iterator, Sequence
from html import escape

from hybridcheck.load_document import LoadSeries

WIDTH, LEFT, RIGHT = 760, 56, 12
TOP, RATE_HEIGHT, GAP, BAD_HEIGHT, BOTTOM = 30, 150, 26, 60, 36
HEIGHT = TOP + RATE_HEIGHT + GAP + BAD_HEIGHT + BOTTOM
PLANNED, RIGHT_ANSWERS, BAD = "#6e7781", "#0969da", "#cf222e"
MOST_TICKS = 10
LEAST_BAR = 1.5
"""Pixels: a single failure among thousands is seen."""

Rates = list[float | None]


def drawing(series: LoadSeries) -> Iterator[str]:
    """Planned arrivals and right answers per second above, wrong and lost ones below; what is not judged is shaded."""
    planned, ok = _per_second(series, series.planned), _per_second(series, series.ok)
    failed = _per_second(series, _added(series.failed, series.cut))
    unsent = _per_second(series, series.unsent)
    bad = [None if one is None or other is None else one + other for one, other in zip(failed, unsent, strict=True)]
    highest, worst = _highest((*planned, *ok)), _highest(bad)
    words = "Per second of the intended start: arrivals planned and answered rightly, and those failed or never sent"
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{words}">'
    yield from _shades(series)
    yield from _scale(TOP, RATE_HEIGHT, highest, "req/s")
    yield from _scale(TOP + RATE_HEIGHT + GAP, BAD_HEIGHT, worst, "bad/s")
    yield from _steps(series, planned, highest, PLANNED, 'stroke-dasharray="5 3"')
    yield from _steps(series, ok, highest, RIGHT_ANSWERS, "")
    yield from _bars(series, bad, worst)
    yield from _seconds(series)
    yield from _legend()
    yield "</svg>"


def _added(one: Sequence[int | None], other: Sequence[int | None]) -> list[int | None]:
    return [None if a is None or b is None else a + b for a, b in zip(one, other, strict=True)]


def _length_s(series: LoadSeries, index: int) -> int:
    return min(series.step_s, series.until_second - index * series.step_s)


def _per_second(series: LoadSeries, counts: Sequence[int | None]) -> Rates:
    return [None if count is None else count / _length_s(series, index) for index, count in enumerate(counts)]


def _highest(rates: Sequence[float | None]) -> float:
    return max((rate for rate in rates if rate is not None), default=0.0) or 1.0


def _x(series: LoadSeries, second: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / series.until_second


def _y(top: int, height: int, rate: float, highest: float) -> float:
    return top + height * (1 - rate / highest)


def _shades(series: LoadSeries) -> Iterator[str]:
    """A stretch of which no second is judged: adjoining ones are one shade."""
    begin: int | None = None
    for index, judged in enumerate((*series.judged, 1)):
        if not judged and begin is None:
            begin = index
        if judged and begin is not None:
            left, right = (_x(series, min(end * series.step_s, series.until_second)) for end in (begin, index))
            height = RATE_HEIGHT + GAP + BAD_HEIGHT
            yield f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{height}" fill="#eaeef2"></rect>'
            begin = None


def _scale(top: int, height: int, highest: float, unit: str) -> Iterator[str]:
    """Lines at zero and at the highest rate, with their numbers."""
    for rate, label in ((0.0, "0"), (highest, f"{highest:.4g}")):
        y = _y(top, height, rate, highest)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d0d7de"></line>'
        yield _words(LEFT - 6, y + 4, label, "end")
    yield _words(LEFT - 6, top + height / 2 + 4, unit, "end")


def _steps(series: LoadSeries, rates: Rates, highest: float, colour: str, dashes: str) -> Iterator[str]:
    """A staircase; broken where nothing is recorded."""
    path, pen_up = [], True
    for index, rate in enumerate(rates):
        if rate is None:
            pen_up = True
            continue
        begin = index * series.step_s
        y = _y(TOP, RATE_HEIGHT, rate, highest)
        left, right = _x(series, begin), _x(series, begin + _length_s(series, index))
        path.append(f"{'M' if pen_up else 'L'}{left:.1f} {y:.1f}L{right:.1f} {y:.1f}")
        pen_up = False
    yield f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="1.5" {dashes}></path>'


def _bars(series: LoadSeries, rates: Rates, worst: float) -> Iterator[str]:
    top = TOP + RATE_HEIGHT + GAP
    for index, rate in enumerate(rates):
        if rate:
            begin = index * series.step_s
            left, right = _x(series, begin), _x(series, begin + _length_s(series, index))
            y = min(_y(top, BAD_HEIGHT, rate, worst), top + BAD_HEIGHT - LEAST_BAR)
            width = max(right - left - 0.5, 0.5)
            height = top + BAD_HEIGHT - y
            yield f'<rect x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{BAD}"></rect>'


def _seconds(series: LoadSeries) -> Iterator[str]:
    """The time axis, with at most so many marks at whole numbers that people count in."""
    steps = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800)
    step = next((step for step in steps if series.until_second / step <= MOST_TICKS), series.until_second)
    for second in range(0, series.until_second + 1, step):
        yield _words(_x(series, second), HEIGHT - BOTTOM + 16, f"{second} s", "middle")


def _legend() -> Iterator[str]:
    named = ((PLANNED, "planned"), (RIGHT_ANSWERS, "answered rightly"), (BAD, "failed, cut off or never sent"))
    at = LEFT
    for colour, words in named:
        yield f'<rect x="{at}" y="8" width="12" height="12" fill="{colour}"></rect>'
        yield _words(at + 17, 18, words, "start")
        at += 45 + 7 * len(words)
    yield f'<rect x="{at}" y="8" width="12" height="12" fill="#eaeef2"></rect>'
    yield _words(at + 17, 18, "left out", "start")


def _words(x: float, y: float, words: str, anchor: str) -> str:
    shown = escape(words)
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="#57606a" text-anchor="{anchor}">{shown}</text>'
