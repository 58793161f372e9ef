"""The suites of requirement 004: which leaves of the integration tree a suite of tests has.

A leaf is the `suite` of a check's cases: the kind of service that an operation belongs to, or the boundary between
services. `--suite` takes a suite or a leaf.
"""

from collections.abc import Iterable, Mapping

from hybridcheck.errors import UsageError

CPYTHON = ("auth", "dashboard", "streaming")
"""Services that run on CPython."""

CODON = ("analytics", "ai_detection", "monitoring")
"""Services that Codon compiles."""

HYBRID = ("boundary", "communication", "api")
"""What lies between them: service boundaries, communication patterns, the API as a whole."""

SUITES: Mapping[str, tuple[str, ...]] = {
    "cpython": CPYTHON,
    "codon": CODON,
    "hybrid": HYBRID,
    "end_to_end": (*CPYTHON, *CODON, *HYBRID),
}

LEAVES = frozenset(SUITES["end_to_end"])


def leaves_of(names: Iterable[str]) -> tuple[str, ...]:
    """The leaves of the named suites or leaves, each once, in their order.

    Raises:
        UsageError: for a name that is neither, with the names that exist.
    """
    leaves: dict[str, None] = {}
    for name in names:
        if name in SUITES:
            leaves.update(dict.fromkeys(SUITES[name]))
        elif name in LEAVES:
            leaves[name] = None
        else:
            known = ", ".join([*SUITES, *sorted(LEAVES)])
            raise UsageError(f"there is no suite '{name}'", where="--suite", hint=f"suites are {known}")
    return tuple(leaves)
