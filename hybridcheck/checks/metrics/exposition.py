"""Reading the text in which metrics are exposed (Prometheus 0.0.4, OpenMetrics 1.0), strictly: every fault is named.

Grammar: prometheus.io, "Exposition formats"; one TYPE and HELP per family, before its samples, families in one piece,
no series twice, histogram buckets that count upwards and end in +Inf with the count.
"""

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\[\\n"])*)"\s*(,|(?=\}))')
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)", re.IGNORECASE)
KINDS = frozenset(
    {"counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram"}
)
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "summary": ("_sum", "_count", "_created", ""),
    "counter": ("_total", "_created", ""),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "info": ("_info", ""),
}
COUNTING: Mapping[str, tuple[str, ...]] = {
    "counter": ("_total", ""),
    "histogram": ("_bucket", "_count"),
    "summary": ("_count",),
}
"""Samples of a family that can only go up."""

MOST_FAULTS = 20

ENDINGS = ("_bucket", "_sum", "_count", "_total", "_created", "_info", "_gsum", "_gcount")
CLOSED = re.compile(r"\s*\}")
LONGEST_NUMBER = 60

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]


@dataclass(slots=True)
class Exposition:
    """What was exposed: the value of each series, the kind of each family, and what is wrong with the text."""

    values: dict[Series, float] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _families: dict[str, tuple[str, str]] = field(default_factory=dict)

    def declare(self, name: str, kind: str) -> None:
        """Take in the kind of a family; the first one counts."""
        self.kinds.setdefault(name, kind)
        self._families.clear()

    def total(self, metric: str, labels: Mapping[str, str]) -> float | None:
        """The sum over the series of a metric that have all these labels; None where there is none."""
        wanted = set(labels.items())
        found = [v for (name, pairs), v in self.values.items() if name == metric and wanted <= set(pairs)]
        return math.fsum(found) if found else None

    def counting(self) -> Iterator[tuple[Series, float]]:
        """Every series that can only go up, with its value."""
        for (name, labels), value in self.values.items():
            family, kind = self.family(name)
            if name.removeprefix(family) in COUNTING.get(kind, ()):
                yield (name, labels), value

    def family(self, name: str) -> tuple[str, str]:
        """The family that a sample belongs to, and its kind."""
        known = self._families.get(name)
        if known is None:
            known = self._families[name] = self._family(name)
        return known

    def _family(self, name: str) -> tuple[str, str]:
        for family in (name, *(name.removesuffix(suffix) for suffix in ENDINGS)):
            kind = self.kinds.get(family)
            if kind is not None and name.removeprefix(family) in SUFFIXES.get(kind, ("",)):
                return family, kind
        return name, "untyped"


@lru_cache(maxsize=64)
def parse(text: str) -> Exposition:
    """Everything that can be read, and what is wrong with the rest; the same object for the same text: only read it.

    Several cases judge the same scrapes, and a ledger is judged more than once (`--fail-fast`, the property tests).
    """
    found = Exposition()
    if text and not text.endswith("\n"):
        found.faults.append("the last line has no end")
    helped: set[str] = set()
    seen: dict[str, int] = {}
    split: dict[str, None] = {}
    last = ""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line == "# EOF":
            continue
        if line.startswith("#"):
            _comment(found, helped, seen, line, number)
            continue
        name = _sample(found, line, number)
        if name:
            family = found.family(name)[0]
            if family in seen and family != last:
                split[family] = None
            seen.setdefault(family, number)
            last = family
    found.faults.extend(f"the family {name} is not in one piece" for name in split)
    found.faults.extend(_histogram_faults(found))
    del found.faults[MOST_FAULTS:]
    return found


def _comment(found: Exposition, helped: set[str], seen: Mapping[str, int], line: str, number: int) -> None:
    words = line.split(None, 3)
    if len(words) < 3 or words[0] != "#" or words[1] not in {"TYPE", "HELP", "UNIT"}:
        return
    name = words[2]
    if words[1] == "HELP":
        if name in helped:
            found.faults.append(f"line {number}: a second HELP of {name}")
        helped.add(name)
    elif words[1] == "TYPE":
        kind = words[3].strip() if len(words) > 3 else ""
        if kind not in KINDS:
            found.faults.append(f"line {number}: '{kind[:30]}' is no kind of metric")
        if name in found.kinds:
            found.faults.append(f"line {number}: a second TYPE of {name}")
        elif name in seen:
            found.faults.append(f"line {number}: TYPE of {name} after its samples")
        found.declare(name, kind)


def _sample(found: Exposition, line: str, number: int) -> str:
    """Take in a sample; its name, empty where it is none."""
    # Nearly every line is a series and a value: the series, which comes again with each scrape, is then read only once.
    before, _, last = line.rpartition(" ")
    start = _series(before)
    if not isinstance(start, str) and not start[2]:
        name, labels, rest = start[0], start[1], last
    else:
        start = _series(line)
        if isinstance(start, str):
            found.faults.append(f"line {number}: {start}: '{line[:60]}'")
            return ""
        name, labels, rest = start
    words = rest.partition(" # ")[0].split()
    if not 1 <= len(words) <= 2 or not all(is_number(word) for word in words):
        found.faults.append(f"line {number}: no value: '{line[:60]}'")
        return ""
    _keep(found, (name, labels), float(words[0]), number)
    return name


@lru_cache(maxsize=16_384)
def _series(text: str) -> tuple[str, Labels, str] | str:
    """Name, labels and what follows them; what is wrong, in words, where a text does not begin with a series."""
    match = NAME.match(text)
    if match is None:
        return "no metric name"
    rest = text[match.end() :]
    if not rest.startswith("{"):
        return match[0], (), rest
    labelled = _labels(rest[1:])
    return "broken labels" if labelled is None else (match[0], *labelled)


def _keep(found: Exposition, series: Series, value: float, number: int) -> None:
    if len({label for label, _ in series[1]}) < len(series[1]):
        found.faults.append(f"line {number}: a label twice")
    key = (series[0], tuple(sorted(series[1])))
    if key in found.values:
        found.faults.append(f"line {number}: the series {shown(key)} twice")
    found.values[key] = value
    family, kind = found.family(series[0])
    if series[0].removeprefix(family) in COUNTING.get(kind, ()) and not (math.isfinite(value) and value >= 0):
        found.faults.append(f"line {number}: the {kind} {series[0]} is {value:g}")


def _labels(text: str) -> tuple[Labels, str] | None:
    pairs: list[tuple[str, str]] = []
    at = 0
    while not (end := CLOSED.match(text, at)):
        match = LABEL.match(text, at)
        if match is None:
            return None
        pairs.append((match[1], match[2]))
        at = match.end()
    return tuple(pairs), text[end.end() :]


def is_number(text: str) -> bool:
    """Whether the text is a value, as the format writes it."""
    return len(text) <= LONGEST_NUMBER and NUMBER.fullmatch(text) is not None


def _histogram_faults(found: Exposition) -> Iterator[str]:
    buckets: dict[Series, list[tuple[float, float]]] = defaultdict(list)
    for (name, labels), value in found.values.items():
        family, kind = found.family(name)
        if kind != "histogram" or not name.endswith("_bucket"):
            continue
        edge = dict(labels).get("le", "")
        if not is_number(edge):
            yield f"a bucket of {family} without a number in `le`"
            continue
        buckets[family, tuple(pair for pair in labels if pair[0] != "le")].append((float(edge), value))
    for (family, labels), pairs in buckets.items():
        counts = [count for _, count in sorted(pairs)]
        where = shown((family, labels))
        if any(later < earlier for earlier, later in itertools.pairwise(counts)):
            yield f"the buckets of {where} do not count upwards"
        if max(edge for edge, _ in pairs) != math.inf:
            yield f"{where} has no bucket +Inf"
        elif found.values.get((f"{family}_count", labels)) != counts[-1]:
            yield f"the bucket +Inf of {where} is not its count"


def shown(series: Series) -> str:
    """A series as it is written."""
    labels = ",".join(f'{name}="{value}"' for name, value in series[1])
    return (series[0] + (f"{{{labels}}}" if labels else ""))[:150]
