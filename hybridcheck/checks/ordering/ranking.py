"""Is a ranking stable: equal keys stay in the order in which they came."""

from collections.abc import Iterator, Sequence

from hybridcheck.cases import Case, Json, Severity
from hybridcheck.checks.check import Scene
from hybridcheck.checks.shrinking import parts
from hybridcheck.checks.vector_places import Named, declared
from hybridcheck.checks.vectors import RIGHT, DocumentVectorCheck, Reading, State, number_at, shown
from hybridcheck.diagnosis.orders import of_ranking
from hybridcheck.profile.probe_parts import Probe
from hybridcheck.tokens.document import Object, Token, plain, write

RANKINGS = (
    (("a", 1), ("b", 3), ("c", 2)),
    (("a", 1), ("b", 1), ("c", 2)),
    (("d", 5), ("c", 5), ("b", 5), ("a", 5)),
    (("b", 1), ("d", 1), ("a", 1), ("c", 1)),
    tuple((f"k{index}", index % 3) for index in range(12)),
)
"""Rows of id and key; only the first, the control, has no ties."""


class StableRanking(DocumentVectorCheck):
    """Rows of equal rank stay in the order of the input.

    Sends rows with ties to the ranking. Ties in another order, twice of two, are a fail: a descending sort that turns
    an ascending one round reverses them, and pages of a leaderboard repeat or lose rows.
    """

    id = "ordering.stable-ranking"
    severity = Severity.MEDIUM
    remedy = "Sort by the negated key with a stable sort, or by (key, position); do not reverse an ascending result."
    refs = ("CWE-1116", "github.com/exaloop/codon sorted(reverse=True)")
    needs = "probes: {rank: {operation: ID, in: $.rows, out: $.rows, key: score, id: id, order: desc}}"
    promise = "rows are in the order of their key, and equal ones in the order of the input"

    def probes(self, scene: Scene) -> Named:
        """The ranking."""
        return declared("rank", scene.profile.probes.rank)

    def vectors(self, scene: Scene, probe: Probe) -> Sequence[Json]:
        """Rows of id and key."""
        return [[list(row) for row in rows] for rows in RANKINGS]

    def values(self, case: Case, vector: Json) -> dict[str, object]:
        """The rows as objects."""
        probe = case.params["probe"]
        return {probe["in"]: [{probe["id"]: name, probe["key"]: key} for name, key in vector]}

    def smaller(self, vector: Json) -> Iterator[Json]:
        """Parts of at least two rows."""
        return parts(vector, 2)

    def sent(self, vector: Json) -> str:
        """The rows."""
        return shown(", ".join(f"{name}={key}" for name, key in vector))

    def compare(self, case: Case, vector: Json, document: Token) -> Reading:
        """The ids in their order; rows may come back as objects or as ids alone."""
        probe = case.params["probe"]
        found = number_at(document, probe["out"])
        rows = found if isinstance(found, list) else []
        got = [_id(row, probe["id"]) for row in rows]
        descending = probe["order"] == "desc"
        want = sorted(((name, float(key)) for name, key in vector), key=lambda row: -row[1] if descending else row[1])
        if got == [name for name, _ in want]:
            return RIGHT
        text = f"came back as {shown(', '.join(got))} instead of {shown(', '.join(name for name, _ in want))}"
        return Reading(State.WRONG, text, of_ranking(want, got))


def _id(row: Token, name: str) -> str:
    found = dict(row.members).get(name) if isinstance(row, Object) else row
    return found if isinstance(found, str) else write(plain(found))
