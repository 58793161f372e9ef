"""docs/requirement-004.md: both recorded runs have exactly the leaves and figures that the code has now."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybridcheck.engine.trees import INTEGRATION, PRODUCTION, Leaf

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOT_MEASURED = {"scale_factor", "resource_efficiency", "distribution", "response_time"}
"""Figures that the demo on one machine has no source for: replicas, free cores, alerts."""


@pytest.mark.parametrize("way", ["api", "command"])
@pytest.mark.parametrize("tree,leaves", [("integration", INTEGRATION), ("production", PRODUCTION)])
def test_the_recorded_trees_are_those_of_the_code(way: str, tree: str, leaves: tuple[Leaf, ...]) -> None:
    """`python docs/record_run.py` records anew where a leaf or a figure came or went."""
    recorded: dict[str, Any] = json.loads((DOCS / "requirement-004.json").read_text(encoding="utf-8"))[way]
    shown = {
        (branch, name): set(leaf) - {"passed", "duration", "cases"}
        for branch, part in recorded[tree].items()
        if branch != "passed"
        for name, leaf in part.items()
        if name != "passed"
    }
    assert shown == {(leaf.branch, leaf.name): {leaf.key} - {""} for leaf in leaves}
    assert recorded["about"]["verdict"] == "READY"
    assert recorded[tree]["passed"] is True


@pytest.mark.parametrize("tree,leaves", [("integration", INTEGRATION), ("production", PRODUCTION)])
def test_every_figure_was_measured_or_is_known_not_to_be(tree: str, leaves: tuple[Leaf, ...]) -> None:
    """A figure that falls silent is a fault of ours: nobody would miss a null."""
    recorded = json.loads((DOCS / "requirement-004.json").read_text(encoding="utf-8"))["api"][tree]
    silent = {leaf.key for leaf in leaves if leaf.key and recorded[leaf.branch][leaf.name][leaf.key] is None}
    assert silent == ({leaf.key for leaf in leaves} & NOT_MEASURED)
