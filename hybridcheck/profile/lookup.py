"""Which profile and which target a command means, and what may be done to that target."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hybridcheck.cases import SafetyClass
from hybridcheck.errors import Complaint, UsageError
from hybridcheck.profile.consistency import url_fault
from hybridcheck.profile.models import Environment, Profile, Tls
from hybridcheck.profile.wording import nearest

FILE_NAMES = ("hybridcheck.yaml", "hybridcheck.yml")

BY_DEFAULT: Mapping[Environment, frozenset[SafetyClass]] = {
    Environment.LOCAL: frozenset({SafetyClass.READ, SafetyClass.WRITE, SafetyClass.LOAD}),
    Environment.STAGING: frozenset({SafetyClass.READ, SafetyClass.WRITE, SafetyClass.LOAD}),
    Environment.PRODUCTION: frozenset({SafetyClass.READ}),
    Environment.UNKNOWN: frozenset({SafetyClass.READ}),
}
"""The safety classes that need no flag."""

WIDENED = frozenset({Environment.LOCAL, Environment.STAGING})
"""The environments in which `--allow` is heard."""


@dataclass(frozen=True, slots=True)
class ChosenTarget:
    """The target of a run. `name` is empty for a URL that the profile does not declare."""

    name: str
    url: str
    environment: Environment
    tls: Tls


def find_profile(asked: Path | None, folder: Path, home: Path) -> Path | None:
    """The profile that was asked for, else the nearest one in `folder` or above, up to `home` or the root.

    Raises:
        UsageError: where the one that was asked for does not exist.
    """
    if asked is not None:
        if not asked.exists():
            hint = "give the path of a YAML file; a run without --profile prints the lines of a first one"
            raise UsageError(f"there is no file {asked}", where="--profile", hint=hint)
        return asked
    for place in (folder, *folder.parents):
        for name in FILE_NAMES:
            if (place / name).is_file():
                return place / name
        if place == home:
            break
    return None


def choose_target(
    asked: str | None, profile: Profile, environment: Environment | None = None, *, where: str = "--base-url"
) -> ChosenTarget:
    """The target that a name, a URL, or the only declared target means; `where` names the source in errors.

    Raises:
        UsageError: where none or several are meant, the name is not declared, or the environment contradicts.
    """
    if asked is None:
        return _with_environment(_only_target(profile), environment)
    if "://" not in asked:
        return _with_environment(_named(asked, profile, where), environment)
    fault = url_fault(asked)
    if fault:
        raise UsageError(fault, where=where, hint="http(s)://host[:port][/path]")
    url = asked.rstrip("/")
    for name, target in profile.targets.items():
        if _same(url, target.url):
            return _with_environment(_declared(name, profile), environment)
    return ChosenTarget("", url, environment or Environment.UNKNOWN, Tls())


def allowed(environment: Environment, allow: frozenset[SafetyClass]) -> frozenset[SafetyClass]:
    """The safety classes that a run may use: the environment's own, and those of `--allow` where it is heard."""
    return BY_DEFAULT[environment] | (allow if environment in WIDENED else frozenset())


def refused_flags(environment: Environment, allow: frozenset[SafetyClass]) -> tuple[Complaint, ...]:
    """A complaint for each `--allow` that the environment refuses: a flag that does nothing would be a silent no."""
    refused = sorted(allow - allowed(environment, allow))
    if environment is Environment.PRODUCTION:
        why, hint = "the target is declared as production, which refuses everything but read", "use another target"
    else:
        why, hint = "nothing says what this target is, so only read is allowed", "add --environment local or staging"
    return tuple(Complaint(f"--allow {flag.value}", why, hint) for flag in refused)


def needed_to_allow(environment: Environment, safety: SafetyClass) -> str:
    """The flag or target that would bring in a class which is not allowed."""
    extra = f" --allow {safety.value}" if safety not in BY_DEFAULT[Environment.LOCAL] else ""
    if environment is Environment.PRODUCTION:
        return f"--base-url of a target whose environment is local or staging{' and' + extra if extra else ''}"
    if environment is Environment.UNKNOWN:
        return f"--environment local{extra} (or staging)"
    return extra.strip()


def _only_target(profile: Profile) -> ChosenTarget:
    if len(profile.targets) == 1:
        return _declared(next(iter(profile.targets)), profile)
    if not profile.targets:
        hint = "give --base-url http://host:port, or declare `targets: {local: {url: …, environment: local}}`"
        raise UsageError("no target: nothing says which system to test", where="--base-url", hint=hint)
    names = ", ".join(profile.targets)
    raise UsageError("the profile declares several targets: which one?", where="--base-url", hint=f"one of {names}")


def _named(name: str, profile: Profile, where: str) -> ChosenTarget:
    if name in profile.targets:
        return _declared(name, profile)
    looks_like_host = name.startswith(("localhost", "127.", "[")) or (":" in name) or ("/" in name)
    if looks_like_host:
        raise UsageError(f"'{name}' has no scheme", where=where, hint=f"did you mean http://{name.lstrip('/')}?")
    hint = nearest(name, profile.targets) or "the profile declares no targets; give a URL such as http://127.0.0.1:8000"
    raise UsageError(f"no target '{name}' is declared", where=where, hint=hint)


def _declared(name: str, profile: Profile) -> ChosenTarget:
    target = profile.targets[name]
    return ChosenTarget(name, target.url.rstrip("/"), target.environment, target.tls)


def _with_environment(target: ChosenTarget, asked: Environment | None) -> ChosenTarget:
    if asked is None or asked is target.environment:
        return target
    message = f"the profile declares '{target.name}' as {target.environment.value}, not {asked.value}"
    raise UsageError(message, where="--environment", hint="leave the flag out, or change the profile")


def _same(left: str, right: str) -> bool:
    return left.rstrip("/").lower() == right.rstrip("/").lower()
