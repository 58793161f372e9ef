"""The environment variables of requirement 004: what they mean, who wins, and what is said about wrong values."""

import pytest

from hybridcheck.profile.environment import VARIABLES, Overrides, apply, read_overrides
from hybridcheck.profile.models import Profile, Thresholds

REQUIREMENT_004 = {
    "INTEGRATION_TEST_BASE_URL": "http://localhost:8000",
    "INTEGRATION_TEST_TIMEOUT": "300",
    "INTEGRATION_TEST_RETRY_COUNT": "3",
    "INTEGRATION_TEST_LOG_LEVEL": "INFO",
    "INTEGRATION_TEST_LOG_FILE": "integration_tests.log",
    "INTEGRATION_TEST_MAX_LATENCY": "200",
    "INTEGRATION_TEST_MIN_THROUGHPUT": "500",
    "INTEGRATION_TEST_MAX_CPU_USAGE": "0.8",
    "INTEGRATION_TEST_MAX_MEMORY_USAGE": "0.85",
}


def test_requirement_004_is_understood_as_written() -> None:
    """The block of variables in the requirement gives these values, and each is recorded as used."""
    overrides, complaints = read_overrides(REQUIREMENT_004)
    assert complaints == ()
    assert overrides == Overrides(
        base_url="http://localhost:8000",
        timeout_s=300,
        retry_count=3,
        log_level="INFO",
        log_file="integration_tests.log",
        max_latency_ms=200,
        min_throughput_rps=500,
        max_cpu_ratio=0.8,
        max_memory_ratio=0.85,
        used=REQUIREMENT_004,
    )


def test_our_own_twin_wins() -> None:
    """`HYBRIDCHECK_X` wins over `INTEGRATION_TEST_X`, for every variable; only the winner counts as used."""
    own = {name.replace("INTEGRATION_TEST_", "HYBRIDCHECK_"): value for name, value in REQUIREMENT_004.items()}
    others = dict.fromkeys(REQUIREMENT_004, "1")
    overrides, complaints = read_overrides({**others, **own})
    assert complaints == ()
    assert overrides.used == own
    assert len(own) == len(VARIABLES)


def test_an_empty_variable_counts_as_not_set() -> None:
    """A CI system that sets a variable to nothing asks for nothing, and the other name is still heard."""
    overrides, complaints = read_overrides({"HYBRIDCHECK_TIMEOUT": "", "INTEGRATION_TEST_TIMEOUT": "60"})
    assert (overrides.timeout_s, complaints) == (60, ())


@pytest.mark.parametrize(
    "name,value,part",
    [
        ("TIMEOUT", "soon", "must be a number of seconds above 0"),
        ("TIMEOUT", "0", "must be a number of seconds above 0"),
        ("TIMEOUT", "1e9", "must be a number of seconds above 0"),
        ("RETRY_COUNT", "-1", "must be a whole number from 0 to 10"),
        ("RETRY_COUNT", "11", "must be a whole number from 0 to 10"),
        ("LOG_LEVEL", "LOUD", "must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("MAX_LATENCY", "nan", "must be a number of milliseconds above 0"),
        ("MAX_LATENCY", "-5", "must be a number of milliseconds above 0"),
        ("MIN_THROUGHPUT", "0", "must be a number above 0"),
        ("MAX_CPU_USAGE", "80", "must be a share between 0 and 1, such as 0.8 for 80 %"),
        ("MAX_MEMORY_USAGE", "85%", "must be a share between 0 and 1"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_variable(name: str, value: str, part: str) -> None:
    """The variable, its value and what would be right are in the complaint."""
    overrides, complaints = read_overrides({"INTEGRATION_TEST_" + name: value})
    assert overrides == Overrides()
    assert [complaint.where for complaint in complaints] == ["environment INTEGRATION_TEST_" + name]
    assert part in complaints[0].message
    assert value in complaints[0].message


def test_a_nearly_right_name_is_an_error() -> None:
    """A misspelt limit that nobody reads would be worse than an error; names of other tools are left alone."""
    _, complaints = read_overrides({"HYBRIDCHECK_MAX_LATENCEY": "5", "HYBRIDCHECK_DEMO_COLOUR": "1", "PATH": "/bin"})
    assert [str(complaint) for complaint in complaints] == [
        "environment HYBRIDCHECK_MAX_LATENCEY: no such variable is read (did you mean HYBRIDCHECK_MAX_LATENCY?)"
    ]


def test_units_may_be_written() -> None:
    """`200ms` and `300 s` mean what they say."""
    overrides, _ = read_overrides({"HYBRIDCHECK_MAX_LATENCY": "200ms", "HYBRIDCHECK_TIMEOUT": "300 s"})
    assert (overrides.max_latency_ms, overrides.timeout_s) == (200, 300)


def test_thresholds_of_the_environment_win_over_the_profile() -> None:
    """What the environment does not say stays as the profile has it."""
    profile = Profile(version=1, thresholds=Thresholds(max_latency_ms=100, max_error_ratio=0.01))
    changed = apply(profile, Overrides(max_latency_ms=300, min_throughput_rps=10))
    assert changed.thresholds == Thresholds(max_latency_ms=300, max_error_ratio=0.01, min_throughput_rps=10)
    assert apply(profile, Overrides(base_url="http://x")) is profile
