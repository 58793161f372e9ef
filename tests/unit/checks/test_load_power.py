"""What a plan says that it cannot decide, and what would do: of the phase as it is driven, in the words of the profile."""

from typing import Any

import pytest

from hybridcheck.cases import Budget, Case
from hybridcheck.checks.check import Scene
from hybridcheck.checks.load.declared import KeepsDeclaredLimits
from hybridcheck.checks.load.limits import KeepsLatencyLimit
from hybridcheck.checks.load.power import shortfall, too_short_to_settle
from hybridcheck.profile.load_spec import LoadPhaseSpec
from hybridcheck.profile.models import Environment, Profile
from tests.unit.checks.fake_target import cases_of

RARE = 0.001
"""What p999 allows: 2,995 clean requests show it."""


def spec(**phase: Any) -> LoadPhaseSpec:
    """A phase of ten requests per second for a minute."""
    return LoadPhaseSpec.model_validate({"rate_rps": 10, "duration_s": 60, **phase})


@pytest.mark.parametrize(
    ("duration_s", "budget", "words"),
    [
        (60, Budget.FULL, "the plan has 580 in 58; duration_s: about 311 s would do"),
        (60, Budget.STANDARD, "the plan has 580 in 58; duration_s: about 311 s with --budget full would do"),
        (310, Budget.STANDARD, "the plan has 1,180 in 118; --budget full would do"),
        (310, Budget.FULL, ""),
        (310, Budget.QUICK, "the plan has 110 in 11; --budget full would do"),
    ],
)
def test_what_would_do_would_do_in_this_budget(duration_s: float, budget: Budget, words: str) -> None:
    """A length beyond what the budget drives comes with one that drives it, and one that is long enough stays."""
    found = shortfall(spec(duration_s=duration_s), RARE, budget=budget)
    assert found.endswith(words)
    assert bool(found) is bool(words)


def test_the_smallest_budget_that_would_do_is_named() -> None:
    """Standard drives two minutes of these ten, and they are enough for 1 %."""
    assert shortfall(spec(duration_s=600), 0.01, budget=Budget.QUICK).endswith("in 11; --budget standard would do")
    assert shortfall(spec(duration_s=600), 0.01, budget=Budget.STANDARD) == ""
    long = shortfall(spec(duration_s=600), 0.01, budget=Budget.STANDARD, phases=18)  # each has twenty seconds
    assert long.endswith("; --budget full would do")


@pytest.mark.parametrize(
    ("window", "budget", "words"),
    [
        ([60, 90], Budget.QUICK, "the plan has 20 in 2; --budget standard would do"),
        ([60, 90], Budget.STANDARD, ""),
        ([60, 61], Budget.QUICK, "the plan has 0 in 0; a window_s of about 30 s with --budget standard would do"),
        ([60, 61], Budget.STANDARD, "the plan has 10 in 1; a window_s of about 30 s would do"),
    ],
)
def test_a_window_that_the_budget_shortened_is_told_in_seconds_of_the_profile(
    window: list[float], budget: Budget, words: str
) -> None:
    """Thirty seconds are two of a quick run: not a window of ten seconds would do, but more of this one."""
    declared = spec(duration_s=120, limits=[{"window_s": window, "error_ratio": 0.01}])
    found = shortfall(declared, 0.01, line=0, budget=budget)
    assert found.endswith(words)
    assert bool(found) is bool(words)


def test_stages_have_no_length_of_their_own() -> None:
    """`duration_s` beside them would be an error."""
    declared = LoadPhaseSpec.model_validate({"stages": [{"duration_s": 60, "rate_rps": 10}], "from_rps": 10})
    assert shortfall(declared, RARE).endswith("; stages that last about 311 s in all would do")


def test_a_warm_up_that_no_quick_run_finds_needs_a_budget_and_not_a_longer_phase() -> None:
    """The rule looks at twenty judged seconds at least."""
    declared = spec(find_warmup=True)
    assert too_short_to_settle(declared, Budget.QUICK).endswith("the plan has 11; --budget standard would do")
    assert too_short_to_settle(declared) == ""
    short = spec(find_warmup=True, duration_s=17)
    assert too_short_to_settle(short, Budget.QUICK).endswith("duration_s: about 22 s with --budget standard would do")


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        ({"duration_s": 8}, "in >= 10 judged seconds, the plan has 600 in 6; duration_s: about 14 s would do"),
        ({"duration_s": 13}, ""),
        ({"rate_rps": 0.1, "duration_s": 60}, "needs >= 10 requests in >= 10 judged seconds, the plan has 6 in 58"),
        ({"duration_s": 60, "limits": [{"mean_ms": 50, "window_s": [20, 26]}]}, "a window_s of about 10 s would do"),
    ],
)
def test_a_mean_needs_ten_seconds_with_arrivals_and_says_so_before(phase: dict[str, Any], words: str) -> None:
    """The judge has no bounds of a mean without them."""
    load = {"s": {"rate_rps": 100, "limits": [{"mean_ms": 50}], **phase}}
    (case,) = cases_of(KeepsDeclaredLimits(), {"operations": ["GET /x"], "load": load})
    found = str(case.params.get("cannot_decide", ""))
    assert words in found
    assert bool(found) is bool(words)


def test_a_case_says_what_its_own_run_lacks() -> None:
    """The budget of the plan, and as many phases as the profile has."""
    phase = {"rate_rps": 10, "duration_s": 310, "objectives": {"*": {"p99_ms": 400}}}
    given = {"operations": ["GET /x"], "load": dict.fromkeys("abc", phase)}
    profile = Profile.model_validate({"version": 1, **given})
    planned = Scene(profile, "http://target.test", Environment.LOCAL, Budget.QUICK)
    case = next(one for one in KeepsLatencyLimit().cases(planned) if isinstance(one, Case))
    assert case.params["cannot_decide"].endswith("the plan has 110 in 11; --budget standard would do")
