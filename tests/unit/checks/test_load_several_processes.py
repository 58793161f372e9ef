"""Several generator processes: who they are and how their clocks stand must be known before their sum is judged."""

import pytest

from hybridcheck.cases import Json, Reason, Undecided
from hybridcheck.checks.load.several_processes import require_one_schedule
from hybridcheck.evidence import Evidence, GeneratorProcess, GeneratorSecond, Observation, Record

STREAM = "load/steady"
PROCESSES = tuple(
    GeneratorProcess(name=name, cpu_ratio=0.1, own_lag_p99_ms=0.2, offered=10, sent=10) for name in ("0", "1")
)
SECOND = GeneratorSecond(second=0, cpu_ratio=0.1, offered=20, sent=20, processes=PROCESSES)


def told(offset_ms: float | None, error_ms: float | None) -> Observation:
    """Both processes, one of them here and one with a clock of its own."""
    own: dict[str, Json] = {"name": "0", "host": "a", "pid": 1, "clock_offset_ms": None, "clock_error_ms": None}
    other = {**own, "name": "1", "host": "b", "clock_offset_ms": offset_ms, "clock_error_ms": error_ms}
    return Observation(label="generator", values={"processes": [own, other]})


def after(offset_ms: float, error_ms: float = 0.1) -> Observation:
    """The other clock when the phase was over."""
    return Observation(label="clocks", values={"clocks": {"1": {"offset_ms": offset_ms, "error_ms": error_ms}}})


def judge(*records: Record, second: GeneratorSecond = SECOND) -> None:
    """Ask for one schedule."""
    require_one_schedule(Evidence(own=(), shared={STREAM: (*records, second)}), STREAM, [second])


def test_one_process_needs_to_say_nothing() -> None:
    """No processes in the seconds: there is one, on this machine."""
    judge(second=SECOND.model_copy(update={"processes": ()}))


def test_one_machine_has_one_clock() -> None:
    """Processes without a clock of their own need no comparison."""
    judge(told(None, None))


def test_a_wrong_wall_clock_does_no_harm_as_long_as_it_runs_evenly() -> None:
    """An hour of offset is known and taken into account; what wandered and what is not known count."""
    judge(told(3_600_000, 20), after(3_600_079))


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ((), "not all of 2"),
        ((told(0, 1),), "not compared at the end"),
        ((told(0, 101), after(0)), "may be off by 101 ms"),
        ((told(0, 20), after(-90)), "may be off by 110 ms"),
        ((told(0, 1), after(0, 120)), "may be off by 120 ms"),
    ],
)
def test_what_is_missing_or_off_is_undecided(records: tuple[Record, ...], words: str) -> None:
    """Nothing about who they are, no second comparison, a slow network at either end, a clock that was set."""
    with pytest.raises(Undecided, match=words) as raised:
        judge(*records)
    assert raised.value.reason is Reason.EVIDENCE_INCOMPLETE
