"""Where vectors go: the declared probes that take them, and what is put into their places."""

from collections.abc import Iterator

from hybridcheck.cases import Case, Json
from hybridcheck.checks.check import Scene
from hybridcheck.checks.vectors import DocumentVectorCheck
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Number

Named = Iterator[tuple[str, Probe]]


def declared(name: str, probe: Probe | None) -> Named:
    """A probe under its name, where the profile has it."""
    return iter(() if probe is None else ((name, probe),))


def roundtrip(scene: Scene, kind: str) -> Named:
    """The round trip, where it takes values of that kind."""
    found = scene.profile.probes.roundtrip
    return declared("roundtrip", found if found is not None and kind in found.types else None)


def summing(scene: Scene) -> Named:
    """The aggregate, where it has a sum."""
    found = scene.profile.probes.aggregate
    return declared("aggregate", found if found is not None and found.out.sum is not None else None)


def dividing(scene: Scene) -> Named:
    """Floor division and remainder."""
    scalar = scene.profile.probes.scalar
    yield from declared("floordiv", scalar.floordiv)
    yield from declared("mod", scalar.mod)


class OfNumber(DocumentVectorCheck):
    """The base where a vector is a number, as written."""

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The number as written."""
        return {case.params["probe"]["in"]: Number(vector)}

    def sent(self, vector: Json) -> str:
        """The number."""
        return str(vector)


class OfTwo(DocumentVectorCheck):
    """The base of operations on two numbers."""

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """Both numbers as written."""
        return {case.params["probe"]["a"]: Number(vector[0]), case.params["probe"]["b"]: Number(vector[1])}


class OfList(DocumentVectorCheck):
    """The base of figures of a list of numbers."""

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The list as written."""
        return {case.params["probe"]["in"]: [Number(text) for text in vector]}
