"""Which profile and which target a command means, and what may be done to that target."""

from pathlib import Path

import pytest

from hybridcheck.cases import SafetyClass
from hybridcheck.errors import UsageError
from hybridcheck.profile.lookup import (
    ChosenTarget,
    allowed,
    choose_target,
    find_profile,
    needed_to_allow,
    refused_flags,
)
from hybridcheck.profile.models import Environment, Profile, Tls

ALL = frozenset(SafetyClass)
HARMLESS_TO_OWN = {SafetyClass.READ, SafetyClass.WRITE, SafetyClass.LOAD}


def profile(**urls: str) -> Profile:
    """A profile whose targets are staging systems at these URLs."""
    targets = {name: {"url": url, "environment": "staging"} for name, url in urls.items()}
    return Profile.model_validate({"version": 1, "targets": targets})


def test_the_nearest_profile_above_is_found(tmp_path: Path) -> None:
    """The working folder first, then upwards."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "hybridcheck.yaml").touch()
    assert find_profile(None, deep, tmp_path / "elsewhere") == tmp_path / "hybridcheck.yaml"
    (tmp_path / "a" / "hybridcheck.yaml").touch()
    assert find_profile(None, deep, tmp_path / "elsewhere") == tmp_path / "a" / "hybridcheck.yaml"


def test_the_search_ends_at_home(tmp_path: Path) -> None:
    """What lies above the home folder is not ours to read; home itself is looked at."""
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    (tmp_path / "hybridcheck.yaml").touch()
    assert find_profile(None, home / "work", home) is None
    (home / "hybridcheck.yaml").touch()
    assert find_profile(None, home / "work", home) == home / "hybridcheck.yaml"


def test_an_asked_profile_must_exist(tmp_path: Path) -> None:
    """`--profile` is taken as it is, or refused before anything is sent."""
    (tmp_path / "x.yml").touch()
    assert find_profile(tmp_path / "x.yml", tmp_path, tmp_path) == tmp_path / "x.yml"
    with pytest.raises(UsageError, match="--profile: there is no file"):
        find_profile(tmp_path / "y.yml", tmp_path, tmp_path)


def test_a_name_and_a_declared_url_mean_the_declared_target() -> None:
    """With its environment; a slash at the end and the case of the host do not matter."""
    declared = profile(shop="https://Shop.example.com/", other="http://o:1")
    expected = ChosenTarget("shop", "https://Shop.example.com", Environment.STAGING, Tls())
    assert choose_target("shop", declared) == expected
    assert choose_target("https://shop.example.com", declared) == expected


def test_the_only_target_is_meant_where_nothing_is_asked() -> None:
    """One declared target needs no option; none and several are errors that say what to give."""
    assert choose_target(None, profile(shop="http://s:1")).name == "shop"
    with pytest.raises(UsageError, match=r"declares several targets: which one.*one of a, b"):
        choose_target(None, profile(a="http://a:1", b="http://b:1"))
    with pytest.raises(UsageError, match="no target: nothing says which system to test"):
        choose_target(None, profile())


def test_a_url_that_nobody_declared_is_unknown_unless_the_flag_says_more() -> None:
    """Loopback or not: a forwarded port to production is loopback too."""
    assert choose_target("http://127.0.0.1:8000/", profile()).environment is Environment.UNKNOWN
    assert choose_target("http://127.0.0.1:8000", profile(), Environment.LOCAL).environment is Environment.LOCAL


def test_the_flag_cannot_contradict_the_profile() -> None:
    """A target that is declared as staging is not made local by a flag."""
    with pytest.raises(UsageError, match="declares 'shop' as staging, not local"):
        choose_target("shop", profile(shop="http://s:1"), Environment.LOCAL)
    assert choose_target("shop", profile(shop="http://s:1"), Environment.STAGING).name == "shop"


@pytest.mark.parametrize(
    "asked,part",
    [
        ("shpo", "no target 'shpo' is declared (did you mean 'shop'?)"),
        ("production", "no target 'production' is declared (known here: other, shop)"),
        ("localhost:8000", "'localhost:8000' has no scheme (did you mean http://localhost:8000?)"),
        ("ftp://x", "'ftp://x' is not an http or https URL with a host"),
        ("http://", "is not an http or https URL with a host"),
        ("http://x:99999", "this URL is malformed"),
        ("http://u:pw@x", "this URL carries credentials"),
        ("http://x/?a=1", "a base URL has no query"),
        ("http://[::1", "this URL is malformed"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused(asked: str, part: str) -> None:
    """Names the nearest known name, or what is wrong with the URL; credentials are not repeated."""
    with pytest.raises(UsageError) as refused:
        choose_target(asked, profile(shop="http://s:1", other="http://o:1"))
    assert part in str(refused.value)
    assert str(refused.value).startswith("--base-url: ")
    assert "u:pw" not in str(refused.value)


@pytest.mark.parametrize("environment", list(Environment))
def test_classes_by_environment(environment: Environment) -> None:
    """Production and unknown are read only, whatever is allowed; local and staging widen by flag."""
    narrow = environment in {Environment.PRODUCTION, Environment.UNKNOWN}
    assert allowed(environment, frozenset()) == ({SafetyClass.READ} if narrow else HARMLESS_TO_OWN)
    assert allowed(environment, ALL) == ({SafetyClass.READ} if narrow else ALL)


def test_a_flag_that_would_do_nothing_is_an_error() -> None:
    """`--allow abuse` against production is refused, and says why; where it is heard, nothing is said."""
    abuse = frozenset({SafetyClass.ABUSE})
    assert [str(complaint) for complaint in refused_flags(Environment.PRODUCTION, abuse)] == [
        "--allow abuse: the target is declared as production, which refuses everything but read (use another target)"
    ]
    assert "--environment local" in str(refused_flags(Environment.UNKNOWN, abuse)[0])
    assert refused_flags(Environment.LOCAL, ALL) == ()
    assert refused_flags(Environment.PRODUCTION, frozenset({SafetyClass.READ})) == ()


@pytest.mark.parametrize("safety", sorted(ALL - {SafetyClass.READ}))
def test_what_would_allow_a_class_is_said(safety: SafetyClass) -> None:
    """Following the advice allows the class (local and staging: the flag; unknown: the environment and the flag)."""
    for environment in (Environment.LOCAL, Environment.UNKNOWN):
        advice = needed_to_allow(environment, safety)
        widened = Environment.LOCAL if "--environment local" in advice else environment
        flags = frozenset({safety}) if f"--allow {safety.value}" in advice else frozenset()
        assert safety in allowed(widened, flags)
    assert "environment is local or staging" in needed_to_allow(Environment.PRODUCTION, safety)
