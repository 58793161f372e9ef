"""Does a service live through documents that are nested deeply."""

from collections.abc import Sequence

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.risky_vectors import RiskyVectorCheck
from hybridcheck.checks.vector_places import Named, roundtrip
from hybridcheck.checks.vectors import RIGHT, Reading, State
from hybridcheck.evidence import Exchange
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Raw

CONTROL = 4
DEPTHS = (64, 512, 600)
"""Codon's own reader stops at 512 levels, CPython's near 1000; deeper ones by `contract.max_depth` only."""


class DepthSurvived(RiskyVectorCheck):
    """A deeply nested document is read or refused; nothing dies of it.

    Sends lists in lists, 64, 512 and 600 levels and as many as `contract.max_depth` says, through the round trip,
    between two looks at the service's `liveness`. A service that restarts or is gone after an exchange that broke, a 5xx,
    or another document, twice of two, is a fail: native code has no limit of recursion but the end of its stack.
    Without a crash it is of high severity. Needs `--allow abuse`.
    """

    id = "json.depth-survived"
    severity = Severity.CRITICAL
    remedy = "Count levels while reading, and refuse with 400 or 422 beyond a limit that the stack bears."
    refs = ("CWE-674", "RFC 8259 §9", "github.com/exaloop/codon #240")
    needs = "probes: {roundtrip: {operation: ID, in: $.value, out: $.value, types: [json]}}"
    promise = "every depth is answered or refused with 4xx, and the service lives on"
    did = "a deeply nested document"

    def probes(self, scene: Scene) -> Named:
        """The round trip of any JSON value."""
        return roundtrip(scene, "json")

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Levels."""
        most = scene.profile.contract.max_depth
        return [CONTROL, *DEPTHS, *([most] if most is not None and most > DEPTHS[-1] else [])]

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """Lists in lists."""
        return {case.params["probe"]["in"]: Raw(_nested(vector))}

    def sent(self, vector: Json) -> str:
        """The levels."""
        return f"a document of {vector} levels"

    def may_refuse(self, case: Case, vector: Json) -> bool:
        """All but the control."""
        return bool(vector != CONTROL)

    def answer(self, case: Case, vector: Json, exchange: Exchange, body: bytes) -> Reading:
        """The same levels, compared as text: a reader would need as deep a stack."""
        text = "".join(body.decode("utf-8", "replace").split())
        same = _nested(vector) in text and text.count("[") <= vector + 2
        return RIGHT if same else Reading(State.WRONG, f"came back with {text.count('[')} levels")


def _nested(levels: int) -> str:
    return "[" * levels + "]" * levels
