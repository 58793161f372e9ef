"""Every check that exists, in the order of the documentation. A new check is a class in its topic and a row here."""

from collections.abc import Mapping

from hybridcheck.checks.check import Check

CATALOGUE = 1
"""The number of the newest check; a profile's `catalogue` makes checks newer than itself advisory."""

CHECKS: tuple[type[Check], ...] = ()


def by_id(checks: tuple[type[Check], ...] = CHECKS) -> Mapping[str, Check]:
    """One instance of each check under its id and its former ids."""
    made = [check() for check in checks]
    return {name: check for check in made for name in (check.id, *check.formerly)}
