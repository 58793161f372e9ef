"""Do the members of an object come back in the order that is promised."""

from collections.abc import Sequence

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.vector_places import Named, roundtrip
from hybridcheck.checks.vectors import RIGHT, DocumentVectorCheck, Reading, State, number_at, shown
from hybridcheck.diagnosis.orders import of_keys
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Object, Raw, Token, read

OBJECTS = (
    '{"a":1,"b":2,"c":3}',
    '{"d":1,"c":2,"b":3,"a":4}',
    '{"k9":0,"k8":0,"k7":0,"k6":0,"k5":0,"k4":0,"k3":0,"k2":0,"k1":0,"k0":0}',
    '{"id":0,"name":0,"score":0,"city":0,"age":0}',
    '{"a":{"z":1,"y":2,"x":3},"b":[{"n":1,"m":2}]}',
)
"""In the first one, the control, arrival and alphabet agree."""


class KeysKept(DocumentVectorCheck):
    """The members of an object come back in the promised order.

    Sends objects whose members are in no alphabetical order through the round trip, and compares the order of names with
    what `contract.key_order` promises: that of arrival, or sorted. Another order, twice of two, is a fail: columns of
    exports, signatures over bodies and caches by content depend on it.
    """

    id = "ordering.keys-kept"
    severity = Severity.MEDIUM
    remedy = "Use an insertion-ordered table (Codon 0.20 without -unordered-dict), or write the names sorted."
    refs = ("RFC 8259 §4", "RFC 8785", "github.com/exaloop/codon #798")
    needs = "contract: {key_order: insertion}   # with probes: {roundtrip: {operation: ID, types: [json]}}"
    promise = "every object comes back with its members in the promised order"

    def probes(self, scene: Scene) -> Named:
        """The round trip of any JSON value, where an order is promised."""
        return roundtrip(scene, "json") if scene.profile.contract.key_order in {"insertion", "sorted"} else iter(())

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Objects as text."""
        return list(OBJECTS)

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The object as written."""
        return {case.params["probe"]["in"]: Raw(vector)}

    def sent(self, vector: Json) -> str:
        """The object."""
        return str(vector)

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The names in their order, at every level."""
        inside = case.params["contract"]["key_order"] == "sorted"
        want, got = _names(read(vector), in_order=inside), _names(number_at(document, case.params["probe"]["out"]))
        if got == want:
            return RIGHT
        text = f"came back with {shown(', '.join(got))} instead of {shown(', '.join(want))}"
        return Reading(State.WRONG, text, of_keys(want, got))


def _names(token: Token, *, in_order: bool = False) -> list[str]:
    """Every name of a document, depth first; those of each object sorted if `in_order`."""
    if isinstance(token, Object):
        members = sorted(token.members, key=lambda member: member[0]) if in_order else token.members
        return [name for own, value in members for name in (own, *_names(value, in_order=in_order))]
    if isinstance(token, list):
        return [name for value in token for name in _names(value, in_order=in_order)]
    return []
