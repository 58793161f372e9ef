"""Every check has a planted defect that it catches, and a healthy twin on which it is silent: where each has them."""

import ast
from functools import cache
from pathlib import Path

import pytest

from hybridcheck.checks.catalogue import CHECKS
from hybridcheck.reference.defects import CATALOGUE

HERE = Path(__file__).parent

IN_UNIT_TESTS = {  # what the reference system cannot show: https, a page, minutes of load, a process that is replaced, ...
    "contract.large-body-limit": "test_contract_refusals.py::test_a_large_limit_is_kept_or_fails",
    "exposure.tls-valid": "test_exposure_tls.py::test_plain_http_is_judged_by_its_effect",
    "exposure.docs-as-declared": "test_exposure_files.py::test_documents_that_are_declared_private_fail",
    "headers.framing": "test_headers_answers.py::test_pages_say_who_may_frame_them",
    "headers.hsts": "test_contract_bodies.py::test_hsts_is_long_enough",
    "workflow.reading-completes": "test_workflows_completes.py::test_sessions_are_the_journeys_own",
    "workflow.reading-in-time": "test_workflows_completes.py::test_a_step_of_a_journey_that_only_reads_is_late_as_well",
    "detection.reading-quality": (
        "test_detection_quality.py::test_labels_may_stand_in_objects_of_an_operation_that_only_reads"
    ),
    "load.throughput": "test_load_throughput.py::test_every_second_has_places_to_fill",
    "resources.memory-steady": "test_resources_afterwards.py::test_memory_that_keeps_growing_is_no_steady_memory",
    "resources.no-silent-restart": (
        "test_resources_afterwards.py::test_one_start_time_is_a_pass_and_a_later_one_a_fail"
    ),
}
"""Of each check that no defect of the reference system is planted for: the test with the defect and its healthy twin."""


def test_every_check_has_a_planted_defect() -> None:
    """In the reference system, or else in a unit test; a check has no line here that needs none."""
    planted = {defect.check for defect in CATALOGUE}
    known = {check.id for check in CHECKS}
    assert planted <= known
    assert known - planted == IN_UNIT_TESTS.keys()


@pytest.mark.parametrize(("check_id", "place"), IN_UNIT_TESTS.items())
def test_its_unit_test_has_a_fail_and_a_pass(check_id: str, place: str) -> None:
    """The file is about the check, and the named test (with its parameters) expects both outcomes."""
    file, _, name = place.partition("::")
    (check,) = (check for check in CHECKS if check.id == check_id)
    functions, names = _read(file)
    assert check.__name__ in names
    assert {"FAIL", "PASS"} <= functions[name]


@cache
def _read(file: str) -> tuple[dict[str, set[str]], set[str]]:
    """The attributes that each test of a file names, and every name of the file."""
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {test.name: {n.attr for n in ast.walk(test) if isinstance(n, ast.Attribute)} for test in tests}, names
