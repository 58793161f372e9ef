"""Checks, integrators and validators of other packages, found by their entry points.

Groups: `hybridcheck.checks` (a `Check` class), `hybridcheck.integrators` and `hybridcheck.validators` (classes as in
requirement 004). A plugin that does not load or does not fit is a named error: a gate must not run without a check that
somebody relies on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from hybridcheck.checks.catalogue import CHECKS, by_id
from hybridcheck.checks.check import Check
from hybridcheck.checks.custom import check_of
from hybridcheck.errors import PluginError

GROUPS = ("hybridcheck.checks", "hybridcheck.integrators", "hybridcheck.validators")


@dataclass(frozen=True, slots=True)
class Installed:
    """Every check that a run can have, and the plugins (name and version) that some of them come from."""

    checks: Mapping[str, Check]
    plugins: tuple[str, ...]


def installed(points: Iterable[EntryPoint] | None = None) -> Installed:
    """The catalogue and the checks of all plugins.

    Args:
        points: the entry points; those of the installed distributions where None.

    Raises:
        PluginError: a plugin does not load, is not of its group's kind, or takes an id that exists.
    """
    found = list(points) if points is not None else [p for group in GROUPS for p in entry_points(group=group)]
    ordered = sorted(found, key=lambda point: (point.group, point.name))
    classes = [_check_class(point) for point in ordered]
    taken = {name for check in CHECKS for name in (check.id, *check.formerly)}
    for point, made in zip(ordered, classes, strict=True):
        if made.id in taken:
            raise PluginError(
                f"its id '{made.id}' is taken", where=_name(point), hint="give the check an id of its own"
            )
        taken.add(made.id)
    return Installed(by_id((*CHECKS, *classes)), tuple(_name(point) for point in ordered))


def _check_class(point: EntryPoint) -> type[Check]:
    try:
        loaded = point.load()
    except Exception as error:
        message = f"the plugin does not load: {type(error).__name__}: {error}"
        raise PluginError(message, where=_name(point), hint="repair or uninstall it") from error
    if not isinstance(loaded, type):
        raise PluginError(
            "the entry point does not name a class", where=_name(point), hint="name a class: module:Class"
        )
    if point.group != "hybridcheck.checks":
        return check_of(point.name, loaded, validator=point.group.endswith("validators"))
    if not issubclass(loaded, Check):
        hint = "derive it from ReadCheck, WriteCheck, LoadCheck or AbuseCheck of hybridcheck.checks.check"
        raise PluginError(f"{loaded.__qualname__} is not a Check", where=_name(point), hint=hint)
    return loaded


def _name(point: EntryPoint) -> str:
    version = f" {point.dist.version}" if point.dist is not None else ""
    owner = f" of {point.dist.name}{version}" if point.dist is not None else ""
    return f"{point.group}: {point.name}{owner}"
