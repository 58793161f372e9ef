"""The environment variables of requirement 004 and their `HYBRIDCHECK_` twins, which win over them.

They lie between the command line and the profile. A variable that is set to nothing counts as not set.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from hybridcheck.errors import Complaint
from hybridcheck.profile.models import Profile

OLD_PREFIX = "INTEGRATION_TEST_"
OWN_PREFIX = "HYBRIDCHECK_"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the environment asks for; None where it says nothing. `used` is variable → value, for the verdict.

    `timeout_s` bounds the whole run; `retry_count` counts connection attempts of idempotent reads.
    """

    base_url: str | None = None
    timeout_s: float | None = None
    retry_count: int | None = None
    log_level: str | None = None
    log_file: str | None = None
    max_latency_ms: float | None = None
    min_throughput_rps: float | None = None
    max_cpu_ratio: float | None = None
    max_memory_ratio: float | None = None
    used: Mapping[str, str] = field(default_factory=dict)


def _text(value: str) -> str:
    return value


def _seconds(value: str) -> float:
    return _number(value, "a number of seconds above 0", 86_400, unit="s")


def _above_zero(value: str) -> float:
    return _number(value, "a number above 0", 1e9)


def _milliseconds(value: str) -> float:
    return _number(value, "a number of milliseconds above 0", 1e9, unit="ms")


def _number(value: str, wanted: str, most: float, unit: str = "") -> float:
    bare = value.strip().removesuffix(unit).strip() if unit else value.strip()
    if not re.fullmatch(r"\d+(\.\d+)?", bare) or not 0 < float(bare) <= most:
        raise ValueError(f"must be {wanted}" + (f" and at most {most:,.0f}" if most < 1e9 else ""))
    return float(bare)


def _ratio(value: str) -> float:
    bare = value.strip()
    if not re.fullmatch(r"\d+(\.\d+)?|\.\d+", bare) or not float(bare) <= 1:
        raise ValueError("must be a share between 0 and 1, such as 0.8 for 80 %")
    return float(bare)


def _count(value: str) -> int:
    if not re.fullmatch(r"\d{1,2}", value.strip()) or int(value) > 10:
        raise ValueError("must be a whole number from 0 to 10")
    return int(value)


def _level(value: str) -> str:
    if value.strip().upper() not in LOG_LEVELS:
        raise ValueError("must be one of " + ", ".join(LOG_LEVELS))
    return value.strip().upper()


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    field: str
    read: Callable[[str], str | float | int]


VARIABLES = (
    _Variable("BASE_URL", "base_url", _text),
    _Variable("TIMEOUT", "timeout_s", _seconds),
    _Variable("RETRY_COUNT", "retry_count", _count),
    _Variable("LOG_LEVEL", "log_level", _level),
    _Variable("LOG_FILE", "log_file", _text),
    _Variable("MAX_LATENCY", "max_latency_ms", _milliseconds),
    _Variable("MIN_THROUGHPUT", "min_throughput_rps", _above_zero),
    _Variable("MAX_CPU_USAGE", "max_cpu_ratio", _ratio),
    _Variable("MAX_MEMORY_USAGE", "max_memory_ratio", _ratio),
)
THRESHOLDS = ("max_latency_ms", "min_throughput_rps", "max_cpu_ratio", "max_memory_ratio")


def read_overrides(environment: Mapping[str, str]) -> tuple[Overrides, tuple[Complaint, ...]]:
    """What the environment asks for, and what is wrong with it (place: the variable's name)."""
    found: dict[str, str | float | int] = {}
    used: dict[str, str] = {}
    complaints = list(_misspelt(environment))
    for variable in VARIABLES:
        name, value = _winner(variable.name, environment)
        if not value:
            continue
        try:
            found[variable.field] = variable.read(value)
            used[name] = value
        except ValueError as wrong:
            complaints.append(Complaint(f"environment {name}", f"'{value[:60]}' {wrong}"))
    return Overrides(**found, used=used), tuple(complaints)  # type: ignore[arg-type]  # the table pairs the types


def _winner(short: str, environment: Mapping[str, str]) -> tuple[str, str]:
    for prefix in (OWN_PREFIX, OLD_PREFIX):
        if environment.get(prefix + short):
            return prefix + short, environment[prefix + short]
    return "", ""


def _misspelt(environment: Mapping[str, str]) -> Iterator[Complaint]:
    """Variables that are nearly one of ours: a limit that nobody reads would be worse than an error."""
    known = [prefix + variable.name for prefix in (OWN_PREFIX, OLD_PREFIX) for variable in VARIABLES]
    for name in sorted(environment):
        if name.startswith((OWN_PREFIX, OLD_PREFIX)) and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.93)
            if close:
                yield Complaint(f"environment {name}", "no such variable is read", f"did you mean {close[0]}?")


def apply(profile: Profile, overrides: Overrides) -> Profile:
    """The profile with the thresholds that the environment asks for."""
    wanted = {name: getattr(overrides, name) for name in THRESHOLDS if getattr(overrides, name) is not None}
    return (
        profile.model_copy(update={"thresholds": profile.thresholds.model_copy(update=wanted)}) if wanted else profile
    )
