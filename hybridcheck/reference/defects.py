"""The catalogue of planted defects: named switches, all off by default, each with the check that has to find it."""

from collections.abc import Iterable
from difflib import get_close_matches

from hybridcheck.reference.defect import Defect
from hybridcheck.reference.planted_at_the_surface import AT_THE_SURFACE
from hybridcheck.reference.planted_by_held_out import BY_HELD_OUT
from hybridcheck.reference.planted_in_concurrency import IN_CONCURRENCY
from hybridcheck.reference.planted_in_context import IN_CONTEXT
from hybridcheck.reference.planted_in_native_edges import IN_NATIVE_EDGES
from hybridcheck.reference.planted_in_native_semantics import IN_NATIVE_SEMANTICS
from hybridcheck.reference.planted_in_services import IN_SERVICES
from hybridcheck.reference.planted_in_streams_under_load import IN_STREAMS_UNDER_LOAD
from hybridcheck.reference.planted_in_wire import IN_WIRE
from hybridcheck.reference.planted_in_workflows import IN_WORKFLOWS

CATALOGUE: tuple[Defect, ...] = (
    *AT_THE_SURFACE,
    *BY_HELD_OUT,
    *IN_SERVICES,
    *IN_STREAMS_UNDER_LOAD,
    *IN_NATIVE_SEMANTICS,
    *IN_NATIVE_EDGES,
    *IN_CONCURRENCY,
    *IN_CONTEXT,
    *IN_WIRE,
    *IN_WORKFLOWS,
)
BY_NAME = {defect.name: defect for defect in CATALOGUE}


class UnknownDefectError(ValueError):
    """A defect name that is not in the catalogue; the message names the nearest one."""


class Switches:
    """The defects that are switched on in this process."""

    __slots__ = ("_names",)

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Accepts names of the catalogue only; `UnknownDefectError` otherwise."""
        self._names = frozenset(names)
        for name in sorted(self._names - BY_NAME.keys()):
            near = get_close_matches(name, BY_NAME, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UnknownDefectError(f"unknown defect {name!r}{hint}")

    def on(self, name: str) -> bool:
        """Whether the defect is switched on."""
        return name in self._names

    def __bool__(self) -> bool:
        """Whether any defect is switched on."""
        return bool(self._names)
